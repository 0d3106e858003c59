/** What a simulation came to, in numbers: for JSON, tables and expectations. */
import { CoreCounter, Drop, PortCounter } from '../../assembly/abi.js';
import { lostFrames } from './audit.js';
import type { PingCounts, StreamCounts } from './flows.js';
import type { HostPort, SimHost } from './host.js';
import type { Link, LinkCounts } from './link.js';
import type { PathCounts } from './path.js';
import type { Simulation } from './simulation.js';
import type { Station } from './station.js';
import { NS_PER_MS } from './topology.js';

export interface PortSummary {
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
  dropped: number;
  /** By reason, only what happened. */
  drops: Record<string, number>;
}

export interface HostSummary {
  received: number;
  copies: number;
  sent: number;
  dropped: number;
  consumed: number;
  drops: Record<string, number>;
  ports: Record<string, PortSummary>;
}

export interface StationSummary {
  sent: number;
  received: number;
  foreign: number;
  malformed: number;
  unresolved: number;
  tooBig: number;
}

export interface LinkSummary extends LinkCounts {
  lostFrames: number;
  /** By `from>to`. */
  paths: Record<string, PathCounts>;
}

export interface Summary {
  seed: number;
  /** Time of the last event. */
  simulatedMs: number;
  events: number;
  hosts: Record<string, HostSummary>;
  stations: Record<string, StationSummary>;
  links: Record<string, LinkSummary>;
  pings: Record<string, PingCounts>;
  streams: Record<string, StreamCounts>;
}

export function summaryOf(simulation: Simulation): Summary {
  const { seed, nowNs, events, hosts, stations, links, pings, streams } = simulation;
  return {
    seed,
    simulatedMs: nowNs / NS_PER_MS,
    events: events.taken,
    hosts: mapped(hosts, hostSummary),
    stations: mapped(stations, stationSummary),
    links: mapped(links, linkSummary),
    pings: mapped(pings, train => train.counts),
    streams: mapped(streams, stream => stream.counts),
  };
}

function mapped<From, To>(
  from: ReadonlyMap<string, From>,
  change: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries([...from].map(([name, value]) => [name, change(value)]));
}

function hostSummary(host: SimHost): HostSummary {
  const { Received, Copies, Sent, Dropped, Consumed } = CoreCounter;
  const drops: Record<string, number> = {};
  for (const [reason, frames] of host.core.dropTotals()) drops[Drop[reason]!] = Number(frames);
  return {
    received: host.total(Received),
    copies: host.total(Copies),
    sent: host.total(Sent),
    dropped: host.total(Dropped),
    consumed: host.total(Consumed),
    drops,
    ports: mapped(host.ports, portSummary),
  };
}

function portSummary({ host, port }: HostPort): PortSummary {
  const counter = (column: PortCounter): number =>
    Number(host.core.portCounter(port.index, column));
  const drops: Record<string, number> = {};
  let dropped = 0;
  for (let reason: Drop = Drop.None + 1; reason < Drop.Count; reason++) {
    const frames = Number(host.core.portDrops(port.index, reason));
    if (frames > 0) drops[Drop[reason]!] = frames;
    dropped += frames;
  }
  return {
    received: counter(PortCounter.RxPackets),
    receivedBytes: counter(PortCounter.RxBytes),
    sent: counter(PortCounter.TxPackets),
    sentBytes: counter(PortCounter.TxBytes),
    dropped,
    drops,
  };
}

function stationSummary(station: Station): StationSummary {
  const { sent, received, foreign, malformed, tooBig, neighbours } = station;
  return { sent, received, foreign, malformed, unresolved: neighbours.unresolved, tooBig };
}

function linkSummary({ counts, paths }: Link): LinkSummary {
  const named = paths.map(({ from, to, counts }) => [`${from.name}>${to.name}`, counts]);
  return { ...counts, lostFrames: lostFrames(counts), paths: Object.fromEntries(named) };
}
