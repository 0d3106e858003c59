/** Offloaded frames through a tunnel: super frames out, super frames in. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TxFlag } from '../../../assembly/abi.js';
import { eth, hex, macNumber, type Frame } from '../../support/frame.js';
import { PEER, UNDERLAY, open, overlayRig, remote, vxlan } from '../../support/overlay-rig.js';
import { TestSwitch, type Input, type Sent } from '../../support/test-switch.js';
import {
  GSO_TCP4,
  GSO_TCP6,
  GSO_UDP,
  NEEDS_CHECKSUM,
  readVirtio,
  virtio,
} from '../../support/virtio.js';

const OUTER = 42;
const VXLAN = 8;
const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;

interface Bulk {
  payload?: number;
  each?: number;
  flags?: number;
  ipv6?: boolean;
}

/** A TCP frame from MAC 1 to MAC 0x20 (or back) that a device would cut. */
function bulk({ payload = 9500, each = 1000, flags = 0x10, ipv6 = false }: Bulk, back = false) {
  const frame = back ? eth(0x20, 1) : eth(1, 0x20);
  const packet = ipv6 ? frame.ipv6('fd00::2', 'fd00::3') : frame.ipv4('10.0.0.2', '10.0.0.3');
  packet.tcp(1000, 80, { flags, sequence: 0xfffff000 }).payload(payload).partial();
  return { frame: packet, offload: offloadOf(packet, ipv6 ? GSO_TCP6 : GSO_TCP4, each) };
}

function offloadOf(frame: Frame, gsoType: number, gsoBytes: number): Uint8Array {
  return virtio({
    flags: NEEDS_CHECKSUM,
    gsoType,
    headerBytes: frame.headerBytes,
    gsoBytes,
    checksumStart: frame.l4At,
    checksumOffset: gsoType === GSO_UDP ? UDP_CHECKSUM : TCP_CHECKSUM,
  });
}

/** The frames a device without offloads gets of it. */
function segmentsOf(input: Omit<Input, 'port'>): Uint8Array[] {
  const bridge = TestSwitch.create({ ports: 2 });
  bridge.inject(2, eth(0x20, 1));
  return bridge.batch([{ port: 1, ...input }]).sent.map(({ bytes }) => bytes);
}

/** Inner frames of a super frame, with their tunnel headers looked at. */
function chunksOf({ bytes, virtio: header }: Sent): Uint8Array[] {
  const { gsoType, gsoBytes, checksumStart, flags } = readVirtio(header!);
  assert.equal([gsoType, flags, checksumStart], [GSO_UDP, NEEDS_CHECKSUM, OUTER - 8]);
  const chunks: Uint8Array[] = [];
  for (let at = OUTER; at < bytes.length; at += gsoBytes) {
    const chunk = bytes.subarray(at, Math.min(at + gsoBytes, bytes.length));
    assert.is(hex(chunk.subarray(0, VXLAN)), '0800000000002a00');
    chunks.push(chunk.subarray(VXLAN));
  }
  return chunks;
}

for (const ipv6 of [false, true]) {
  const name = ipv6 ? 'IPv6' : 'IPv4';
  test(`super: TCP over ${name} leaves as equal datagrams behind one outer header`, () => {
    const { bridge } = overlayRig();
    const input = bulk({ ipv6, flags: 0x18 });
    const { sent } = bridge.batch([{ port: 1, ...input }]);
    assert.is(sent.length, 1);
    assert.is(sent[0]!.txFlags, TxFlag.Offload);
    assert.equal(chunksOf(sent[0]!), segmentsOf(input));
    const { destination, udpPort } = open(sent[0]!);
    assert.equal({ destination, udpPort }, { destination: PEER, udpPort: 4789 });
  });

  test(`super: TCP over ${name} arrives as the one frame that was sent`, () => {
    const { frame, offload } = bulk({ ipv6, flags: 0x18 }, true);
    const { sent } = deliver(superOf(frame, offload));
    assert.is(sent.length, 1);
    assert.is(hex(sent[0]!.bytes), hex(frame.bytes()));
    assert.equal(readVirtio(sent[0]!.virtio!), readVirtio(offload));
  });
}

/** What the other side sends of a frame: made by a rig of its own. */
function superOf(frame: Frame, offload: Uint8Array): Input {
  const { bridge, peer } = overlayRig();
  bridge.core.fdbRemove(macNumber(0x20), 1);
  remote(bridge, 1, peer);
  const { sent } = bridge.batch([{ port: 1, frame, offload }]);
  const bytes = Buffer.from(sent[0]!.bytes);
  // From the peer to us: both addresses change places, and the checksum stays.
  const source = Buffer.from(bytes.subarray(26, 30));
  bytes.copy(bytes, 26, 30, 34);
  source.copy(bytes, 30);
  return { port: UNDERLAY, frame: Uint8Array.from(bytes), offload: sent[0]!.virtio! };
}

