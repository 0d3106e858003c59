/** What the API shows of zones: interfaces, routes, neighbours, flows. */
import { AdjacencyState } from '../../assembly/adjacency-abi.js';
import { FlowStatus, RouteKind, ZoneCounter } from '../../assembly/zone-abi.js';
import type { Plan } from '../config/plan.js';
import type { Flow, FlowTuple } from '../flow-record.js';
import { formatIp } from '../frame/address.js';
import { macText } from '../frame/mac.js';
import type { ZonesState } from '../loop-messages.js';
import { flowStateName } from '../zone/flow-state.js';

export interface RouteView {
  /** `10.0.0.0/16`. */
  to: string;
  kind: string;
  via: string | null;
  interface: string | null;
}

export interface ZoneNeighbourView {
  ip: string;
  interface: string;
  mac: string | null;
  /** In the words of `ip neigh`. */
  state: string;
  /** Packets that wait for it. */
  waiting: number;
}

export interface ZoneView {
  name: string;
  interfaces: {
    name: string;
    segment: string;
    mac: string;
    mtuBytes: number;
    vlan: number;
    addresses: string[];
  }[];
  routes: RouteView[];
  neighbours: ZoneNeighbourView[];
  /** By the names of ZoneCounter, first letter small. */
  counters: Record<string, number>;
}

export interface TupleView {
  src: string;
  dst: string;
  sport: number;
  dport: number;
  packets: number;
  bytes: number;
}

export interface FlowView {
  id: number;
  zone: string;
  protocol: number;
  /** Of TCP, in the words of conntrack(8). */
  state: string | null;
  leftSec: number;
  ageSec: number;
  seenReply: boolean;
  assured: boolean;
  srcNat: boolean;
  dstNat: boolean;
  mark: number;
  original: TupleView;
  reply: TupleView;
}

const MS_PER_SEC = 1000;
export function zoneViews({ zones, segments }: Plan, state: ZonesState): ZoneView[] {
  const names = new Map(zones.interfaces.map(iface => [iface.index, iface.config.name]));
  const segmentNames = new Map(segments.map(({ index, name }) => [index, name]));
  return zones.zones.map(zone => {
    const own = zones.interfaces.filter(iface => iface.zone === zone.index);
    const indexes = new Set(own.map(({ index }) => index));
    return {
      name: zone.name,
      interfaces: own.map(({ config, segment }) => ({
        name: config.name,
        segment: segmentNames.get(segment) ?? '',
        mac: macText(config.mac),
        mtuBytes: config.mtuBytes,
        vlan: config.vlan,
        addresses: config.addresses.map(({ ip, prefixBits }) => `${ip}/${prefixBits}`),
      })),
      routes: state.routes
        .filter(route => route.zone === zone.index)
        .map(({ to, kind, iface, gateway }) => ({
          to: `${formatIp(to.ip)}/${to.bits}`,
          kind: kind <= RouteKind.Via ? 'unicast' : RouteKind[kind]!.toLowerCase(),
          via: gateway === undefined ? null : formatIp(gateway),
          interface: kind <= RouteKind.Via ? (names.get(iface) ?? null) : null,
        })),
      neighbours: state.neighbours
        .filter(({ iface }) => indexes.has(iface))
        .map(({ ip, iface, mac, state: known, waiting }) => ({
          ip: formatIp(ip),
          interface: names.get(iface)!,
          mac: mac === 0n ? null : macText(mac),
          state: AdjacencyState[known]!.toUpperCase(),
          waiting,
        })),
      counters: countersOf(state.counters, zone.index),
    };
  });
}

function countersOf(counters: BigUint64Array, zone: number): Record<string, number> {
  const names = Object.keys(ZoneCounter).filter(name => Number.isNaN(Number(name)));
  return Object.fromEntries(
    names
      .filter(name => name !== 'Count')
      .map(name => {
        const column = ZoneCounter[name as keyof typeof ZoneCounter];
        const value = Number(counters[zone * ZoneCounter.Count + column]);
        return [name.charAt(0).toLowerCase() + name.slice(1), value];
      }),
  );
}

export function flowView(flow: Flow, zoneName: (zone: number) => string): FlowView {
  const { protocol, status } = flow;
  const has = (bit: FlowStatus): boolean => (status & bit) !== 0;
  return {
    id: flow.id,
    zone: zoneName(flow.zone),
    protocol,
    state: flowStateName(protocol, flow.state),
    leftSec: Math.floor(flow.leftMs / MS_PER_SEC),
    ageSec: Math.floor(flow.ageMs / MS_PER_SEC),
    seenReply: has(FlowStatus.SeenReply),
    assured: has(FlowStatus.Assured),
    srcNat: has(FlowStatus.SourceNat),
    dstNat: has(FlowStatus.DestinationNat),
    mark: flow.mark,
    original: tupleView(flow.original),
    reply: tupleView(flow.reply),
  };
}

function tupleView(tuple: FlowTuple): TupleView {
  return {
    src: formatIp(tuple.source),
    dst: formatIp(tuple.destination),
    sport: tuple.sourcePort,
    dport: tuple.destinationPort,
    packets: Number(tuple.packets),
    bytes: Number(tuple.bytes),
  };
}
