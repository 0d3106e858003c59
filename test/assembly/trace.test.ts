/** Trace records: what each step says of a packet, and that they change nothing. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Drop,
  FdbKind,
  FloodSkip,
  Node,
  Region,
  RxFlag,
  TRACE_BYTES,
  Trace,
  TraceField,
} from '../../assembly/abi.js';
import { portsOf } from '../support/expect.js';
import { eth, hex, macNumber } from '../support/frame.js';
import { TestSwitch, type Input } from '../support/test-switch.js';
import { GSO_TCP4, offloadOf } from '../support/virtio.js';

type Line = [event: string, a: number, b: number, c: number];

/** Events of the last batches with their numbers, since the trace was cleared. */
function linesOf({ core }: TestSwitch): Line[] {
  return Array.from({ length: core.traceCount }, (_, i) => {
    const at = core.region(Region.Trace) + i * TRACE_BYTES;
    const number = (field: TraceField) => core.view.getUint32(at + field, true);
    const event = core.view.getUint16(at + TraceField.Event, true);
    assert.ok(
      Trace[event] !== undefined && core.view.getUint16(at + TraceField.Node, true) < Node.Count,
    );
    return [Trace[event]!, number(TraceField.A), number(TraceField.B), number(TraceField.C)];
  });
}

function traced(bridge: TestSwitch, input: Input): Line[] {
  bridge.core.clearTrace();
  bridge.batch([{ ...input, trace: true }]);
  return linesOf(bridge);
}

const frame = (to?: number) => eth(1, to).payload(46);

test('trace: a known unicast says where it came from and went', () => {
  const bridge = TestSwitch.create();
  bridge.inject(1, frame());
  bridge.inject(2, eth(2));
  bridge.nowMs += 100;
  assert.equal(traced(bridge, { port: 1, frame: frame(2) }), [
    ['Received', 1, 60, RxFlag.Trace],
    ['SourceKnown', 1, FdbKind.Dynamic, 100],
    ['DestinationHit', 2, FdbKind.Dynamic, 100],
    ['Sent', 2, 60, 0],
  ]);
});

test('trace: a flood names those it leaves out, and why', () => {
  const bridge = TestSwitch.create({ ports: 6 });
  bridge.port(1, { Isolated: 1 }).port(2, { Isolated: 1 }).port(3, { Up: 0 });
  bridge.port(4, { BroadcastFlood: 0 });
  assert.equal(traced(bridge, { port: 1, frame: frame() }), [
    ['Received', 1, 60, RxFlag.Trace],
    ['SourceLearned', 1, 0, 0],
    ['DestinationGroup', 1, 0, 0],
    ['FloodSkipped', 1, FloodSkip.Ingress, 0],
    ['FloodSkipped', 2, FloodSkip.Isolated, 0],
    ['FloodSkipped', 3, FloodSkip.Down, 0],
    ['FloodSkipped', 4, FloodSkip.Flags, 0],
    ['Sent', 5, 60, 0],
    ['Sent', 6, 60, 0],
  ]);
});

test('trace: what learning did is said', () => {
  const bridge = TestSwitch.create().segment(0, { LearnLimit: 1 });
  const source = (port: number, from: number) =>
    traced(bridge, { port, frame: eth(from) }).filter(([event]) => event.startsWith('Source'));
  assert.equal(source(1, 1), [['SourceLearned', 1, 0, 0]]);
  assert.equal(source(2, 1), [['SourceMoved', 2, 1, 0]]);
  assert.equal(source(2, 2), [['SourceRefused', 1, 1, 0]]);
  bridge.port(3, { Learning: 0 });
  assert.equal(source(3, 3), [['SourceIgnored', 1, 0, 0]]);
  bridge.core.fdbInsert({ mac: macNumber(9), domain: 1, port: 1, kind: FdbKind.Static });
  assert.equal(source(2, 9).at(0)?.slice(0, 3), ['SourceKnown', 1, FdbKind.Static]);
});

