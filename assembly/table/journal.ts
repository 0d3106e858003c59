/**
 * Journal: what happens to flows, and packets that rules log, for a host that wants to know
 * (features CT-14). A ring of
 * JOURNAL_RECORDS places behind a header of one line; the host takes records out after a
 * batch, at most one crossing each.
 *
 * Nothing is written of a kind that nobody wants, and established packets never come here: it
 * costs a comparison where a flow begins, changes or ends. A full ring keeps what it has, as
 * a host that is slow would else never see the beginning of anything, and counts what is new
 * as lost. A core without zones has the header only.
 */
import { Core } from '../memory';
import {
  JOURNAL_HEADER_BYTES,
  JOURNAL_RECORDS,
  JOURNAL_RECORD_BYTES,
  JournalField,
  JournalKind,
  JournalRecord,
} from '../zone-abi';
import { FlowLine } from './flow-line';
import { writeFlow } from './flow-record';

@unmanaged
export class Journal {
  private written: u32;
  private read: u32;
  private lost: u32;
  private wanted: u32;

  static at(ptr: usize): Journal {
    return changetype<Journal>(ptr);
  }

  /** Bytes for the journal of a core with so many zones. */
  static bytesFor(zones: u32): usize {
    const records: usize = zones == 0 ? 0 : JOURNAL_RECORDS;
    return <usize>JOURNAL_HEADER_BYTES + records * JOURNAL_RECORD_BYTES;
  }

  wants(kind: JournalKind): bool {
    return (this.wanted & (<u32>kind)) != 0;
  }

  /** Says what is wanted from now on, JournalKind bits. With nothing wanted it is empty. */
  want(kinds: u32): void {
    this.wanted = kinds;
    if (kinds == 0) this.take(this.written - this.read);
  }

  /** The host has read so many records, and how many were lost behind them. */
  take(records: u32): void {
    this.read += records;
    this.lost = 0;
  }

  /** Address of a new record, or 0 when there is no place. */
  open(core: Core, kind: JournalKind): usize {
    if (this.written - this.read == JOURNAL_RECORDS) {
      this.lost++;
      return 0;
    }
    const place: usize = this.written++ % JOURNAL_RECORDS;
    const at = changetype<usize>(this) + JOURNAL_HEADER_BYTES + place * JOURNAL_RECORD_BYTES;
    store<u32>(at, kind, JournalRecord.Kind);
    store<u32>(at, core.nowMs, JournalRecord.NowMs);
    store<u64>(at, 0, JournalRecord.Spare);
    return at;
  }
}

if (offsetof<Journal>('wanted') != <usize>JournalField.Wanted) ERROR('Journal as JournalField');
if (offsetof<Journal>() > <usize>JOURNAL_HEADER_BYTES) ERROR('Journal must fit its header');

/** Writes down what has happened to a flow, if it is wanted. */
export function tellFlow(core: Core, line: FlowLine, kind: JournalKind): void {
  const journal = Journal.at(core.journal);
  if (!journal.wants(kind)) return;
  const at = journal.open(core, kind);
  if (at != 0) writeFlow(core, at + <usize>JournalRecord.Flow, line);
}
