import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Direction, FileBuffer, PacketRecord, PcapngWriter } from '../../src/capture/index.js';
import { PcapWriter, type CaptureWriter } from '../../src/capture/index.js';
import { readAll } from '../support/capture-core.js';
import { temporaryPath } from '../support/capture-bytes.js';
import { seededRandom } from '../support/random.js';
import { runTool } from '../support/tools.js';

const MEMORY = Buffer.from('0102030405060708090a0b0c0d0e0f101112131415161718', 'hex');

interface TestPacket {
  address: number;
  length: number;
  stampNs: bigint;
  port?: number;
  direction?: Direction;
  comment?: string;
}

function writeAll(writer: CaptureWriter, packets: TestPacket[]): void {
  const record = new PacketRecord();
  for (const { stampNs, ...packet } of packets) {
    Object.assign(record, { port: 0, direction: Direction.Unknown, comment: '' }, packet);
    record.originalLength = packet.length;
    record.stampLow = Number(stampNs & 0xffffffffn);
    record.stampHigh = Number(stampNs >> 32n);
    writer.write(record);
  }
  writer.close();
}

const PACKETS: TestPacket[] = [
  { address: 0, length: 6, stampNs: 1_700_000_000_123_456_789n, direction: Direction.Inbound },
  { address: 6, length: 5, stampNs: 1_700_000_000_123_457_000n, port: 1, comment: 'Runt' },
  { address: 2, length: 0, stampNs: 1_700_000_001_000_000_000n },
];

/** Hex without the spaces that make it legible. */
function hex(...lines: string[]): string {
  return lines.join('').replaceAll(' ', '');
}

test('pcapng writer: the bytes, one block a line', () => {
  const path = temporaryPath('pcapng');
  writeAll(new PcapngWriter(MEMORY, FileBuffer.create(path), { ports: ['eth0', 'p1'] }), PACKETS);
  assert.is(
    readFileSync(path, 'hex'),
    hex(
      '0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000',
      '01000000 28000000 0100 0000 00000400',
      '0200 0400 65746830 0900 0100 09000000 0000 0000 28000000',
      '01000000 28000000 0100 0000 00000400',
      '0200 0200 70310000 0900 0100 09000000 0000 0000 28000000',
      '06000000 34000000 00000000 fe9c9717 15cd853d 06000000 06000000 010203040506 0000',
      '0200 0400 01000000 0000 0000 34000000',
      '06000000 34000000 01000000 fe9c9717 e8cd853d 05000000 05000000 0708090a0b 000000',
      '0100 0400 52756e74 0000 0000 34000000',
      '06000000 20000000 00000000 fe9c9717 00cac471 00000000 00000000 20000000',
    ),
  );
});

test('pcap writer: the bytes, in nanoseconds and in microseconds', () => {
  const [ns, us] = [temporaryPath(), temporaryPath()];
  writeAll(new PcapWriter(MEMORY, FileBuffer.create(ns)), PACKETS);
  writeAll(new PcapWriter(MEMORY, FileBuffer.create(us), { tickNs: 1000 }), PACKETS);
  assert.is(
    readFileSync(ns, 'hex'),
    hex(
      '4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000',
      '00f15365 15cd5b07 06000000 06000000 010203040506',
      '00f15365 e8cd5b07 05000000 05000000 0708090a0b',
      '01f15365 00000000 00000000 00000000',
    ),
  );
  assert.is(
    readFileSync(us, 'hex'),
    hex(
      'd4c3b2a1 0200 0400 00000000 00000000 00000400 01000000',
      '00f15365 40e20100 06000000 06000000 010203040506',
      '00f15365 41e20100 05000000 05000000 0708090a0b',
      '01f15365 00000000 00000000 00000000',
    ),
  );
});

