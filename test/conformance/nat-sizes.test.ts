/**
 * Conformance cases of area A4, NAT of UDP (RFC 4787): sizes and fragments, NAT-A15 to
 * NAT-A18. tshark looks at all that was sent.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop } from '../../assembly/abi.js';
import { InterfaceOption } from '../../assembly/zone-abi.js';
import { parseIp } from '../../src/frame/address.js';
import { slowSum } from '../support/checksum.js';
import { ETHERNET, type Frame } from '../support/frame.js';
import { fragmentsOf } from '../support/fragments.js';
import {
  EXTERNAL,
  IN,
  NatRig,
  OUT,
  type Seen,
  expectAllClean,
  hostIp,
  inward,
  ipOf,
  outward,
  seen,
  serverIp,
  way,
} from '../support/nat-rig.js';
import type { Outcome } from '../support/test-switch.js';

const PORT = 40000;
const SERVICE = 7777;
const MTU = 1400;
const NOW = `${EXTERNAL}:${PORT}>${serverIp(2)}:${SERVICE}`;

function narrow(): NatRig {
  const rig = NatRig.create();
  const { zones } = rig.zone.core;
  zones.configureInterface(rig.zone.indexOf('out'), InterfaceOption.MtuBytes, MTU);
  return rig;
}

/** 1500 bytes of IP. */
const long = (isDf: boolean): Frame =>
  outward(2, 2, { isDf, id: 77 }).udp(PORT, SERVICE).payload(1472);

test('NAT-A15: a packet that is too long and must not be cut: its sender is told, of itself', () => {
  const rig = narrow();
  const frame = long(true);
  const error = rig.turnedBack(frame);
  assert.is(error.source, '10.0.1.1');
  assert.is(error.destination, hostIp(2));
  assert.equal([...error.l4.subarray(0, 2)], [3, 4]);
  assert.is(error.l4.readUInt16BE(6), MTU);
  const quote = error.l4.subarray(8);
  assert.equal(Uint8Array.from(quote), ipOf(frame).slice(0, quote.length));
  assert.ok(quote.length >= 28);
  assert.is(rig.drops(Drop.TooBig), 1);
});

/** Puts fragments together: their payloads in order, and the first's header. */
function together(outcome: Outcome, port = OUT): Seen & { whole: Buffer } {
  assert.equal(outcome.dropped, []);
  const parts = outcome.sent.map(sent => {
    assert.is(sent.port, port);
    const bytes = Buffer.from(sent.bytes);
    const field = bytes.readUInt16BE(ETHERNET + 6);
    return { seen: seen(sent), at: (field & 0x1fff) * 8, hasMore: (field & 0x2000) !== 0 };
  });
  let bytes = 0;
  parts.forEach((part, i) => {
    assert.is(part.at, bytes, 'in order, without a hole');
    assert.is(part.hasMore, i < parts.length - 1);
    assert.is(part.seen.id, parts[0]!.seen.id);
    bytes += part.seen.l4.length;
  });
  return { ...parts[0]!.seen, whole: Buffer.concat(parts.map(({ seen }) => seen.l4)) };
}

/** Whether the checksum of a whole UDP datagram adds up. */
function addsUp({ source, destination, whole }: Seen & { whole: Buffer }): boolean {
  const pseudo = Buffer.concat([
    parseIp(source)!,
    parseIp(destination)!,
    Buffer.from([0, 17, 0, 0]),
  ]);
  pseudo.writeUInt16BE(whole.length, 10);
  return slowSum(whole, slowSum(pseudo)) === 0xffff;
}

test('NAT-A16: one that may be cut leaves in two fragments, in order, with right checksums', () => {
  const rig = narrow();
  const frame = long(false);
  const outcome = rig.send(IN, frame);
  assert.is(outcome.sent.length, 2);
  for (const sent of outcome.sent) assert.ok(seen(sent).total <= MTU);
  const datagram = together(outcome);
  assert.is(datagram.id, 77);
  assert.is(way(datagram), NOW);
  assert.ok(addsUp(datagram));
  assert.equal(datagram.whole.subarray(8), Buffer.from(ipOf(frame).subarray(28)));
});

for (const order of ['in order', 'reversed']) {
  test(`NAT-A17: fragments of a 2000-byte datagram, ${order}, are all translated`, () => {
    const rig = NatRig.create();
    const frame = outward(2, 2).udp(PORT, SERVICE).payload(1992).bytes();
    const parts = fragmentsOf(frame, 1480);
    if (order === 'reversed') parts.reverse();
    const outcomes = parts.map(part => rig.send(IN, part));
    assert.equal(outcomes[0]!.sent, []);
    const datagram = together(outcomes.at(-1)!);
    assert.is(way(datagram), NOW);
    assert.is(datagram.whole.length, 2000);
    assert.ok(addsUp(datagram));
    assert.equal(datagram.whole.subarray(8), Buffer.from(frame.subarray(42)));
    const reply = inward(2).udp(SERVICE, PORT).payload(1992).bytes();
    const back = fragmentsOf(reply, 1480).map(part => rig.send(OUT, part));
    const inner = together(back.at(-1)!, IN);
    assert.is(inner.destination, hostIp(2));
    assert.ok(addsUp(inner));
  });
}

test('NAT-A18: of a first fragment alone nothing leaves, and there is no mapping', () => {
  const rig = NatRig.create();
  const [first] = fragmentsOf(outward(2, 2).udp(PORT, SERVICE).payload(1992).bytes(), 1480);
  assert.equal(rig.stop(IN, first!), []);
  assert.equal(rig.flows(), []);
  const { sent } = rig.zone.bridge.inject(OUT, inward(2).udp(SERVICE, PORT));
  assert.equal(
    sent.filter(({ port }) => port === IN),
    [],
  );
});

test('NAT-A18: nor of a later fragment alone', () => {
  const rig = NatRig.create();
  const [, second] = fragmentsOf(outward(2, 2).udp(PORT, SERVICE).payload(1992).bytes(), 1480);
  assert.equal(rig.stop(IN, second!), []);
  assert.equal(rig.flows(), []);
});

test('all: tshark finds nothing wrong with what was sent', expectAllClean);

test.run();
