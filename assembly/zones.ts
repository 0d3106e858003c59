/**
 * Where everything of zones lies in a core, behind its other tables (memory.ts), and how it
 * begins. A core without zones has a few lines of it.
 */
import { BATCH_PACKETS, Capacity } from './abi';
import {
  Core,
  IFACE_BYTES,
  NEXT_HOP_BYTES,
  PASSAGE_BYTES,
  ZONE_BYTES,
  alignLine,
  alignPair,
} from './memory';
import { PROGRAM_HEADER_BYTES, SUBJECT_BYTES } from './rules-abi';
import { Rules, createRules, rulesBytesFor, seedRules } from './rules/rules';
import { createServices, placeServices } from './services';
import { Adjacencies } from './table/adjacency';
import { Buckets, mix } from './table/buckets';
import { Flows } from './table/flow';
import { FlowAddresses } from './table/flow-address';
import { FLOW_TIMER_BYTES, createFlowTimers } from './table/flow-timers';
import { createIfaces } from './table/iface-config';
import { Journal } from './table/journal';
import { nextHopCount } from './table/next-hop';
import { PortHints } from './table/port-hints';
import { Routes } from './table/route';
import { createZones } from './table/zone';
import { INTERFACE_ADDRESSES, ZoneCounter } from './zone-abi';

/** Zones that one packet passes in one batch. */
export const MOST_ROUNDS: u32 = 8;

/** Assigns places behind `core.zones`. Returns the first free address. */
export function placeZones(core: Core): usize {
  const zones: usize = core.capacity(Capacity.Zones);
  const ifaces = core.capacity(Capacity.Interfaces);
  let at = core.zones;
  core.zoneCounters = at = alignLine(at + zones * ZONE_BYTES);
  core.ifaces = at = alignLine(at + zones * ZoneCounter.Count * 8);
  core.locals = at = alignLine(at + <usize>ifaces * IFACE_BYTES);
  core.routes = at = alignLine(at + Buckets.bytesFor(localCount(core)));
  core.nextHops = at = alignLine(
    at + Routes.bytesFor(core.capacity(Capacity.Routes), core.capacity(Capacity.Zones)),
  );
  core.adjacencies = at = alignLine(at + <usize>(nextHopCount(core) + 1) * NEXT_HOP_BYTES);
  core.flows = at = alignPair(at + Adjacencies.bytesFor(core.capacity(Capacity.Adjacencies)));
  core.flowAddresses = at = alignLine(at + Flows.bytesFor(core.capacity(Capacity.Flows)));
  core.flowTimers = at = alignLine(at + FlowAddresses.bytesFor(addressCount(core)));
  core.portHints = at = alignLine(at + FLOW_TIMER_BYTES);
  core.journal = at = alignLine(at + PortHints.bytesFor(core.capacity(Capacity.Flows)));
  core.routed = at = alignLine(at + Journal.bytesFor(core.capacity(Capacity.Zones)));
  core.passage = at = alignLine(at + BATCH_PACKETS * MOST_ROUNDS * 4);
  core.subject = at = alignLine(at + PASSAGE_BYTES);
  core.rules = at = alignLine(at + SUBJECT_BYTES);
  return placeServices(core, at + rulesBytes(core));
}

/** Own addresses: of interfaces, and virtual ones. */
function localCount(core: Core): u32 {
  const own = core.capacity(Capacity.Interfaces) * INTERFACE_ADDRESSES;
  return own + core.capacity(Capacity.ServiceKeys);
}

function addressCount(core: Core): u32 {
  return FlowAddresses.limitFor(core.capacity(Capacity.Flows));
}

/** A core without rules has room for the header of a program. */
function rulesBytes(core: Core): usize {
  const rules = core.capacity(Capacity.Rules);
  return rulesBytesFor(programBytes(core), rules, rules, core.capacity(Capacity.Paths));
}

function programBytes(core: Core): u32 {
  return max(core.capacity(Capacity.RuleBytes), PROGRAM_HEADER_BYTES);
}

/** In zeroed memory. */
export function createZoneTables(core: Core, seed: u64): void {
  createZones(core);
  createIfaces(core);
  Buckets.create(core.locals, localCount(core), mix(seed + 1), mix(seed + 2));
  Routes.create(core.routes, core.capacity(Capacity.Routes), core.capacity(Capacity.Zones));
  Adjacencies.create(core.adjacencies, core.capacity(Capacity.Adjacencies), mix(seed + 3));
  Flows.create(core.flows, core.capacity(Capacity.Flows), mix(seed + 4));
  FlowAddresses.create(core.flowAddresses, addressCount(core), mix(seed + 8));
  createFlowTimers(core);
  PortHints.create(core.portHints, core.capacity(Capacity.Flows), mix(seed + 6));
  const rules = core.capacity(Capacity.Rules);
  const paths = core.capacity(Capacity.Paths);
  createRules(core.rules, programBytes(core), rules, rules, paths);
  seedRules(Rules.at(core.rules), <u32>mix(seed + 5));
  createServices(core, mix(seed + 7));
  // What was never found in the FDB is of no version of it.
  core.fdbVersion = 1;
}
