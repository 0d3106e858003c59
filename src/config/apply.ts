/**
 * Writes a plan into a core, between two batches: only what differs from the plan before,
 * so learned addresses and counters of what stays are not touched. All of it or nothing:
 * should a table have no room for a configured entry, the core is put back as it was.
 */
import {
  PORT_COUNTERS,
  PortOption,
  Region,
  SegmentOption,
  VlanMember,
} from '../../assembly/abi.js';
import { SegmentCounter, Status } from '../../assembly/abi.js';
import type { Core } from '../core.js';
import { addedNeighbours, insertNeighbour, removeNeighbours } from './apply-neighbours.js';
import { ConfigError } from './config-error.js';
import { macText } from '../frame/mac.js';
import { type Plan, type PlannedFdb, type PlannedPort, type PlannedSegment } from './plan.js';
import { eachDomain } from './plan-domains.js';
import type { PortVlans } from './plan-port.js';
import { LAST_VID, eachVid } from './vids.js';

const COUNTER_BYTES = 8;
/** A flush reads the whole table: for more domains, one walk over it is cheaper. */
const MAX_FLUSHES = 8;

/** `previous` is the plan the core has; none: the core is new. */
export function applyPlan(core: Core, plan: Plan, previous?: Plan): void {
  const added = plan.fdb.filter(entry => !hasEntry(previous, plan, entry));
  const neighbours = addedNeighbours(plan, previous);
  const mayFail = added.length + neighbours.length > 0;
  const undo = mayFail && previous !== undefined ? saveState(core) : undefined;
  try {
    if (previous !== undefined) takeAway(core, plan, previous);
    for (const segment of plan.segments) writeSegment(core, segment, previous);
    for (const port of plan.ports) writePort(core, port, previous);
    for (const entry of added) insertEntry(core, plan, entry);
    for (const neighbour of neighbours) insertNeighbour(core, plan, neighbour);
  } catch (error) {
    if (undo !== undefined) core.bytes.set(undo);
    throw error;
  }
}

/** Everything but the frames of the last batch. */
function saveState(core: Core): Uint8Array {
  return core.bytes.slice(0, core.region(Region.Arena));
}

/** Whether the core has this entry already, and keeps it. */
function hasEntry(previous: Plan | undefined, plan: Plan, entry: PlannedFdb): boolean {
  if (previous === undefined) return false;
  const same = previous.fdb.find(other => isSameKey(other, entry));
  if (same === undefined || same.port !== entry.port || same.kind !== entry.kind) return false;
  return portAt(previous, entry.port)?.name === portAt(plan, entry.port)?.name;
}

function isSameKey(a: PlannedFdb, b: PlannedFdb): boolean {
  return a.mac === b.mac && a.domain === b.domain;
}

function portAt(plan: Plan | undefined, index: number): PlannedPort | undefined {
  return plan?.ports.find(port => port.index === index);
}

/** Ports, domains and entries that the plan no longer has. */
function takeAway(core: Core, plan: Plan, previous: Plan): void {
  for (const port of previous.ports) {
    if (portAt(plan, port.index)?.name !== port.name) removePort(core, port.index);
  }
  for (const entry of previous.fdb) {
    if (!plan.fdb.some(other => isSameKey(other, entry))) core.fdbRemove(entry.mac, entry.domain);
  }
  removeNeighbours(core, plan, previous);
  const kept = new Set(plan.segments.flatMap(({ domains }) => domainNumbers(domains)));
  const had = previous.segments.flatMap(({ domains }) => domainNumbers(domains));
  flushDomains(core, new Set(had.filter(domain => !kept.has(domain))));
  for (const segment of previous.segments) clearSegment(core, segment, plan, kept);
}

function flushDomains(core: Core, domains: ReadonlySet<number>): void {
  if (domains.size <= MAX_FLUSHES) {
    for (const domain of domains) core.fdbFlush({ domain, all: true });
    return;
  }
  const entries = [...core.fdbEntries()].filter(({ domain }) => domains.has(domain));
  for (const { mac, domain } of entries) core.fdbRemove(mac, domain);
}

function domainNumbers(runs: PlannedSegment['domains']): number[] {
  return Array.from(eachDomain(runs), ([, domain]) => domain);
}

function removePort(core: Core, index: number): void {
  core.resetPort(index);
  core.fdbFlush({ port: index, all: true });
}

/** Unmaps the VLANs a segment loses; all of them if it loses its table. */
function clearSegment(core: Core, old: PlannedSegment, plan: Plan, kept: Set<number>): void {
  const now = plan.segments.find(({ name }) => name === old.name);
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

function writeSegment(core: Core, segment: PlannedSegment, previous: Plan | undefined): void {
  const old = previous?.segments.find(({ name }) => name === segment.name);
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

function writePort(core: Core, port: PlannedPort, previous: Plan | undefined): void {
  const old = previous?.ports.find(({ name }) => name === port.name);
  if (old === undefined) {
    core.resetPort(port.index);
    clearCounters(core, Region.PortCounters, port.index);
  }
  const before = old === undefined ? new Uint8Array(LAST_VID + 1) : membership(old.vlans);
  const after = membership(port.vlans);
  const moves =
    old !== undefined && old.options[PortOption.Segment] !== port.options[PortOption.Segment];
  const leaves = before.some((member, vid) => member !== 0 && after[vid] === 0);
  if (moves || leaves) core.fdbFlush({ port: port.index });
  for (const [option, value] of port.options.entries()) {
    if (old?.options[option] === value) continue;
    core.configurePort(port.index, option as PortOption, value);
  }
  for (const [vid, member] of after.entries()) {
    if (member !== before[vid]) core.configureVlan(port.index, vid, member as VlanMember);
  }
}

/** `VlanMember` of every VLAN. */
function membership({ tagged, untagged }: PortVlans): Uint8Array {
  const members = new Uint8Array(LAST_VID + 1);
  for (const vid of eachVid(tagged)) members[vid] = VlanMember.Tagged;
  for (const vid of eachVid(untagged)) members[vid] = VlanMember.Untagged;
  return members;
}

/** An index that a new name takes begins at zero. */
function clearCounters(
  core: Core,
  region: Region.PortCounters | Region.SegmentCounters,
  index: number,
): void {
  const columns = region === Region.PortCounters ? PORT_COUNTERS : SegmentCounter.Count;
  const bytes = columns * COUNTER_BYTES;
  const start = core.region(region) + index * bytes;
  core.bytes.fill(0, start, start + bytes);
}

function insertEntry(core: Core, plan: Plan, entry: PlannedFdb): void {
  const status = core.fdbInsert(entry);
  if (status === Status.Ok) return;
  const segment = plan.segments.find(({ domains }) =>
    domainNumbers(domains).includes(entry.domain),
  );
  const most = plan.capacities.FdbEntries;
  const wanted = `expected room for ${macText(entry.mac)} (capacities.fdbEntries is ${most})`;
  throw new ConfigError(`segments.${segment?.name}.fdb`, `${wanted}, got a full table`);
}
