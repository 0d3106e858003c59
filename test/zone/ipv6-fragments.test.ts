/** Fragments of IPv6 through a zone: judged whole, sent on in the sizes they came in. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop } from '../../assembly/abi.js';
import { InterfaceOption } from '../../assembly/zone-abi.js';
import { HOP_OPTIONS, extended, fragmentOf } from '../support/extension.js';
import { ETHERNET } from '../support/frame.js';
import { fragmentsOf } from '../support/fragments.js';
import {
  EXTERNAL,
  IN,
  MASQUERADE,
  Nat6Rig,
  expectAllClean,
  outward,
  seen,
} from '../support/nat6-rig.js';
import type { Sent } from '../support/test-switch.js';
import { saveText } from '../support/zone-rig.js';

const PORT = 40000;
const frame = (bytes: number) => outward(2, 2).udp(PORT, 7777).payload(bytes);
const ID = 0x1234;

interface Part {
  offset: number;
  isLast: boolean;
  id: number;
  payload: Buffer;
}

/** The fragment header and what is behind, which is right behind the IPv6 header. */
function partOf({ bytes }: Sent): Part {
  const header = Buffer.from(bytes).subarray(ETHERNET + 40);
  assert.is(bytes[ETHERNET + 6], 44);
  const place = header.readUInt16BE(2);
  return {
    offset: place & ~7,
    isLast: (place & 1) === 0,
    id: header.readUInt32BE(4),
    payload: header.subarray(8),
  };
}

function sendAll(rig: Nat6Rig, fragments: Uint8Array[]): Sent[] {
  const outcomes = fragments.map(one => rig.send(IN, one));
  outcomes.slice(0, -1).forEach(({ sent, dropped }) => assert.equal([sent, dropped], [[], []]));
  assert.equal(outcomes.at(-1)!.dropped, []);
  return outcomes.at(-1)!.sent;
}

for (const { each, order } of [
  { each: 1232, order: 'in order' },
  { each: 1448, order: 'in order' },
  { each: 800, order: 'backwards' },
]) {
  test(`ipv6 fragments: of ${each} bytes, ${order}, leave as they were, translated`, () => {
    const rig = Nat6Rig.create({ rules: MASQUERADE });
    const fragments = fragmentsOf(frame(3000).bytes(), each, ID);
    const parts = sendAll(rig, order === 'backwards' ? fragments.reverse() : fragments).map(partOf);
    const lengths = fragments.map(one => one.length - ETHERNET - 48);
    if (order === 'backwards') lengths.reverse();
    assert.equal(
      parts.map(({ payload }) => payload.length),
      lengths,
    );
    assert.ok(parts.every(({ id }) => id === ID));
    assert.equal(
      parts.map(({ offset, isLast }) => [offset, isLast]),
      parts.map((_, i) => [i * each, i === parts.length - 1]),
    );
    const whole = Buffer.concat(parts.map(({ payload }) => payload));
    assert.equal(whole.subarray(8), Buffer.from(frame(3000).bytes()).subarray(ETHERNET + 48));
    assert.is(rig.flow().original.packets, 1n);
  });
}

test('ipv6 fragments: rules see the whole, with its ports', () => {
  const rules = saveText('filter', ['-A FORWARD -p udp -m udp --dport 7777 -j DROP']);
  const rig = Nat6Rig.create({ rules });
  const [first, second] = fragmentsOf(frame(2000).bytes(), 1232, ID);
  assert.equal(rig.stop(IN, first!), []);
  assert.equal(rig.stop(IN, second!), ['RuleDrop']);
});

test('ipv6 fragments: longer than the way out: the sender is told, nothing is cut smaller', () => {
  const rig = Nat6Rig.create();
  const { zones } = rig.zone.core;
  zones.configureInterface(rig.zone.indexOf('out'), InterfaceOption.MtuBytes, 1400);
  const fragments = fragmentsOf(frame(2800).bytes(), 1448, ID);
  rig.send(IN, fragments[0]!);
  const told = rig.answer(IN, fragments[1]!);
  assert.equal([told.l4[0], told.l4[1], told.l4.readUInt32BE(4)], [2, 0, 1400]);
  assert.equal(told.reasons, ['TooBig']);
});

test('ipv6 fragments: a lone one is never sent on, and given up', () => {
  const rig = Nat6Rig.create();
  const [first, second] = fragmentsOf(frame(2000).bytes(), 1232, ID);
  assert.equal(rig.stop(IN, first!), []);
  rig.zone.bridge.nowMs += 60001;
  rig.settle();
  assert.equal(rig.stop(IN, second!), []);
});

test('ipv6 fragments: that overlap end their packet', () => {
  const rig = Nat6Rig.create();
  const [first] = fragmentsOf(frame(2000).bytes(), 1232, ID);
  const [other] = fragmentsOf(frame(2000).bytes(), 1224, ID);
  rig.send(IN, first!);
  assert.equal(rig.stop(IN, other!), ['FragmentLost']);
  assert.is(rig.zone.core.dropTotals().get(Drop.FragmentLost), 1n);
});

test('ipv6 fragments: a fragment header on a whole packet stays on it', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  const bytes = extended(frame(20).bytes(), [fragmentOf(0, 0)]);
  const out = rig.pass(IN, bytes);
  assert.equal([out.source, out.chain, out.sourcePort], [EXTERNAL, [44], PORT]);
});

test('ipv6 fragments: what was before the fragment header is before it again', () => {
  const rig = Nat6Rig.create();
  const whole = frame(2000).bytes();
  const fragments = fragmentsOf(whole, 1200, ID).map(one => extended(one, [HOP_OPTIONS]));
  const sent = sendAll(rig, fragments);
  assert.equal(
    sent.map(one => one.bytes.length),
    fragments.map(one => one.length),
  );
  sent.forEach((one, i) => {
    const expected = Buffer.from(fragments[i]!).subarray(ETHERNET);
    expected[7] = 63;
    assert.equal(Buffer.from(one.bytes).subarray(ETHERNET), expected);
  });
  assert.equal(seen(sent[0]!).chain, [0, 44]);
});

test('ipv6 fragments: what was sent is sound', expectAllClean);

test.run();
