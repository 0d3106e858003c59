/** What rules write into the trace of a traced packet. */
import { Node, Trace } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { note, say } from '../trace';
import { Subject } from './subject';

function open(s: Subject, event: Trace): usize {
  return note(
    changetype<Core>(<usize>s.core),
    changetype<Packet>(<usize>s.packet),
    Node.Rules,
    event,
  );
}

/** The rule `id` applied, in a chain behind `depth` jumps, and said `verdict`. */
export function traceRule(s: Subject, id: u32, verdict: u32, depth: u32): void {
  say(open(s, Trace.RuleMatched), id, verdict, depth);
}

/** No rule decided: the policy did, whose counter is `policy`. */
export function tracePolicy(s: Subject, policy: u32, verdict: u32): void {
  say(open(s, Trace.PolicyApplied), policy, verdict, 0);
}
