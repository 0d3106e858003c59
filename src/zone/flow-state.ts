/** Names of what a flow's connection is in, as conntrack(8) writes them. */
import { SctpState, TcpState } from '../../assembly/zone-abi.js';

const TCP = 6;
const SCTP = 132;

const TCP_STATES: Record<TcpState, string> = {
  [TcpState.None]: 'NONE',
  [TcpState.SynSent]: 'SYN_SENT',
  [TcpState.SynRecv]: 'SYN_RECV',
  [TcpState.Established]: 'ESTABLISHED',
  [TcpState.FinWait]: 'FIN_WAIT',
  [TcpState.CloseWait]: 'CLOSE_WAIT',
  [TcpState.LastAck]: 'LAST_ACK',
  [TcpState.TimeWait]: 'TIME_WAIT',
  [TcpState.Close]: 'CLOSE',
  [TcpState.SynSent2]: 'SYN_SENT2',
};

const SCTP_STATES: Record<SctpState, string> = {
  [SctpState.None]: 'NONE',
  [SctpState.Closed]: 'CLOSED',
  [SctpState.CookieWait]: 'COOKIE_WAIT',
  [SctpState.CookieEchoed]: 'COOKIE_ECHOED',
  [SctpState.Established]: 'ESTABLISHED',
  [SctpState.ShutdownSent]: 'SHUTDOWN_SENT',
  [SctpState.ShutdownReceived]: 'SHUTDOWN_RECD',
  [SctpState.ShutdownAckSent]: 'SHUTDOWN_ACK_SENT',
  [SctpState.HeartbeatSent]: 'HEARTBEAT_SENT',
};

/** All names there are. */
export const STATE_NAMES: readonly string[] = [
  ...new Set([...Object.values(TCP_STATES), ...Object.values(SCTP_STATES)]),
];

/** `ESTABLISHED`; null: flows of the protocol have no states. */
export function flowStateName(protocol: number, state: number): string | null {
  if (protocol === TCP) return TCP_STATES[state as TcpState];
  return protocol === SCTP ? SCTP_STATES[state as SctpState] : null;
}
