/**
 * Conformance cases of area A6, NAT of ICMP (RFC 5508): IC-A01 to IC-A12. Errors are built as
 * a device outside would: about the packet as it left. tshark looks at all that was sent but
 * for what was given damaged; it checks quoted headers too.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FlowProfile, InterfaceOption, ZoneCounter } from '../../assembly/zone-abi.js';
import { slowSum } from '../support/checksum.js';
import { type Frame, eth, fromHex } from '../support/frame.js';
import {
  EXTERNAL,
  IN,
  NatRig,
  OUT,
  type Seen,
  errorAbout,
  expectAllClean,
  hostIp,
  hostMac,
  inward,
  ipOf,
  outward,
  quoted,
  seen,
  seenIp,
  serverIp,
  way,
} from '../support/nat-rig.js';
import { MASQUERADE, ZoneRig } from '../support/zone-rig.js';

const ECHO = 8;
const REPLY = 0;
const PORT = 40000;
const SERVICE = 7777;
const INNER = `${hostIp(2)}:${PORT}>${serverIp(2)}:${SERVICE}`;

const ping = (host: number, id: number, sequence = 1): Frame =>
  outward(host, 2)
    .icmp(ECHO, 0, id * 65536 + sequence)
    .payload(56);
const pong = (id: number, sequence = 1): Frame =>
  inward(2)
    .icmp(REPLY, 0, id * 65536 + sequence)
    .payload(56);

test('IC-A01: a ping is translated, and its answer restored', () => {
  const rig = NatRig.create();
  for (let sequence = 1; sequence <= 3; sequence++) {
    const out = rig.pass(IN, ping(2, 0x1234, sequence));
    assert.is(out.source, EXTERNAL);
    assert.is(out.l4.readUInt16BE(6), sequence);
    const back = rig.pass(OUT, pong(out.sourcePort, sequence));
    assert.is(back.destination, hostIp(2));
    assert.equal(Uint8Array.from(back.l4.subarray(4, 8)), Uint8Array.of(0x12, 0x34, 0, sequence));
  }
});

for (const id of [500, 0, 0xffff]) {
  test(`IC-A02: three hosts with identifier ${id} get three, and their own answers`, () => {
    const rig = NatRig.create();
    const hosts = [2, 3, 4];
    const ids = hosts.map(host => rig.pass(IN, ping(host, id)).sourcePort);
    assert.is(new Set(ids).size, 3);
    hosts.forEach((host, i) => {
      const back = rig.pass(OUT, pong(ids[i]!));
      assert.is(back.destination, hostIp(host));
      assert.is(back.sourcePort, id);
    });
  });
}

for (const { profile, ms } of [
  { profile: FlowProfile.Strict, ms: 59000 },
  { profile: FlowProfile.Linux, ms: 29000 },
]) {
  test(`IC-A03: ${FlowProfile[profile]}: the answer to a ping comes ${ms / 1000} s later`, () => {
    const rig = NatRig.create({ profile });
    const { sourcePort } = rig.pass(IN, ping(2, 77));
    assert.is(rig.wait(ms).pass(OUT, pong(sourcePort)).destination, hostIp(2));
  });
}

/** What leaves of a datagram from inside, the same with its source restored. */
function asked(
  rig: NatRig,
  frame = outward(2, 2).udp(PORT, SERVICE).payload('question'),
): Uint8Array {
  return ipOf(rig.passed(IN, frame).bytes);
}

/** Whether checksums of an ICMP error and of the IP header it quotes add up. */
function expectSound(error: Seen): void {
  assert.is(slowSum(error.l4), 0xffff, 'ICMP');
  const header = error.l4.subarray(8, 8 + (error.l4[8]! & 0xf) * 4);
  assert.is(slowSum(header), 0xffff, 'quoted IP');
}

for (const bytes of [36, 28]) {
  test(`IC-A04: an error that quotes ${bytes} bytes is translated, outside and in`, () => {
    const rig = NatRig.create();
    const original = outward(2, 2).udp(PORT, SERVICE).payload('question');
    const left = asked(rig, original);
    const error = rig.pass(OUT, errorAbout(2, left, { bytes }));
    assert.is(error.source, serverIp(2));
    assert.is(error.destination, hostIp(2));
    assert.equal([...error.l4.subarray(0, 2)], [3, 3]);
    expectSound(error);
    const quote = Buffer.from(error.l4.subarray(8));
    assert.is(quote.length, bytes);
    assert.is(way(seenIp(quote)), INNER);
    // As the host sent it, with the hop that the packet had made.
    const sent = Buffer.from(ipOf(original));
    assert.equal(quote.subarray(12, bytes), sent.subarray(12, bytes));
  });
}

