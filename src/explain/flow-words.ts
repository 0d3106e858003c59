/** What trace records say about flows, in words. */
import { FlowStatus, SctpState, TcpState, WindowBound } from '../../assembly/zone-abi.js';

const SCTP = 132;
const BOUNDS: Record<WindowBound, string> = {
  [WindowBound.None]: 'in its window',
  [WindowBound.SequenceAhead]: 'out of window, begins behind what the receiver takes',
  [WindowBound.AcknowledgesUnsent]: 'out of window, acknowledges what was not sent',
  [WindowBound.SequenceOver]: 'passes, not believed: ends behind what the receiver takes',
  [WindowBound.SequenceOld]: 'passes, not believed: ends before what the receiver takes',
  [WindowBound.AcknowledgesOld]: 'passes, not believed: an acknowledgment that is long past',
};

/** Which bound of its window a segment breaks. */
export function boundText(bound: number): string {
  return BOUNDS[bound as WindowBound];
}

/** `, Established`, or nothing where there are no states. */
export function stateText(protocol: number, state: number): string {
  if (state === 0) return '';
  return `, ${protocol === SCTP ? SctpState[state] : TcpState[state]}`;
}

/** FlowStatus bits. */
export function statusText(status: number): string {
  const names = Object.values(FlowStatus).filter(bit => typeof bit === 'number');
  const words = names.filter(bit => (status & bit) !== 0).map(bit => FlowStatus[bit]!);
  return words.length === 0 ? 'no answer yet' : words.join(', ');
}
