/** Records of the journal, as the control thread reads them. */
import {
  JOURNAL_RECORD_BYTES,
  JournalKind,
  JournalRecord,
  LogRecord,
} from '../assembly/zone-abi.js';
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

export type FlowKind = Exclude<JournalKind, JournalKind.Log>;

/** Something has happened to a flow; `flow` is as it was then. */
export interface FlowNews {
  kind: FlowKind;
  flow: Flow;
  /** Milliseconds since 1970. */
  atMs: number;
  beganMs: number;
}

/** A packet that has met a LOG or NFLOG rule, as it was there. */
export interface LoggedPacket {
  /** Counter of the rule. */
  rule: number;
  zone: number;
  mark: number;
  /** Router interface + 1; 0: none. */
  in: number;
  out: number;
  /** Ethernet header, and the first bytes of the IP packet. */
  frame: Uint8Array;
  packet: Uint8Array;
  /** Milliseconds since 1970. */
  atMs: number;
}

const ETHERNET_BYTES = 14;

/** What has happened to flows. */
export function readJournal(part: JournalPart): FlowNews[] {
  return recordsOf(part).flatMap(({ kind, view, at, atMs, coreMs }) => {
    if (kind === JournalKind.Log) return [];
    const flow = readFlow(view, at + JournalRecord.Flow);
    return [{ kind, flow, atMs, beganMs: coreMs - flow.ageMs }];
  });
}

/** What rules have logged. */
export function readLogged(part: JournalPart): LoggedPacket[] {
  return recordsOf(part).flatMap(({ kind, view, at, atMs }) => {
    if (kind !== JournalKind.Log) return [];
    const log = at + JournalRecord.Log;
    const kept = view.getUint16(log + LogRecord.Kept, true);
    const bytes = (field: LogRecord, count: number): Uint8Array => {
      const from = view.byteOffset + log + field;
      return new Uint8Array(view.buffer.slice(from, from + count) as ArrayBuffer);
    };
    return [
      {
        rule: view.getUint32(log + LogRecord.Rule, true),
        zone: view.getUint16(log + LogRecord.Zone, true),
        mark: view.getUint32(log + LogRecord.Mark, true),
        in: view.getUint16(log + LogRecord.In, true),
        out: view.getUint16(log + LogRecord.Out, true),
        frame: bytes(LogRecord.Frame, ETHERNET_BYTES),
        packet: bytes(LogRecord.Packet, kept),
        atMs,
      },
    ];
  });
}

/** Records with when they were written: `coreMs` by the core's clock, both since 1970. */
function recordsOf({ records, wallMs, clockMs, requestMs }: JournalPart) {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  return Array.from({ length: records.length / JOURNAL_RECORD_BYTES }, (_, i) => {
    const at = i * JOURNAL_RECORD_BYTES;
    const nowMs = view.getUint32(at + JournalRecord.NowMs, true);
    const kind: JournalKind = view.getUint32(at + JournalRecord.Kind, true);
    const coreMs = wallMs - ((clockMs - nowMs) >>> 0);
    return { kind, view, at, coreMs, atMs: nowMs === requestMs ? wallMs : coreMs };
  });
}
