/**
 * Why a packet was not accepted: of the rules that accept, in the chains it went through, the
 * one that fails by the fewest criteria; of equal ones the first. Rules before the one that
 * decided are looked at, which failed, and those behind it, which were not asked: one of these
 * may fail by none. Asks the same criteria as `evaluate`, one rule after the other, so it is
 * not for the packet path. What has a memory (`limit`, `statistic`) is left alone, and does
 * not count as failed.
 */
import {
  FIRST_STATEFUL_OP,
  FIRST_VOLATILE_OP,
  Hook,
  MOST_NEAREST,
  NO_RULE,
  NearestField,
  OP_NEGATED,
  RuleField,
  TargetKind,
} from '../rules-abi';
import { CANNOT, askStable } from './criteria-flow';
import { askVolatile } from './criteria-packet';
import { Frame } from './frame';
import { Rules, chainAt } from './rules';
import { Subject } from './subject';
import { act } from './target';

const MASK_BITS: u32 = 32;

@unmanaged
class Nearest {
  rule: u32;
  failed: u32;
  mask: u32;
  asked: u32;
}

/**
 * Writes NearestField to `out`, for a subject that holds the inputs of the packet; what rules
 * change in it is changed, so it is to be a copy.
 */
export function nearest(rules: Rules, s: Subject, hook: Hook, out: usize): void {
  const found = changetype<Nearest>(out);
  found.rule = NO_RULE;
  found.failed = NO_RULE;
  found.mask = 0;
  found.asked = 0;
  const base = chainAt(rules, s.zone, s.family, hook);
  if (base == 0) return;
  let depth: u32 = 0;
  let frame = Frame.at(rules.frames, 0);
  frame.enterAll(rules.program, base);
  while (found.asked < <u32>MOST_NEAREST) {
    const rule = frame.next;
    if (rule == frame.end) {
      if (depth == 0) return;
      frame = Frame.at(rules.frames, --depth);
      continue;
    }
    frame.next = rule + load<u16>(rule, RuleField.Bytes);
    const chain = look(rules, s, rule, found);
    if (chain == 0) continue;
    // What is behind a goto is not walked: the packet does not come back there.
    if (isJump(rule)) frame = Frame.at(rules.frames, ++depth);
    frame.enterAll(rules.program, chain);
  }
}

function isJump(rule: usize): bool {
  return load<u8>(rule + load<u16>(rule, RuleField.Target)) == TargetKind.Jump;
}

/** Looks at one rule; what it does without being the last word, it does. Returns a chain or 0. */
function look(rules: Rules, s: Subject, rule: usize, found: Nearest): usize {
  const target = rule + load<u16>(rule, RuleField.Target);
  const kind: u32 = load<u8>(target);
  const leads = kind == TargetKind.Jump || kind == TargetKind.Goto;
  found.asked++;
  const mask = failures(rules, s, rule);
  const failed = <u32>(mask >> MASK_BITS);
  if (kind == TargetKind.Accept && failed < found.failed) {
    found.rule = load<u32>(rule, RuleField.Id);
    found.failed = failed;
    found.mask = <u32>mask;
  }
  if (failed != 0) return 0;
  if (leads) return rules.program + load<u32>(target, 4);
  act(s, kind, target);
  return 0;
}

/** Number of criteria that say no << 32, and a bit for each. */
function failures(rules: Rules, s: Subject, rule: usize): u64 {
  const end = rule + load<u16>(rule, RuleField.Target);
  let at = rule + RuleField.Criteria;
  let mask: u64 = 0;
  for (let index: u32 = 0; at < end; index++) {
    if (fails(rules, s, at)) {
      mask += (<u64>1) << MASK_BITS;
      if (index < MASK_BITS) mask |= (<u64>1) << index;
    }
    at += (<usize>load<u8>(at, 1)) << 2;
  }
  return mask;
}

function fails(rules: Rules, s: Subject, at: usize): bool {
  const first: u32 = load<u8>(at);
  const op = first & (OP_NEGATED - 1);
  if (op >= <u32>FIRST_STATEFUL_OP) return false;
  const said =
    op < <u32>FIRST_VOLATILE_OP
      ? askStable(rules.program, s, op, at)
      : askVolatile(rules, s, op, at);
  return said == CANNOT || said == first >>> 7;
}
