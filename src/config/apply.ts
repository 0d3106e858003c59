/**
 * Writes a plan into a core, between two batches: only what differs from the plan before,
 * so learned addresses and counters of what stays are not touched. All of it or nothing:
 * should a table have no room for a configured entry, the core is put back as it was.
 */
import { Region, SegmentOption } from '../../assembly/abi.js';
import type { Core } from '../core.js';
import { addedEntries, flushDomains, insertEntry, removeEntries } from './apply-fdb.js';
import { addedNeighbours, insertNeighbour, removeNeighbours } from './apply-neighbours.js';
import { type VtepNumbers, releaseOverlays, writeOverlays } from './apply-overlay.js';
import { clearCounters, removePort, writePort } from './apply-port.js';
import { hasOtherRules } from './apply-rules.js';
import { mayFillZones, releaseZones, writeZones } from './apply-zones.js';
import type { Plan, PlannedSegment } from './plan.js';
import { eachDomain } from './plan-domains.js';

/**
 * `previous` is the plan the core has; none: the core is new. Returns the numbers of the
 * plan's tunnel ends.
 */
export function applyPlan(core: Core, plan: Plan, previous?: Plan): VtepNumbers {
  const added = addedEntries(plan, previous);
  const neighbours = addedNeighbours(plan, previous);
  const mayFail =
    added.length + neighbours.length + plan.vteps.length > 0 ||
    (previous !== undefined && (mayFillZones(plan, previous) || hasOtherRules(plan, previous)));
  const undo = mayFail && previous !== undefined ? saveState(core) : undefined;
  const before = byName(previous?.segments);
  const ports = byName(previous?.ports);
  try {
    if (previous !== undefined) takeAway(core, plan, previous);
    for (const segment of plan.segments) {
      writeSegment(core, segment, before.get(segment.name), previous);
    }
    for (const port of plan.ports) writePort(core, port, ports.get(port.name));
    const vteps = writeOverlays(core, plan, previous);
    writeZones(core, plan, previous);
    for (const entry of added) insertEntry(core, plan, entry, vteps);
    for (const neighbour of neighbours) insertNeighbour(core, plan, neighbour);
    return vteps;
  } catch (error) {
    if (undo !== undefined) core.bytes.set(undo);
    throw error;
  }
}

function byName<T extends { name: string }>(all: readonly T[] | undefined): Map<string, T> {
  return new Map(all?.map(one => [one.name, one]));
}

/** Everything but the frames of the last batch. */
function saveState(core: Core): Uint8Array {
  return core.bytes.slice(0, core.region(Region.Arena));
}

/** Ports, domains and entries that the plan no longer has. */
function takeAway(core: Core, plan: Plan, previous: Plan): void {
  releaseZones(core, plan, previous);
  releaseOverlays(core, plan, previous);
  const names = new Map(plan.ports.map(({ index, name }) => [index, name]));
  for (const { index, name } of previous.ports) {
    if (names.get(index) !== name) removePort(core, index);
  }
  removeEntries(core, plan, previous);
  removeNeighbours(core, plan, previous);
  const kept = new Set(plan.segments.flatMap(({ domains }) => domainNumbers(domains)));
  const had = previous.segments.flatMap(({ domains }) => domainNumbers(domains));
  flushDomains(core, new Set(had.filter(domain => !kept.has(domain))));
  const now = byName(plan.segments);
  for (const segment of previous.segments) {
    clearSegment(core, segment, now.get(segment.name), kept);
  }
}

function domainNumbers(runs: PlannedSegment['domains']): number[] {
  return Array.from(eachDomain(runs), ([, domain]) => domain);
}

/** Unmaps the VLANs a segment loses; all of them if it loses its table. */
function clearSegment(
  core: Core,
  old: PlannedSegment,
  now: PlannedSegment | undefined,
  kept: Set<number>,
): void {
  const { VlanAware } = SegmentOption;
  const losesTable = now?.options[VlanAware] !== old.options[VlanAware];
  for (const [vid, domain] of eachDomain(old.domains)) {
    const isLost = losesTable || !kept.has(domain);
    if (old.config.vlanAware && isLost) core.configureVlanDomain(old.index, vid, 0);
  }
  if (now !== undefined) return;
  core.configureSegment(old.index, SegmentOption.ArrivalPlaces, 0);
  core.configureSegment(old.index, SegmentOption.Domain, 0);
  core.configureSegment(old.index, VlanAware, 0);
}

/** `old` is the segment of that name in `previous`. */
function writeSegment(
  core: Core,
  segment: PlannedSegment,
  old: PlannedSegment | undefined,
  previous: Plan | undefined,
): void {
  const { ArrivalPlaces, ArrivalStart, VlanAware } = SegmentOption;
  const changed = segment.options.map((value, option) => old?.options[option] !== value);
  // Setting the places empties the ring, so they are always set together.
  changed[ArrivalPlaces] ||= changed[ArrivalStart]!;
  changed[ArrivalStart] ||= changed[ArrivalPlaces];
  if (old === undefined) clearCounters(core, Region.SegmentCounters, segment.index);
  for (const [option, value] of segment.options.entries()) {
    if (changed[option]) core.configureSegment(segment.index, option as SegmentOption, value);
  }
  if (segment.config.vlanAware) {
    const had = changed[VlanAware] ? new Set<number>() : new Set(domainNumbers(old!.domains));
    for (const [vid, domain] of eachDomain(segment.domains)) {
      if (!had.has(domain)) core.configureVlanDomain(segment.index, vid, domain);
    }
  }
  // Entries learned before are in no ring and could never be evicted.
  if (old !== undefined && changed[ArrivalPlaces]) forgetLearned(core, segment, previous!);
}

function forgetLearned(core: Core, segment: PlannedSegment, previous: Plan): void {
  const members = previous.ports.filter(port => port.config.segment === segment.name);
  for (const { index } of members) core.fdbFlush({ port: index });
}
