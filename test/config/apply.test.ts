import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FdbKind, PortCounter, Region, Rx, RX_BYTES, SegmentCounter } from '../../assembly/abi.js';
import { HEADROOM_BYTES, Tx, TX_BYTES } from '../../assembly/abi.js';
import { applyPlan } from '../../src/config/apply.js';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, planOf } from '../../src/config/plan.js';
import { Core } from '../../src/core.js';

const FRAME_BYTES = 60;
const BROADCAST = 'ffffffffffff';
const A = '020000000001';
const B = '020000000002';

/** A core and the plan it has. */
class Rig {
  private plan: Plan;
  readonly core: Core;

  constructor(text: string) {
    this.plan = planOf(parseConfig(text, 'net.yaml'));
    this.core = Core.create(this.plan.capacities, 7n, 'test');
    applyPlan(this.core, this.plan);
  }

  reload(text: string): void {
    const next = planOf(parseConfig(text, 'net.yaml'), this.plan);
    applyPlan(this.core, next, this.plan);
    this.plan = next;
  }

  /** Sends a frame in; the ports it leaves by, with `t` and the VLAN if it is tagged. */
  send(port: number, destination: string, source: string, tag = ''): string[] {
    const { core } = this;
    const data = core.region(Region.Arena) + HEADROOM_BYTES;
    const head = Buffer.from(`${destination}${source}${tag}abcd`, 'hex');
    core.bytes.fill(0, data, data + FRAME_BYTES).set(head, data);
    const rx = core.region(Region.Rx);
    core.bytes.fill(0, rx, rx + RX_BYTES);
    core.view.setUint32(rx + Rx.Data, data, true);
    core.view.setUint32(rx + Rx.Length, FRAME_BYTES, true);
    core.view.setUint16(rx + Rx.Port, port, true);
    return Array.from({ length: core.process(1, 1000) }, (_, i) => this.sent(i));
  }

  private sent(index: number): string {
    const { core } = this;
    const at = core.region(Region.Tx) + index * TX_BYTES;
    const data = core.view.getUint32(at + Tx.Data, true);
    const port = core.view.getUint16(at + Tx.Port, true);
    const isTagged = core.view.getUint16(data + 12) === 0x8100;
    return isTagged ? `${port}t${core.view.getUint16(data + 14) & 0xfff}` : `${port}`;
  }

  fdb(): string[] {
    const entries = [...this.core.fdbEntries()].map(
      ({ mac, domain, port, kind }) => `${mac.toString(16)} ${domain} ${port} ${FdbKind[kind]}`,
    );
    return entries.sort();
  }
}

const LAN = `
segments: { lan: { fdb: [] }, other: }
ports:
  p0: { kind: memory, segment: lan }
  p1: { kind: memory, segment: lan }
  p2: { kind: memory, segment: lan }`;
const STATIC = LAN.replace('fdb: []', 'fdb: [{ mac: "02:00:00:00:00:02", port: p2 }]');

test('apply: a plain segment floods and learns', () => {
  const rig = new Rig(LAN);
  assert.equal(rig.send(0, BROADCAST, A), ['1', '2']);
  assert.equal(rig.send(1, A, B), ['0']);
});

test('apply: the port-mode matrix of Open vSwitch (VL-A02, A05, A08, A10, A12, A13)', () => {
  const trunk = (rest: string): string =>
    `{ kind: memory, segment: lan, vlan: { mode: trunk, ${rest} } }`;
  const access = (vid: number): string =>
    `{ kind: memory, segment: lan, vlan: { mode: access, vid: ${vid} } }`;
  const rig = new Rig(`
segments: { lan: { vlanAware: true } }
ports:
  L: ${trunk('allowed: all')}
  p1: ${trunk('allowed: "10,12"')}
  p2: ${access(10)}
  p4: ${access(12)}
  p5: ${trunk('native: 10, nativeTagged: true')}
  p6: ${trunk('native: 10, nativeTagged: true, allowed: "10,12"')}
  p7: ${trunk('native: 12')}`);
  assert.equal(rig.send(0, BROADCAST, A), [], 'VL-A01');
  assert.equal(rig.send(0, BROADCAST, A, '8100000a'), ['1t10', '2', '4t10', '5t10', '6t10']);
  assert.equal(rig.send(0, BROADCAST, A, '8100000b'), ['4t11', '6t11'], 'VL-A03');
  assert.equal(rig.send(1, BROADCAST, A, '8100000b'), [], 'VL-A05');
  assert.equal(rig.send(2, BROADCAST, A), ['0t10', '1t10', '4t10', '5t10', '6t10'], 'VL-A08');
  assert.equal(rig.send(2, BROADCAST, A, '8100000a'), [], 'VL-A10');
  assert.equal(rig.send(4, BROADCAST, A), ['0t10', '1t10', '2', '5t10', '6t10'], 'VL-A12');
  assert.equal(rig.send(4, BROADCAST, A, '8100000b'), ['0t11', '6t11'], 'VL-A13');
});

test('apply: a reload without a change changes nothing', () => {
  const rig = new Rig(STATIC);
  rig.send(0, BROADCAST, A);
  const before = rig.core.snapshot();
  rig.reload(STATIC);
  const scratch = rig.core.region(Region.Scratch);
  assert.is(Buffer.compare(before.subarray(0, scratch), rig.core.bytes.subarray(0, scratch)), 0);
});

