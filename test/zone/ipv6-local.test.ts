/** A zone's own IPv6 addresses, and the errors it speaks of: RFC 4443, RFC 4291, RFC 4861. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InterfaceOption, ZoneCounter, ZoneOption } from '../../assembly/zone-abi.js';
import { parseIp } from '../../src/frame/address.js';
import {
  AUTHENTICATION,
  HOP_OPTIONS,
  LONG_OPTIONS,
  OPTIONS,
  ROUTING,
  extended,
  type Extension,
} from '../support/extension.js';
import { eth, fromHex } from '../support/frame.js';
import { solicitation } from '../support/neighbour.js';
import {
  EXTERNAL,
  IN,
  Nat6Rig,
  OUT,
  ROUTER,
  SIDES,
  expectAllClean,
  hostIp,
  hostMac,
  inward,
  outward,
  quoted,
  seen,
  serverIp,
  way,
} from '../support/nat6-rig.js';
import { saveText } from '../support/zone-rig.js';

const ECHO = 128;
const REPLY = 129;
const UNREACHABLE = 1;
const TOO_BIG = 2;
const TIME_EXCEEDED = 3;
const PARAMETER_PROBLEM = 4;
const PORT = 40000;

const kind = ({ l4 }: { l4: Buffer }): [number, number] => [l4[0]!, l4[1]!];
const ping = (to: string, id = 7) =>
  outward(2, to)
    .icmp(ECHO, 0, id * 65536 + 1)
    .payload(56);

/** Both interfaces have a link-local address: the same. */
function linked(): Nat6Rig {
  const rig = Nat6Rig.create();
  for (const name of ['in', 'out']) {
    const prefix = { ip: parseIp('fe80::1')!, bits: 64 };
    assert.is(rig.zone.core.zones.setAddress(rig.zone.indexOf(name), prefix), 0);
  }
  return rig;
}
const fromLink = (to: string, hops = 64) =>
  eth(hostMac(2), SIDES[IN].mac).ipv6('fe80::a:2', to, { ttl: hops });

for (const to of [ROUTER, EXTERNAL]) {
  test(`ipv6 local: ${to} answers a ping with the same data`, () => {
    const rig = Nat6Rig.create();
    const frame = ping(to);
    const back = rig.answer(IN, frame);
    assert.is(way(back), `[${to}]:7>[${hostIp(2)}]:7`);
    assert.equal(kind(back), [REPLY, 0]);
    assert.equal(back.l4.subarray(4), Buffer.from(frame.bytes()).subarray(58));
    assert.equal(back.reasons, []);
    assert.is(rig.counter(ZoneCounter.Delivered), 1);
  });
}

test('ipv6 local: one whose checksum is wrong is not answered', () => {
  assert.equal(Nat6Rig.create().stop(IN, ping(ROUTER).checksum(0x1234)), []);
});

test('ipv6 local: link-local addresses are of one interface each, and answer there', () => {
  const rig = linked();
  const back = rig.answer(IN, fromLink('fe80::1').icmp(ECHO, 0, 0x70001).payload('hi'));
  assert.is(way(back), '[fe80::1]:7>[fe80::a:2]:7');
  const asked = rig.send(IN, solicitation(hostMac(2), 'fe80::a:2', 'fe80::1'));
  const told = asked.sent.map(seen).find(({ l4 }) => l4[0] === 136)!;
  assert.is(told.destination, 'fe80::a:2');
  assert.is(told.hopLimit, 255);
});

test('ipv6: what is from or to a link-local address of others stays on its link', () => {
  const rig = linked();
  assert.equal(rig.stop(IN, outward(2, 'fe80::99').udp(1, 2)), ['NotForwarded']);
  const told = rig.answer(IN, fromLink(serverIp(2)).udp(1, 2));
  assert.equal(kind(told), [UNREACHABLE, 2]);
  assert.is(told.source, 'fe80::1');
  assert.equal(told.reasons, ['NotForwarded']);
});

test('ipv6: groups, nobody, loopback, IPv4 in IPv6 and our own addresses are martians', () => {
  const rig = Nat6Rig.create();
  for (const to of ['ff02::1', 'ff0e::1', '::', '::1', '::ffff:10.0.0.1']) {
    assert.equal(rig.stop(IN, outward(2, to).udp(1, 2)), ['Martian'], to);
  }
  for (const from of ['ff0e::1', '::', '::1', '::ffff:10.0.0.1', ROUTER, EXTERNAL]) {
    const frame = eth(hostMac(2), SIDES[IN].mac).ipv6(from, serverIp(2)).udp(1, 2);
    assert.equal(rig.stop(IN, frame), ['Martian'], from);
  }
});

