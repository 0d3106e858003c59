/** The core's journal, as the host takes it out: records of what happens to flows. */
import { Region } from '../assembly/abi.js';
import {
  JOURNAL_HEADER_BYTES,
  JOURNAL_RECORDS,
  JOURNAL_RECORD_BYTES,
  JournalField,
} from '../assembly/zone-abi.js';
import type { Exports } from './core-exports.js';

/** What was in the journal, JOURNAL_RECORD_BYTES each, and how many were lost behind it. */
export interface Taken {
  records: Uint8Array;
  lost: number;
}

export class Journal {
  private readonly at: number;

  constructor(
    private readonly exports: Exports,
    private readonly core: number,
    private readonly bytes: Uint8Array,
    private readonly view: DataView,
    region: (region: Region) => number,
  ) {
    this.at = region(Region.Journal);
  }

  /** What it holds from now on, JournalKind bits; 0: nothing, and it is emptied. */
  want(kinds: number): void {
    this.exports.journalWant(this.core, kinds);
  }

  /** Records that wait to be taken. */
  get count(): number {
    return (this.field(JournalField.Written) - this.field(JournalField.Read)) >>> 0;
  }

  /** Takes out all that waits: a copy, oldest first. */
  take(): Taken {
    const { count } = this;
    const first = this.field(JournalField.Read) % JOURNAL_RECORDS;
    const start = this.at + JOURNAL_HEADER_BYTES;
    const upTo = Math.min(count, JOURNAL_RECORDS - first);
    const records = new Uint8Array(count * JOURNAL_RECORD_BYTES);
    const copy = (place: number, some: number, to: number): void => {
      const from = start + place * JOURNAL_RECORD_BYTES;
      const bytes = this.bytes.subarray(from, from + some * JOURNAL_RECORD_BYTES);
      records.set(bytes, to * JOURNAL_RECORD_BYTES);
    };
    copy(first, upTo, 0);
    copy(0, count - upTo, upTo);
    const lost = this.field(JournalField.Lost);
    this.exports.journalTake(this.core, count);
    return { records, lost };
  }

  private field(field: JournalField): number {
    return this.view.getUint32(this.at + field, true);
  }
}
