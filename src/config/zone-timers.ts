/**
 * Timers of flows: their names in a file, and what they are where it says nothing (features
 * CT-2 to CT-7; strict: RFC 4787 REQ-5, RFC 5382 REQ-5, RFC 5508 REQ-2).
 *
 * The core begins with the same; a reload that takes a timer out of the file has to know it.
 */
import { FlowTimer } from '../../assembly/zone-abi.js';

type TimerKey = Exclude<keyof typeof FlowTimer, 'Count'>;
/** `tcpEstablished` of `FlowTimer.TcpEstablished`. */
export type TimerName = Uncapitalize<TimerKey>;

/** Seconds, in the order of FlowTimer. */
const DEFAULTS_SEC: Record<'linux' | 'strict', readonly number[]> = {
  linux: [
    10, 120, 60, 432000, 120, 60, 30, 120, 10, 120, 300, 300, 30, 120, 30, 30, 180, 10, 3, 3, 210,
    3, 3, 3, 30, 600,
  ],
  strict: [
    240, 240, 240, 7440, 240, 240, 240, 240, 240, 240, 7440, 7440, 300, 300, 60, 60, 600, 240, 240,
    240, 7440, 240, 240, 240, 240, 600,
  ],
};

/** In the order of FlowTimer. */
export const TIMER_NAMES: readonly TimerName[] = Array.from(
  { length: FlowTimer.Count },
  (_, timer) => {
    const key = FlowTimer[timer] as TimerKey;
    return (key.charAt(0).toLowerCase() + key.slice(1)) as TimerName;
  },
);

/** Timers of a profile in seconds, in the order of FlowTimer. */
export function timersSec(
  profile: 'linux' | 'strict',
  said: Readonly<Partial<Record<TimerName, number>>>,
): number[] {
  return TIMER_NAMES.map((name, timer) => said[name] ?? DEFAULTS_SEC[profile][timer]!);
}
