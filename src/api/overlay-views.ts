/** What the API shows of overlays: tunnel ends, neighbours, endpoints, events. */
import { Event, HopState, VtepKind } from '../../assembly/overlay-abi.js';
import type { Plan, PlannedOverlay } from '../config/plan.js';
import type { CoreEvent } from '../core-events.js';
import { formatIp } from '../frame/address.js';
import { macText } from '../frame/mac.js';
import type { Neighbour } from '../neighbour-table.js';
import type { ShownEndpoint } from '../overlay/endpoint-control.js';
import { portOf, vtepOf } from '../overlay/plan-endpoints.js';
import type { Vtep } from '../overlay-table.js';
import { ipOf, vtepKey } from '../config/plan-overlay.js';

export interface OverlayView {
  vni: number;
  underlay: string;
  encapsulation: string;
  udpPort: number;
  peers: readonly string[];
  bum: string;
  group: string | null;
  learning: boolean;
  mtuBytes: number;
  /** Name of the port that stands for the tunnel. */
  port: string;
}

export interface VtepView {
  ip: string;
  underlay: string;
  /** static: configured, or said by the control plane; learned. */
  kind: string;
  /** Of the next hop: none, incomplete, reachable; below: the kernel finds it. */
  state: string;
  nextHop: string | null;
  mac: string | null;
  /** Longest outer IP packet on the way there, as known now. */
  mtuBytes: number;
  /** Segments it may send into, as far as they say so. */
  segments: string[];
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  /** Since it was last heard from; null: never. */
  silentSec: number | null;
}

export interface NeighbourView {
  ip: string;
  mac: string;
  segment: string;
  /** 0 in a plain segment. */
  vid: number;
  router: boolean;
}

export interface EndpointView {
  id: string;
  segment: string;
  vid: number;
  ip: string | null;
  mac: string;
  port: string | null;
  dst: string | null;
  /** In force: where the address is, and for its neighbour; null: it says nothing of it. */
  placed: boolean | null;
  neighbour: boolean | null;
  configured: boolean;
}

export interface EventView {
  /** l2Miss, l3Miss, vtepLearned, pathMtu, nextHopFailed. */
  event: string;
  segment: string | null;
  vid: number;
  port: string | null;
  ip: string | null;
  mac: string | null;
  mtuBytes: number | null;
}

const MS_PER_SEC = 1000;

export function overlayView(plan: Plan, overlay: PlannedOverlay | undefined): OverlayView | null {
  if (overlay === undefined) return null;
  const { vni, underlay, encapsulation, udpPort, peers, bum, group, learning, mtuBytes } =
    overlay.config;
  const port = plan.ports.find(({ index }) => index === overlay.tunnelPort)?.name ?? '';
  const how = { peers, bum, group: group ?? null, learning, mtuBytes, port };
  return { vni, underlay, encapsulation, udpPort, ...how };
}

/** Views of tunnel ends; `places` are those that endpoints are behind, by domain. */
export function vtepViews(plan: Plan, vteps: readonly Vtep[], shown: ShownEndpoint[]): VtepView[] {
  const names = new Map(plan.underlays.map(({ index, name }) => [index, name]));
  const segments = segmentsByVtep(plan, shown);
  return vteps.map(vtep => {
    const ip = formatIp(vtep.ip);
    const underlay = names.get(vtep.underlay) ?? '';
    const hasHop = vtep.state !== HopState.None && vtep.state !== HopState.Below;
    const isHeard = vtep.rxPackets > 0n;
    return {
      ip,
      underlay,
      kind: wordOf(VtepKind[vtep.kind]),
      state: wordOf(HopState[vtep.state]),
      nextHop: hasHop ? formatIp(vtep.nextHop) : null,
      mac: vtep.state === HopState.Reachable ? macText(vtep.mac) : null,
      mtuBytes: vtep.mtuBytes,
      segments: [...(segments.get(vtepKey(underlay, ip)) ?? [])],
      rxPackets: Number(vtep.rxPackets),
      rxBytes: Number(vtep.rxBytes),
      txPackets: Number(vtep.txPackets),
      txBytes: Number(vtep.txBytes),
      silentSec: isHeard ? Math.floor(vtep.silentMs / MS_PER_SEC) : null,
    };
  });
}

function segmentsByVtep(plan: Plan, shown: readonly ShownEndpoint[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const add = (key: string, segment: string): void => {
    found.set(key, (found.get(key) ?? new Set()).add(segment));
  };
  const names = new Map(plan.overlays.map(({ domain, name }) => [domain, name]));
  for (const { name, senders } of plan.overlays) for (const key of senders) add(key, name);
  for (const { record } of shown) {
    const key = vtepOf(record.place);
    const segment = names.get(record.domain);
    if (key !== undefined && segment !== undefined) add(key, segment);
  }
  return found;
}

function wordOf(name: string | undefined): string {
  return name === undefined ? '' : name.charAt(0).toLowerCase() + name.slice(1);
}

/** Segment and VLAN of forwarding domains. */
export class DomainNames {
  private readonly domains = new Map<number, { segment: string; vid: number }>();

  constructor(plan: Plan) {
    for (const { name, domains } of plan.segments) {
      for (const { first, last, domain } of domains) {
        for (let vid = first; vid <= last; vid++) {
          this.domains.set(domain + vid - first, { segment: name, vid });
        }
      }
    }
  }

  /** Undefined: of a segment that is no more. */
  owner(domain: number): { segment: string; vid: number } | undefined {
    return this.domains.get(domain);
  }
}

export function neighbourViews(plan: Plan, neighbours: readonly Neighbour[]): NeighbourView[] {
  const names = new DomainNames(plan);
  return neighbours.flatMap(({ ip, mac, domain, isRouter }): NeighbourView[] => {
    const owner = names.owner(domain);
    if (owner === undefined) return [];
    return [{ ip: formatIp(ip), mac: macText(mac), ...owner, router: isRouter }];
  });
}

export function endpointViews(plan: Plan, shown: readonly ShownEndpoint[]): EndpointView[] {
  const names = new DomainNames(plan);
  return shown.flatMap(({ record, isPlaced, isNeighbour, isConfigured }): EndpointView[] => {
    const { id, domain, mac, ip, place } = record;
    const owner = names.owner(domain);
    if (owner === undefined) return [];
    const vtep = vtepOf(place);
    return [
      {
        id,
        ...owner,
        ip: ip ?? null,
        mac: macText(mac),
        port: portOf(place) ?? null,
        dst: vtep === undefined ? null : ipOf(vtep),
        placed: place === undefined ? null : isPlaced,
        neighbour: ip === undefined ? null : isNeighbour,
        configured: isConfigured,
      },
    ];
  });
}

export function eventView(
  plan: Plan,
  names: DomainNames,
  { event, port, domain, ip, mac }: CoreEvent,
): EventView {
  const owner = names.owner(domain);
  const isMtu = event === Event.PathMtu;
  return {
    event: wordOf(Event[event]),
    segment: owner?.segment ?? null,
    vid: owner?.vid ?? 0,
    port: plan.ports.find(({ index }) => index === port)?.name ?? null,
    ip: ip === undefined ? null : formatIp(ip),
    mac: isMtu || mac === 0n ? null : macText(mac),
    mtuBytes: isMtu ? Number(mac) : null,
  };
}
