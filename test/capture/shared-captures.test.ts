import { createReadStream } from 'node:fs';
import parser, { type Packet } from 'pcap-parser';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CaptureError } from '../../src/capture/index.js';
import { readAll, type CapturedPacket } from '../support/capture-core.js';
import { sharedCaptures } from '../support/shared.js';
import { runTool } from '../support/tools.js';

const CAPTURES = sharedCaptures();
const PORT = 5;
const ETHERNET = '1 EN10MB';

function isEthernet(capture: { link_types: string[] }): boolean {
  return capture.link_types.every(type => type === ETHERNET);
}

/** `port, stamp, lengths, bytes` of a packet in a form that compares well. */
function lineOf(packet: CapturedPacket): string {
  return `${packet.stampNs} ${packet.original} ${packet.data.toString('hex')}`;
}

test('captures: every shared file is read whole or refused with file, offset, reason', async () => {
  for (const capture of CAPTURES) {
    const { packets, error, truncated } = await readAll([{ name: capture.path, port: PORT }]);
    if (error === undefined) {
      assert.ok(isEthernet(capture), `${capture.file} has other link types`);
      assert.is(packets.length, capture.packets, capture.file);
      assert.is(truncated, capture.truncated_packets, capture.file);
      continue;
    }
    assert.instance(error, CaptureError, `${capture.file}: ${error.stack}`);
    assert.match(error.message, /^.+: offset \d+: .+/);
    assert.ok(error.message.startsWith(capture.path), error.message);
    const isCut = capture.file_end !== 'clean';
    assert.match(error.message, isCut ? /cut short: \d+ bytes wanted, \d+ left$/ : /link type \d+/);
    if (isCut) assert.is(packets.length, capture.packets, capture.file);
    else assert.not.ok(isEthernet(capture), error.message);
  }
});

test('captures: a stream gives the packets and the error of the file', async () => {
  for (const { path } of CAPTURES) {
    const stream = createReadStream(path, { highWaterMark: 1500 });
    const [fromFile, fromStream] = [
      await readAll([{ name: path, port: PORT }]),
      await readAll([{ name: path, port: PORT, stream }]),
    ];
    assert.is(fromStream.error?.message, fromFile.error?.message, path);
    assert.equal(fromStream.packets.map(lineOf), fromFile.packets.map(lineOf), path);
  }
});

test('captures: microsecond pcap files read packet for packet as pcap-parser does', async () => {
  const classic = CAPTURES.filter(({ format, ts }) => format === 'pcap' && ts === 'micro');
  let compared = 0;
  for (const capture of classic.filter(isEthernet)) {
    const { packets } = await readAll([{ name: capture.path, port: PORT }]);
    const expected = await parsedBy(capture.path);
    assert.equal(packets.map(lineOf), expected, capture.file);
    assert.ok(packets.every(({ port }) => port === PORT));
    compared += packets.length;
  }
  console.log(`compared ${compared} packets with pcap-parser`);
});

test('captures: capinfos counts the same packets', async () => {
  const whole = CAPTURES.filter(isEthernet).filter(({ file_end }) => file_end === 'clean');
  if (whole.length === 0) return;
  const table = runTool('capinfos', ['-T', '-r', '-M', '-c', ...whole.map(({ path }) => path)]);
  if (table === undefined) return;
  const counts = table
    .trim()
    .split('\n')
    .map(line => Number(line.split('\t')[1]));
  assert.is(counts.length, whole.length);
  for (const [i, { path }] of whole.entries()) {
    const { packets } = await readAll([{ name: path, port: PORT }]);
    assert.is(packets.length, counts[i], path);
  }
});

test('captures: tshark sees the same times and lengths, a file of each kind', async () => {
  const kinds = new Map(
    CAPTURES.filter(isEthernet).map(c => [`${c.format} ${c.endian} ${c.ts}`, c.path]),
  );
  const names = ['frame.time_epoch', 'frame.cap_len', 'frame.len', 'frame.encap_type'];
  const fields = names.flatMap(name => ['-e', name]);
  for (const path of kinds.values()) {
    const output = runTool('tshark', ['-n', '-r', path, '-T', 'fields', ...fields]);
    if (output === undefined) return;
    const { packets } = await readAll([{ name: path, port: PORT }]);
    const lines = output.split('\n').filter(isPacket);
    assert.is(packets.length, lines.length, path);
    packets.forEach((packet, i) => assert.ok(isSame(packet, lines[i]), `${path} ${lines[i]}`));
  }
});

/** tshark lists custom blocks too, as frames without a link type. */
function isPacket(line: string): boolean {
  return line !== '' && !line.endsWith('\t');
}

/** Compares with `seconds.fraction<tab>captured<tab>original`; a time may be missing. */
function isSame(packet: CapturedPacket, line: string): boolean {
  const [time, captured, original] = line.split('\t');
  if (packet.data.length !== Number(captured) || packet.original !== Number(original)) return false;
  if (time === '') return true; // a Simple Packet Block
  const [seconds, fraction] = time.split('.');
  return packet.stampNs === BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function parsedBy(path: string): Promise<string[]> {
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    const parsing = parser.parse(path);
    parsing.on('packet', (packet: Packet) => lines.push(parsedLine(packet)));
    parsing.on('error', reject);
    parsing.on('end', () => resolve(lines));
  });
}

function parsedLine({ header, data }: Packet): string {
  const seconds = BigInt(header.timestampSeconds) * 1_000_000_000n;
  const stampNs = seconds + BigInt(header.timestampMicroseconds) * 1000n;
  return `${stampNs} ${header.originalLength} ${data.toString('hex')}`;
}

test.run();
