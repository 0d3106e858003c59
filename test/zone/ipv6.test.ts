/** IPv6 through a zone: forwarding, neighbours, flows, rules (RFC 8200, RFC 4861, RFC 4443). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Family } from '../../assembly/abi.js';
import {
  InterfaceOption,
  ReversePath,
  RouteKind,
  ZoneCounter,
  ZoneOption,
} from '../../assembly/zone-abi.js';
import { formatIp } from '../../src/frame/address.js';
import { eth } from '../support/frame.js';
import { advertisement } from '../support/neighbour.js';
import {
  EXTERNAL,
  IN,
  Nat6Rig,
  OUT,
  SIDES,
  expectAllClean,
  hostIp,
  inward,
  outward,
  quoted,
  seen,
  serverIp,
  serverMac,
  way,
} from '../support/nat6-rig.js';
import { saveText } from '../support/zone-rig.js';

const PORT = 40000;
const ask = (host = 2, port = PORT) => outward(host, 2).udp(port, 7777).payload('question');
const answer = (host = 2, port = PORT) => inward(2, hostIp(host)).udp(7777, port).payload('answer');

test('ipv6: a packet leaves by the other side, a hop less, from us to the neighbour', () => {
  const rig = Nat6Rig.create();
  const frame = ask();
  const { bytes } = rig.passed(IN, frame);
  const expected = Buffer.from(frame.bytes());
  expected.set(eth(SIDES[OUT].mac, serverMac(2)).bytes().subarray(0, 12));
  expected[14 + 7] = 63;
  assert.equal(Buffer.from(bytes), expected);
  const back = rig.pass(OUT, answer());
  assert.is(way(back), `[${serverIp(2)}]:7777>[${hostIp(2)}]:${PORT}`);
  assert.is(back.hopLimit, 63);
});

test('ipv6: a flow of both directions, with their addresses', () => {
  const rig = Nat6Rig.create();
  rig.pass(IN, ask());
  rig.pass(OUT, answer());
  const { family, original, reply } = rig.flow();
  assert.is(family, Family.Ipv6);
  assert.is(formatIp(original.source), hostIp(2));
  assert.is(formatIp(original.destination), serverIp(2));
  assert.is(formatIp(reply.source), serverIp(2));
  assert.is(formatIp(reply.destination), hostIp(2));
  assert.is(original.packets, 1n);
  assert.is(reply.packets, 1n);
});

test('ipv6: by the longest prefix: a gateway, and routes that refuse', () => {
  const rig = Nat6Rig.create();
  rig.zone.route('2001:db8:dead::/48', { kind: RouteKind.Blackhole });
  rig.zone.route('2001:db8:dead:1::/64', { by: 'out', gateway: serverIp(3) });
  rig.zone.route('2001:db8:beef::/48', { kind: RouteKind.Unreachable });
  rig.zone.route('2001:db8:f00d::/48', { kind: RouteKind.Prohibit });
  const to = (ip: string) => outward(2, ip).udp(PORT, 53);
  const macTo = (ip: string) => Buffer.from(rig.passed(IN, to(ip)).bytes.subarray(0, 6));
  const bytesOf = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');
  assert.equal(macTo('2001:db8:99::1'), bytesOf(serverMac(0xfe)));
  assert.equal(macTo('2001:db8:dead:1::9'), bytesOf(serverMac(3)));
  assert.equal(rig.stop(IN, to('2001:db8:dead:2::9')), ['NoRoute']);
  for (const [ip, code] of [
    ['2001:db8:beef::1', 3],
    ['2001:db8:f00d::1', 1],
  ] as const) {
    const told = rig.answer(IN, to(ip));
    assert.equal([told.l4[0], told.l4[1]], [1, code]);
    assert.is(told.source, SIDES[IN].address.slice(0, -3));
    assert.is(quoted(told).destination, ip);
    assert.equal(told.reasons, ['NoRoute']);
  }
});

test('ipv6: an unknown neighbour is asked for, and what waits is sent when it answers', () => {
  const rig = Nat6Rig.create();
  const { sent } = rig.send(IN, outward(2, serverIp(9)).udp(PORT, 53));
  assert.is(sent.length, 1);
  const question = seen(sent[0]!);
  assert.is(sent[0]!.port, OUT);
  assert.is(question.destination, 'ff02::1:ff00:9');
  assert.is(question.hopLimit, 255);
  assert.is(question.l4[0], 135);
  const said = advertisement(serverMac(9), serverIp(9), [SIDES[OUT].mac, EXTERNAL]);
  const waited = rig.send(OUT, said).sent;
  assert.equal(
    waited.map(one => [one.port, seen(one).destination, seen(one).hopLimit]),
    [[OUT, serverIp(9), 63]],
  );
});

test('ipv6: rules: dropped, rejected, accepted by state', () => {
  const rig = Nat6Rig.create({
    rules: saveText('filter', [
      '-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
      '-A FORWARD -i in -p udp -m udp --dport 7777 -j ACCEPT',
      '-A FORWARD -i in -p udp -m udp --dport 9999 -j REJECT --reject-with icmp6-adm-prohibited',
      '-A FORWARD -j DROP',
    ]),
  });
  assert.equal(rig.stop(OUT, answer()), ['RuleDrop']);
  rig.pass(IN, ask());
  rig.pass(OUT, answer());
  const told = rig.answer(IN, outward(2, 2).udp(PORT, 9999));
  assert.equal([told.l4[0], told.l4[1]], [1, 1]);
  assert.equal(told.reasons, ['RuleReject']);
});

test('ipv6: rules by type of ICMPv6, by address, by the hop limit behind us', () => {
  const rig = Nat6Rig.create({
    rules: saveText('filter', [
      '-A FORWARD -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j DROP',
      `-A FORWARD -d ${serverIp(3)}/128 -p udp -j DROP`,
      '-A FORWARD -m hl --hl-eq 9 -j DROP',
    ]),
  });
  assert.equal(rig.stop(IN, outward(2, 2).icmp(128, 0, 1)), ['RuleDrop']);
  assert.equal(rig.stop(IN, outward(2, 3).udp(PORT, 7777)), ['RuleDrop']);
  assert.equal(rig.stop(IN, outward(2, 2, { ttl: 10 }).udp(PORT, 7777)), ['RuleDrop']);
  rig.pass(IN, ask());
});

test('ipv6: TCPMSS clamps to the way out, less 60 bytes of headers', () => {
  const rule = '-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu';
  const rig = Nat6Rig.create({ rules: saveText('mangle', [rule]) });
  const { zones } = rig.zone.core;
  zones.configureInterface(rig.zone.indexOf('out'), InterfaceOption.MtuBytes, 1400);
  const options = Uint8Array.of(2, 4, 0x05, 0xa0);
  const syn = outward(2, 2).tcp(PORT, 80, { flags: 2, acknowledged: 0, options });
  assert.is(rig.pass(IN, syn).l4.readUInt16BE(22), 1340);
});

test('ipv6: strict reverse path', () => {
  const rig = Nat6Rig.create().configure(ZoneOption.ReversePath, ReversePath.Strict);
  const frame = eth(serverMac(2), SIDES[OUT].mac).ipv6('fd00:1::77', hostIp(2)).udp(1, 2);
  assert.equal(rig.stop(OUT, frame), ['ReversePath']);
  rig.pass(IN, ask());
});

test('ipv6: counted as received and forwarded', () => {
  const rig = Nat6Rig.create();
  for (let i = 0; i < 3; i++) rig.pass(IN, ask());
  assert.is(rig.counter(ZoneCounter.Received), 3);
  assert.is(rig.counter(ZoneCounter.Forwarded), 3);
  assert.is(rig.counter(ZoneCounter.Flows), 1);
});

test('ipv6: what was sent is sound', expectAllClean);

test.run();
