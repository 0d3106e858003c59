import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Status } from '../../../assembly/abi.js';
import { Hook, ProgramField, SubjectField } from '../../../assembly/rules-abi.js';
import type { Rule } from '../../../src/rules/model.js';
import { ip4, packet, prefix, rule, ruleSet, withFlags } from '../../support/rule-builder.js';
import { RulesRig } from '../../support/rules-rig.js';

const SYN = 2;
const ACK = 16;
const MSS = { kind: 'tcpmss', mss: undefined } as const;

function forward(rules: readonly Rule[], chains: Record<string, readonly Rule[]> = {}): RulesRig {
  return new RulesRig(ruleSet({ filter: { FORWARD: rules, ...chains } }));
}

test('rules: a zone without rules accepts and is known to have none', () => {
  const rig = new RulesRig([]);
  assert.is(rig.unit.call('rulesHooks', rig.rules, 0, 4), 0);
  assert.equal(rig.ask(Hook.FilterForward, packet()).trail, []);
  const other = new RulesRig(ruleSet({ filter: { FORWARD: [rule('drop')] } }), { zone: 2 });
  const filter = (1 << Hook.FilterInput) | (1 << Hook.FilterForward) | (1 << Hook.FilterOutput);
  assert.is(other.unit.call('rulesHooks', other.rules, 2, 4), filter);
  assert.is(other.unit.call('rulesHooks', other.rules, 2, 6), 0);
  assert.is(other.unit.call('rulesHooks', other.rules, 1, 4), 0);
  assert.is(other.unit.call('rulesHooks', other.rules, 3, 4), 0);
});

test('rules: goto comes back to the caller of the chain it left', () => {
  const rig = forward([rule({ kind: 'jump', chain: 'A' }), rule('drop')], {
    A: [rule({ kind: 'goto', chain: 'B' }), rule('accept')],
    B: [rule('return')],
  });
  const { trail, verdict } = rig.ask(Hook.FilterForward, packet());
  assert.equal(trail, ['filter.FORWARD[0]', 'filter.A[0]', 'filter.B[0]', 'filter.FORWARD[1]']);
  assert.is(verdict, 'Drop');
});

test('rules: goto out of a built-in chain ends at its policy', () => {
  const set = ruleSet(
    { filter: { FORWARD: [rule({ kind: 'goto', chain: 'A' }), rule('accept')], A: [] } },
    { FORWARD: 'DROP' },
  );
  const { trail, verdict } = new RulesRig(set).ask(Hook.FilterForward, packet());
  assert.equal(trail, ['filter.FORWARD[0]', 'filter.FORWARD']);
  assert.is(verdict, 'Drop');
});

test('rules: the trail grows over hooks, and marks of one hook are seen by the next', () => {
  const rig = new RulesRig(
    ruleSet({
      mangle: { FORWARD: [rule({ kind: 'mark', mark: { value: 5, mask: 0xff } })] },
      filter: { FORWARD: [rule('drop', { kind: 'mark', mark: { value: 5, mask: 0xf } })] },
    }),
  );
  assert.is(rig.ask(Hook.FilterForward, packet()).verdict, 'Accept');
  rig.ask(Hook.ManglePrerouting, packet());
  rig.askAgain(Hook.MangleForward);
  const last = rig.askAgain(Hook.FilterForward);
  assert.is(last.verdict, 'Drop');
  assert.equal(last.trail, [
    'mangle.PREROUTING',
    'mangle.FORWARD[0]',
    'mangle.FORWARD',
    'filter.FORWARD[0]',
  ]);
});

test('rules: a packet without SYN says nothing for those with it, and is not volatile', () => {
  const flags = { mask: SYN | 4, set: SYN };
  const rig = new RulesRig(
    ruleSet({ mangle: { FORWARD: [rule(MSS, { kind: 'tcpFlags', flags })] } }),
  );
  const acked = rig.ask(Hook.MangleForward, withFlags(ACK));
  assert.is(acked.isVolatile, false);
  assert.is(acked.dependsOnSyn, true);
  assert.is(acked.tcpMss, 0);
  const synced = rig.ask(Hook.MangleForward, withFlags(SYN));
  assert.is(synced.isVolatile, true);
  assert.is(synced.tcpMss, undefined, 'clamped to the path');
});

test('rules: what rules before do not let through does not make a packet volatile', () => {
  const rig = forward([
    rule(
      'drop',
      { kind: 'source', prefix: prefix('192.0.2.0/24') },
      {
        kind: 'length',
        bytes: { first: 0, last: 20 },
      },
    ),
  ]);
  assert.is(rig.ask(Hook.FilterForward, packet()).isVolatile, false);
  const asked = rig.ask(Hook.FilterForward, packet({ source: ip4('192.0.2.9') }));
  assert.is(asked.isVolatile, true);
});

test('rules: limit lets a burst through, then as many as wear off', () => {
  const limit = { kind: 'limit', packets: 2, perMs: 1000, burst: 3 } as const;
  const rig = forward([rule('accept', limit), rule('drop')]);
  const at = (nowMs: number): string => rig.ask(Hook.FilterForward, packet({ nowMs })).verdict;
  assert.equal([at(5), at(5), at(5), at(5)], ['Accept', 'Accept', 'Accept', 'Drop']);
  assert.equal([at(504), at(505), at(505)], ['Drop', 'Accept', 'Drop']);
  assert.equal([at(90000), at(90000), at(90000), at(90000)].join(' '), 'Accept Accept Accept Drop');
});

