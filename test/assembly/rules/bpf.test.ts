import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bpfNumbers } from '../../../src/rules/compile-bpf.js';
import type { BpfInstruction } from '../../../src/rules/model.js';
import { Hook } from '../../../assembly/rules-abi.js';
import { seededRandom } from '../../support/random.js';
import { referenceBpf } from '../../support/reference-bpf.js';
import { packet, rule, ruleSet } from '../../support/rule-builder.js';
import { RulesRig } from '../../support/rules-rig.js';
import { Unit } from '../../support/unit.js';

const random = seededRandom('bpf');
const PROGRAMS = 3000;

const step = (code: number, k = 0, jumpTrue = 0, jumpFalse = 0): BpfInstruction => ({
  code,
  jumpTrue,
  jumpFalse,
  k,
});

/** `4*([0]&0xf)` to X, the word behind UDP's header and the VXLAN flags to A, its top 24 bits. */
const vniIs = (vni: number): BpfInstruction[] => [
  step(0xb1),
  step(0x40, 12),
  step(0x74, 8),
  step(0x15, vni, 0, 1),
  step(0x06, 0xffffffff),
  step(0x06, 0),
];

test('bpf: a rule picks a VXLAN network by its number', () => {
  const set = ruleSet({ filter: { FORWARD: [rule('drop', { kind: 'bpf', program: vniIs(42) })] } });
  const rig = new RulesRig(set);
  const bytes = new Uint8Array(24 + 8 + 8);
  bytes[0] = 0x46;
  bytes[24 + 8 + 6] = 42;
  const ask = (size: number): string =>
    rig.ask(Hook.FilterForward, packet({ protocol: 17, l4: 24, packet: bytes.subarray(0, size) }))
      .verdict;
  assert.is(ask(40), 'Drop');
  assert.is(ask(39), 'Accept', 'cut off');
  bytes[24 + 8 + 6] = 43;
  assert.is(ask(40), 'Accept');
});

/** Any instruction; `behind`: those that follow. */
function randomStep(behind: number): BpfInstruction {
  const k = [random(4), random(30), random(0x7fffffff) * 2, 0xfffffffe][random(4)]!;
  return step(random(256), k, random(behind + 1), random(behind + 1));
}

function isTaken(program: BpfInstruction[]): boolean {
  try {
    return bpfNumbers(program).length === 2 * program.length;
  } catch {
    return false;
  }
}

/** Random instructions that the compiler takes, each behind the ones it jumps over. */
function randomProgram(): BpfInstruction[] {
  const program: BpfInstruction[] = [step([0x06, 0x16, 0x0e][random(3)]!, random(3))];
  while (program.length < 12) {
    const next = [randomStep(program.length), ...program];
    if (isTaken(next)) program.unshift(next[0]!);
  }
  return program;
}

test('bpf: random programs return what the reference does', () => {
  const unit = Unit.create();
  let differing = 0;
  for (let i = 0; i < PROGRAMS; i++) {
    const program = randomProgram();
    const bytes = Uint8Array.from({ length: random(40) }, () => random(256));
    unit.reset();
    const at = unit.placeWords(bpfNumbers(program));
    const scratch = unit.place(64);
    const data = unit.place(bytes);
    const want = referenceBpf(program, bytes) >>> 0;
    const text = program.map(({ code, jumpTrue, jumpFalse, k }) =>
      [code, jumpTrue, jumpFalse, k].join(' '),
    );
    assert.is(unit.call('runBpf', at, scratch, data, bytes.length), want, text.join(','));
    if (want > 3) differing++;
  }
  assert.ok(differing > PROGRAMS / 50, `${differing}`);
});

test('bpf: programs that could run away, or out of bounds, are refused', () => {
  const refused = (...program: BpfInstruction[]): void => {
    assert.throws(() => bpfNumbers(program), /bpf/, JSON.stringify(program));
  };
  refused();
  refused(step(0x00, 1));
  refused(step(0x05, 1), step(0x06));
  refused(step(0x15, 0, 1, 0), step(0x06));
  refused(step(0x15, 0, 0, 1), step(0x06));
  refused(step(0x02, 16), step(0x06));
  refused(step(0x60, 16), step(0x06));
  refused(step(0x34, 0), step(0x06));
  refused(step(0x94, 0), step(0x06));
  refused(step(0x20, 0xfffff000), step(0x06));
  refused(step(0x45, 0), step(0x26));
  refused(step(0x55, 0), step(0x06));
  refused(step(0xff), step(0x06));
  refused(...Array.from({ length: 65 }, () => step(0x06)));
  assert.is(bpfNumbers([step(0x3c), step(0x06)]).length, 4, 'division by X is checked at run time');
});

test.run();
