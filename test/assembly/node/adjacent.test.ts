/**
 * How neighbours are asked for and given up (RFC 4861 §7.2, §7.3, RFC 826): whole questions
 * are compared, second by second.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PortOption } from '../../../assembly/abi.js';
import {
  ADDRESSES,
  AdjacentRig,
  ROUTER,
  ROUTER_IP,
  ROUTER_IP6,
  ROUTER_LINK,
} from '../../support/adjacent-rig.js';
import { eth, hex } from '../../support/frame.js';
import { arp, linkOption, nd, request, solicitation } from '../../support/neighbour.js';

const IP = '10.0.0.2';
const IP6 = 'fd00::2';
const ZERO_MAC = '00:00:00:00:00:00';
const MAC = '02:00:00:00:00:02';
const ASK = hex(request(ROUTER, ROUTER_IP, IP).bytes());
const ASK6 = hex(solicitation(ROUTER, ROUTER_IP6, IP6).bytes());

/** The question to one station. */
const PROBE = hex(
  eth(ROUTER, MAC)
    .type(0x0806)
    .payload(arp({ sender: [ROUTER, ROUTER_IP], target: [ZERO_MAC, IP] }))
    .bytes(),
);
const PROBE6 = hex(
  eth(ROUTER, MAC)
    .type(0x86dd)
    .payload(
      nd({ source: ROUTER_IP6, destination: IP6, target: IP6, options: linkOption(1, ROUTER) }),
    )
    .bytes(),
);

for (const [ip, question] of [
  [IP, ASK],
  [IP6, ASK6],
] as const) {
  test(`adjacent: all the link is asked for ${ip} three times, a second apart`, () => {
    const rig = AdjacentRig.create();
    rig.to(ip);
    assert.equal(rig.attend(), [question]);
    assert.equal(rig.attend(), [question], 'not again in this batch');
    assert.equal(rig.open(999).attend(), []);
    assert.equal(rig.open(1).attend(), [question]);
    assert.equal(rig.open(1000).attend(), [question]);
    assert.equal(rig.open(999).attend(), []);
    assert.is(rig.state(ip), 'Incomplete');
    assert.equal(rig.open(1).attend(), []);
    assert.is(rig.state(ip), 'Failed');
    assert.is(rig.table.listed, 0);
  });
}

test('adjacent: one on another link has the interface speak with what it has', () => {
  const rig = AdjacentRig.create();
  rig.to('192.0.2.9');
  rig.to('fe80::9');
  assert.equal(rig.attend(), [
    hex(request(ROUTER, ROUTER_IP, '192.0.2.9').bytes()),
    hex(solicitation(ROUTER, ROUTER_LINK, 'fe80::9').bytes()),
  ]);
});

test('adjacent: of two addresses of a family the one on the subnet asks', () => {
  const rig = AdjacentRig.create({ addresses: ['10.0.0.1/24', '10.9.0.1/16'] });
  rig.to('10.9.3.4');
  assert.equal(rig.attend(), [hex(request(ROUTER, '10.9.0.1', '10.9.3.4').bytes())]);
});

test('adjacent: without an address of the family, or down, it is asked in vain', () => {
  const rig = AdjacentRig.create({ addresses: ADDRESSES.slice(0, 1) });
  rig.to(IP6);
  assert.equal(rig.attend(), []);
  rig.setPort(PortOption.Up, 0);
  rig.to(IP);
  assert.equal(rig.seconds(5), []);
  assert.equal(rig.walk(), [`0 ${IP} Failed`, `0 ${IP6} Failed`]);
});

test('adjacent: one that did not answer is forgotten a minute later', () => {
  const rig = AdjacentRig.create();
  rig.to(IP);
  rig.attend();
  rig.seconds(3);
  assert.is(rig.state(IP), 'Failed');
  rig.seconds(59);
  assert.is(rig.state(IP), 'Failed');
  rig.seconds(1);
  assert.is(rig.state(IP), 'None');
});

test('adjacent: what is confirmed is reachable for 30 s, then stale as long as nobody cares', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  rig.attend();
  rig.confirm(neighbour, MAC);
  assert.equal(rig.open(29999).attend(), []);
  assert.is(rig.state(IP), 'Reachable');
  assert.equal(rig.open(1000).attend(), []);
  assert.is(rig.state(IP), 'Stale');
  assert.equal(rig.seconds(100), []);
  assert.is(rig.state(IP), 'Stale');
  assert.is(rig.table.listed, 0);
});

for (const [ip, probe] of [
  [IP, PROBE],
  [IP6, PROBE6],
] as const) {
  test(`adjacent: a stale ${ip} in use is asked by itself 5 s later, and given up`, () => {
    const rig = AdjacentRig.create();
    const neighbour = rig.to(ip);
    rig.learn(neighbour, MAC);
    assert.equal(rig.attend(), []);
    rig.call('useAdjacency', neighbour);
    assert.is(rig.state(ip), 'Delay');
    assert.equal(rig.open(4999).attend(), []);
    assert.ok(rig.read(neighbour)!.isOpen);
    assert.equal(rig.open(1).attend(), [probe]);
    assert.is(rig.state(ip), 'Probe');
    assert.ok(rig.read(neighbour)!.isOpen);
    assert.equal(rig.seconds(2), [probe, probe]);
    assert.equal(rig.seconds(1), []);
    assert.equal([rig.state(ip), rig.read(neighbour)!.mac], ['Failed', '']);
  });
}

test('adjacent: whoever answers a probe, or speaks before it, is asked no more', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  rig.learn(neighbour, MAC);
  rig.call('useAdjacency', neighbour);
  rig.confirm(neighbour, MAC);
  assert.equal(rig.seconds(20), []);
  rig.seconds(11);
  rig.call('useAdjacency', neighbour);
  assert.equal(rig.seconds(5), [PROBE]);
  rig.confirm(neighbour, MAC);
  assert.equal(rig.seconds(10), []);
  assert.is(rig.state(IP), 'Reachable');
});

test('adjacent: a batch asks so many; the others are asked in the next ones', () => {
  const rig = AdjacentRig.create({ rows: 400 });
  for (let i = 0; i < 200; i++) rig.to(`10.0.${i}.2`);
  const asked = [rig.attend(), ...[1, 2, 3].map(() => rig.open(1).attend())];
  assert.equal(
    asked.map(({ length }) => length),
    [64, 64, 64, 8],
  );
  assert.is(new Set(asked.flat()).size, 200);
});

test('adjacent: a batch without room asks nobody, and it counts as no question', () => {
  const rig = AdjacentRig.create({ copyBytes: 256 });
  rig.to(IP);
  rig.to('10.0.0.3');
  assert.equal(rig.attend(), [ASK]);
  assert.equal(rig.open(1).attend(), [hex(request(ROUTER, ROUTER_IP, '10.0.0.3').bytes())]);
});

test('adjacent: a clock that wraps changes nothing', () => {
  const rig = AdjacentRig.create();
  rig.core.nowMs = 0xffffffff - 1500;
  rig.open();
  rig.to(IP);
  assert.equal(rig.attend(), [ASK]);
  for (const question of [[ASK], [ASK], []]) {
    rig.core.nowMs = (rig.core.nowMs + 1000) >>> 0;
    assert.equal(rig.open().attend(), question);
  }
  assert.is(rig.state(IP), 'Failed');
});

test.run();
