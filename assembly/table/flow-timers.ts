/**
 * How long flows live without packets, in milliseconds: a table of FlowTimer for each
 * FlowProfile, set by the host. A line names its timer by one byte: profile * PROFILE_TIMERS +
 * FlowTimer.
 *
 * Linux: what its connection tracking does by default (features CT-2 to CT-7). Strict: RFC
 * 4787 REQ-5 (UDP 5 min), RFC 5382 REQ-5 (TCP established 2 h 4 min, else 4 min), RFC 5508
 * REQ-2 (ICMP 60 s).
 */
import { Core } from '../memory';
import { FlowTimer, PROFILE_TIMERS } from '../zone-abi';
import { FlowLine } from './flow-line';

const PROFILES: u32 = 2;
export const FLOW_TIMER_BYTES: usize = PROFILES * PROFILE_TIMERS * 4;

/** Seconds, in the order of FlowTimer. */
const LINUX_SEC: usize = memory.data<u32>([
  10, 120, 60, 432000, 120, 60, 30, 120, 10, 120, 300, 300, 30, 120, 30, 30, 180, 10, 3, 3, 210, 3,
  3, 3, 30, 600,
]);
const STRICT_SEC: usize = memory.data<u32>([
  240, 240, 240, 7440, 240, 240, 240, 240, 240, 240, 7440, 7440, 300, 300, 60, 60, 600, 240, 240,
  240, 7440, 240, 240, 240, 240, 600,
]);
const MS: u32 = 1000;

export function createFlowTimers(core: Core): void {
  for (let i: u32 = 0; i < <u32>FlowTimer.Count; i++) {
    setFlowTimer(core, i, load<u32>(LINUX_SEC + <usize>i * 4) * MS);
    setFlowTimer(core, i + PROFILE_TIMERS, load<u32>(STRICT_SEC + <usize>i * 4) * MS);
  }
}

export function setFlowTimer(core: Core, timer: u32, ms: u32): void {
  store<u32>(core.flowTimers + ((<usize>timer) << 2), ms);
}

export function flowTimerMs(core: Core, timer: u32): u32 {
  return load<u32>(core.flowTimers + ((<usize>timer) << 2));
}

/** Milliseconds until a flow dies if no packet comes; 0: it is dead. */
export function flowLeftMs(core: Core, line: FlowLine): u32 {
  const silentMs = min(core.nowMs - line.seenMs, core.nowMs - line.other.seenMs);
  const lifeMs = flowTimerMs(core, line.timer);
  return silentMs < lifeMs ? lifeMs - silentMs : 0;
}
