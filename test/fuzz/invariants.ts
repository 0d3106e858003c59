/**
 * What must hold for every frame sent, whatever came in: it stays in its segment; at layer
 * 2 it is the frame that came in, but for its tags; a checksum finished and a segment cut
 * in software are right.
 */
import * as assert from 'uvu/assert';
import { FdbKind, SegmentCounter, TxFlag } from '../../assembly/abi.js';
import { isL4Valid } from '../support/checksum.js';
import { Frame, hex } from '../support/frame.js';
import type { Input, Outcome, Sent } from '../support/test-switch.js';
import { NEEDS_CHECKSUM, readVirtio, type Virtio } from '../support/virtio.js';
import type { World } from './control.js';
import { checkOverlaySent, isOfOverlay } from './overlay-invariants.js';

const GSO_ECN = 0x80;
const GSO_UDP = 5;
const IPV6_BYTES = 40;

const isTpid = (bytes: Uint8Array, at: number) =>
  (bytes[at] === 0x81 && bytes[at + 1] === 0) || (bytes[at] === 0x88 && bytes[at + 1] === 0xa8);

/** Where layer 3 begins, behind all tags. */
function l3Of(bytes: Uint8Array): number {
  let at = 14;
  while (at + 4 <= bytes.length && isTpid(bytes, at - 2)) at += 4;
  return at;
}

/** Addresses, and everything from the ethertype on, as text. */
function bodyOf(bytes: Uint8Array): { macs: string; body: Uint8Array } {
  return { macs: hex(bytes.slice(0, 12)), body: bytes.slice(l3Of(bytes) - 2) };
}

const bytesOf = ({ frame }: Input) => (frame instanceof Frame ? frame.bytes() : frame);

export function checkOutcome(world: World, inputs: Input[], outcome: Outcome): void {
  const cut = new Map<string, Sent[]>();
  const { overlay } = world;
  for (const sent of outcome.sent) {
    if (overlay !== undefined && isOfOverlay(inputs, sent)) {
      checkOverlaySent(overlay, inputs, sent);
      continue;
    }
    const input = inputs[sent.origin]!;
    const [from, to] = [input.port, sent.port].map(port => world.segmentOf.get(port));
    assert.ok(from !== undefined && from === to, `from segment ${from} to ${to}`);
    const header = input.offload && readVirtio(input.offload);
    if (sent.txFlags & TxFlag.Offload) checkHeader(input, sent, header!);
    const isCut = header !== undefined && (header.gsoType & ~GSO_ECN) !== 0;
    if (!isCut || sent.txFlags & TxFlag.Offload) checkWhole(input, sent, header);
    else {
      const key = `${sent.origin}/${sent.port}`;
      cut.set(key, [...(cut.get(key) ?? []), sent]);
    }
  }
  for (const segments of cut.values())
    checkSegments(inputs[segments[0]!.origin]!, segments, outcome);
}

/** Offsets move along with what they point to. */
function checkHeader(input: Input, sent: Sent, before: Required<Virtio>): void {
  const after = readVirtio(sent.virtio!);
  assert.is(after.flags, before.flags);
  assert.is(after.gsoType, before.gsoType);
  assert.is(after.gsoBytes, before.gsoBytes);
  const grown = sent.bytes.length - bytesOf(input).length;
  if ((before.flags & NEEDS_CHECKSUM) === 0) return;
  assert.is(after.checksumStart, before.checksumStart + grown, 'start');
  assert.ok(after.checksumStart >= 14, 'start in the Ethernet header');
  const isSaid = (before.gsoType & ~GSO_ECN) !== 0 && before.headerBytes !== 0;
  if (isSaid) assert.is(after.headerBytes, before.headerBytes + grown, 'header bytes');
}

/** Same addresses and payload; only a partial checksum may have become a whole one. */
function checkWhole(input: Input, sent: Sent, header?: Required<Virtio>): void {
  const before = bodyOf(bytesOf(input));
  const after = bodyOf(sent.bytes);
  assert.is(after.macs, before.macs, 'addresses');
  const isFinished = !(sent.txFlags & TxFlag.Offload) && (header?.flags ?? 0) & NEEDS_CHECKSUM;
  if (isFinished) {
    const field =
      header!.checksumStart + header!.checksumOffset - (bytesOf(input).length - before.body.length);
    for (const at of [field, field + 1]) before.body[at] = after.body[at]!;
  }
  assert.is(hex(after.body), hex(before.body), 'type and payload');
}

/** Segments are whole packets, and their payloads the start of the payload that came in. */
function checkSegments(input: Input, segments: Sent[], outcome: Outcome): void {
  const bytes = bytesOf(input);
  const header = readVirtio(input.offload!);
  const isUdp = (header.gsoType & ~GSO_ECN) === GSO_UDP;
  const payloads = segments.map(({ bytes: cut }) => {
    const l3 = l3Of(cut);
    const l4 = header.checksumStart - l3Of(bytes) + l3;
    checkPacket(cut, l3, l4, isUdp);
    assert.is(hex(cut.slice(0, 12)), hex(bytes.slice(0, 12)), 'addresses');
    return cut.slice(l4 + (isUdp ? 8 : (cut[l4 + 12]! >> 4) * 4));
  });
  const start = header.checksumStart;
  const whole = bytes.slice(start + (isUdp ? 8 : (bytes[start + 12]! >> 4) * 4));
  const joined = Buffer.concat(payloads);
  assert.is(hex(joined), hex(whole.slice(0, joined.length)), 'payload of the segments');
  const { origin, port } = segments[0]!;
  const isPartial = outcome.dropped.some(
    drop => drop.origin === origin && drop.port === port && drop.reason === 'NoBuffer',
  );
  if (!isPartial) assert.is(joined.length, whole.length, 'all of the payload');
}

function checkPacket(bytes: Uint8Array, l3: number, l4: number, isUdp: boolean): void {
  const packet = Buffer.from(bytes.subarray(l3));
  const isV6 = packet[0]! >> 4 === 6;
  const length = isV6 ? packet.readUInt16BE(4) + IPV6_BYTES : packet.readUInt16BE(2);
  assert.is(length, packet.length, 'length in the IP header');
  if (isUdp) assert.is(Buffer.from(bytes).readUInt16BE(l4 + 4), bytes.length - l4, 'UDP length');
  // Behind an extension header the pseudo header may have another destination.
  const isExtended = isV6 && l4 - l3 !== IPV6_BYTES;
  const addresses = isV6 ? packet.subarray(8, 40) : packet.subarray(12, 20);
  const isValid = isL4Valid(addresses, isUdp ? 17 : 6, bytes.subarray(l4));
  if (!isExtended) assert.ok(isValid, 'checksum of a segment');
}

/** Learned entries are as many as counted, and none points out of its segment. */
export function checkEntries(world: World): void {
  const { core } = world.to;
  const learned = [0, 0];
  for (const { domain, port, kind } of core.fdbEntries()) {
    const segment = domain <= 10 ? 0 : 1;
    if (kind === FdbKind.Dynamic) learned[segment]!++;
    if (kind === FdbKind.Permanent) continue;
    // Behind a tunnel end: of the one segment that has an overlay.
    if (world.overlay !== undefined && port > world.to.capacities.Ports) {
      assert.is(segment, 0, 'an entry behind a tunnel end');
      continue;
    }
    assert.is(world.segmentOf.get(port), segment, `port ${port} of an entry of domain ${domain}`);
  }
  learned.forEach((count, segment) => {
    assert.is(Number(core.segmentCounter(segment, SegmentCounter.Entries)), count, 'learned');
  });
}