test('apply: learned addresses survive a change of something else', () => {
  const rig = new Rig(LAN);
  rig.send(0, BROADCAST, A);
  rig.reload(LAN.replace('p1: { kind: memory,', 'p1: { kind: memory, isolated: true,'));
  assert.equal(rig.send(2, A, B), ['0']);
});

test('apply: a removed port takes its addresses with it, and its index starts anew', () => {
  const rig = new Rig(STATIC);
  rig.send(2, BROADCAST, A);
  rig.reload(LAN.replace('p2:', 'p9:'));
  assert.equal(rig.fdb(), []);
  assert.is(rig.core.portCounter(2, PortCounter.RxPackets), 0n);
  assert.equal(rig.send(0, BROADCAST, B), ['1', '2']);
});

test('apply: a port that changes its segment leaves its learned addresses behind', () => {
  const rig = new Rig(LAN);
  rig.send(2, BROADCAST, A);
  rig.reload(LAN.replace('p2: { kind: memory, segment: lan', 'p2: { kind: memory, segment: other'));
  assert.equal(rig.fdb(), []);
  assert.equal(rig.send(0, BROADCAST, B), ['1']);
});

test('apply: configured addresses come, move and go', () => {
  const rig = new Rig(STATIC);
  assert.equal(rig.fdb(), ['20000000002 1 2 Static']);
  rig.reload(STATIC.replace('port: p2', 'port: p1'));
  assert.equal(rig.fdb(), ['20000000002 1 1 Static']);
  assert.equal(rig.send(0, B, A), ['1']);
  rig.reload(LAN);
  assert.equal(rig.fdb(), ['20000000001 1 0 Dynamic']);
});

test('apply: a permanent address without a port is the switch itself', () => {
  const own = 'fdb: [{ mac: "02:00:00:00:00:02", kind: permanent }]';
  const rig = new Rig(LAN.replace('fdb: []', own));
  assert.equal(rig.send(0, B, A), []);
});

test('apply: a segment that becomes VLAN aware forgets what it learned', () => {
  const rig = new Rig(LAN);
  rig.send(0, BROADCAST, A);
  const vlan = 'segment: lan, vlan: { mode: access, vid: 7 }';
  const aware = LAN.replace('fdb: []', 'vlanAware: true').replaceAll('segment: lan', vlan);
  rig.reload(aware);
  assert.equal(rig.fdb(), []);
  assert.equal(rig.send(1, A, B), ['0', '2']);
  rig.reload(LAN);
  assert.equal(rig.fdb(), []);
  assert.equal(rig.send(1, A, B), ['0', '2']);
});

test('apply: a VLAN taken from every port takes its addresses with it', () => {
  const text = (allowed: string): string => `
segments: { lan: { vlanAware: true } }
ports:
  p0: { kind: memory, segment: lan, vlan: { mode: trunk, allowed: "${allowed}" } }
  p1: { kind: memory, segment: lan, vlan: { mode: trunk, allowed: "${allowed}" } }`;
  const rig = new Rig(text('1-100'));
  rig.send(0, BROADCAST, A, '81000032');
  rig.reload(text('1-10'));
  assert.equal(rig.fdb(), []);
  assert.equal(rig.send(0, BROADCAST, A, '81000032'), []);
  assert.equal(rig.send(0, BROADCAST, A, '8100000a'), ['1t10']);
});

test('apply: a changed limit that evicts starts with an empty ring', () => {
  const text = (limit: number): string =>
    LAN.replace('fdb: []', `learnLimit: ${limit}, limitPolicy: evictOldest`);
  const rig = new Rig(text(1));
  rig.send(0, BROADCAST, A);
  rig.send(0, BROADCAST, B);
  assert.equal(rig.fdb(), ['20000000002 1 0 Dynamic']);
  rig.reload(text(2));
  assert.equal(rig.fdb(), []);
  rig.send(0, BROADCAST, A);
  rig.send(0, BROADCAST, B);
  assert.is(rig.core.segmentCounter(0, SegmentCounter.Entries), 2n);
});

test('apply: when the FDB is full nothing is applied', () => {
  const macs = Array.from({ length: 64 }, (_, i) => i.toString(16).padStart(2, '0'));
  const entries = macs.map(last => `{ mac: "02:00:00:00:01:${last}", port: p2 }`).join();
  const small = `capacities: { fdbEntries: 16 }${LAN}`;
  const rig = new Rig(small);
  rig.send(0, BROADCAST, A);
  const before = rig.core.snapshot();
  const full = small.replace('fdb: []', `fdb: [${entries}]`).replace('p0:', 'p8:');
  assert.throws(
    () => rig.reload(full),
    /^segments.lan.fdb: expected room for 02:00:00:00:01:.. .*got a full table$/,
  );
  const arena = rig.core.region(Region.Arena);
  assert.is(Buffer.compare(before.subarray(0, arena), rig.core.bytes.subarray(0, arena)), 0);
  assert.equal(rig.send(1, A, B), ['0']);
});

test.run();