test('ipv6: without hops left the sender is told by the interface it came in', () => {
  const rig = Nat6Rig.create();
  for (const ttl of [0, 1]) {
    const told = rig.answer(IN, outward(2, 2, { ttl }).udp(PORT, 33434).payload('probe'));
    assert.equal(kind(told), [TIME_EXCEEDED, 0]);
    assert.is(told.source, ROUTER);
    assert.is(way(quoted(told)), `[${hostIp(2)}]:${PORT}>[${serverIp(2)}]:33434`);
    assert.equal(told.reasons, ['TtlExceeded']);
  }
  rig.pass(IN, outward(2, 2, { ttl: 2 }).udp(PORT, 33434));
});

test('ipv6: also in the middle of a flow', () => {
  const rig = Nat6Rig.create();
  rig.pass(IN, outward(2, 2).udp(PORT, 7777));
  const told = rig.answer(IN, outward(2, 2, { ttl: 1 }).udp(PORT, 7777));
  assert.equal(kind(told), [TIME_EXCEEDED, 0]);
});

test('ipv6: without a route, and where a neighbour does not answer', () => {
  const rig = Nat6Rig.create();
  rig.zone.core.zones.removeRoute(0, { ip: parseIp('::')!, bits: 0 });
  const none = rig.answer(IN, outward(2, '2001:db8:77::1').udp(1, 2));
  assert.equal([kind(none), none.reasons], [[UNREACHABLE, 0], ['NoRoute']]);
  const frame = outward(2, serverIp(0x55)).udp(1, 2);
  rig.send(IN, frame);
  for (let i = 0; i < 3; i++) rig.zone.bridge.wait(1000);
  const failed = rig.answer(IN, frame);
  assert.equal([kind(failed), failed.reasons], [[UNREACHABLE, 3], ['NeighbourFailed']]);
});

test('ipv6: too big: the MTU of the way out; as long as that it passes', () => {
  const rig = Nat6Rig.create();
  const { zones } = rig.zone.core;
  zones.configureInterface(rig.zone.indexOf('out'), InterfaceOption.MtuBytes, 1300);
  const told = rig.answer(
    IN,
    outward(2, 2)
      .udp(PORT, 7777)
      .payload(1300 - 48 + 1),
  );
  assert.equal(kind(told), [TOO_BIG, 0]);
  assert.is(told.l4.readUInt32BE(4), 1300);
  assert.is(told.total, 1280);
  assert.equal(told.reasons, ['TooBig']);
  assert.is(
    rig.pass(
      IN,
      outward(2, 2)
        .udp(PORT, 7777)
        .payload(1300 - 48),
    ).total,
    1300,
  );
});

test('ipv6 local: closed ports and unknown protocols', () => {
  const rig = Nat6Rig.create();
  const udp = rig.answer(IN, outward(2, ROUTER).udp(PORT, 7777));
  assert.equal(kind(udp), [UNREACHABLE, 4]);
  const reset = rig.answer(IN, outward(2, ROUTER).tcp(PORT, 80, { flags: 2, sequence: 9 }));
  assert.is(way(reset), `[${ROUTER}]:80>[${hostIp(2)}]:${PORT}`);
  assert.is(reset.l4[13], 0x14);
  assert.is(reset.l4.readUInt32BE(8), 10);
  const other = Buffer.from(outward(2, ROUTER).udp(1, 2).payload(8).bytes());
  other[20] = 253;
  const problem = rig.answer(IN, other);
  assert.equal(kind(problem), [PARAMETER_PROBLEM, 1]);
  assert.is(problem.l4.readUInt32BE(4), 6);
});

test('ipv6 local: of an unknown protocol behind extension headers the one is named that names it', () => {
  const rig = Nat6Rig.create();
  const frame = Buffer.from(outward(2, ROUTER).udp(1, 2).payload(8).bytes());
  frame[20] = 253;
  const problem = rig.answer(IN, extended(frame, [HOP_OPTIONS, OPTIONS]));
  assert.equal(kind(problem), [PARAMETER_PROBLEM, 1]);
  assert.is(problem.l4.readUInt32BE(4), 48);
});

test('ipv6: nobody is told about errors, nor about what is to or from a group', () => {
  const rig = Nat6Rig.create();
  const error = outward(2, 2, { ttl: 1 }).icmp(UNREACHABLE, 0).payload(48);
  assert.equal(rig.stop(IN, error), ['TtlExceeded']);
});

