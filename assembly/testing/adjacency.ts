/**
 * Doors to table/adjacency.ts, node/adjacent.ts and control-adjacency.ts. Neighbours are
 * those of one interface, number 0, which `makeIface` makes of port 0 at `core.ifaces`.
 * IP addresses are bytes as on the wire.
 */
import { CoreCounter, Drop, OWN_ACCORD } from '../abi';
import * as control from '../control-adjacency';
import { sendNew } from '../fate';
import { Core, count } from '../memory';
import { attend, attendCount, openAdjacent } from '../node/adjacent';
import { hear } from '../node/adjacent-hear';
import { dropQueued, dropTaken, queueOn, takeQueued } from '../node/adjacent-queue';
import { CONSUMED } from '../node/outer';
import { headAt, tailAt } from '../table/address';
import * as table from '../table/adjacency';
import { Adjacencies, Adjacency } from '../table/adjacency';
import * as state from '../table/adjacency-state';
import { Iface } from '../table/iface';
import { Port } from '../table/port';
import { Ethernet } from '../wire/ethernet';
import { packetOf } from './node';

export function adjacenciesBytes(rows: u32): usize {
  return Adjacencies.bytesFor(rows);
}

export function createAdjacencies(core: usize, at: usize, rows: u32): void {
  Core.at(core).adjacencies = at;
  Adjacencies.create(at, rows, 0x5eed5eed5eed5eed);
}

/** Interface `index` at its place behind `ifaces`, with the MAC whose bytes are at `mac`. */
export function makeIface(core: usize, ifaces: usize, index: u32, mac: usize): void {
  Core.at(core).ifaces = ifaces;
  const iface = Iface.at(ifaces, index);
  iface.index = index;
  iface.port = Port.at(Core.at(core).ports, 0);
  iface.domain = iface.port.domain;
  iface.mac = Ethernet.at(mac).destination;
}

export function addIfaceAddress(core: usize, index: u32, ip: usize, family: u32, bits: u32): void {
  const iface = Iface.at(Core.at(core).ifaces, index);
  iface.setAddress(iface.addressCount++, headAt(ip, family), tailAt(ip, family), bits);
}

/** Reference of the neighbour at an address; 0: none. */
export function adjacencyTo(core: usize, iface: u32, ip: usize, family: u32): u32 {
  const c = Core.at(core);
  const row = table.adjacencyTo(
    c,
    Iface.at(c.ifaces, iface),
    headAt(ip, family),
    tailAt(ip, family),
  );
  return changetype<usize>(row) == 0 ? 0 : row.reference;
}

export function findAdjacency(core: usize, iface: u32, ip: usize, family: u32): u32 {
  const c = Core.at(core);
  const row = table.findAdjacency(
    c,
    Iface.at(c.ifaces, iface),
    headAt(ip, family),
    tailAt(ip, family),
  );
  return changetype<usize>(row) == 0 ? 0 : row.reference;
}

/** Whether a reference names a neighbour; state, waiting, asks, MAC (two words): to `out`. */
export function readAdjacency(core: usize, reference: u32, out: usize): bool {
  const row = table.adjacencyOf(Core.at(core), reference);
  if (changetype<usize>(row) == 0) return false;
  store<u32>(out, row.state);
  store<u32>(out, row.waiting, 4);
  store<u32>(out, row.asks, 8);
  store<u64>(out, row.mac, 16);
  store<u32>(out, row.isOpen ? 1 : 0, 24);
  store<u32>(out, row.place, 28);
  return true;
}

function rowOf(core: usize, reference: u32): Adjacency {
  return table.adjacencyOf(Core.at(core), reference);
}

export function confirmAdjacency(core: usize, reference: u32, mac: usize): void {
  state.confirm(Core.at(core), rowOf(core, reference), Ethernet.at(mac).destination);
}

export function learnAdjacency(core: usize, reference: u32, mac: usize): void {
  state.learnAdjacency(Core.at(core), rowOf(core, reference), Ethernet.at(mac).destination);
}

export function placeAdjacency(core: usize, reference: u32, place: u32): void {
  rowOf(core, reference).place = place;
}

export function useAdjacency(core: usize, reference: u32): void {
  state.useAdjacency(Core.at(core), rowOf(core, reference));
}

