/**
 * Reads capture files where they lie: the host puts a run of the file into module
 * memory, this walks the record headers and writes one receive descriptor and one stamp
 * a packet. Nothing is copied.
 *
 * `captureFill` merges any number of readers in time order. A batch ends when it is full,
 * when the millisecond ends (the core knows one time a batch), or when a reader needs the
 * host: more bytes, or a port for a new interface. Of equal times the first reader's
 * packet comes first. The clock never goes back: a packet from the past is taken at once.
 */
import { CaptureFault, CaptureFormat, CaptureStatus } from './capture-abi';
import { MAGIC_NS, MAGIC_US, startPcap, walkPcap } from './capture/pcap';
import { SECTION, walkPcapng } from './capture/pcapng';
import { Capture, CaptureBatch } from './capture/state';

const NS_PER_MS: u64 = 1000000;
const MAGIC_BYTES: u32 = 4;

/** Fills the batch at `batch` (BatchField); returns its packets. */
export function captureFill(batch: usize): u32 {
  const b = changetype<CaptureBatch>(batch);
  b.count = 0;
  let c = choose(b);
  let turn = b.until;
  if (c) openMillisecond(b, c.next);
  while (c && b.count < b.room && c.next < b.limit) {
    b.until = min(turn, b.limit);
    walk(c, b);
    c = choose(b);
    turn = b.until;
  }
  b.nextMs = c ? <f64>(max(b.clock, c.next) / NS_PER_MS) : -1;
  return b.count;
}

/** Starts the batch at the time of its first packet, or now if that is in the past. */
function openMillisecond(b: CaptureBatch, stamp: u64): void {
  b.clock = max(b.clock, stamp);
  const ms = b.clock / NS_PER_MS;
  b.nowMs = <f64>ms;
  b.limit = (ms + 1) * NS_PER_MS;
}

/**
 * The reader whose packet is next, with `b.until` the first time that is another's turn.
 * None if a reader has to be seen to first, or all have ended.
 */
function choose(b: CaptureBatch): Capture | null {
  let chosen: Capture | null = null;
  let until = u64.MAX_VALUE;
  for (let i: u32 = 0; i < b.readers; i++) {
    const c = b.reader(i);
    if (c.status == CaptureStatus.Stale) peek(c, b);
    if (c.status == CaptureStatus.Ended) continue;
    if (c.status != CaptureStatus.Ready) return null;
    if (!chosen) {
      chosen = c;
    } else if (c.next < chosen.next) {
      until = chosen.next; // its turn comes first at equal times
      chosen = c;
    } else {
      until = min(until, c.next + 1);
    }
  }
  b.until = until;
  return chosen;
}

/** Finds the time of the next record without taking it. */
function peek(c: Capture, b: CaptureBatch): void {
  b.until = 0;
  walk(c, b);
}

function walk(c: Capture, b: CaptureBatch): void {
  c.status = CaptureStatus.Stale;
  if (c.format == CaptureFormat.Unknown && !start(c)) return;
  if (c.format == CaptureFormat.Pcap) walkPcap(c, b);
  else walkPcapng(c, b);
}

/** Tells the format by the first bytes. False if the reader stopped. */
function start(c: Capture): bool {
  if (!c.has(MAGIC_BYTES)) return false;
  const magic = load<u32>(c.cursor);
  if (magic == SECTION) return true;
  const swapped = bswap(magic);
  c.swapped = u32(swapped == MAGIC_US || swapped == MAGIC_NS);
  const ours = c.swapped ? swapped : magic;
  if (ours == MAGIC_US || ours == MAGIC_NS) return startPcap(c, ours);
  return c.refuse(CaptureFault.Magic, magic, 0);
}