test('ipv6: errors are as many a second as those of IPv4', () => {
  const rig = Nat6Rig.create();
  const inputs = Array.from({ length: 200 }, (_, i) => ({
    port: IN,
    frame: outward(2, 2, { ttl: 1 }).udp(1000 + i, 7777),
  }));
  const { sent, dropped } = rig.batch(inputs);
  assert.is(dropped.length, 200);
  assert.ok(sent.length >= 50 && sent.length < 60, `${sent.length} errors`);
  assert.is(rig.counter(ZoneCounter.ErrorsSent), sent.length);
});

test('ipv6: REJECT in its own words, and by a reset', () => {
  for (const [how, expected] of [
    ['icmp6-no-route', [UNREACHABLE, 0]],
    ['icmp6-adm-prohibited', [UNREACHABLE, 1]],
    ['icmp6-addr-unreachable', [UNREACHABLE, 3]],
    ['icmp6-port-unreachable', [UNREACHABLE, 4]],
  ] as const) {
    const rule = `-A FORWARD -p udp -j REJECT --reject-with ${how}`;
    const rig = Nat6Rig.create({ rules: saveText('filter', [rule]) });
    assert.equal(kind(rig.answer(IN, outward(2, 2).udp(1, 2))), expected);
  }
  const rule = '-A FORWARD -p tcp -j REJECT --reject-with tcp-reset';
  const rig = Nat6Rig.create({ rules: saveText('filter', [rule]) });
  const reset = rig.answer(IN, outward(2, 2).tcp(PORT, 80, { flags: 2 }));
  assert.is(way(reset), `[${serverIp(2)}]:80>[${hostIp(2)}]:${PORT}`);
});

test('ipv6: extension headers are passed over, and stay as they are', () => {
  const rig = Nat6Rig.create({ isClean: false }); // tshark sums over no routing header
  const chain = [HOP_OPTIONS, LONG_OPTIONS, typedRouting(2), AUTHENTICATION, OPTIONS];
  const frame = extended(outward(2, 2).udp(PORT, 7777).payload('x').bytes(), chain);
  const { bytes } = rig.passed(IN, frame);
  const expected = Buffer.from(frame);
  expected[21] = 63;
  assert.equal(Buffer.from(bytes).subarray(14), expected.subarray(14));
  assert.is(rig.flow().original.destinationPort, 7777);
});

test('ipv6: chains that cannot be: cut off, too long, source routes, options behind others', () => {
  const rig = Nat6Rig.create();
  const frame = outward(2, 2).udp(PORT, 7777).payload('x').bytes();
  const cut = Buffer.from(extended(frame, [OPTIONS]).subarray(0, 54 + 8));
  cut.writeUInt16BE(8, 18);
  cut[54 + 1] = 1;
  const nine = new Array<Extension>(9).fill(OPTIONS);
  for (const bad of [
    cut,
    extended(frame, nine),
    extended(frame, [ROUTING, HOP_OPTIONS]),
    extended(frame, [HOP_OPTIONS, HOP_OPTIONS]),
    extended(frame, [typedRouting(0)]),
  ]) {
    assert.equal(rig.stop(IN, bad), ['HeaderChain']);
  }
});

test('ipv6: lengths that do not add up, and ICMP of IPv4', () => {
  const rig = Nat6Rig.create();
  const long = Buffer.from(outward(2, 2).udp(1, 2).bytes());
  long.writeUInt16BE(9, 18);
  assert.equal(rig.stop(IN, long), ['IpMalformed']);
  const version = Buffer.from(outward(2, 2).udp(1, 2).bytes());
  version[14] = 0x50;
  assert.equal(rig.stop(IN, version), ['IpMalformed']);
  const icmp4 = Buffer.from(outward(2, 2).icmp(8).bytes());
  icmp4[20] = 1;
  assert.equal(rig.stop(IN, icmp4), ['Invalid']);
});

test('ipv6: padding of a short frame is no part of the packet', () => {
  const rig = Nat6Rig.create();
  const frame = outward(2, 2).udp(1, 2).bytes();
  assert.is(rig.passed(IN, Buffer.concat([frame, Buffer.alloc(20)])).bytes.length, frame.length);
});

test('ipv6: a zone that does not forward', () => {
  const rig = Nat6Rig.create().configure(ZoneOption.Forwarding, 0);
  assert.equal(rig.stop(IN, outward(2, 2).udp(1, 2)), ['NotForwarded']);
  assert.equal(kind(rig.answer(OUT, inward(2).icmp(ECHO, 0, 1).payload(8))), [REPLY, 0]);
});

/** A routing header of a type, all of whose segments are passed. */
function typedRouting(type: number): Extension {
  return [43, fromHex(`0000${type.toString(16).padStart(2, '0')}0000000000`)];
}

test('ipv6 local: what was sent is sound', expectAllClean);

test.run();