export function removeAdjacency(core: usize, reference: u32): void {
  table.removeAdjacency(Core.at(core), rowOf(core, reference));
}

/** Neighbours, refused, reclaimed, conflicts, free blocks, listed, Incomplete: to `out`. */
export function readAdjacencies(core: usize, out: usize): void {
  const all = Adjacencies.at(Core.at(core).adjacencies);
  store<u32>(out, all.used);
  store<u32>(out, all.refused, 4);
  store<u32>(out, all.reclaimed, 8);
  store<u32>(out, all.conflicts, 12);
  store<u32>(out, all.pool.left, 16);
  store<u32>(out, all.listed, 20);
  store<u32>(out, all.unresolved, 24);
}

/** Opens a batch, as the core will. */
export function openAdjacentBatch(core: usize, nowMs: u32): void {
  Core.at(core).open(nowMs);
  openAdjacent(Core.at(core));
}

/** Lets a frame of port 0 wait. Returns Drop.None when it does, or why not. */
export function queueFrame(core: usize, reference: u32, frame: usize, bytes: u32, flags: u32): u32 {
  const c = Core.at(core);
  return settle(c, queueOn(c, packetOf(c, frame, bytes, flags), rowOf(core, reference)));
}

/** Hears a frame of port 0. Returns 0xffff when it is none of these messages, or as above. */
export function hearFrame(core: usize, iface: u32, frame: usize, bytes: u32, flags: u32): u32 {
  const c = Core.at(core);
  const p = packetOf(c, frame, bytes, flags);
  const heard = hear(c, p, Iface.at(c.ifaces, iface));
  return heard == Drop.None ? 0xffff : settle(c, heard);
}

/** Reference of the neighbour that the message heard last was about; 0: none. */
export function heardAdjacency(core: usize): u32 {
  const row = Adjacencies.at(Core.at(core).adjacencies).heard;
  return changetype<usize>(row) == 0 ? 0 : row.reference;
}

function settle(c: Core, got: Drop): u32 {
  if (got != CONSUMED) return got;
  count(c.coreCounters, CoreCounter.Consumed, 1);
  return Drop.None;
}

/** Does what is due, and sends or drops what waited as a router does. */
export function attendAll(core: usize): void {
  const c = Core.at(core);
  for (let left = attendCount(c); left != 0; left--) {
    const row = attend(c);
    if (changetype<usize>(row) != 0) finish(c, row);
  }
}

export function finishAdjacency(core: usize, reference: u32): void {
  finish(Core.at(core), rowOf(core, reference));
}

function finish(c: Core, row: Adjacency): void {
  if (row.mac == 0) {
    const first = takeQueued(c, row);
    if (first != 0) dropTaken(c, first, Drop.NeighbourFailed);
    return dropQueued(c, row, Drop.NeighbourFailed);
  }
  const all = Adjacencies.at(c.adjacencies);
  for (let frame = takeQueued(c, row); frame != 0; frame = takeQueued(c, row)) {
    Ethernet.at(frame).address(row.mac, Iface.at(c.ifaces, row.iface).mac);
    sendNew(c, OWN_ACCORD, frame, all.frameBytes, Port.at(c.ports, 0));
  }
}

/** The oldest frame that waits: bytes, RxFlag, port: to `out`. Its address, or 0. */
export function takeFrame(core: usize, reference: u32, out: usize): usize {
  const frame = takeQueued(Core.at(core), rowOf(core, reference));
  const all = Adjacencies.at(Core.at(core).adjacencies);
  store<u32>(out, all.frameBytes);
  store<u32>(out, all.frameFlags, 4);
  store<u32>(out, all.framePort, 8);
  return frame;
}

export function insertPermanent(core: usize, iface: u32): u32 {
  return control.adjacencyInsert(Core.at(core), Iface.at(Core.at(core).ifaces, iface));
}

export function forgetAdjacency(core: usize, iface: u32): u32 {
  return control.adjacencyRemove(Core.at(core), Iface.at(Core.at(core).ifaces, iface));
}

export function flushAdjacencies(core: usize, iface: u32): u32 {
  return control.adjacencyFlush(Core.at(core), iface);
}

export function walkAdjacencies(core: usize, first: u32): u32 {
  return control.adjacencyWalk(Core.at(core), first);
}
