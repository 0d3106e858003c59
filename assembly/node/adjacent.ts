/**
 * Adjacent: keeps the neighbours of router interfaces known (RFC 4861 §7.2, §7.3; IPv4 is
 * treated alike, with ARP, RFC 826).
 *
 *   Incomplete  everybody is asked once in RETRY_MS, MOST_ASKS times; then Failed
 *   Failed      packets are refused for RETRY_MS; then one that comes begins anew
 *   Reachable   for REACHABLE_MS after it was confirmed; then, when the hand comes by, Stale
 *   Stale       still sent to; a packet makes it Delay (useAdjacency)
 *   Delay       nobody confirmed it for DELAY_MS: Probe
 *   Probe       it is asked by itself, once in RETRY_MS, MOST_ASKS times; then Failed
 *
 * Each batch: `openAdjacent` before its packets; behind them `attend` for each row that
 * `attendCount` says, which returns rows whose waiting packets are to be finished
 * (adjacent-queue.ts): sent, or of a Failed one refused.
 *
 * Cost a batch: up to AGE_ROWS rows are aged by a clock hand, ATTEND_ROWS of the list are looked
 * at, BATCH_ASKS questions asked; what is left over is done in the next one.
 */
import { OWN_ACCORD } from '../abi';
import { AdjacencyState } from '../adjacency-abi';
import { Core } from '../memory';
import { reserve } from '../packet';
import { Adjacencies, Adjacency, removeAdjacency } from '../table/adjacency';
import { failAdjacency } from '../table/adjacency-state';
import { Iface } from '../table/iface';
import { PORT_UP } from '../table/port';
import { BROADCAST_MAC } from '../wire/ethernet';
import {
  ARP_FRAME_BYTES,
  ND_FRAME_BYTES,
  ndHeaderOf,
  writeArpRequest,
  writeSolicitation,
} from '../wire/neighbour-frame';
import { inject } from './inject';

// RFC 4861 §10: RETRANS_TIMER, REACHABLE_TIME, DELAY_FIRST_PROBE_TIME, and both
// MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT.
export const RETRY_MS: u32 = 1000;
const REACHABLE_MS: u32 = 30000;
const DELAY_MS: u32 = 5000;
const MOST_ASKS: u32 = 3;
/** One that does not answer is forgotten then, as nobody wants it. */
const FORGET_MS: u32 = 60000;

/** All rows are aged in this time, if batches come often enough. */
const SWEEP_MS: u32 = 1000;
/** Most rows of one batch. */
const AGE_ROWS: u32 = 64;
const ATTEND_ROWS: u32 = 256;
const BATCH_ASKS: u32 = 64;
/** Send or dropped descriptors that frames which waited take in one batch. */
export const LATE_FATES: u32 = 1024;

/** Before the packets of a batch. */
export function openAdjacent(core: Core): void {
  const table = Adjacencies.at(core.adjacencies);
  table.asksLeft = BATCH_ASKS;
  table.fatesLeft = LATE_FATES;
  const rows = table.touched;
  const elapsedMs = min(core.nowMs - table.sweptMs, SWEEP_MS);
  const due = (rows * elapsedMs) / SWEEP_MS;
  if (due == 0) return;
  table.sweptMs = core.nowMs;
  for (let i = min(due, AGE_ROWS); i != 0; i--) {
    table.sweep = table.sweep >= rows ? 1 : table.sweep + 1;
    age(core, table.row(table.sweep));
  }
}

/** What happens to a row without anybody looking for it. */
function age(core: Core, row: Adjacency): void {
  if (row.state == AdjacencyState.Reachable && core.nowMs - row.seenMs >= REACHABLE_MS) {
    row.state = AdjacencyState.Stale;
    return;
  }
  const isOver = row.state == AdjacencyState.Failed && core.nowMs - row.askedMs >= FORGET_MS;
  if (isOver && row.waiting == 0) removeAdjacency(core, row);
}

/** Whether packets to a neighbour are refused, since it did not answer just now. */
export function isGivenUp(core: Core, row: Adjacency): bool {
  return row.state == AdjacencyState.Failed && core.nowMs - row.askedMs < RETRY_MS;
}

/** How often `attend` is to be called in this batch. */
export function attendCount(core: Core): u32 {
  return min(Adjacencies.at(core.adjacencies).listed, ATTEND_ROWS);
}

/**
 * Does what is due of the next row of the list. Returns it when packets wait for it no
 * longer for an answer: it has a MAC address or is Failed. Else null.
 */
export function attend(core: Core): Adjacency {
  const table = Adjacencies.at(core.adjacencies);
  const row = table.unlist();
  if (changetype<usize>(row) == 0 || row.state == AdjacencyState.None) return none();
  look(core, row);
  const isAsked = isBeingAsked(row);
  if (isAsked || row.waiting != 0) table.list(row);
  return row.waiting != 0 && row.state != AdjacencyState.Incomplete ? row : none();
}

function none(): Adjacency {
  return changetype<Adjacency>(0);
}

function isBeingAsked(row: Adjacency): bool {
  const state = row.state;
  return (
    state == AdjacencyState.Incomplete ||
    state == AdjacencyState.Delay ||
    state == AdjacencyState.Probe
  );
}

function look(core: Core, row: Adjacency): void {
  if (!isBeingAsked(row)) return;
  const elapsedMs = core.nowMs - row.askedMs;
  if (row.state == AdjacencyState.Delay) {
    if (elapsedMs < DELAY_MS) return;
    row.state = AdjacencyState.Probe;
    row.asks = 0;
  }
  if (row.asks != 0 && elapsedMs < RETRY_MS) return;
  if (row.asks < MOST_ASKS) return askNow(core, OWN_ACCORD, row);
  failAdjacency(core, row);
}

/**
 * Asks for a neighbour: all the link, or in Probe itself alone. `origin`: the frame that
 * gives rise to it. Nothing happens when this batch has no room for it; an interface that is
 * down, or has no address of the family, asks in vain.
 */
export function askNow(core: Core, origin: u32, row: Adjacency): void {
  const table = Adjacencies.at(core.adjacencies);
  if (table.asksLeft == 0) return table.list(row);
  const bytes = row.isIpv4 ? ARP_FRAME_BYTES : ND_FRAME_BYTES;
  const frame = reserve(core, bytes);
  if (frame == 0) return table.list(row);
  table.asksLeft--;
  table.list(row);
  row.askedMs = core.nowMs;
  row.asks++;
  const iface = Iface.at(core.ifaces, row.iface);
  if (!iface.inUse || !iface.port.has(PORT_UP)) return;
  const speaker = iface.speakerTo(row.head, row.tail);
  if (speaker == iface.addressCount) return;
  if (row.isIpv4) writeArp(frame, iface, speaker, row);
  else writeNd(frame, iface, speaker, row);
  inject(core, origin, frame, bytes, iface);
}

function writeArp(frame: usize, iface: Iface, speaker: u32, row: Adjacency): void {
  const to = row.state == AdjacencyState.Probe ? row.mac : BROADCAST_MAC;
  const source = <u32>iface.addressTail(speaker);
  writeArpRequest(frame, to, iface.mac, source, <u32>row.tail);
}

function writeNd(frame: usize, iface: Iface, speaker: u32, row: Adjacency): void {
  const to = row.state == AdjacencyState.Probe ? row.mac : 0;
  const ip = ndHeaderOf(frame);
  ip.sourceHead = iface.addressHead(speaker);
  ip.sourceTail = iface.addressTail(speaker);
  writeSolicitation(frame, to, iface.mac, row.head, row.tail);
}
