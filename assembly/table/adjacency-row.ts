/**
 * A row of table/adjacency.ts: what is known of one neighbour.
 */
import { AdjacencyState } from '../adjacency-abi';
import { IPV4_HEAD } from './neighbour';

export const ROW_BYTES: usize = 64;
const VERSION_SHIFT: u32 = 16;
const INDEX_MASK: u32 = 0xffff;

/** Flags of a row. */
export const FLAG_LISTED: u32 = 1;
export const FLAG_USED: u32 = 2; // since the hand came by
export const FLAG_CONFIRMED: u32 = 4; // `seenMs` says something

@unmanaged
export class Adjacency {
  private ifaceField: u16;
  private versionField: u16;
  private stateField: u8;
  private flagsField: u8;
  private asksField: u8;
  private waitingField: u8;
  /** The address, as table/neighbour.ts keeps it. */
  head: u64;
  tail: u64;
  /** 0: not known. */
  mac: u64;
  /** When it was asked last; in Delay: when that began; Failed: when it was given up. */
  askedMs: u32;
  /** When it was confirmed last. */
  seenMs: u32;
  /** Where the FDB said the MAC address is, of which version that was, and when: for senders. */
  place: u32;
  placeVersion: u32;
  placedMs: u32;
  private blocksField: u16;
  private spare: u16;
  private firstField: u16;
  private lastField: u16;
  private indexField: u16;
  private nextField: u16;

  get iface(): u32 {
    return this.ifaceField;
  }

  /** AdjacencyState. */
  get state(): u32 {
    return this.stateField;
  }

  set state(state: u32) {
    this.stateField = <u8>state;
  }

  /** Questions since the last answer. */
  get asks(): u32 {
    return this.asksField;
  }

  set asks(asks: u32) {
    this.asksField = <u8>asks;
  }

  /** Row number, from 1 on. */
  get index(): u32 {
    return this.indexField;
  }

  set index(index: u32) {
    this.indexField = <u16>index;
  }

  /** Number of the next row in a list; 0: none. */
  get next(): u32 {
    return this.nextField;
  }

  set next(index: u32) {
    this.nextField = <u16>index;
  }

  /** Frees the row: what named it names nobody. */
  end(): void {
    this.stateField = <u8>AdjacencyState.None;
    this.versionField++;
  }

  /** What names this neighbour, and no later one in its row; never 0. */
  get reference(): u32 {
    return ((<u32>this.versionField) << VERSION_SHIFT) | this.indexField;
  }

  get isIpv4(): bool {
    return this.head == IPV4_HEAD;
  }

  /** Whether packets may go to its MAC address: it has one, and none waits to go before. */
  get isOpen(): bool {
    return this.state >= <u32>AdjacencyState.Stale && this.waiting == 0;
  }

  /** Packets that wait, and blocks of the pool they take: table/waiting.ts. */
  get waiting(): u32 {
    return this.waitingField;
  }

  set waiting(packets: u32) {
    this.waitingField = <u8>packets;
  }

  get blocks(): u32 {
    return this.blocksField;
  }

  set blocks(blocks: u32) {
    this.blocksField = <u16>blocks;
  }

  /** First blocks of the oldest and the newest of them. */
  get firstWaiting(): u32 {
    return this.firstField;
  }

  set firstWaiting(block: u32) {
    this.firstField = <u16>block;
  }

  get lastWaiting(): u32 {
    return this.lastField;
  }

  set lastWaiting(block: u32) {
    this.lastField = <u16>block;
  }

  /** Whether it was ever confirmed. */
  get isConfirmed(): bool {
    return this.has(FLAG_CONFIRMED);
  }

  has(flag: u32): bool {
    return ((<u32>this.flagsField) & flag) != 0;
  }

  mark(flag: u32, isSet: bool): void {
    const flags: u32 = this.flagsField;
    this.flagsField = <u8>(isSet ? flags | flag : flags & ~flag);
  }

  /** Becomes the row of a neighbour nobody has asked for yet; its version stays. */
  begin(iface: u32, head: u64, tail: u64): void {
    this.ifaceField = <u16>iface;
    this.stateField = <u8>AdjacencyState.Incomplete;
    this.flagsField = <u8>FLAG_USED;
    this.asksField = this.waitingField = 0;
    this.head = head;
    this.tail = tail;
    this.mac = 0;
    this.askedMs = this.seenMs = 0;
    this.place = this.placeVersion = this.placedMs = 0;
    this.blocksField = this.firstField = this.lastField = this.nextField = 0;
  }
}

if (offsetof<Adjacency>() != ROW_BYTES) ERROR('Adjacency must be ROW_BYTES long');

/** Row number in a reference. */
export function indexOf(reference: u32): u32 {
  return reference & INDEX_MASK;
}
