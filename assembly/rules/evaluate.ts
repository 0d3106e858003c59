/**
 * Asks the rules of a zone at a hook about a packet: iptables(8). The result is that of
 * trying the rules one after the other; how large chains are shortened is in frame.ts.
 */
import {
  ChainField,
  FIRST_VOLATILE_OP,
  Hook,
  NO_POLICY,
  OP_NEGATED,
  RuleField,
  TargetKind,
  Verdict,
} from '../rules-abi';
import { countHit } from './count';
import { CANNOT, askStable } from './criteria-flow';
import { askVolatile } from './criteria-packet';
import { Frame } from './frame';
import { logPacket } from './log';
import { Rules, chainAt } from './rules';
import { Subject } from './subject';
import { act, ask } from './target';
import { tracePolicy, traceRule } from './trace';

/**
 * The verdict of the rules at `hook` on the subject, which also takes down what else they
 * say. Without rules there: Accept, at once; `hasHook` spares even that.
 */
export function evaluate(rules: Rules, s: Subject, hook: Hook): Verdict {
  const chain = chainAt(rules, s.zone, s.family, hook);
  const verdict = chain == 0 ? Verdict.Accept : walk(rules, s, chain, hook);
  s.verdict = verdict;
  return verdict;
}

/** Walks a built-in chain and those it jumps to. Ends, as chains form no loop. */
function walk(rules: Rules, s: Subject, base: usize, hook: Hook): Verdict {
  const program = rules.program;
  let depth: u32 = 0;
  let frame = Frame.at(rules.frames, 0);
  frame.enter(program, base);
  while (true) {
    const rule = nextHit(rules, s, frame);
    if (rule == 0) {
      if (depth == 0) return applyPolicy(rules, s, base);
      frame = Frame.at(rules.frames, --depth);
      continue;
    }
    const target = rule + load<u16>(rule, RuleField.Target);
    const kind = load<u32>(target) & 0xff;
    const last = conclude(s, kind, target);
    hit(rules, s, rule, last, depth);
    if (last != Verdict.None) return last;
    if (kind == TargetKind.Jump || kind == TargetKind.Goto) {
      if (kind == TargetKind.Jump) frame = Frame.at(rules.frames, ++depth);
      frame.enter(program, program + load<u32>(target, 4));
    } else if (kind == TargetKind.Return) {
      if (depth == 0) return applyPolicy(rules, s, base);
      frame = Frame.at(rules.frames, --depth);
    } else {
      if (kind == TargetKind.Log) logPacket(s, load<u32>(rule, RuleField.Id), hook);
      act(s, kind, target);
    }
  }
}

/** The verdict of a target that is the last word; None of others. */
function conclude(s: Subject, kind: u32, target: usize): u32 {
  switch (kind) {
    case TargetKind.Accept:
      return Verdict.Accept;
    case TargetKind.Drop:
      return Verdict.Drop;
    case TargetKind.Reject:
      s.rejectWith = load<u32>(target) >>> 8;
      return Verdict.Reject;
    case TargetKind.Nat:
      ask(s, target);
      return Verdict.Nat;
  }
  return Verdict.None;
}

function hit(rules: Rules, s: Subject, rule: usize, verdict: u32, depth: u32): void {
  const id = load<u32>(rule, RuleField.Id);
  if (!s.meet(id)) countHit(rules, id, s.bytes);
  if (s.packet != 0) traceRule(s, id, verdict, depth);
}

function applyPolicy(rules: Rules, s: Subject, base: usize): Verdict {
  const policy = load<u32>(base, ChainField.Policy);
  const verdict = load<u32>(base, ChainField.Verdict);
  if (policy == NO_POLICY) return verdict;
  if (!s.meet(policy)) countHit(rules, policy, s.bytes);
  if (s.packet != 0) tracePolicy(s, policy, verdict);
  return verdict;
}

/** The next rule of the chain that applies, or 0 at its end. */
function nextHit(rules: Rules, s: Subject, frame: Frame): usize {
  const program = rules.program;
  let rule = frame.candidate(program, s);
  while (rule != 0 && !applies(rules, s, rule)) rule = frame.candidate(program, s);
  return rule;
}

/** Whether all criteria of a rule say yes. */
function applies(rules: Rules, s: Subject, rule: usize): bool {
  const program = rules.program;
  const end = rule + load<u16>(rule, RuleField.Target);
  let at = rule + RuleField.Criteria;
  while (at < end) {
    const first: u32 = load<u8>(at);
    const op = first & (OP_NEGATED - 1);
    const said =
      op < <u32>FIRST_VOLATILE_OP ? askStable(program, s, op, at) : askVolatile(rules, s, op, at);
    if (said == CANNOT || said == first >>> 7) return false;
    at += (<usize>load<u8>(at, 1)) << 2;
  }
  return true;
}
