/** What the comparison with kernel netfilter (test/e2e/netfilter-*.test.ts) found, without root. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Frame, eth } from '../support/frame.js';
import {
  HOST,
  HOST_IP,
  INSIDE,
  MASQUERADE,
  OUTSIDE,
  SERVER,
  SERVER_IP,
  ZoneRig,
  saveText,
} from '../support/zone-rig.js';

const SYN = 0x02;
const RST_ACK = 0x14;
const ACK = 0x10;
const SYN_ACK = 0x12;
const TTL_AT = 22;

const out = (): Frame => eth(HOST, INSIDE.mac).ipv4(HOST_IP, SERVER_IP);
const back = (): Frame => eth(SERVER, OUTSIDE.mac).ipv4(SERVER_IP, HOST_IP);

/** TTL of the only frame that comes out. */
function ttlOf(rig: ZoneRig, port: number, frame: Frame): number {
  const { sent, dropped } = rig.send(port, frame);
  assert.equal(dropped, []);
  assert.is(sent.length, 1);
  return sent[0]!.bytes[TTL_AT]!;
}

/** TTL 9: the packet is of the state. */
function marks(state: string): string {
  return saveText('mangle', [`-A POSTROUTING -m conntrack --ctstate ${state} -j TTL --ttl-set 9`]);
}

test('rules: a TTL set before routing is one less behind it, one set later stays', () => {
  for (const [rule, want] of [
    ['-A PREROUTING -j TTL --ttl-set 9', 8],
    ['-A PREROUTING -j TTL --ttl-inc 2', 65],
    ['-A FORWARD -j TTL --ttl-dec 3', 60],
    ['-A POSTROUTING -j TTL --ttl-set 9', 9],
    ['-A FORWARD -m ttl --ttl-eq 63 -j TTL --ttl-set 9', 9],
    ['-A PREROUTING -m ttl --ttl-eq 64 -j TTL --ttl-set 9', 8],
  ] as const) {
    const rig = ZoneRig.settled({ rules: saveText('mangle', [rule]) });
    assert.is(ttlOf(rig, 1, out().udp(1, 2)), want, rule);
  }
});

test('rules: a packet whose TTL a rule sets to 1 goes no further', () => {
  const rules = saveText('mangle', ['-A PREROUTING -j TTL --ttl-set 1']);
  const { dropped } = ZoneRig.settled({ rules }).send(1, out().udp(1, 2));
  assert.is(dropped[0]!.reason, 'TtlExceeded');
});

test('rules: an ICMP error about nothing known meets the mangle table', () => {
  const rules = saveText('mangle', ['-A FORWARD -m conntrack --ctstate INVALID -j DROP']);
  const { dropped } = ZoneRig.settled({ rules }).send(1, out().icmp(3, 1).payload(28));
  assert.is(dropped[0]!.reason, 'RuleDrop');
});

test('conntrack: a SYN from who was called, and a SYN ACK from who called, are invalid', () => {
  for (const [port, frame] of [
    [2, back().tcp(80, 4000, { flags: SYN })],
    [1, out().tcp(4000, 80, { flags: SYN_ACK })],
  ] as const) {
    const rig = ZoneRig.settled({ rules: marks('INVALID') });
    rig.send(1, out().tcp(4000, 80, { flags: ACK }));
    assert.is(ttlOf(rig, port, frame), 9);
  }
});

test('conntrack: the answer to a SYN is that to the last one', () => {
  const rig = ZoneRig.settled({ rules: marks('INVALID') });
  rig.send(1, out().tcp(4000, 80, { flags: SYN, sequence: 1000 }));
  rig.send(1, out().tcp(4000, 80, { flags: SYN, sequence: 500 }));
  const answer = (acknowledged: number): Frame =>
    back().tcp(80, 4000, { flags: SYN_ACK, acknowledged });
  assert.is(ttlOf(rig, 2, answer(1001)), 9);
  assert.is(ttlOf(rig, 2, answer(501)), 63);
});

test('conntrack: nothing is left of a call that was refused', () => {
  const rig = ZoneRig.settled({ rules: marks('NEW') });
  rig.send(1, out().tcp(4000, 80, { flags: SYN, sequence: 1000 }));
  assert.is(ttlOf(rig, 2, back().tcp(80, 4000, { flags: RST_ACK })), 63);
  assert.is(ttlOf(rig, 2, back().tcp(80, 4000, { flags: ACK })), 9);
});

test('rules: a mark that a refused packet gives its flow holds for what comes back', () => {
  const rules = saveText('mangle', [
    '-A FORWARD -o in -m connmark --mark 0x3 -j DROP',
    '-A FORWARD -i in -m length --length 100: -j CONNMARK --set-mark 3',
    '-A FORWARD -i in -m length --length 100: -j DROP',
  ]);
  const rig = ZoneRig.settled({ rules });
  for (let i = 0; i < 3; i++) {
    rig.send(1, out().udp(4000, 80));
    assert.equal(rig.send(2, back().udp(80, 4000)).dropped, []);
  }
  assert.is(rig.send(1, out().udp(4000, 80).payload(100)).dropped[0]!.reason, 'RuleDrop');
  assert.is(rig.send(2, back().udp(80, 4000)).dropped[0]!.reason, 'RuleDrop');
});

test('related: an error about an echo reply is one about the echo', () => {
  const rig = ZoneRig.settled({ rules: MASQUERADE });
  rig.send(1, out().icmp(8, 0, 0x10001));
  const answer = eth(SERVER, OUTSIDE.mac).ipv4(SERVER_IP, '203.0.113.1').icmp(0, 0, 0x10001);
  const came = rig.send(2, answer).sent[0]!.bytes;
  const { sent, dropped } = rig.send(1, out().icmp(3, 1).payload(came.subarray(14)));
  assert.equal(dropped, []);
  const quoted = eth().ipv4(SERVER_IP, '203.0.113.1', { ttl: 63 }).icmp(0, 0, 0x10001);
  const error = eth(OUTSIDE.mac, SERVER).ipv4('203.0.113.1', SERVER_IP, { ttl: 63 });
  assert.equal(sent[0]!.bytes, error.icmp(3, 1).payload(quoted.bytes().subarray(14)).bytes());
});

test.run();