function deliver(input: Input, offload = 1) {
  const { bridge } = overlayRig();
  bridge.port(1, { Offload: offload });
  bridge.inject(1, eth(1));
  return bridge.batch([input]);
}

test('super: an underlay without offloads gets the datagrams one by one', () => {
  const { bridge } = overlayRig();
  bridge.port(UNDERLAY, { Offload: 0 });
  const input = bulk({});
  const { sent } = bridge.batch([{ port: 1, ...input }]);
  assert.equal(
    sent.map(frame => open(frame).inner),
    segmentsOf(input),
  );
  assert.is(new Set(sent.map(frame => open(frame).sourcePort)).size, 1);
});

test('super: more datagrams than one header carries take several', () => {
  const { bridge } = overlayRig();
  const input = bulk({ payload: 65000, each: 500 });
  const { sent } = bridge.batch([{ port: 1, ...input }]);
  assert.equal(sent.flatMap(chunksOf), segmentsOf(input));
  assert.equal(
    sent.map(frame => chunksOf(frame).length),
    [64, 64, 2],
  );
});

test('super: UDP is cut into datagrams of its own', () => {
  const { bridge } = overlayRig();
  const frame = eth(1, 0x20).ipv4('10.0.0.2', '10.0.0.3').udp(1, 2).payload(2500).partial();
  const input = { frame, offload: offloadOf(frame, GSO_UDP, 1000) };
  const { sent } = bridge.batch([{ port: 1, ...input }]);
  assert.equal(chunksOf(sent[0]!), segmentsOf(input));
});

test('super: segments longer than the path takes are dropped as TooBig', () => {
  const { bridge } = overlayRig();
  const { dropped } = bridge.batch([{ port: 1, ...bulk({ each: 1460 }) }]);
  assert.equal(
    dropped.map(({ reason }) => reason),
    ['TooBig'],
  );
});

test('super: a port without offloads gets the segments, checksums finished', () => {
  const { frame, offload } = bulk({}, true);
  const { sent } = deliver(superOf(frame, offload), 0);
  assert.equal(
    sent.map(({ bytes }) => bytes),
    segmentsOf({ frame: bulk({}, true).frame, offload }),
  );
});

test('super: a segment with a fault stands alone, and its neighbours are whole', () => {
  const { frame, offload } = bulk({}, true);
  const input = superOf(frame, offload);
  const bytes = input.frame as Uint8Array;
  const each = readVirtio(input.offload!).gsoBytes;
  const faulty = OUTER + 3 * each + 500;
  bytes[faulty] = bytes[faulty]! ^ 1;
  const { sent } = deliver(input);
  assert.equal(
    sent.map(({ txFlags }) => txFlags),
    [TxFlag.Offload, 0, TxFlag.Offload],
  );
  const segments = segmentsOf({ frame, offload });
  const headers = frame.headerBytes;
  const payloads = (from: number, to: number): string =>
    segments
      .slice(from, to)
      .map(segment => hex(segment.subarray(headers)))
      .join('');
  assert.is(hex(sent[0]!.bytes.subarray(headers)), payloads(0, 3));
  assert.is(hex(sent[2]!.bytes.subarray(headers)), payloads(4, 10));
  assert.is(hex(sent[1]!.bytes), hex(bytes.subarray(OUTER + 3 * each + VXLAN, OUTER + 4 * each)));
});

test('super: segments of two flows, or with other flags, do not grow together', () => {
  const one = eth(0x20, 1).ipv4('10.0.0.3', '10.0.0.2').tcp(1, 2, { sequence: 1 }).payload(100);
  const two = eth(0x20, 1).ipv4('10.0.0.3', '10.0.0.2').tcp(3, 2, { sequence: 101 }).payload(100);
  const three = eth(0x20, 1)
    .ipv4('10.0.0.3', '10.0.0.2')
    .tcp(3, 2, { sequence: 201, flags: 0x11 })
    .payload(100);
  const tail = [two, three].map(frame => vxlan(frame).bytes().subarray(OUTER));
  const frame = Buffer.concat([vxlan(one).bytes(), ...tail]);
  frame.writeUInt16BE(frame.length - 14, 16);
  frame.writeUInt16BE(frame.length - 34, 38);
  frame.writeUInt16BE(0, 24);
  frame.writeUInt16BE(ipChecksum(frame), 24);
  const gso = { gsoType: GSO_UDP, gsoBytes: tail[0]!.length, headerBytes: OUTER };
  const offload = virtio({ ...gso, flags: 1, checksumStart: 34, checksumOffset: 6 });
  const { sent } = deliver({ port: UNDERLAY, frame: Uint8Array.from(frame), offload });
  assert.equal(
    sent.map(({ bytes }) => hex(bytes)),
    [one, two, three].map(inner => hex(inner.bytes())),
  );
});

function ipChecksum(frame: Buffer): number {
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += frame.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

test.run();
