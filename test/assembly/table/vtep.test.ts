import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eth, type Frame } from '../../support/frame.js';
import { PEER, STRANGER, UNDERLAY, open, overlayRig, vxlan } from '../../support/overlay-rig.js';
import { TestSwitch } from '../../support/test-switch.js';

const TEN_MINUTES_MS = 600000;

/** What a router with a link of `mtuBytes` says of a packet of ours to PEER: RFC 1191 §4. */
function fragmentationNeeded(sent: Uint8Array, mtuBytes: number): Uint8Array {
  const message = Buffer.alloc(8 + 28);
  message.writeUInt8(3, 0);
  message.writeUInt8(4, 1);
  message.writeUInt16BE(mtuBytes, 6);
  Buffer.from(sent.subarray(14, 14 + 28)).copy(message, 8);
  message.writeUInt16BE(onesSum(message), 2);
  const frame = Buffer.from(vxlan(new Uint8Array(message.length - 16)).bytes());
  const packet = Buffer.concat([frame.subarray(0, 34), message]);
  packet.writeUInt16BE(packet.length - 14, 16);
  packet.writeUInt8(1, 23);
  packet.writeUInt16BE(0, 24);
  packet.writeUInt16BE(onesSum(packet.subarray(14, 34)), 24);
  return Uint8Array.from(packet);
}

function onesSum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

test('vtep: what a router said of a path is forgotten after ten minutes, by traffic alone', () => {
  const { bridge } = overlayRig();
  const frame = eth(1, 0x20).payload(1400);
  const fate = (): string => {
    const { sent, dropped } = bridge.inject(1, frame);
    return dropped[0]?.reason ?? open(sent[0]!).destination;
  };
  const { sent } = bridge.inject(1, frame);
  bridge.inject(UNDERLAY, fragmentationNeeded(sent[0]!.bytes, 1400));
  assert.is(fate(), 'TooBig');
  bridge.wait(TEN_MINUTES_MS - 1);
  assert.is(fate(), 'TooBig');
  bridge.wait(1);
  assert.is(fate(), PEER);
});

/** A frame from the station of a tunnel end that nobody configured. */
function strange(last: number): Frame {
  return vxlan(eth(0x100 + last, 1), { from: `10.9.0.${last}` });
}

function heard(bridge: TestSwitch, last: number): string[] {
  return bridge.inject(UNDERLAY, strange(last)).dropped.map(({ reason }) => reason);
}

test('vtep: a learned one keeps its row while an address learned from it lives', () => {
  // PEER, PEER_2, PEER_6 and one more.
  const capacities = { Vteps: 4 };
  const { bridge } = overlayRig({ capacities, overlay: { UnknownVteps: 1 } });
  bridge.segment(0, { AgeMs: TEN_MINUTES_MS }).port(3, { Learning: 1 });
  bridge.inject(1, eth(1));
  assert.equal(heard(bridge, 77), []);
  bridge.wait(TEN_MINUTES_MS - 1000);
  assert.equal(heard(bridge, 78), ['UnknownVtep'], 'no row is free');
  const { sent } = bridge.inject(1, eth(1, 0x100 + 77));
  assert.is(open(sent[0]!).destination, STRANGER);
  bridge.wait(2000);
  assert.equal(heard(bridge, 78), [], 'the row of the silent one');
});

test.run();
