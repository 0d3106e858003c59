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
import * as overlays from './control-overlay';
import { EVENT_BYTES, OverlayOption, UnderlayOption } from './overlay-abi';
export { captureFill } from './capture';
export * from './index-service';
export * from './index-zone';
import { run } from './graph';
import { Core, count, layOut, regionAddress as addressOf } from './memory';
import { sweep } from './node/age';
import { ageFlows } from './node/flows';
import { fillStorm } from './node/storm';
import { Buckets, mix } from './table/buckets';
import { Fdb } from './table/fdb';
import { Fragments } from './table/fragments';
import { createHops, endpointEntries } from './table/hop';
import { Neighbours } from './table/neighbour';
import * as overlayTable from './table/overlay';
import * as portTable from './table/port';
import * as segmentTable from './table/segment';
import * as underlayTable from './table/underlay';
import { createVteps, underlayChanged, vtepIn } from './table/vtep';
import { createZoneTables, placeZones } from './zones';

/** Outer packets that may wait for fragments, and blocks of 2 KiB for each: a megabyte. */
const MOST_DATAGRAMS: u32 = 256;
const DATAGRAM_BLOCKS: u32 = 2;
/** Flows that `housekeep` looks at. */
const IDLE_FLOWS: u32 = 65536;

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
  // Where zones begin does not change how much they take: a multiple of two lines.
  const zoneBytes = placeZones(c) - c.zones;
  const fdbBytes = Buckets.bytesFor(c.capacity(Capacity.FdbEntries));
  const neighbourBytes = Neighbours.bytesFor(c.capacity(Capacity.Neighbours));
  const endpointBytes = Buckets.bytesFor(endpointEntries(c));
  const datagrams = datagramCount(c);
  const fragmentBytes = Fragments.bytesFor(datagrams, datagrams * DATAGRAM_BLOCKS);
  const end = layOut(c, fdbBytes, neighbourBytes, endpointBytes, fragmentBytes, zoneBytes);
  placeZones(c);
  return end;
}

/** Packets that may wait for fragments: outer ones, and those of zones. */
function datagramCount(c: Core): u32 {
  const users = c.capacity(Capacity.Underlays) + c.capacity(Capacity.Zones);
  return users == 0 ? 0 : MOST_DATAGRAMS;
}

/** Lays the core out in zeroed memory. The seed makes table layouts secret. */
export function init(core: usize, seedLow: u32, seedHigh: u32): void {
  const c = Core.at(core);
  place(c);
  const seed = (<u64>seedLow) | ((<u64>seedHigh) << 32);
  Buckets.create(c.fdb, c.capacity(Capacity.FdbEntries), seed, ~seed);
  Buckets.create(c.endpoints, endpointEntries(c), mix(seed), mix(~seed));
  c.salt = mix(mix(seed));
  const datagrams = datagramCount(c);
  Fragments.create(c.fragments, datagrams, datagrams * DATAGRAM_BLOCKS, mix(c.salt));
  Neighbours.create(c.neighbours, c.capacity(Capacity.Neighbours), seed);
  portTable.createPorts(c);
  segmentTable.createSegments(c);
  underlayTable.createUnderlays(c);
  overlayTable.createOverlays(c);
  createVteps(c);
  createHops(c);
  createZoneTables(c, mix(seed ^ c.salt));
  c.eventEnd = c.events;
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

export function configureUnderlay(
  core: usize,
  underlay: u32,
  option: UnderlayOption,
  value: u32,
): Status {
  const c = Core.at(core);
  if (underlay >= c.capacity(Capacity.Underlays)) return Status.OutOfRange;
  const row = underlayTable.Underlay.at(c.underlays, underlay);
  return underlayTable.configureUnderlay(c, row, option, value);
}

/** After options of an underlay have changed: its VTEPs take them over. */
export function refreshUnderlay(core: usize, underlay: u32): Status {
  const c = Core.at(core);
  if (underlay >= c.capacity(Capacity.Underlays)) return Status.OutOfRange;
  underlayChanged(c, underlayTable.Underlay.at(c.underlays, underlay));
  return Status.Ok;
}

export function configureOverlay(
  core: usize,
  overlay: u32,
  option: OverlayOption,
  value: u32,
): Status {
  const c = Core.at(core);
  if (overlay >= c.capacity(Capacity.Overlays)) return Status.OutOfRange;
  const row = overlayTable.Overlay.at(c.overlays, overlay);
  return overlayTable.configureOverlay(c, row, option, value);
}

/** Takes an overlay out of service. Its peers must be taken back before. */
export function resetOverlay(core: usize, overlay: u32): Status {
  const c = Core.at(core);
  if (overlay >= c.capacity(Capacity.Overlays)) return Status.OutOfRange;
  overlayTable.resetOverlay(c, overlayTable.Overlay.at(c.overlays, overlay));
  return Status.Ok;
}

/** Lets a VTEP send into an overlay, or no longer. */
export function allowPeer(core: usize, overlay: u32, vtep: u32, isAllowed: bool): Status {
  const c = Core.at(core);
  const row = vtepIn(c, vtep);
  if (overlay >= c.capacity(Capacity.Overlays) || changetype<usize>(row) == 0) {
    return Status.OutOfRange;
  }
  return overlayTable.allowPeer(c, overlayTable.Overlay.at(c.overlays, overlay), row, isAllowed);
}

/** Adds the VTEP in scratch (`VtepRecord`). Returns its number, or 0. */
export function vtepInsert(core: usize): u32 {
  return overlays.vtepInsert(Core.at(core));
}

/** Removes a VTEP and the FDB entries towards it. */
export function vtepRemove(core: usize, vtep: u32): Status {
  return overlays.vtepRemove(Core.at(core), vtep);
}

/** Writes a VTEP into scratch. */
export function vtepRead(core: usize, vtep: u32): Status {
  return overlays.vtepRead(Core.at(core), vtep);
}

/** Events of the last batch. */
export function eventCount(core: usize): u32 {
  const c = Core.at(core);
  return <u32>((c.eventEnd - c.events) / EVENT_BYTES);
}

/** Sweeps FDB buckets for expired entries, and flows, while no batch comes. */
export function housekeep(core: usize, nowMs: u32, buckets: u32): void {
  const c = Core.at(core);
  c.nowMs = nowMs;
  sweep(c, Fdb.at(c.fdb), buckets);
  ageFlows(c, IDLE_FLOWS);
}
