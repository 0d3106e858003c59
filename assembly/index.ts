/**
 * Everything the host can call: numbers in, numbers out, one call a batch. `core` is the
 * address of a core's header, chosen by the host at a multiple of 64.
 */
import {
  ABI_VERSION,
  Capacity,
  CoreCounter,
  DROPPED_BYTES,
  PortOption,
  Region,
  SegmentOption,
  Status,
  TRACE_BYTES,
  TX_BYTES,
  VlanMember,
} from './abi';
import * as control from './control';
import * as neighbours from './control-neighbours';
export { captureFill } from './capture';
import { run } from './graph';
import { Core, count, layOut, regionAddress as addressOf } from './memory';
import { sweep } from './node/age';
import { fillStorm } from './node/storm';
import { Fdb } from './table/fdb';
import { Neighbours } from './table/neighbour';
import * as portTable from './table/port';
import * as segmentTable from './table/segment';

export function abiVersion(): u32 {
  return ABI_VERSION;
}

/** Sets one capacity. Before `init`. */
export function setCapacity(core: usize, which: Capacity, value: u32): void {
  Core.at(core).setCapacity(which, value);
}

export function capacity(core: usize, which: Capacity): u32 {
  return Core.at(core).capacity(which);
}

/** Time of the last batch. */
export function nowMs(core: usize): u32 {
  return Core.at(core).nowMs;
}

/** First address behind the core, given its capacities: what the memory must reach. */
export function endOf(core: usize): usize {
  return place(Core.at(core));
}

/** Assigns every region its place. Returns the first address behind the core. */
function place(c: Core): usize {
  const fdbBytes = Fdb.bytesFor(c.capacity(Capacity.FdbEntries));
  return layOut(c, fdbBytes, Neighbours.bytesFor(c.capacity(Capacity.Neighbours)));
}

/** Lays the core out in zeroed memory. The seed makes table layouts secret. */
export function init(core: usize, seedLow: u32, seedHigh: u32): void {
  const c = Core.at(core);
  place(c);
  const seed = (<u64>seedLow) | ((<u64>seedHigh) << 32);
  Fdb.create(c.fdb, c.capacity(Capacity.FdbEntries), seed, ~seed);
  Neighbours.create(c.neighbours, c.capacity(Capacity.Neighbours), seed);
  portTable.createPorts(c);
  segmentTable.createSegments(c);
  c.traceEnd = c.trace;
}

export function regionAddress(core: usize, region: Region): usize {
  return addressOf(Core.at(core), region);
}

/** Decides over `received` frames. Returns the number of send descriptors. */
export function process(core: usize, received: u32, nowMs: u32): u32 {
  const c = Core.at(core);
  run(c, received, nowMs);
  const sent = sentCount(core);
  count(c.coreCounters, CoreCounter.Sent, sent);
  return sent;
}

/** Send descriptors of the last batch. */
export function sentCount(core: usize): u32 {
  const c = Core.at(core);
  return <u32>((c.txEnd - c.tx) / TX_BYTES);
}

/** Dropped descriptors of the last batch. */
export function droppedCount(core: usize): u32 {
  const c = Core.at(core);
  return <u32>((c.droppedEnd - c.dropped) / DROPPED_BYTES);
}

/** Books the send descriptors marked TxFlag.Refused as drops. Returns how many. */
export function refuseMarked(core: usize): u32 {
  return control.refuse(Core.at(core));
}

/** Trace records written since `traceClear`. */
export function traceCount(core: usize): u32 {
  const c = Core.at(core);
  return <u32>((c.traceEnd - c.trace) / TRACE_BYTES);
}

export function traceClear(core: usize): void {
  const c = Core.at(core);
  c.traceEnd = c.trace;
}

