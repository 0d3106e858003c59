/** IPv6 flows under pressure, and within a segment: the address table, hairpins, inspection. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FlowStatus, InterfaceOption, ZoneCounter } from '../../assembly/zone-abi.js';
import { BATCH_PACKETS } from '../../assembly/abi.js';
import { eth } from '../support/frame.js';
import { solicitation } from '../support/neighbour.js';
import {
  EXTERNAL,
  IN,
  MASQUERADE,
  Nat6Rig,
  OUT,
  ROUTER,
  SIDES,
  expectAllClean,
  hostIp,
  hostMac,
  inward,
  outward,
  seen,
  serverIp,
  way,
} from '../support/nat6-rig.js';
import { ZONE_DROPS, saveText } from '../support/zone-rig.js';

const FLOWS = 64;
/** A sixteenth of the flows and 64: table/flow-address.ts. */
const ADDRESSES = 68;
const stranger = (n: number) =>
  eth(hostMac(2), SIDES[IN].mac)
    .ipv6(`fd00:1::9:${n.toString(16)}`, serverIp(2))
    .udp(n, 7777);

test('ipv6 flows: when addresses run out, flows without an answer are given up', () => {
  const rig = Nat6Rig.create({ sizes: { Flows: 1024 } });
  for (let n = 1; n <= 2000; n++) rig.send(IN, stranger(n));
  assert.ok(rig.counter(ZoneCounter.EarlyDropped) > 1000);
  assert.ok(rig.flows().length >= 100);
  rig.pass(IN, stranger(1));
});

test('ipv6 flows: with as many streams as there are addresses new ones are refused by name', () => {
  const rig = Nat6Rig.create({ sizes: { Flows: FLOWS * 16 } });
  const limit = FLOWS + 64;
  let passed = 0;
  for (let n = 1; n <= limit + 5; n++) {
    const { sent } = rig.send(IN, stranger(n));
    if (sent.length === 0) continue;
    rig.send(OUT, inward(2, `fd00:1::9:${n.toString(16)}`).udp(7777, n));
    passed++;
  }
  rig.zone.bridge.nowMs += 2001;
  rig.settle();
  for (const flow of rig.flows()) rig.send(IN, stranger(flow.original.sourcePort));
  assert.ok(rig.flows().every(({ status }) => status & FlowStatus.Assured));
  const before = rig.flows().length;
  assert.is(before, limit - 1, 'each has a source of its own, and all one destination');
  assert.ok(passed >= before);
  assert.equal(rig.stop(IN, stranger(5000)), ['FlowsFull']);
  assert.is(rig.flows().length, before);
  rig.pass(IN, stranger(rig.flows()[0]!.original.sourcePort));
  rig.zone.core.zones.flushFlows();
  rig.pass(IN, stranger(5000));
  assert.ok((ZONE_DROPS as readonly string[]).includes('FlowsFull'));
});

test('ipv6 flows: numbers of addresses are given back, whatever becomes of packets', () => {
  const rig = Nat6Rig.create({ sizes: { Flows: FLOWS }, rules: MASQUERADE });
  for (let round = 0; round < 20; round++) {
    for (let n = 1; n <= ADDRESSES; n++) {
      rig.send(IN, stranger(n + round * 100));
      rig.send(
        IN,
        outward(2, `2001:db8:${n.toString(16)}::1`)
          .udp(40000 + n, 40001)
          .payload(2),
      );
      rig.send(IN, outward(2, 2, { ttl: 1 }).udp(40000 + n, 40001));
    }
    rig.zone.core.zones.flushFlows();
  }
  // None is lost: as many sources at once as at the beginning.
  const fresh = Nat6Rig.create({ sizes: { Flows: FLOWS }, rules: MASQUERADE });
  const passedBy = (one: Nat6Rig): number => {
    for (let n = 1; n <= ADDRESSES; n++) one.send(IN, stranger(9000 + n));
    return one.flows().length;
  };
  rig.settle();
  assert.is(passedBy(rig), passedBy(fresh));
});

test('ipv6 flows: two first packets of one flow in one batch make one', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  const inputs = Array.from({ length: BATCH_PACKETS }, () => ({
    port: IN,
    frame: outward(2, 2).udp(40000, 7777),
  }));
  const { sent, dropped } = rig.batch(inputs);
  assert.equal([sent.length, dropped.length], [BATCH_PACKETS, 0]);
  assert.is(rig.flow().original.packets, BigInt(BATCH_PACKETS));
});

/** A second host inside, at another port of the bridge, that has learned both. */
function neighbours(rules: string): Nat6Rig {
  const rig = Nat6Rig.create({ rules });
  rig.zone.bridge.port(3, { Segment: 1, Up: 1 });
  rig.send(3, solicitation(hostMac(5), hostIp(5), ROUTER));
  return rig;
}
const between = (from: number, to: number) =>
  eth(hostMac(from), hostMac(to)).ipv6(hostIp(from), hostIp(to));

test('ipv6: hairpin: a sibling is answered through the bridge, and that is translated', () => {
  const rig = neighbours(
    saveText('nat', [
      `-A PREROUTING -d ${EXTERNAL}/128 -p udp -m udp --dport 5000 -j DNAT --to-destination [${hostIp(2)}]:80`,
    ]),
  );
  const ask = eth(hostMac(5), SIDES[IN].mac).ipv6(hostIp(5), EXTERNAL).udp(40000, 5000);
  const { sent, dropped } = rig.send(3, ask);
  assert.equal(dropped, []);
  assert.is(way(seen(sent[0]!)), `[${hostIp(5)}]:40000>[${hostIp(2)}]:80`);
  const got = rig.send(IN, between(2, 5).udp(80, 40000).payload('hi')).sent[0]!;
  assert.is(got.port, 3);
  const back = seen(got);
  assert.is(way(back), `[${EXTERNAL}]:5000>[${hostIp(5)}]:40000`);
  assert.is(back.hopLimit, 64);
  const other = between(2, 5).udp(81, 40000);
  assert.equal(rig.send(IN, other).sent[0]!.bytes, other.bytes());
});

test('ipv6: BR-12: with inspection on, FORWARD decides within a segment, not about neighbours', () => {
  const rig = neighbours(
    saveText('filter', [
      '-A FORWARD -i in -o in -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A FORWARD -i in -o in -p tcp -m tcp --dport 80 -j ACCEPT',
      '-A FORWARD -i in -o in -j DROP',
    ]),
  );
  const { zones } = rig.zone.core;
  const udp = between(5, 2).udp(40000, 53);
  assert.is(rig.send(3, udp).sent[0]!.port, IN, 'bridged: not asked');
  zones.configureInterface(rig.zone.indexOf('in'), InterfaceOption.Inspect, 1);
  assert.equal(rig.stop(3, udp), ['RuleDrop']);
  const syn = between(5, 2).tcp(40000, 80, { flags: 2, sequence: 1, acknowledged: 0 });
  assert.equal(rig.send(3, syn).sent[0]!.bytes, syn.bytes());
  const answer = between(2, 5).tcp(80, 40000, { flags: 0x12, sequence: 9, acknowledged: 2 });
  assert.equal(rig.send(IN, answer).sent[0]!.bytes, answer.bytes());
  assert.ok(rig.send(3, solicitation(hostMac(5), hostIp(5), hostIp(2))).sent.length > 0);
});

test('ipv6 flows: what was sent is sound', expectAllClean);

test.run();