test('rules: limit goes on where the clock wraps', () => {
  const limit = { kind: 'limit', packets: 1, perMs: 1000, burst: 1 } as const;
  const rig = forward([rule('accept', limit), rule('drop')]);
  const at = (nowMs: number): string => rig.ask(Hook.FilterForward, packet({ nowMs })).verdict;
  assert.is(at(0xfffffff0), 'Accept');
  assert.is(at(0), 'Drop');
  assert.is(at(1000 - 16), 'Accept');
});

test('rules: limit before other matches is used up by what they refuse', () => {
  const limit = { kind: 'limit', packets: 1, perMs: 1000, burst: 1 } as const;
  const port = { kind: 'destinationPort', ports: { first: 80, last: 80 } } as const;
  const first = forward([rule('accept', limit, port), rule('drop')]);
  first.ask(Hook.FilterForward, packet({ destinationPort: 81 }));
  assert.is(first.ask(Hook.FilterForward, packet()).verdict, 'Drop');
  const last = forward([rule('accept', port, limit), rule('drop')]);
  last.ask(Hook.FilterForward, packet({ destinationPort: 81 }));
  assert.is(last.ask(Hook.FilterForward, packet()).verdict, 'Accept');
});

test('rules: statistic takes its share, the same in each run', () => {
  const chance = 2 ** 31 / 4;
  const run = (): string[] => {
    const rig = forward([rule('accept', { kind: 'statisticRandom', chance }), rule('drop')]);
    return Array.from({ length: 2000 }, () => rig.ask(Hook.FilterForward, packet()).verdict);
  };
  const verdicts = run();
  const share = verdicts.filter(verdict => verdict === 'Accept').length / verdicts.length;
  assert.ok(share > 0.2 && share < 0.3, `${share}`);
  assert.equal(run(), verdicts);
});

test('rules: a TCP option is found where it stands', () => {
  const rig = forward([rule('drop', { kind: 'tcpOption', option: 4 })]);
  const verdict = (options: number[], words = 5 + options.length / 4): string => {
    const subject = packet();
    const bytes = new Uint8Array(40 + options.length);
    bytes.set(subject.packet);
    bytes.set(options, 40);
    bytes[32] = words << 4;
    return rig.ask(Hook.FilterForward, { ...subject, packet: bytes }).verdict;
  };
  assert.is(verdict([]), 'Accept');
  assert.is(verdict([1, 1, 4, 2]), 'Drop');
  assert.is(verdict([2, 4, 5, 4, 4, 2, 0, 0]), 'Drop');
  assert.is(verdict([0, 0, 4, 2]), 'Accept', 'behind the end');
  assert.is(verdict([2, 0, 4, 2]), 'Accept', 'a length of 0');
  assert.is(verdict([1, 1, 1, 2]), 'Accept', 'cut off');
  assert.is(verdict([1, 1, 4, 2], 5), 'Accept', 'behind the header');
  assert.is(verdict([1, 1, 4, 2], 15), 'Accept', 'a header longer than the packet');
});

test('rules: what does not fit a trail is counted at once, and volatile', () => {
  const rules = Array.from({ length: 60 }, () => rule('none'));
  const rig = forward(rules);
  const { trail, isVolatile } = rig.ask(Hook.FilterForward, packet());
  assert.is(trail.length, 48);
  assert.is(isVolatile, true);
  assert.is(rig.unit.view.getUint32(rig.subject + SubjectField.TrailOverflow, true), 13);
  assert.is(rig.unit.call('pathOf', rig.rules, rig.subject), 0);
  rig.unit.call('countTrail', rig.rules, rig.subject, 0, 40);
  for (const { index } of rig.compiled.rules) assert.equal(rig.counter(index), [1n, 40n]);
  assert.equal(rig.counter(rig.compiled.rules.length + 1), [1n, 40n], 'the policy');
});

test('rules: a program that is none is refused, and the old one stays', () => {
  const rig = forward([rule('drop')]);
  const generation = rig.unit.call('rulesGeneration', rig.rules);
  const { program } = rig.compiled;
  const tryIt = (bytes: Uint8Array, length = bytes.length): string => {
    rig.unit.bytes.set(bytes, rig.unit.call('stagedProgram', rig.rules));
    return Status[rig.unit.call('useProgram', rig.rules, length)]!;
  };
  const changed = (field: ProgramField, value: number): Uint8Array => {
    const copy = program.slice();
    new DataView(copy.buffer).setUint32(field, value, true);
    return copy;
  };
  assert.is(tryIt(program, program.length - 4), 'OutOfRange');
  assert.is(tryIt(program, 28), 'OutOfRange');
  assert.is(tryIt(program, 0x7fffffff), 'OutOfRange');
  assert.is(tryIt(changed(ProgramField.Magic, 0)), 'OutOfRange');
  assert.is(tryIt(changed(ProgramField.Version, 0)), 'OutOfRange');
  assert.is(tryIt(changed(ProgramField.Zones, 0x7fffffff)), 'OutOfRange');
  assert.is(tryIt(changed(ProgramField.Counters, 0x7fffffff)), 'Full');
  assert.is(tryIt(changed(ProgramField.States, 0x7fffffff)), 'Full');
  assert.is(rig.unit.call('rulesGeneration', rig.rules), generation);
  assert.is(rig.ask(Hook.FilterForward, packet()).verdict, 'Drop');
  assert.is(tryIt(program), 'Ok');
  assert.is(rig.unit.call('rulesGeneration', rig.rules), generation + 1);
});

test.run();
