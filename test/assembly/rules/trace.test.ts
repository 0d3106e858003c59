import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Node, Region, TRACE_BYTES, Trace, TraceField } from '../../../assembly/abi.js';
import { Hook, Verdict } from '../../../assembly/rules-abi.js';
import { packet, rule, ruleSet } from '../../support/rule-builder.js';
import { RulesRig } from '../../support/rules-rig.js';
import { UnitCore } from '../../support/unit-core.js';

test('rules: a traced packet names each rule that applied, and the policy', () => {
  const core = UnitCore.create().open();
  const { unit } = core;
  const set = ruleSet({
    mangle: { FORWARD: [rule({ kind: 'mark', mark: { value: 1, mask: 1 } })] },
    filter: {
      FORWARD: [
        rule('drop', { kind: 'destinationPort', ports: { first: 81, last: 81 } }),
        rule({ kind: 'jump', chain: 'A' }),
      ],
      A: [rule('none'), rule('accept', { kind: 'mark', mark: { value: 1, mask: 1 } })],
    },
  });
  const rig = new RulesRig(set, { unit, programBytes: 1 << 14, counters: 64 });
  rig.write(packet());
  unit.call('traceSubject', rig.subject, core.address, 7);
  rig.askAgain(Hook.MangleForward);
  rig.askAgain(Hook.FilterForward);
  const start = unit.call('regionAddress', core.address, Region.Trace);
  const lines = Array.from({ length: unit.call('traceCount', core.address) }, (_, i) => {
    const at = start + i * TRACE_BYTES;
    const event = Trace[unit.view.getUint16(at + TraceField.Event, true)];
    const [id, verdict, jumps] = unit.readWords(at + TraceField.A, 3);
    assert.is(unit.view.getUint32(at + TraceField.Origin, true), 7);
    assert.is(unit.view.getUint16(at + TraceField.Node, true), Node.Rules);
    return [event, rig.nameOf(id!), Verdict[verdict!], jumps];
  });
  assert.equal(lines, [
    ['RuleMatched', 'mangle.FORWARD[0]', 'None', 0],
    ['PolicyApplied', 'mangle.FORWARD', 'Accept', 0],
    ['RuleMatched', 'filter.FORWARD[1]', 'None', 0],
    ['RuleMatched', 'filter.A[0]', 'None', 1],
    ['RuleMatched', 'filter.A[1]', 'Accept', 1],
  ]);
});

test.run();
