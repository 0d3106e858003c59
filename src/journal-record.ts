/** Records of the journal, as the control thread reads them. */
import { JOURNAL_RECORD_BYTES, type JournalKind, JournalRecord } from '../assembly/zone-abi.js';
import { type Flow, readFlow } from './flow-record.js';
import type { Taken } from './journal.js';

/** What was taken out of the journal at one moment, on two clocks. */
export interface JournalPart extends Taken {
  /** Milliseconds since 1970. */
  wallMs: number;
  /** Milliseconds of the clock that the core is told. */
  clockMs: number;
  /**
   * The core's time, if a request was answered right before: between batches it stands still,
   * so what bears it has happened just now.
   */
  requestMs?: number;
}

/** Something has happened to a flow; `flow` is as it was then. */
export interface FlowNews {
  kind: JournalKind;
  flow: Flow;
  /** Milliseconds since 1970. */
  atMs: number;
  beganMs: number;
}

export function readJournal(part: JournalPart): FlowNews[] {
  const { records, wallMs, clockMs, requestMs } = part;
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  return Array.from({ length: records.length / JOURNAL_RECORD_BYTES }, (_, i) => {
    const at = i * JOURNAL_RECORD_BYTES;
    const nowMs = view.getUint32(at + JournalRecord.NowMs, true);
    const kind: JournalKind = view.getUint32(at + JournalRecord.Kind, true);
    const flow = readFlow(view, at + JournalRecord.Flow);
    const sinceMs = (clockMs - nowMs) >>> 0;
    return {
      kind,
      flow,
      atMs: nowMs === requestMs ? wallMs : wallMs - sinceMs,
      beganMs: wallMs - sinceMs - flow.ageMs,
    };
  });
}
