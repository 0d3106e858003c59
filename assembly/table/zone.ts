/**
 * Zones: a network namespace or VRF each: own interfaces, addresses, routes, rules and flows,
 * so that two zones may use the same addresses (DESIGN §2). A row of 64 bytes, found by index.
 */
import { Capacity, Status } from '../abi';
import { Core, ZONE_BYTES } from '../memory';
import { NoBackendPolicy } from '../service-abi';
import {
  Filtering,
  FlowProfile,
  PortSelect,
  ReversePath,
  ZoneCounter,
  ZoneOption,
} from '../zone-abi';
import { Limit } from './limit';

/** RFC 6056 §3.2 lets one choose; this is what Linux does (features NA-2, PP-3). */
const FIRST_PORT: u32 = 32768;
const LAST_PORT: u32 = 60999;
const MOST_PORT: u32 = 65535;

/** Flags of a zone. */
export const ZONE_IN_USE: u32 = 1;
export const ZONE_FORWARDS: u32 = 2;
export const ZONE_LIBERAL: u32 = 4;
export const ZONE_LOOSE: u32 = 8;
export const ZONE_KEEPS_FLOWS: u32 = 16;
export const ZONE_MAPS_ENDPOINTS: u32 = 32;
const ZONE_DEFAULTS: u32 = ZONE_FORWARDS | ZONE_LIBERAL | ZONE_LOOSE;

@unmanaged
export class Zone {
  flags: u32;
  index: u32;
  reversePath: u32;
  profile: u32;
  /** 0: no limit of its own. */
  mostFlows: u32;
  /** Flows now. */
  flows: u32;
  portSelect: u32;
  firstPort: u32;
  lastPort: u32;
  /** Where sequential and random choices of ports go on. */
  nextPort: u32;
  private errorLevel: u32;
  private errorMs: u32;
  /** Address of this zone's row of counters. */
  counters: usize;
  /** Filtering. */
  filtering: u32;
  /** NoBackendPolicy. */
  noBackend: u32;
  /** Keys of its services. */
  serviceKeys: u32;

  static at(zones: usize, index: u32): Zone {
    return changetype<Zone>(zones + <usize>index * ZONE_BYTES);
  }

  has(flag: u32): bool {
    return (this.flags & flag) != 0;
  }

  /** Of error messages and answers. */
  get errorLimit(): Limit {
    return Limit.at(changetype<usize>(this) + offsetof<Zone>('errorLevel'));
  }
}

if (offsetof<Zone>() != ZONE_BYTES) ERROR('Zone must be ZONE_BYTES long');

export function createZones(core: Core): void {
  const zones = core.capacity(Capacity.Zones);
  for (let i: u32 = 0; i < zones; i++) {
    const zone = Zone.at(core.zones, i);
    zone.index = i;
    zone.counters = core.zoneCounters + <usize>i * ZoneCounter.Count * 8;
    zone.flags = ZONE_DEFAULTS;
    zone.firstPort = zone.nextPort = FIRST_PORT;
    zone.lastPort = LAST_PORT;
  }
}

/** Sets one option. Returns a Status. */
export function configureZone(core: Core, zone: Zone, option: ZoneOption, value: u32): Status {
  core.generation++;
  switch (option) {
    case ZoneOption.Use:
      return setFlag(zone, ZONE_IN_USE, value);
    case ZoneOption.Forwarding:
      return setFlag(zone, ZONE_FORWARDS, value);
    case ZoneOption.Liberal:
      return setFlag(zone, ZONE_LIBERAL, value);
    case ZoneOption.Loose:
      return setFlag(zone, ZONE_LOOSE, value);
    case ZoneOption.KeepFlows:
      return setFlag(zone, ZONE_KEEPS_FLOWS, value);
    case ZoneOption.ReversePath:
      if (value > <u32>ReversePath.Strict) return Status.OutOfRange;
      zone.reversePath = value;
      return Status.Ok;
    case ZoneOption.Profile:
      if (value > <u32>FlowProfile.Strict) return Status.OutOfRange;
      zone.profile = value;
      return Status.Ok;
    case ZoneOption.MostFlows:
      zone.mostFlows = value;
      return Status.Ok;
    case ZoneOption.PortSelect:
      if (value > <u32>PortSelect.Random) return Status.OutOfRange;
      zone.portSelect = value;
      return Status.Ok;
    case ZoneOption.FirstPort:
      if (value == 0 || value > zone.lastPort) return Status.OutOfRange;
      zone.firstPort = zone.nextPort = value;
      return Status.Ok;
    case ZoneOption.LastPort:
      if (value > MOST_PORT || value < zone.firstPort) return Status.OutOfRange;
      zone.lastPort = value;
      zone.nextPort = zone.firstPort;
      return Status.Ok;
    case ZoneOption.Mapping:
      return setFlag(zone, ZONE_MAPS_ENDPOINTS, value);
    case ZoneOption.Filtering:
      if (value > <u32>Filtering.Endpoint) return Status.OutOfRange;
      zone.filtering = value;
      return Status.Ok;
    case ZoneOption.NoBackend:
      if (value > <u32>NoBackendPolicy.Reset) return Status.OutOfRange;
      zone.noBackend = value;
      return Status.Ok;
    default:
      return Status.OutOfRange;
  }
}

function setFlag(zone: Zone, flag: u32, value: u32): Status {
  if (value > 1) return Status.OutOfRange;
  zone.flags = value != 0 ? zone.flags | flag : zone.flags & ~flag;
  return Status.Ok;
}