test('IC-A04: a quoted checksum that was wrong is adjusted, not made right', () => {
  const rig = NatRig.create({ isClean: false });
  const left = Buffer.from(asked(rig));
  left.writeUInt16BE(left.readUInt16BE(26) ^ 0x0101, 26);
  const original = Buffer.from(ipOf(outward(2, 2).udp(PORT, SERVICE).payload('question')));
  const error = rig.pass(OUT, errorAbout(2, left));
  expectSound(error);
  const off = (a: number, b: number): number => (a - b + 0xffff) % 0xffff;
  const got = error.l4.readUInt16BE(8 + 26);
  const asWrong = off(left.readUInt16BE(26), left.readUInt16BE(26) ^ 0x0101);
  assert.is(off(got, original.readUInt16BE(26)), asWrong);
});

for (const [type, code, rest] of [
  [3, 4, 1400],
  [11, 0, 0],
] as const) {
  test(`IC-A05: type ${type} of a router on the way keeps its source and its second word`, () => {
    const rig = NatRig.create();
    const error = rig.pass(OUT, errorAbout(3, asked(rig), { type, code, rest }));
    assert.is(error.source, serverIp(3));
    assert.is(error.destination, hostIp(2));
    assert.equal([...error.l4.subarray(0, 2)], [type, code]);
    assert.is(error.l4.readUInt32BE(4), rest);
    assert.is(way(quoted(error)), INNER);
    expectSound(error);
  });
}

test('IC-A06: an error with a wrong checksum goes nowhere', () => {
  const rig = NatRig.create();
  const left = asked(rig);
  assert.equal(rig.stop(OUT, errorAbout(2, left).checksum(0x1234)), ['Invalid']);
});

test('§2.13: nor does one whose quoted IP header does not add up (RFC 5508 REQ-3a)', () => {
  const rig = NatRig.create();
  const left = Buffer.from(asked(rig));
  left[10]! ^= 0x55;
  assert.equal(rig.stop(OUT, errorAbout(2, left)), ['Invalid']);
});

test('IC-A07: an error about a flow that nobody knows goes nowhere', () => {
  const rig = NatRig.create();
  asked(rig);
  const other = inward(2).udp(1, 2).bytes();
  assert.equal(rig.stop(OUT, errorAbout(2, ipOf(other))), ['Invalid']);
  const unknown = eth()
    .ipv4(EXTERNAL, serverIp(2))
    .udp(PORT + 1, SERVICE);
  assert.equal(rig.stop(OUT, errorAbout(2, ipOf(unknown))), ['Invalid']);
  const short = errorAbout(2, ipOf(unknown), { bytes: 27 });
  assert.equal(rig.stop(OUT, short), ['Invalid']);
});

test('IC-A08: an error of the inside about what came in leaves in the external name', () => {
  const rig = NatRig.create();
  asked(rig);
  const inbound = inward(2).udp(SERVICE, PORT).payload('answer');
  const arrived = ipOf(rig.passed(OUT, inbound).bytes);
  const error = rig.pass(IN, outward(2, 2).icmp(3, 3).payload(arrived));
  assert.is(error.source, EXTERNAL);
  assert.is(error.destination, serverIp(2));
  assert.is(way(quoted(error)), `${serverIp(2)}:${SERVICE}>${EXTERNAL}:${PORT}`);
  expectSound(error);
});

test('IC-A08: one of a router on the inside too', () => {
  const rig = NatRig.create();
  asked(rig);
  const arrived = ipOf(rig.passed(OUT, inward(2).udp(SERVICE, PORT).payload('answer')).bytes);
  const error = rig.pass(IN, outward(3, 2).icmp(11, 0).payload(arrived));
  assert.is(error.source, EXTERNAL);
  assert.is(quoted(error).destination, EXTERNAL);
});

