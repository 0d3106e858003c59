/**
 * Conformance cases of area A4, NAT of UDP (RFC 4787): mappings, NAT-A01 to NAT-A14. Ports
 * that the core chooses are compared by rule. tshark looks at all that was sent.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FlowProfile } from '../../assembly/zone-abi.js';
import {
  EXTERNAL,
  IN,
  NatRig,
  OUT,
  errorAbout,
  expectAllClean,
  hostIp,
  hostMac,
  inward,
  ipOf,
  outward,
  serverIp,
  serverMac,
  way,
} from '../support/nat-rig.js';
import { ETHERNET, type Frame, eth } from '../support/frame.js';
import { captureFrames } from '../support/pcap.js';
import { testWithShared } from '../support/with-shared.js';
import { INSIDE, OUTSIDE, natRules } from '../support/zone-rig.js';

const PORT = 40000;
const SERVICE = 7777;
/** 10.0.1.`host`:`port` to server `server`:7777. */
const ask = (host = 2, port = PORT, server = 2): Frame => outward(host, server).udp(port, SERVICE);
const answer = (port: number, server = 2): Frame => inward(server).udp(SERVICE, port);

test('NAT-A01: the source becomes the external address; the rest stays as it is', () => {
  const rig = NatRig.create();
  const frame = outward(2, 2, { id: 0x1234, ttl: 64 }).udp(PORT, SERVICE).payload('payload');
  const { bytes } = rig.passed(IN, frame);
  const want = eth(OUTSIDE.mac, serverMac(2)).ipv4(EXTERNAL, serverIp(2), { id: 0x1234, ttl: 63 });
  assert.equal(bytes, want.udp(PORT, SERVICE).payload('payload').bytes());
});

test('NAT-A02: the answer goes to the host behind the mapping', () => {
  const rig = NatRig.create();
  const { sourcePort } = rig.pass(IN, ask());
  const { bytes } = rig.passed(OUT, answer(sourcePort).payload('answer'));
  const want = eth(INSIDE.mac, hostMac(2)).ipv4(serverIp(2), hostIp(2), { ttl: 63 });
  assert.equal(bytes, want.udp(SERVICE, PORT).payload('answer').bytes());
});

test('NAT-A03: by default a port is kept while it is free, so it looks endpoint independent', () => {
  const rig = NatRig.create();
  const ways = [
    [2, 7777],
    [3, 7777],
    [2, 8888],
    [3, 9999],
  ].map(([server, port]) => rig.pass(IN, outward(2, server!).udp(PORT, port!)));
  for (const seen of ways) assert.is(`${seen.source}:${seen.sourcePort}`, `${EXTERNAL}:${PORT}`);
});

test('NAT-A04: a host keeps its external address of a pool', () => {
  const pool = '203.0.113.10-203.0.113.11';
  const rig = NatRig.create({
    rules: natRules(`-A POSTROUTING -o out -j SNAT --to-source ${pool}`),
  });
  const used = new Set<string>();
  for (const host of [2, 3, 4, 8, 9]) {
    const sources = [2, 3].flatMap(server =>
      [1000, 2000, 3000].map(port => rig.pass(IN, outward(host, server).udp(port, SERVICE)).source),
    );
    assert.is(new Set(sources).size, 1, hostIp(host));
    used.add(sources[0]!);
  }
  for (const source of used) assert.ok(['203.0.113.10', '203.0.113.11'].includes(source));
});

test('NAT-A05: two hosts with one port get two external ports, and their own answers', () => {
  const rig = NatRig.create();
  const ports = [2, 3].map(host => rig.pass(IN, ask(host)).sourcePort);
  assert.is.not(ports[0], ports[1]);
  [2, 3].forEach((host, i) => {
    const seen = rig.pass(OUT, answer(ports[i]!));
    assert.is(way(seen), `${serverIp(2)}:${SERVICE}>${hostIp(host)}:${PORT}`);
  });
});

test('NAT-A06: a port below 1024 becomes one below 1024, one below 512 stays below 512', () => {
  const rig = NatRig.create();
  for (const [port, most] of [
    [500, 511],
    [1000, 1023],
  ] as const) {
    const [first, second] = [2, 3].map(host => rig.pass(IN, ask(host, port)).sourcePort);
    assert.is(first, port);
    assert.is.not(second, port);
    assert.ok(second! >= 1 && second! <= most, `${second}`);
  }
});

test('NAT-A07: a port that must change stays even or odd', () => {
  const rig = NatRig.create();
  const given = new Set<number>();
  for (let port = 41000; port < 41200; port++) {
    rig.pass(IN, ask(2, port));
    const { sourcePort } = rig.pass(IN, ask(3, port));
    assert.is.not(sourcePort, port);
    assert.is(sourcePort % 2, port % 2, `${port} became ${sourcePort}`);
    assert.ok(sourcePort >= 32768 && sourcePort <= 60999);
    given.add(sourcePort);
  }
  assert.is(given.size, 200);
});

const LIVES = [
  { profile: FlowProfile.Linux, aloneMs: 30000, streamMs: 120000 },
  { profile: FlowProfile.Strict, aloneMs: 300000, streamMs: 300000 },
];

