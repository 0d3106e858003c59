/**
 * Conservation: what cores, links and stations each counted for themselves must agree, at
 * any moment. Held by every test, and after every run of the command.
 */
import { CoreCounter, PortCounter } from '../../assembly/abi.js';
import type { HostPort, SimHost } from './host.js';
import type { Link } from './link.js';
import type { PathCounts } from './path.js';
import type { Simulation } from './simulation.js';

/** Equations that do not hold, as text; none: all do. */
export function audit(simulation: Simulation): string[] {
  return [
    ...[...simulation.hosts.values()].flatMap(auditHost),
    ...[...simulation.links.values()].flatMap(auditLink),
    ...auditWhole(simulation),
  ];
}

/** What `left` and `right` are, unless they are the same. */
function differ(what: string, left: number, right: number): string[] {
  return left === right ? [] : [`${what}: ${left} and ${right}`];
}

function auditHost(host: SimHost): string[] {
  const { Received, Copies, Sent, Dropped, Consumed } = CoreCounter;
  const { name, core } = host;
  const [received, sent] = [host.total(Received), host.total(Sent)];
  const ports = [...host.ports.values()].filter(port => !port.isInner);
  const sum = (pick: (port: HostPort) => number): number =>
    ports.reduce((total, port) => total + pick(port), 0);
  return [
    ...differ(
      `${name}: received + copies = sent + dropped + consumed`,
      received + host.total(Copies),
      sent + host.total(Dropped) + host.total(Consumed),
    ),
    ...differ(
      `${name}: received by ports = by the core + waiting`,
      sum(port => port.received),
      received + host.waitingFrames,
    ),
    ...differ(
      `${name}: sent by the core = by ports`,
      sent,
      sum(port => port.sent),
    ),
    ...ports.flatMap(({ name: port, port: { index }, sent }) =>
      differ(`${port}: sent, by core and host`, txPackets(core, index), sent),
    ),
  ];
}

function txPackets(core: SimHost['core'], port: number): number {
  return Number(core.portCounter(port, PortCounter.TxPackets));
}

function auditLink(link: Link): string[] {
  const { counts } = link;
  const parts = link.paths.flatMap(({ from, to, counts }) =>
    auditCounts(`${link.name} ${from.name}>${to.name}`, counts),
  );
  const { transmitted, copies, answers, sent, unclaimed } = counts;
  const given = transmitted + copies + answers;
  return [
    ...parts,
    ...auditCounts(link.name, counts),
    ...differ(
      `${link.name}: transmitted + copies + answers = sent + unclaimed`,
      given,
      sent + unclaimed,
    ),
  ];
}

function auditCounts(name: string, counts: PathCounts): string[] {
  const { sent, duplicated, delivered, inFlight } = counts;
  const what = `${name}: sent + duplicated = delivered + lost + in flight`;
  return differ(what, sent + duplicated, delivered + lostFrames(counts) + inFlight);
}

export function lostFrames({ lost }: PathCounts): number {
  return Object.values(lost).reduce((sum, frames) => sum + frames, 0);
}

/** Links take what ends give them, and the other way round. */
function auditWhole(simulation: Simulation): string[] {
  const links = [...simulation.links.values()].map(link => link.counts);
  const total = (pick: (counts: (typeof links)[number]) => number): number =>
    links.reduce((sum, counts) => sum + pick(counts), 0);
  let given = 0;
  let taken = 0;
  for (const end of simulation.allEnds()) {
    taken += end.received - end.injected;
    if (end.link !== undefined) given += end.sent;
  }
  return [
    ...differ(
      'ends sent = links took',
      given,
      total(({ transmitted }) => transmitted),
    ),
    ...differ(
      'links delivered = ends received',
      total(({ delivered }) => delivered),
      taken,
    ),
  ];
}
