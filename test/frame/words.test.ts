import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileBuffer, PacketRecord, PcapngWriter } from '../../src/capture/index.js';
import { dissect, fieldAt, summarize } from '../../src/frame/dissect.js';
import { WordsError, frameFromWords } from '../../src/frame/words.js';

const MACS = 'eth 02:00:00:00:00:01→02:00:00:00:00:02';

test('words: every byte of a UDP frame', () => {
  const frame = frameFromWords(`${MACS} vlan 10,5 ipv4 10.0.0.2→10.0.0.3 udp 1→2 ttl 9 length 50`);
  const expected = [
    '020000000002 020000000001 8100a00a 0800',
    '4500 0020 0000 0000 0911 9dc9 0a000002 0a000003',
    '0001 0002 000c ebce 00000000',
  ];
  assert.is(Buffer.from(frame).toString('hex'), expected.join('').replaceAll(' ', ''));
});

test('words: arrows are the same', () => {
  const ascii = frameFromWords('eth 02:00:00:00:00:01->02:00:00:00:00:02');
  assert.equal(frameFromWords('eth 02:00:00:00:00:01 > 02:00:00:00:00:02'), ascii);
  assert.equal(frameFromWords(MACS), ascii);
  assert.is(ascii.length, 60);
});

const REFUSED = [
  ['', "expected 'eth SRC→DST' first"],
  ['ipv4 10.0.0.1→10.0.0.2', "expected 'eth SRC→DST' first"],
  [
    `${MACS} ipx`,
    "expected one of eth, vlan, arp, ipv4, ipv6, udp, tcp, icmp, type, ttl, length, got 'ipx'",
  ],
  [
    'eth 02:00:00:00:00:01',
    "eth: expected a MAC address on each side of an arrow, got '02:00:00:00:00:01'",
  ],
  [`${MACS} vlan 5000`, "vlan: expected 0..4095, got '5000'"],
  [
    `${MACS} ipv4 10.0.0.1→fe80::1`,
    "ipv4: expected an address of 4 bytes on each side of an arrow, got '10.0.0.1>fe80::1'",
  ],
  [`${MACS} udp 1→70000`, "udp: expected a port on each side of an arrow, got '1>70000'"],
] as const;

test('words: what describes no frame is refused with what was expected', () => {
  for (const [words, message] of REFUSED) {
    assert.throws(
      () => frameFromWords(words),
      (error: Error) => error instanceof WordsError && error.message === message,
      words,
    );
  }
});

const SUMMARIES = [
  [
    'ipv4 10.0.0.2→10.0.0.3 tcp 1→80 syn,ack',
    'ipv4 10.0.0.2:1 > 10.0.0.3:80 tcp [SYN ACK] length 60',
  ],
  ['ipv6 fe80::1→fe80::2 udp 5→6', 'ipv6 fe80::1:5 > fe80::2:6 udp length 62'],
  ['ipv4 10.0.0.2→10.0.0.3 icmp', 'ipv4 10.0.0.2 > 10.0.0.3 icmp length 60'],
  ['arp 10.0.0.2→10.0.0.3', 'arp request 10.0.0.2 > 10.0.0.3 length 60'],
  ['type 0x1234', 'type 0x1234 length 60'],
] as const;

test('dissect: a summary says what the words said', () => {
  for (const [words, summary] of SUMMARIES) {
    const text = summarize(frameFromWords(`${MACS} ${words}`));
    assert.is(text, `02:00:00:00:00:01 > 02:00:00:00:00:02 ${summary}`);
  }
});

test('dissect: fields cover the frame without a gap, whatever its length', () => {
  const frame = frameFromWords(`${MACS} vlan 1 vlan 2 ipv4 1.2.3.4→5.6.7.8 tcp 1→2`);
  for (let length = 0; length <= frame.length; length++) {
    const fields = dissect(frame.subarray(0, length)).filter(field => field.name !== 'vlan.vid');
    const covered = fields.reduce((sum, field) => sum + field.length, 0);
    assert.is(covered, length);
    for (let at = 0; at < length; at++) assert.ok(fieldAt(fields, at));
  }
});

function hasTshark(): boolean {
  try {
    execFileSync('tshark', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stdout.write('skipped: tshark is not installed (apt-get install tshark)\n');
    return false;
  }
}

test('words: tshark finds no wrong checksum, nothing malformed', () => {
  if (!hasTshark()) return;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-words-'));
  const words = [
    'ipv4 10.0.0.2→10.0.0.3 tcp 1000→80 syn,ack length 200',
    'ipv4 10.0.0.2→10.0.0.3 udp 1000→2000 length 101',
    'ipv4 10.0.0.2→10.0.0.3 icmp',
    'ipv6 fe80::1→fe80::2 tcp 1000→80',
    'ipv6 fe80::1→fe80::2 udp 1000→2000',
    'ipv6 fe80::1→fe80::2 icmp',
    'vlan 5 arp 10.0.0.2→10.0.0.3',
  ];
  const frames = words.map(text => frameFromWords(`${MACS} ${text}`));
  const file = join(folder, 'words.pcapng');
  const writer = new PcapngWriter(Buffer.concat(frames), FileBuffer.create(file), { ports: ['p'] });
  const record = new PacketRecord();
  for (const frame of frames) {
    record.length = record.originalLength = frame.length;
    writer.write(record);
    record.address += frame.length;
  }
  writer.close();
  const checks = ['ip', 'tcp', 'udp'].flatMap(name => ['-o', `${name}.check_checksum:TRUE`]);
  const bad = ['ip', 'tcp', 'udp', 'icmp', 'icmpv6'].map(name => `${name}.checksum.status==0`);
  const filter = [...bad, '_ws.malformed'].join('||');
  const tshark = (...args: string[]): string =>
    execFileSync('tshark', ['-r', file, ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString();
  assert.is(tshark(...checks, '-Y', filter), '');
  assert.is(tshark('-T', 'fields', '-e', 'frame.len').trim().split('\n').length, words.length);
  rmSync(folder, { recursive: true });
});

test.run();
