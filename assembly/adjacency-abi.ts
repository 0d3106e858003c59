/**
 * The part of the contract that is about neighbours of router interfaces; see abi.ts.
 * Imports nothing and holds only numbers and enums.
 */

/**
 * States of RFC 4861 §7.3.2, and two more. From Delay on packets are sent to the MAC address
 * without more ado; of a Stale neighbour whoever sends says so (`useAdjacency`).
 */
export enum AdjacencyState {
  None = 0, // the row is free
  Incomplete, // being asked for
  Failed, // did not answer
  Stale, // confirmed a while ago, or told unasked
  Delay, // stale, and packets go there: asked in a while
  Probe, // being asked whether it is still there
  Reachable, // confirmed
  Permanent, // configured
}

/** A neighbour in scratch memory: what `adjacencyInsert` takes and `adjacencyWalk` returns. */
export const ADJACENCY_RECORD_BYTES = 48;
export enum AdjacencyRecord {
  Address = 0, // 16 bytes as on the wire; of an IPv4 address the first 4
  Interface = 16, // u16: index
  Family = 18, // u8: Family
  State = 19, // u8: AdjacencyState
  MacLow = 20, // u32: bytes 0-3, little endian; 0: not known
  MacHigh = 24, // u16: bytes 4-5
  Waiting = 26, // u16: packets that wait for it
  ConfirmedMs = 28, // u32: since it was confirmed; 0xffffffff: never
  Number = 32, // u32: row
  Asks = 36, // u32: without an answer
  Spare = 40,
}