/** Returns a Status, as do the calls below unless they say otherwise. */
export function configurePort(core: usize, port: u32, option: PortOption, value: u32): Status {
  const c = Core.at(core);
  if (port >= c.portCount) return Status.OutOfRange;
  const row = portTable.Port.at(c.ports, port);
  if (option == PortOption.Segment) control.forgetPort(c, row);
  const status = portTable.configurePort(c, row, option, value);
  const isStorm =
    option >= PortOption.StormBroadcastPerSec && option <= PortOption.StormUnicastPerSec;
  if (status == Status.Ok && isStorm) fillStorm(c, row);
  return status;
}

/** Takes a port out of service: defaults, no segment, no FDB entries. Its counters stay. */
export function resetPort(core: usize, port: u32): Status {
  const c = Core.at(core);
  if (port >= c.portCount) return Status.OutOfRange;
  const row = portTable.Port.at(c.ports, port);
  control.forgetPort(c, row);
  portTable.resetPort(c, row);
  return Status.Ok;
}

export function configureVlan(core: usize, port: u32, vid: u32, member: VlanMember): Status {
  const c = Core.at(core);
  if (port >= c.portCount || vid == 0 || vid > 4094) return Status.OutOfRange;
  portTable.configureVlan(portTable.Port.at(c.ports, port), vid, member);
  return Status.Ok;
}

export function configureSegment(
  core: usize,
  segment: u32,
  option: SegmentOption,
  value: u32,
): Status {
  const c = Core.at(core);
  if (segment >= c.capacity(Capacity.Segments)) return Status.OutOfRange;
  const row = segmentTable.Segment.at(c.segments, segment);
  return segmentTable.configureSegment(c, row, option, value);
}

/** Gives a VLAN of an aware segment its forwarding domain; 0: none. */
export function configureVlanDomain(core: usize, segment: u32, vid: u32, domain: u32): Status {
  const c = Core.at(core);
  if (segment >= c.capacity(Capacity.Segments) || vid > 4094) return Status.OutOfRange;
  const row = segmentTable.Segment.at(c.segments, segment);
  return segmentTable.configureVlanDomain(c, row, vid, domain);
}

/** Adds or replaces the FDB entry in scratch (`FdbRecord`). */
export function fdbInsert(core: usize): Status {
  return control.fdbInsert(Core.at(core));
}

/** Removes the FDB entry whose MAC and domain are in scratch. */
export function fdbRemove(core: usize): Status {
  return control.fdbRemove(Core.at(core));
}

/** Removes FDB entries of a port and a domain (0xffffffff: any). Returns how many. */
export function fdbFlush(core: usize, port: u32, domain: u32, all: bool): u32 {
  return control.fdbFlush(Core.at(core), port, domain, all);
}

/**
 * Writes FDB entries from bucket `first` on into scratch. Returns how many; the last u32
 * of scratch is the bucket to go on with, 0 at the end.
 */
export function fdbWalk(core: usize, first: u32): u32 {
  return control.fdbWalk(Core.at(core), first);
}

/** Adds or replaces the neighbour in scratch (`NeighbourRecord`). */
export function neighbourInsert(core: usize): Status {
  return neighbours.neighbourInsert(Core.at(core));
}

/** Removes the neighbour whose address, family and domain are in scratch. */
export function neighbourRemove(core: usize): Status {
  return neighbours.neighbourRemove(Core.at(core));
}

/** Removes the neighbours of a domain (0xffffffff: any). Returns how many. */
export function neighbourFlush(core: usize, domain: u32): u32 {
  return neighbours.neighbourFlush(Core.at(core), domain);
}

/** Writes neighbours from bucket `first` on into scratch, as `fdbWalk` does entries. */
export function neighbourWalk(core: usize, first: u32): u32 {
  return neighbours.neighbourWalk(Core.at(core), first);
}

/** Sweeps FDB buckets for expired entries while no batch comes. */
export function housekeep(core: usize, nowMs: u32, buckets: u32): void {
  const c = Core.at(core);
  c.nowMs = nowMs;
  sweep(c, Fdb.at(c.fdb), buckets);
}
