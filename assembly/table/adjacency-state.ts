/**
 * What changes the state of a neighbour, RFC 4861 §7.3: all but the clock, which is in
 * node/adjacent.ts. Permanent neighbours stay as they are.
 */
import { AdjacencyState } from '../adjacency-abi';
import { Core } from '../memory';
import { Adjacencies, Adjacency } from './adjacency';
import { FLAG_CONFIRMED, FLAG_USED } from './adjacency-row';

/** It is known to be at `mac` now, as it answered or packets come back (RFC 4861 §7.3.1). */
export function confirm(core: Core, row: Adjacency, mac: u64): void {
  if (row.state == AdjacencyState.Permanent) return;
  moveTo(row, mac);
  row.seenMs = core.nowMs;
  row.mark(FLAG_CONFIRMED, true);
  become(core, row, AdjacencyState.Reachable);
}

/** It says unasked that it is at `mac`: it may be, which sending will show (§7.2.3). */
export function learnAdjacency(core: Core, row: Adjacency, mac: u64): void {
  if (row.state == AdjacencyState.Permanent || row.mac == mac) return;
  moveTo(row, mac);
  become(core, row, AdjacencyState.Stale);
}

/** It is at `mac`, and nobody on the link says otherwise. */
export function setPermanent(core: Core, row: Adjacency, mac: u64): void {
  moveTo(row, mac);
  become(core, row, AdjacencyState.Permanent);
}

/** It did not answer. */
export function failAdjacency(core: Core, row: Adjacency): void {
  moveTo(row, 0);
  row.askedMs = core.nowMs;
  become(core, row, AdjacencyState.Failed);
}

/** It is to be asked as if for the first time. */
export function retryAdjacency(core: Core, row: Adjacency): void {
  become(core, row, AdjacencyState.Incomplete);
}

function become(core: Core, row: Adjacency, state: AdjacencyState): void {
  const table = Adjacencies.at(core.adjacencies);
  if (row.state == AdjacencyState.Incomplete) table.unresolved--;
  if (state == AdjacencyState.Incomplete) table.unresolved++;
  row.asks = 0;
  row.state = state;
}

/** Writes a MAC address that is another; where that is, is to be found again. */
function moveTo(row: Adjacency, mac: u64): void {
  if (row.mac == mac) return;
  row.mac = mac;
  row.place = row.placeVersion = row.placedMs = 0;
}

/** A packet goes to a Stale neighbour: unless it speaks it is asked in a while (§7.3.3). */
export function useAdjacency(core: Core, row: Adjacency): void {
  row.mark(FLAG_USED, true);
  if (row.state != AdjacencyState.Stale) return;
  row.state = AdjacencyState.Delay;
  row.askedMs = core.nowMs;
  Adjacencies.at(core.adjacencies).list(row);
}