test('§2.12: an error of the inside about what another host sent never leaves with its source', () => {
  const rig = NatRig.create();
  const left = asked(rig);
  // 10.0.1.3 claims to be on the way of what 10.0.1.2 sent, and writes to whom it likes.
  for (const to of [2, 3, '198.51.100.7']) {
    assert.equal(rig.stop(IN, outward(3, to).icmp(3, 1).payload(left)), ['Invalid']);
  }
});

test('IC-A09: ports are looked for behind the options of the quoted header', () => {
  const rig = NatRig.create();
  const options = fromHex('94040000');
  const left = asked(rig, outward(2, 2, { options }).udp(PORT, SERVICE).payload('question'));
  assert.is(left[0], 0x46);
  for (const bytes of [32, 40]) {
    const error = rig.pass(OUT, errorAbout(2, left, { bytes }));
    assert.is(error.destination, hostIp(2));
    assert.is(error.l4[8], 0x46);
    assert.is(way(quoted(error)), INNER);
    expectSound(error);
  }
});

test('IC-A10: errors about a ping neither refresh nor end its flow', () => {
  const rig = NatRig.create();
  const left = ipOf(rig.passed(IN, ping(2, 0x1234)).bytes);
  const { id } = rig.flow();
  for (const ms of [10000, 19999]) {
    const error = rig.wait(ms === 10000 ? 10000 : 9999).pass(OUT, errorAbout(3, left));
    assert.is(error.destination, hostIp(2));
    assert.is(quoted(error).source, hostIp(2));
    assert.is(quoted(error).sourcePort, 0x1234);
    expectSound(error);
    assert.is(rig.flow().id, id);
    assert.is(rig.flow().leftMs, 30000 - ms);
  }
  rig.wait(10001);
  assert.equal(rig.stop(OUT, errorAbout(3, left)), ['Invalid']);
});

test('IC-A11: a ping that a hop further out cannot take: its host is told, by that hop', () => {
  // A second zone is the hop: it takes 1280 bytes towards 198.51.100.0/24.
  const zone = ZoneRig.router({ rules: MASQUERADE });
  const hop = { port: 3, segment: 1, mac: '02:42:cb:00:71:fe', address: '203.0.113.254/24' };
  const far = { port: 4, segment: 2, mac: '02:42:c6:33:64:01', address: '198.51.100.1/24' };
  zone.interface('hop', { ...hop, zone: 1 }).interface('far', { ...far, zone: 1 });
  zone.core.zones.configure(1, 0, 1);
  const iface = zone.indexOf('far');
  zone.core.zones.configureInterface(iface, InterfaceOption.MtuBytes, 1280);
  zone
    .settle(IN, hostMac(2), hostIp(2))
    .settle(4, far.mac.replace('01', '77'), '198.51.100.7', far);
  const frame = outward(2, '198.51.100.7', { isDf: true }).icmp(ECHO, 0, 0x12340001).payload(1272);
  const sent = [frame, frame].flatMap(one => zone.send(IN, one).sent);
  const errors = sent.filter(({ port }) => port === IN).map(seen);
  assert.ok(errors.length >= 1);
  const [error] = errors;
  assert.is(error!.total, 576);
  assert.is(error!.source, '203.0.113.254');
  assert.is(error!.destination, hostIp(2));
  assert.equal([...error!.l4.subarray(0, 2)], [3, 4]);
  assert.is(error!.l4.readUInt16BE(6), 1280);
  assert.is(quoted(error!).source, hostIp(2));
  assert.is(quoted(error!).sourcePort, 0x1234);
  expectSound(error!);
  assert.is(zone.core.zones.counter(0, ZoneCounter.Related), BigInt(errors.length));
});

test('IC-A12: a ping to the external address is answered by the router itself', () => {
  const rig = NatRig.create();
  const { sent } = rig.send(OUT, inward(2).icmp(ECHO, 0, 0x00070001).payload('ping'));
  assert.equal(
    sent.map(({ port }) => port),
    [OUT],
  );
  const answer = seen(sent[0]!);
  assert.is(answer.source, EXTERNAL);
  assert.is(answer.destination, serverIp(2));
  assert.equal(Uint8Array.from(answer.l4.subarray(4)), fromHex('0007000170696e67'));
  assert.is(answer.l4[0], REPLY);
  assert.equal(rig.flows(), []);
});

test('all: tshark finds nothing wrong with what was sent', expectAllClean);

test.run();
