/** Writes options of zones and timers of flows into a core: what differs from before. */
import { NoBackendPolicy } from '../../assembly/service-abi.js';
import {
  Filtering,
  FlowProfile,
  Mapping,
  PortSelect,
  ReversePath,
  ZoneOption,
} from '../../assembly/zone-abi.js';
import type { Core } from '../core.js';
import type { PlannedZone, ZonesPlan } from './plan-zones.js';
import type { ZoneConfig } from './zone-config.js';

const MS_PER_SEC = 1000;
const PROFILES: Record<ZoneConfig['conntrack']['profile'], FlowProfile> = {
  linux: FlowProfile.Linux,
  strict: FlowProfile.Strict,
};
const PORT_SELECTS: Record<ZoneConfig['nat']['portSelect'], PortSelect> = {
  preserve: PortSelect.Preserve,
  sequential: PortSelect.Sequential,
  random: PortSelect.Random,
};
const MAPPINGS: Record<ZoneConfig['nat']['mapping'], Mapping> = {
  addressAndPort: Mapping.AddressAndPort,
  endpoint: Mapping.Endpoint,
};
const FILTERINGS: Record<ZoneConfig['nat']['filtering'], Filtering> = {
  addressAndPort: Filtering.AddressAndPort,
  address: Filtering.Address,
  endpoint: Filtering.Endpoint,
};
const NO_BACKEND: Record<ZoneConfig['noBackend'], NoBackendPolicy> = {
  reschedule: NoBackendPolicy.Reschedule,
  drop: NoBackendPolicy.Drop,
  expire: NoBackendPolicy.Expire,
  reset: NoBackendPolicy.Reset,
};
const REVERSE_PATHS: Record<ZoneConfig['reversePath'], ReversePath> = {
  off: ReversePath.Off,
  loose: ReversePath.Loose,
  strict: ReversePath.Strict,
};

/** All but the range of ports. */
function optionsOf({
  forwarding,
  reversePath,
  conntrack,
  nat,
  noBackend,
}: ZoneConfig): [ZoneOption, number][] {
  return [
    [ZoneOption.Forwarding, Number(forwarding)],
    [ZoneOption.ReversePath, REVERSE_PATHS[reversePath]],
    [ZoneOption.Profile, PROFILES[conntrack.profile]],
    [ZoneOption.Liberal, Number(conntrack.liberal)],
    [ZoneOption.Loose, Number(conntrack.loose)],
    [ZoneOption.KeepFlows, Number(conntrack.keepFlows)],
    [ZoneOption.MostFlows, conntrack.mostFlows],
    [ZoneOption.PortSelect, PORT_SELECTS[nat.portSelect]],
    [ZoneOption.Mapping, MAPPINGS[nat.mapping]],
    [ZoneOption.Filtering, FILTERINGS[nat.filtering]],
    [ZoneOption.NoBackend, NO_BACKEND[noBackend]],
  ];
}

/** `old`: the zone of that name before; none: all is written. */
export function writeOptions(
  core: Core,
  { index, config }: PlannedZone,
  old: PlannedZone | undefined,
): void {
  const was = new Map(old === undefined ? [] : optionsOf(old.config));
  for (const [option, value] of optionsOf(config)) {
    if (was.get(option) !== value) core.zones.configure(index, option, value);
  }
  const { firstPort, lastPort } = config.nat;
  const isSameRange =
    old?.config.nat.firstPort === firstPort && old.config.nat.lastPort === lastPort;
  if (!isSameRange) {
    // From 1 on, so that no first is behind the last on the way.
    core.zones.configure(index, ZoneOption.FirstPort, 1);
    core.zones.configure(index, ZoneOption.LastPort, lastPort);
    core.zones.configure(index, ZoneOption.FirstPort, firstPort);
  }
  if (old === undefined) core.zones.configure(index, ZoneOption.Use, true);
}

/** Timers of both profiles. */
export function writeTimers(core: Core, plan: ZonesPlan, before: ZonesPlan | undefined): void {
  for (const profile of ['linux', 'strict'] as const) {
    plan.timersSec[profile].forEach((seconds, timer) => {
      if (before?.timersSec[profile][timer] === seconds) return;
      core.zones.setTimer(PROFILES[profile], timer, seconds * MS_PER_SEC);
    });
  }
}
