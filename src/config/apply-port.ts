/** Writes the ports of a plan into a core: what differs from the plan before. */
import {
  PORT_COUNTERS,
  PortOption,
  Region,
  SegmentCounter,
  VlanMember,
} from '../../assembly/abi.js';
import type { Core } from '../core.js';
import type { PlannedPort } from './plan.js';
import type { PortVlans } from './plan-port.js';
import { LAST_VID, eachVid } from './vids.js';

const COUNTER_BYTES = 8;
/** Of a port in no VLAN. */
const NO_MEMBERSHIP = new Uint8Array(LAST_VID + 1);

export function removePort(core: Core, index: number): void {
  core.resetPort(index);
  core.fdbFlush({ port: index, all: true });
}

/** `old` is the port of that name before; none: it is new. */
export function writePort(core: Core, port: PlannedPort, old: PlannedPort | undefined): void {
  if (old === undefined) {
    core.resetPort(port.index);
    clearCounters(core, Region.PortCounters, port.index);
  }
  const before = old === undefined ? NO_MEMBERSHIP : membership(old.vlans);
  const after = membership(port.vlans);
  const moves =
    old !== undefined && old.options[PortOption.Segment] !== port.options[PortOption.Segment];
  const leaves = before !== after && before.some((member, vid) => member > 0 && after[vid] === 0);
  if (moves || leaves) core.fdbFlush({ port: port.index });
  for (const [option, value] of port.options.entries()) {
    if (old?.options[option] === value) continue;
    core.configurePort(port.index, option as PortOption, value);
  }
  if (before === after) return;
  for (const [vid, member] of after.entries()) {
    if (member !== before[vid]) core.configureVlan(port.index, vid, member as VlanMember);
  }
}

/** `VlanMember` of every VLAN. */
function membership({ tagged, untagged }: PortVlans): Uint8Array {
  if (tagged.length + untagged.length === 0) return NO_MEMBERSHIP;
  const members = new Uint8Array(LAST_VID + 1);
  for (const vid of eachVid(tagged)) members[vid] = VlanMember.Tagged;
  for (const vid of eachVid(untagged)) members[vid] = VlanMember.Untagged;
  return members;
}

/** An index that a new name takes begins at zero. */
export function clearCounters(
  core: Core,
  region: Region.PortCounters | Region.SegmentCounters,
  index: number,
): void {
  const columns = region === Region.PortCounters ? PORT_COUNTERS : SegmentCounter.Count;
  const bytes = columns * COUNTER_BYTES;
  const start = core.region(region) + index * bytes;
  core.bytes.fill(0, start, start + bytes);
}