test('writers: a snapshot length cuts packets and keeps their original length', async () => {
  for (const name of ['pcap', 'pcapng']) {
    const path = temporaryPath(name);
    const file = FileBuffer.create(path);
    const options = { ports: ['eth0', 'p1'], snapBytes: 5 };
    const [Pcap, Pcapng] = [PcapWriter, PcapngWriter];
    const writer =
      name === 'pcap' ? new Pcap(MEMORY, file, options) : new Pcapng(MEMORY, file, options);
    writeAll(writer, PACKETS);
    const { packets } = await readAll([{ name: path, port: 0 }]);
    assert.equal(
      packets.map(p => p.data.length),
      [5, 5, 0],
    );
    assert.equal(
      packets.map(p => p.original),
      [6, 5, 0],
    );
  }
});

/** Frames of all lengths out of a memory of noise, more than a buffer of the writer. */
function randomPackets(memory: Buffer, random: (below: number) => number): TestPacket[] {
  for (let i = 0; i < memory.length; i++) memory[i] = random(256);
  const packets: TestPacket[] = [];
  let stampNs = BigInt(random(0x7fffffff)) * 1_900_000_000n; // seconds of 32 bits
  for (let i = 0; i < 3000; i++) {
    const length = random(i % 100 === 0 ? 65558 : 1515);
    const comment = 'é'.repeat(random(4)) + 'x'.repeat(i % 500 === 0 ? 5000 : random(9));
    stampNs += BigInt(random(0x7fffffff) * random(3));
    const address = random(memory.length - length);
    packets.push({ address, length, stampNs, comment, port: i % 3, direction: i % 3 });
  }
  return packets;
}

test('writers: what they write reads back the same', async () => {
  const memory = Buffer.alloc(1 << 17);
  const packets = randomPackets(memory, seededRandom('writers'));
  const [ns, ng] = [temporaryPath(), temporaryPath()];
  writeAll(new PcapWriter(memory, FileBuffer.create(ns)), packets);
  writeAll(new PcapngWriter(memory, FileBuffer.create(ng), { ports: ['a', 'b', 'c'] }), packets);
  for (const name of [ns, ng]) {
    const isPcapng = name === ng;
    const read = await readAll([{ name, port: 9, portOf: ({ index }) => index }]);
    assert.is(read.error, undefined);
    assert.is(read.packets.length, packets.length);
    for (const [i, { address, length, stampNs, port }] of packets.entries()) {
      assert.is(read.packets[i].stampNs, stampNs);
      assert.is(read.packets[i].port, isPcapng ? port : 9);
      assert.ok(read.packets[i].data.equals(memory.subarray(address, address + length)));
    }
  }
});

test('writers: other tools read names, directions and comments', () => {
  const path = temporaryPath('pcapng');
  writeAll(new PcapngWriter(MEMORY, FileBuffer.create(path), { ports: ['eth0', 'p1'] }), PACKETS);
  const names = ['time_epoch', 'interface_name', 'packet_flags_direction', 'comment', 'cap_len'];
  const fields = names.flatMap(name => ['-e', `frame.${name}`]);
  const output = runTool('tshark', ['-n', '-r', path, '-T', 'fields', ...fields]);
  if (output === undefined) return;
  assert.equal(output.split('\n').slice(0, 3), [
    '1700000000.123456789\teth0\t0x00000001\t\t6',
    '1700000000.123457000\tp1\t\tRunt\t5',
    '1700000001.000000000\teth0\t\t\t0',
  ]);
});

test('writers: other tools count the packets and the resolution', () => {
  const path = temporaryPath();
  writeAll(new PcapWriter(MEMORY, FileBuffer.create(path)), PACKETS);
  const output = runTool('capinfos', ['-t', '-c', path]);
  if (output === undefined) return;
  assert.match(output, 'nanosecond pcap');
  assert.match(output, /Number of packets: +3\n/);
});

test('writers: a failing write is named', () => {
  const writer = new PcapWriter(MEMORY, FileBuffer.create('/dev/full'));
  assert.throws(() => writer.flush(), /^write \/dev\/full: ENOSPC$/);
  assert.throws(() => FileBuffer.create('/nonexistent/x'), /^open \/nonexistent\/x: ENOENT$/);
});

test.run();