test('trace: tags on, off and rewritten are said', () => {
  const bridge = TestSwitch.create({ ports: 2 }).vlans(0, [10]).tagged(1, 10).untagged(2, 10);
  bridge.port(2, { Pvid: 10 });
  const tagged = { port: 1, frame: eth(1).vlan(10, { priority: 3 }) };
  const vlan = (input: Input) => traced(bridge, input).filter(([event]) => /Vlan|Tag/.test(event));
  assert.equal(vlan(tagged), [
    ['Vlan', 10, 3, 1],
    ['TagPopped', 2, 0x600a, 0x8100],
  ]);
  assert.equal(vlan({ port: 2, frame: eth(2) }), [
    ['Vlan', 10, 0, 0],
    ['TagPushed', 1, 10, 0x8100],
  ]);
  const rewriting = TestSwitch.create({ ports: 2 });
  rewriting.port(1, { MatchTags: 1, MatchOuter: 0x8100000a, PopTags: 1 });
  assert.equal(traced(rewriting, tagged)[1], ['TagsRewritten', 1, 0, 14]);
});

test('trace: checksums finished and segments cut are said', () => {
  const whole = eth(1).ipv4('10.0.0.1', '10.0.0.2').udp(1, 2).payload(100).partial();
  const events = (input: Input) => traced(TestSwitch.create({ ports: 2 }), input).slice(4, 6);
  assert.equal(events({ port: 1, frame: whole, offload: offloadOf(whole, true) }), [
    ['ChecksumFinished', 2, 34, 0],
    ['Sent', 2, 142, 0],
  ]);
  const tcp = eth(1).ipv4('10.0.0.1', '10.0.0.2').tcp(1, 2).payload(250).partial();
  assert.equal(events({ port: 1, frame: tcp, offload: offloadOf(tcp, false, GSO_TCP4, 100) }), [
    ['Segmented', 2, 3, 100],
    ['Sent', 2, 154, 0],
  ]);
});

test('trace: a drop is the last thing said', () => {
  const bridge = TestSwitch.create();
  const last = (input: Input) => traced(bridge, input).at(-1);
  assert.equal(last({ port: 1, frame: eth('ff:ff:ff:ff:ff:ff') }), [
    'Dropped',
    Drop.BadSource,
    1,
    0,
  ]);
  assert.equal(last({ port: 1, frame: new Uint8Array(3) }), ['Dropped', Drop.Runt, 1, 0]);
  bridge.inject(1, eth(1));
  assert.equal(last({ port: 1, frame: eth(1, 1) }), ['Dropped', Drop.SamePort, 1, 0]);
});

test('trace: a full ring writes no more and harms nothing', () => {
  const bridge = TestSwitch.create({ capacities: { TraceRecords: 5 } });
  const scratch = bridge.core.region(Region.Scratch);
  bridge.core.bytes.fill(0xa5, scratch, scratch + 64);
  const outcome = bridge.batch([
    { port: 1, frame: frame(), trace: true },
    { port: 2, frame: eth(2, 1), trace: true },
  ]);
  assert.equal(portsOf(outcome), [2, 3, 1]);
  // Regions begin at a whole line, so a record more may fit than was asked for.
  assert.ok(bridge.core.traceCount <= 6);
  assert.is(hex(bridge.core.bytes.subarray(scratch, scratch + 64)), 'a5'.repeat(64));
});

test('trace: the way of a packet is the same with and without', () => {
  const run = (trace: boolean) => {
    const bridge = TestSwitch.create().vlans(0, [10]).tagged(1, 10).untagged(2, 10).tagged(3, 10);
    const inputs = [eth(1).vlan(10), eth(1).vlan(11), eth(2, 1).vlan(10), eth(1, 2).vlan(10)];
    const batch = inputs.map(input => ({ port: 1, frame: input, trace }));
    const { sent, dropped } = bridge.batch(batch);
    return { sent: sent.map(({ port, bytes }) => [port, hex(bytes)]), dropped };
  };
  assert.equal(run(true), run(false));
});

test.run();
