/**
 * Conformance cases of area A5, NAT of TCP (RFC 5382): CT-A01 to CT-A07 and CT-A15
 * to CT-A20. Sequence numbers are relative to those each side begins with. tshark looks at
 * all that was sent.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop } from '../../assembly/abi.js';
import { FlowProfile, FlowTimer, TcpState, ZoneCounter } from '../../assembly/zone-abi.js';
import { type Frame, fromHex } from '../support/frame.js';
import {
  EXTERNAL,
  IN,
  NatRig,
  OUT,
  errorAbout,
  expectAllClean,
  hostIp,
  inward,
  ipOf,
  outward,
  seen,
  serverIp,
  way,
} from '../support/nat-rig.js';
import { Client, TcpPair } from '../support/tcp-pair.js';
import { MASQUERADE, natRules, saveText } from '../support/zone-rig.js';

const established = (rig: NatRig, ports = {}): TcpPair => TcpPair.open(rig, ports);
const stateOf = (rig: NatRig): string => TcpState[rig.flow().state]!;

test('CT-A01: open, data and FIN of both ends: every segment passes, translated', () => {
  const rig = NatRig.create();
  const pair = established(rig);
  assert.is(stateOf(rig), 'Established');
  for (let i = 0; i < 3; i++) {
    pair.client('A', 'question').server('A', 'answer');
  }
  const steps: [Client, string, string][] = [
    ['client', 'FA', 'FinWait'],
    ['server', 'A', 'CloseWait'],
    ['server', 'FA', 'LastAck'],
    ['client', 'A', 'TimeWait'],
  ];
  for (const [who, flags, state] of steps) {
    pair.say(who, flags);
    assert.is(stateOf(rig), state);
  }
  assert.is(rig.counter(ZoneCounter.Invalid), 0);
});

test('CT-A02: both ends open at once', () => {
  const rig = NatRig.create();
  const pair = TcpPair.of(rig);
  pair.client('S');
  pair.server('S');
  assert.is(stateOf(rig), 'SynSent2');
  pair.client('SA', '', { again: true });
  pair.server('SA', '', { again: true });
  pair.client('A').server('A', 'data').client('A', 'data');
  assert.is(stateOf(rig), 'Established');
  assert.is(rig.counter(ZoneCounter.Invalid), 0);
});

test('CT-A03: strict: nobody answers a SYN that nobody asked for, and it may be met', () => {
  const rig = NatRig.create({ profile: FlowProfile.Strict });
  const pair = TcpPair.of(rig);
  const syn = pair.frame('server', 'S');
  for (let i = 0; i < 6; i++) {
    assert.equal(rig.stop(OUT, syn), []);
    rig.wait(1000);
  }
  pair.client('S');
  rig.pass(OUT, syn);
  assert.is(stateOf(rig), 'SynSent2');
});

test('CT-A03: linux: the router answers it with a reset, as the target that it is', () => {
  const rig = NatRig.create();
  const { sent } = rig.send(OUT, inward(2).tcp(80, 40000, { flags: 2, acknowledged: 0 }));
  assert.equal(
    sent.map(({ port }) => port),
    [OUT],
  );
  assert.is(seen(sent[0]!).l4[13]! & 4, 4);
});

for (const { profile, idleMs } of [
  { profile: FlowProfile.Strict, idleMs: 7439000 },
  { profile: FlowProfile.Linux, idleMs: 431999000 },
]) {
  test(`CT-A04: ${FlowProfile[profile]}: established, silent for ${idleMs / 1000} s: alive`, () => {
    const rig = NatRig.create({ profile });
    const pair = established(rig);
    rig.wait(idleMs);
    pair.server('A', 'late').client('A', 'later');
  });
}

test('CT-A04: strict: what opens or closes lives for 240 s', () => {
  const opening = NatRig.create({ profile: FlowProfile.Strict });
  const half = TcpPair.of(opening).client('S');
  opening.wait(239999);
  half.server('SA');
  const closing = NatRig.create({ profile: FlowProfile.Strict });
  const pair = established(closing).client('FA').server('A').server('FA').client('A');
  closing.wait(239999);
  pair.server('A');
});

const STATIC = natRules(
  '-A PREROUTING -d 203.0.113.1 -p tcp --dport 8765 -j DNAT --to-destination 10.0.1.9:5678',
  '-A POSTROUTING -s 10.0.1.0/24 -d 10.0.1.9 -j SNAT --to-source 203.0.113.1 --random',
  '-A POSTROUTING -s 10.0.1.0/24 -o out -j MASQUERADE',
);

test('CT-A05: hairpin by a static mapping: the server sees the external address', () => {
  const rig = NatRig.create({ rules: STATIC });
  const to = (flags: number, frame: Frame): ReturnType<typeof seen> => {
    const { sent, dropped } = rig.send(IN, frame);
    assert.equal(dropped, []);
    assert.is(sent[0]!.port, IN);
    const got = seen(sent[0]!);
    assert.is(got.l4[13], flags);
    return got;
  };
  rig.zone.bridge.port(IN, { Hairpin: 1 });
  const syn = outward(8, EXTERNAL).tcp(1234, 8765, { flags: 2, sequence: 1, acknowledged: 0 });
  const asked = to(2, syn);
  assert.is(asked.source, EXTERNAL);
  assert.is.not(asked.sourcePort, 1234);
  assert.is(`${asked.destination}:${asked.destinationPort}`, '10.0.1.9:5678');
  const reply = outward(9, EXTERNAL).tcp(5678, asked.sourcePort, { flags: 0x12, acknowledged: 2 });
  assert.is(way(to(0x12, reply)), '203.0.113.1:8765>10.0.1.8:1234');
  const ack = outward(8, EXTERNAL).tcp(1234, 8765, { sequence: 2, acknowledged: 2 });
  assert.is(way(to(0x10, ack)), `${EXTERNAL}:${asked.sourcePort}>10.0.1.9:5678`);
});

test('CT-A06: an ICMP unreachable about a connection leaves it as it is', () => {
  const rig = NatRig.create();
  const pair = established(rig);
  const left = rig.passed(IN, pair.frame('client', 'A', 'data'));
  const before = rig.flow();
  for (const code of [0, 1, 3]) {
    const error = rig.pass(OUT, errorAbout(3, ipOf(left.bytes), { code, bytes: 28 }));
    assert.is(error.destination, hostIp(2));
  }
  assert.equal(rig.flow(), before);
  pair.server('A', 'alive').client('A');
});

test('CT-A07: a published port: the SYN arrives inside, the answer leaves as published', () => {
  const rule =
    '-A PREROUTING -d 203.0.113.1 -p tcp --dport 8080 -j DNAT --to-destination 10.0.1.2:80';
  const rig = NatRig.create({ rules: natRules(rule) });
  const syn = rig.pass(OUT, inward(2).tcp(40000, 8080, { flags: 2, sequence: 9, acknowledged: 0 }));
  assert.is(way(syn), `${serverIp(2)}:40000>${hostIp(2)}:80`);
  const reply = rig.pass(IN, outward(2, 2).tcp(80, 40000, { flags: 0x12, acknowledged: 10 }));
  assert.is(way(reply), `${EXTERNAL}:8080>${serverIp(2)}:40000`);
});

test('CT-A15: flags that mean nothing together never leave', () => {
  const rig = NatRig.create();
  for (const flags of [0, 0x03, 0x07, 0x06, 0x05, 0x01, 0x3f, 0x29, 0x08]) {
    assert.equal(rig.stop(IN, outward(2, 2).tcp(40000, 80, { flags })), ['Invalid'], `${flags}`);
  }
  established(rig);
  for (const flags of [0, 0x03, 0x29]) {
    assert.equal(rig.stop(IN, outward(2, 2).tcp(40000, 80, { flags })), ['Invalid']);
  }
});

test('CT-A16: two hosts with the same ports: both connections are usable', () => {
  const rig = NatRig.create();
  const pairs = [2, 3].map(host => established(rig, { host }));
  assert.is.not(pairs[0]!.externalPort, pairs[1]!.externalPort);
  for (const pair of pairs) pair.client('A', 'one').server('A', 'two').client('A');
  assert.is(rig.flows().length, 2);
});

test('CT-A17: a rule takes hold when the unanswered flow is dead, however often it is tried', () => {
  const rig = NatRig.create();
  rig.zone.core.zones.setTimer(FlowProfile.Linux, FlowTimer.TcpSynSent, 10000);
  const pair = TcpPair.of(rig);
  const target = (): string => rig.pass(IN, pair.frame('client', 'S')).destination;
  assert.is(target(), serverIp(2));
  const redirect = '-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 203.0.113.3:80';
  rig.zone.rules(MASQUERADE.replace('COMMIT', `${redirect}\nCOMMIT`));
  for (let i = 0; i < 9; i++) assert.is(rig.wait(1000) && target(), serverIp(2));
  assert.is(rig.wait(1000) && target(), serverIp(3));
});

test('CT-A18: without rules nothing is rewritten, whatever meets', () => {
  const rig = NatRig.create({ rules: saveText('nat', []) });
  for (let port = 1; port <= 100; port++) {
    const there = rig.pass(IN, outward(2, 2).udp(1000 + port, 2000));
    assert.is(way(there), `${hostIp(2)}:${1000 + port}>${serverIp(2)}:2000`);
    const other = rig.pass(OUT, inward(2, hostIp(2)).udp(2000, 2000 + port));
    assert.is(way(other), `${serverIp(2)}:2000>${hostIp(2)}:${2000 + port}`);
    const back = rig.pass(IN, outward(2, 2).udp(2000 + port, 2000));
    assert.is(way(back), `${hostIp(2)}:${2000 + port}>${serverIp(2)}:2000`);
  }
  assert.is(rig.flows().length, 200);
});

test('CT-A19: one address and port, in use: the second flow is dropped, not mistaken', () => {
  const rule = '-A POSTROUTING -p tcp -o out -j SNAT --to-source 203.0.113.1:34568';
  const rig = NatRig.create({ rules: natRules(rule) });
  const pair = established(rig);
  assert.is(pair.externalPort, 34568);
  const other = outward(3, 2).tcp(40000, 80, { flags: 2, acknowledged: 0 });
  assert.equal(rig.stop(IN, other), ['PortsExhausted']);
  assert.is(rig.flows().length, 1);
  assert.is(rig.drops(Drop.PortsExhausted), 1);
  pair.client('A', 'still').server('A', 'here');
});

for (const [mss, want] of [
  [1000, 1000],
  [undefined, 1400],
  [1500, 1400],
] as const) {
  test(`CT-A20: clamp ${mss ?? 'off'}: an MSS of 1400 becomes ${want}`, () => {
    const rule = `-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss ${mss}`;
    const mangle = mss === undefined ? '' : saveText('mangle', [rule]);
    const rig = NatRig.create({ rules: MASQUERADE + mangle });
    const options = fromHex('02040578');
    const syn = outward(2, 2).tcp(40000, 80, { flags: 2, acknowledged: 0, options });
    const out = rig.pass(IN, syn);
    assert.is(out.l4.readUInt16BE(22), want);
    assert.is(out.source, EXTERNAL);
  });
}

test('all: tshark finds nothing wrong with what was sent', expectAllClean);

test.run();