for (const { profile, aloneMs, streamMs } of LIVES) {
  const name = FlowProfile[profile];
  test(`NAT-A08: ${name}: an unanswered mapping lives for ${aloneMs / 1000} s`, () => {
    const before = NatRig.create({ profile });
    before.pass(IN, ask());
    before.wait(aloneMs - 1).pass(OUT, answer(PORT));
    const rig = NatRig.create({ profile });
    rig.pass(IN, ask());
    rig.wait(aloneMs);
    assert.is(rig.send(OUT, answer(PORT)).sent.filter(({ port }) => port === IN).length, 0);
  });

  test(`NAT-A08: ${name}: one with answers lives for ${streamMs / 1000} s`, () => {
    const rig = NatRig.create({ profile });
    rig.pass(IN, ask());
    rig.pass(OUT, answer(PORT));
    rig.wait(2001).pass(IN, ask());
    rig.wait(119000).pass(OUT, answer(PORT));
    rig.wait(streamMs - 1).pass(OUT, answer(PORT));
    rig.wait(streamMs);
    assert.is(rig.send(OUT, answer(PORT)).sent.filter(({ port }) => port === IN).length, 0);
  });
}

test('NAT-A09: what the inside sends keeps a mapping; strict, every 100 s for 10 min', () => {
  const rig = NatRig.create({ profile: FlowProfile.Strict });
  rig.pass(IN, ask(3));
  const { sourcePort } = rig.pass(IN, ask(2));
  const { id } = rig.flows().at(-1)!;
  for (let i = 0; i < 6; i++) {
    assert.is(rig.wait(100000).pass(IN, ask(2)).sourcePort, sourcePort);
    assert.is(rig.flows().at(-1)!.id, id);
  }
});

test('NAT-A10: what the outside sends keeps a mapping too', () => {
  const rig = NatRig.create({ profile: FlowProfile.Strict });
  rig.pass(IN, ask());
  for (let i = 0; i < 6; i++) rig.wait(100000).pass(OUT, answer(PORT));
});

test('NAT-A11: by default filtering depends on address and port', () => {
  const rig = NatRig.create();
  rig.pass(IN, ask());
  const others = [inward(2).udp(SERVICE + 1, PORT), inward(3).udp(SERVICE, PORT)];
  for (const frame of others) {
    const { sent } = rig.send(OUT, frame);
    assert.equal(
      sent.map(({ port }) => port),
      [OUT],
      'the router says that nobody is there',
    );
  }
  rig.pass(OUT, answer(PORT));
});

/** Payloads of UDP or TCP packets of a capture, over Ethernet or by themselves. */
function payloadsOf(path: string, protocol: number): Uint8Array[] {
  return captureFrames(path).flatMap(frame => {
    const isRaw = frame[0]! >> 4 === 4 && frame[9] === protocol;
    const ip = Buffer.from(frame).subarray(isRaw ? 0 : ETHERNET);
    const isIpv6 = ip[0]! >> 4 === 6;
    if (ip[isIpv6 ? 6 : 9] !== protocol) return [];
    const end = isIpv6 ? 40 + ip.readUInt16BE(4) : ip.readUInt16BE(2);
    const l4 = ip.subarray(isIpv6 ? 40 : (ip[0]! & 0xf) * 4, end);
    const payload = l4.subarray(protocol === 6 ? (l4[12]! >> 4) * 4 : 8);
    return payload.length === 0 || payload.length > 1400 ? [] : [Uint8Array.from(payload)];
  });
}

testWithShared('pcaps/svc/wireshark__sip.pcapng', 'NAT-A13: SIP passes with every byte', path => {
  const rig = NatRig.create({ isClean: false }); // tshark faults some of the capture's SIP
  const payloads = payloadsOf(path, 17);
  assert.ok(payloads.length > 0);
  for (const payload of payloads) {
    const out = rig.pass(IN, outward(2, 2).udp(5060, 5060).payload(payload));
    assert.equal(Uint8Array.from(out.l4.subarray(8)), payload);
    const back = rig.pass(OUT, inward(2).udp(5060, out.sourcePort).payload(payload));
    assert.equal(Uint8Array.from(back.l4.subarray(8)), payload);
  }
});

for (const file of ['ndpi__ftp_failed', 'ndpi__pptp']) {
  testWithShared(`pcaps/svc/${file}.pcap`, `NAT-A13: ${file} passes with every byte`, path => {
    const rig = NatRig.create();
    const payloads = payloadsOf(path, 6);
    assert.ok(payloads.length > 0);
    let sequence = 1000;
    for (const payload of payloads) {
      const frame = outward(2, 2).tcp(PORT, 21, { sequence }).payload(payload);
      assert.equal(Uint8Array.from(rig.pass(IN, frame).l4.subarray(20)), payload);
      sequence += payload.length;
    }
  });
}

test('NAT-A14: a port unreachable about a live mapping is translated, and the mapping stays', () => {
  const rig = NatRig.create();
  const left = rig.passed(IN, ask());
  const before = rig.flow();
  const error = rig.pass(OUT, errorAbout(2, ipOf(left.bytes)));
  assert.is(error.destination, hostIp(2));
  assert.is(error.l4[0], 3);
  assert.equal(rig.flow(), { ...before });
  assert.is(way(rig.pass(OUT, answer(PORT))), `${serverIp(2)}:${SERVICE}>${hostIp(2)}:${PORT}`);
});

test('all: tshark finds nothing wrong with what was sent', expectAllClean);

test.run();
