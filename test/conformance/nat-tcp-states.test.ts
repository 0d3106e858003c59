/**
 * Conformance cases of area A5, states of TCP connections behind NAT (RFC 5382): CT-A08
 * to CT-A14. Sequence numbers are relative to those each side begins with. tshark looks at
 * all that was sent.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FlowStatus, TcpState, ZoneCounter, ZoneOption } from '../../assembly/zone-abi.js';
import { EXTERNAL, IN, NatRig, OUT, expectAllClean, inward, outward } from '../support/nat-rig.js';
import { TcpPair } from '../support/tcp-pair.js';

const established = (rig: NatRig, ports = {}): TcpPair => TcpPair.open(rig, ports);
const stateOf = (rig: NatRig): string => TcpState[rig.flow().state]!;
const hasStatus = (rig: NatRig, bit: FlowStatus): boolean => (rig.flow().status & bit) !== 0;

test('CT-A08: only a reset at the very next number ends a connection', () => {
  const rig = NatRig.create();
  const pair = established(rig).client('A', 'hello').server('A', 'world');
  for (const offset of [0x40000000, 1000, 1, -1]) {
    assert.equal(rig.stop(OUT, pair.frame('server', 'R', '', { offset })), ['Invalid']);
    assert.is(stateOf(rig), 'Established');
  }
  assert.is(rig.counter(ZoneCounter.Invalid), 4);
  pair.server('R');
  assert.is(stateOf(rig), 'Close');
});

test('CT-A09: a reset of a closing connection need not be exact', () => {
  const rig = NatRig.create();
  const pair = established(rig).client('A', 'hello').server('FA');
  pair.client('R', '', { offset: -2 });
  assert.is(stateOf(rig), 'Close');
  pair.server('R', '', { offset: 77 });
  assert.is(stateOf(rig), 'Close');
  assert.is(rig.counter(ZoneCounter.Invalid), 0);
});

test('CT-A10: a SYN-ACK of an old connection is invalid; the right one is not', () => {
  const rig = NatRig.create();
  const pair = TcpPair.of(rig).client('S');
  const stale = pair.frame('server', 'SA', '', { acknowledged: 12345 });
  assert.equal(rig.stop(OUT, stale), ['Invalid']);
  assert.is(rig.counter(ZoneCounter.Invalid), 1);
  assert.is(stateOf(rig), 'SynSent');
  assert.not.ok(hasStatus(rig, FlowStatus.SeenReply));
  pair.client('S', '', { again: true }).server('SA').client('A');
  assert.is(stateOf(rig), 'Established');
  assert.ok(hasStatus(rig, FlowStatus.Assured));
});

test('CT-A11: a SYN answered by a challenge ACK, reset, and sent again', () => {
  const rig = NatRig.create();
  const pair = TcpPair.of(rig).client('S');
  rig.pass(OUT, pair.frame('server', 'A', '', { offset: 5000, acknowledged: 777777 }));
  rig.pass(IN, pair.frame('client', 'R', '', { sequence: 777777 }));
  pair.client('S', '', { again: true }).server('SA').client('A');
  assert.is(stateOf(rig), 'Established');
  assert.is(rig.counter(ZoneCounter.Invalid), 0);
});

test('CT-A12: a new SYN of an established connection, challenged, reset, and sent again', () => {
  const rig = NatRig.create();
  const pair = established(rig).client('A', 'hello').server('A');
  const isn = 0x70000000;
  rig.pass(IN, pair.frame('client', 'S', '', { sequence: isn }));
  assert.is(stateOf(rig), 'Established');
  pair.server('A');
  pair.client('R');
  rig.pass(IN, pair.frame('client', 'S', '', { sequence: isn }));
  rig.pass(OUT, pair.frame('server', 'SA', '', { acknowledged: isn + 1, sequence: 99 }));
  assert.is(stateOf(rig), 'SynRecv');
  assert.is(rig.counter(ZoneCounter.Invalid), 0);
});

test('CT-A13: closed and opened again with the same ports: two flows', () => {
  const rig = NatRig.create();
  const ids = [1, 2].map(() => {
    established(rig).client('A', 'x').server('A').client('FA').server('A').server('FA').client('A');
    return rig.flow().id;
  });
  assert.is(rig.counter(ZoneCounter.NewFlows), 2);
  assert.is(rig.counter(ZoneCounter.Reopened), 1);
  assert.is.not(ids[0], ids[1]);
});

test('CT-A14: a segment in the middle begins a flow where zones are loose, as by default', () => {
  const rig = NatRig.create();
  const middle = outward(2, 2).tcp(40000, 80, { sequence: 5000, acknowledged: 9 }).payload('mid');
  assert.is(rig.pass(IN, middle).source, EXTERNAL);
  assert.is(stateOf(rig), 'Established');
  rig.pass(OUT, inward(2).tcp(80, 40000, { sequence: 9, acknowledged: 5003 }));
});

test('CT-A14: and is dropped where they are not', () => {
  const rig = NatRig.create().configure(ZoneOption.Loose, 0);
  const middle = outward(2, 2).tcp(40000, 80, { sequence: 5000, acknowledged: 9 }).payload('mid');
  assert.equal(rig.stop(IN, middle), ['Invalid']);
  assert.equal(rig.flows(), []);
});

test('all: tshark finds nothing wrong with what was sent', expectAllClean);

test.run();
