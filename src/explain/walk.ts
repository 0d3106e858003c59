/**
 * A packet's walk: what the core itself wrote into its trace ring about one packet, and
 * what became of it. The packet goes through the same code as any other, with one bit set.
 */
import {
  DROPPED_BYTES,
  Drop,
  Dropped,
  Family,
  FdbKind,
  FloodSkip,
  HEADROOM_BYTES,
  Node,
  RX_BYTES,
  Region,
  Rx,
  RxFlag,
  SLOT_ALIGN_BYTES,
  TRACE_BYTES,
  TX_BYTES,
  Trace,
  TraceField,
  Tx,
} from '../../assembly/abi.js';
import { UnderlayAnswer } from '../../assembly/overlay-abi.js';
import { Verdict } from '../../assembly/rules-abi.js';
import { LocalAnswer, RouteKind } from '../../assembly/zone-abi.js';
import { ChoiceReason, type Scheduler } from '../../assembly/service-abi.js';
import type { Core } from '../core.js';
import { formatIp } from '../frame/address.js';
import { formatMac } from '../frame/mac.js';
import { summarize } from '../frame/dissect.js';
import { SCHEDULER_NAMES } from '../service/schedulers.js';
import { boundText, stateText, statusText } from './flow-words.js';

/** Names of what the core knows by number. */
export interface Names {
  /** Name of a port by index, or of whom the FDB means by a number behind the last port. */
  port(index: number): string;
  /** Name of a VTEP by number: its address. */
  vtep(index: number): string;
  /** Name of a zone, and of a router interface, by index. */
  zone(index: number): string;
  iface(index: number): string;
  /** The rule or policy of a counter: its table, chain and text. */
  rule(counter: number): string;
  /** The service, and the backend of one, of a number. */
  service(index: number): string;
  backend(index: number): string;
  /** Name of a forwarding domain: `lan`, or `lan vlan 10`. */
  domain(domain: number): string;
}

/** One decision. */
export interface WalkStep {
  stage: string;
  event: string;
  text: string;
}

/** A frame on its way in or out. */
export interface WalkFrame {
  port: string;
  length: number;
  summary: string;
  hex: string;
}

export interface Walk {
  in: WalkFrame;
  steps: WalkStep[];
  out: WalkFrame[];
  dropped: (WalkFrame & { reason: string })[];
  /** `sent to p2, p3`, `dropped: StormBroadcast`. */
  verdict: string;
}

/** Runs one frame through `core` and tells what happened. The core's state changes. */
export function walkFrame(
  core: Core,
  frame: Uint8Array,
  at: { port: number; nowMs: number },
  names: Names,
): Walk {
  const rx = core.region(Region.Rx);
  const data = align(core.region(Region.Arena)) + HEADROOM_BYTES;
  core.bytes.set(frame, data);
  core.view.setUint32(rx + Rx.Data, data, true);
  core.view.setUint32(rx + Rx.Length, frame.length, true);
  core.view.setUint16(rx + Rx.Port, at.port, true);
  core.view.setUint16(rx + Rx.Flags, RxFlag.Trace, true);
  core.clearTrace();
  const arrived = receivedFrame(core, 0, names);
  core.process(1, at.nowMs);
  return walkOf(core, 0, arrived, names);
}

/** Receive descriptor `index` as it came in; call before `process`. */
export function receivedFrame(core: Core, index: number, names: Names): WalkFrame {
  const at = core.region(Region.Rx) + index * RX_BYTES;
  return frameAt(core, at, Rx.Port, names);
}

/** The walk of packet `index` of the last batch, whose trace bit was set. */
export function walkOf(core: Core, index: number, arrived: WalkFrame, names: Names): Walk {
  const out = descriptors(core, Region.Tx, core.sentCount, TX_BYTES)
    .filter(at => core.view.getUint32(at + Tx.Origin, true) === index)
    .map(at => frameAt(core, at, Tx.Port, names));
  const dropped = descriptors(core, Region.Dropped, core.droppedCount, DROPPED_BYTES)
    .filter(at => core.view.getUint32(at + Dropped.Origin, true) === index)
    .map(at => ({
      ...frameAt(core, at, Dropped.Port, names),
      reason: Drop[core.view.getUint16(at + Dropped.Reason, true)]!,
    }));
  const steps = descriptors(core, Region.Trace, core.traceCount, TRACE_BYTES)
    .filter(at => core.view.getUint32(at + TraceField.Origin, true) === index)
    .map(at => stepAt(core.view, at, names));
  return { in: arrived, steps, out, dropped, verdict: verdictOf(out, dropped) };
}

function verdictOf(out: readonly WalkFrame[], dropped: Walk['dropped']): string {
  const parts: string[] = [];
  if (out.length > 0) parts.push(`sent to ${out.map(frame => frame.port).join(', ')}`);
  for (const { port, reason } of dropped) parts.push(`dropped at ${port}: ${reason}`);
  return parts.join('; ');
}

function descriptors(core: Core, region: Region, count: number, bytes: number): number[] {
  const first = core.region(region);
  return Array.from({ length: count }, (_, i) => first + i * bytes);
}

/** All descriptors begin alike: address, length, port. */
function frameAt(core: Core, at: number, portOffset: number, names: Names): WalkFrame {
  const data = core.view.getUint32(at + Rx.Data, true);
  const length = core.view.getUint32(at + Rx.Length, true);
  const bytes = core.bytes.subarray(data, data + length);
  return {
    port: names.port(core.view.getUint16(at + portOffset, true)),
    length,
    summary: summarize(bytes),
    hex: Buffer.from(bytes).toString('hex'),
  };
}

function align(address: number): number {
  return Math.ceil(address / SLOT_ALIGN_BYTES) * SLOT_ALIGN_BYTES;
}

function stepAt(view: DataView, at: number, names: Names): WalkStep {
  const number = (field: TraceField): number => view.getUint32(at + field, true);
  const event: Trace = view.getUint16(at + TraceField.Event, true);
  const mac = new Uint8Array(view.buffer, at + TraceField.MacLow, 6);
  const record: TraceRecord = {
    a: number(TraceField.A),
    b: number(TraceField.B),
    c: number(TraceField.C),
    d: number(TraceField.D),
    domain: names.domain(number(TraceField.D)),
    mac: formatMac(mac),
    ip: ipAt(view, at),
    isIpv6: view.getUint16(at + TraceField.Family, true) === Number(Family.Ipv6),
    ports: number(TraceField.MacLow),
  };
  return {
    stage: Node[view.getUint16(at + TraceField.Node, true)]!,
    event: Trace[event]!,
    text: SENTENCES[event](record, names),
  };
}

/** The address that A to D hold, if the record speaks of one. */
function ipAt(view: DataView, at: number): string {
  const family: Family = view.getUint16(at + TraceField.Family, true);
  const bytes = family === Family.Ipv6 ? 16 : 4;
  return formatIp(new Uint8Array(view.buffer, at + TraceField.A, bytes));
}

interface TraceRecord {
  a: number;
  b: number;
  c: number;
  d: number;
  domain: string;
  mac: string;
  ip: string;
  isIpv6: boolean;
  ports: number;
}

type Sentence = (record: TraceRecord, names: Names) => string;

const GROUPS = ['', 'broadcast', 'multicast'];
const SKIP_TEXTS: Record<FloodSkip, string> = {
  [FloodSkip.Ingress]: 'it came from there and hairpin is off',
  [FloodSkip.Isolated]: 'both ports are isolated',
  [FloodSkip.Group]: 'both ports are in one split-horizon group',
  [FloodSkip.Flags]: 'its flood flag for this kind is off',
  [FloodSkip.Vlan]: 'it is not in the VLAN',
  [FloodSkip.Down]: 'it is down',
  [FloodSkip.Suppressed]: 'it suppresses questions about neighbours',
  [FloodSkip.Tunnel]: 'the overlay sends such frames to nobody',
};

function hex(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

const kindName = (kind: number): string => FdbKind[kind]!.toLowerCase();

const SENTENCES: Record<Trace, Sentence> = {
  [Trace.Received]: ({ a, b, c }, names) =>
    `${b} bytes from ${names.port(a)}${c & RxFlag.Offload ? ', offloaded' : ''}`,
  [Trace.Vlan]: ({ a, b, c, domain }) =>
    `VLAN ${a}, priority ${b}, ${c ? 'tagged' : 'untagged'}: ${domain}`,
  [Trace.TagsRewritten]: ({ a, b, c }) => `tags rewritten: ${a} off, ${b} on, ${c} bytes now`,
  [Trace.SourceKnown]: ({ a, b, c, mac, domain }, names) =>
    `source ${mac} in ${domain}: known, ${kindName(b)}, at ${names.port(a)}, heard ${c} ms ago`,
  [Trace.SourceLearned]: ({ a, mac, domain }, names) =>
    `source ${mac} in ${domain}: new, learned at ${names.port(a)}`,
  [Trace.SourceMoved]: ({ a, b, mac, domain }, names) =>
    `source ${mac} in ${domain}: moved from ${names.port(b)} to ${names.port(a)}`,
  [Trace.SourceRefused]: ({ a, b, mac, domain }) =>
    `source ${mac} in ${domain}: not learned, ${a} entries of ${b === 0 ? 'a full table' : b}`,
  [Trace.SourceIgnored]: ({ mac, domain }) =>
    `source ${mac} in ${domain}: not learned, learning is off at this port`,
  [Trace.DestinationHit]: ({ a, b, c, mac, domain }, names) =>
    `destination ${mac} in ${domain}: ${kindName(b)} entry, ${names.port(a)}, heard ${c} ms ago`,
  [Trace.DestinationMiss]: ({ mac, domain }) =>
    `destination ${mac} in ${domain}: no entry, flooded`,
  [Trace.DestinationGroup]: ({ a, mac, domain }) =>
    `destination ${mac} in ${domain}: ${GROUPS[a]}, flooded`,
  [Trace.FloodSkipped]: ({ a, b }, names) =>
    `not to ${names.port(a)}: ${SKIP_TEXTS[b as FloodSkip]}`,
  [Trace.NeighbourUnknown]: ({ ip }) => `neighbour ${ip}: not known here, asked of everybody`,
  [Trace.NeighbourAnswers]: ({ ip, mac }) =>
    `neighbour ${ip}: at ${mac}, which hears the question and answers itself`,
  [Trace.NeighbourAnswered]: ({ ip, mac }) => `neighbour ${ip}: answered here with ${mac}`,
  [Trace.NeighbourKept]: ({ ip }) =>
    `neighbour ${ip}: announced or probed, kept from ports that suppress neighbours`,
  [Trace.TagPushed]: ({ a, b, c }, names) =>
    `for ${names.port(a)}: tag ${hex(c)} VID ${b & 0xfff} priority ${b >> 13} put on`,
  [Trace.TagPopped]: ({ a, b, c }, names) =>
    `for ${names.port(a)}: tag ${hex(c)} VID ${b & 0xfff} taken off`,
  [Trace.ChecksumFinished]: ({ a, b }, names) =>
    `for ${names.port(a)}: checksum from byte ${b} on completed`,
  [Trace.Segmented]: ({ a, b, c }, names) =>
    `for ${names.port(a)}: cut into ${b} segments of at most ${c} bytes payload`,
  [Trace.Sent]: ({ a, b }, names) => `${b} bytes to ${names.port(a)}`,
  [Trace.Dropped]: ({ a, b }, names) => `${Drop[a]}, counted at ${names.port(b)}`,
  [Trace.Opened]: ({ a, b, c }, names) =>
    `VNI ${a} from ${names.vtep(b)}: ${c} bytes of outer headers taken off`,
  [Trace.Encapsulated]: ({ a, b, c }, names) =>
    `VNI ${a} to ${names.vtep(b)}: outer headers put on, UDP source port ${c}`,
  [Trace.Coalesced]: ({ a, b }) => `${a} segments of one flow grown together: ${b} bytes`,
  [Trace.Answered]: ({ a }) => `answered by the underlay: ${UnderlayAnswer[a]}`,
  [Trace.NextHopAsked]: ({ a }, names) => `the next hop to ${names.vtep(a)} is asked for`,
  [Trace.Reassembled]: ({ a }) =>
    a === 0 ? 'a fragment: waits for the others' : `the last fragment: ${a} bytes in all`,
  [Trace.Fragmented]: ({ a, b }, names) =>
    `for ${names.port(a)}: too long for the path, cut into ${b} fragments`,
  [Trace.PathMtu]: ({ a, b }, names) => `the path to ${names.vtep(a)} takes ${b} bytes`,
  [Trace.Entered]: ({ a, b }, names) => `into zone ${names.zone(a)} by ${names.iface(b)}`,
  [Trace.FlowFound]: ({ a, b, c, d }) =>
    `flow ${a}, ${c === 0 ? 'original' : 'reply'} direction${stateText(b >>> 8, b & 0xff)}: ${statusText(d)}`,
  [Trace.FlowMade]: ({ a, b, c }) => `flow ${a} begins${stateText(c, b)}`,
  [Trace.FlowRelated]: ({ a }) => `an error about flow ${a}`,
  [Trace.FlowReopened]: () => 'its flow is over: a new one begins in its place',
  [Trace.RouteFound]: ({ a, b, d }, names) =>
    `route: a prefix of ${a} bits, ${RouteKind[d]!.toLowerCase()}, out of ${names.iface(b)}`,
  [Trace.SourceTranslated]: numbers => becomesText('source', numbers),
  [Trace.DestinationTranslated]: numbers => becomesText('destination', numbers),
  [Trace.Judged]: ({ b }) =>
    `as the packets before it: ${b === 0 ? 'no rule asked for it' : 'the same rules apply'}`,
  [Trace.ErrorSent]: ({ a, b }) => `the sender is told: ICMP type ${a}, code ${b}`,
  [Trace.Delivered]: ({ a }) => `for the zone itself: ${LocalAnswer[a]}`,
  [Trace.Queued]: () => 'waits for the MAC address of its next hop, which is asked for',
  [Trace.Left]: ({ a, b }, names) => `leaves zone ${names.zone(a)} by ${names.iface(b)}`,
  [Trace.RuleMatched]: ({ a, b }, names) =>
    `${names.rule(a)}${b === Verdict.None ? '' : `: ${Verdict[b]}`}`,
  [Trace.PolicyApplied]: ({ a, b }, names) => `${names.rule(a)}: ${Verdict[b]}`,
  [Trace.Balanced]: ({ a, b, c, d }, names) =>
    `service ${names.service(a)}: ${names.backend(b)}, ${choiceText(c, d)}`,
  [Trace.Segment]: ({ a, b, c, d }) =>
    `TCP segment ${a} to ${b}, acknowledges ${c}, window ${d} bytes`,
  [Trace.OutOfWindow]: ({ a, b, c }) => `${boundText(a)}: ${b}, limit ${c}`,
};

/** What NAT did; of IPv6 the record has room for the new address alone. */
function becomesText(end: string, { a, b, c, ip, isIpv6, ports }: TraceRecord): string {
  if (isIpv6) return `${end} port ${port(ports >>> 16)} becomes [${ip}]:${port(ports & 0xffff)}`;
  return `${end} ${endText(a, c >>> 16)} becomes ${endText(b, c & 0xffff)}`;
}

/** An IPv4 address and a port, both as loaded from the wire. */
function endText(address: number, wirePort: number): string {
  const bytes = new Uint8Array(Uint32Array.of(address).buffer);
  return `${formatIp(bytes)}:${port(wirePort)}`;
}

function port(wirePort: number): number {
  return ((wirePort & 0xff) << 8) | (wirePort >>> 8);
}

/** Why a backend got the packet: `rr among 2 of 3`. */
function choiceText(choice: number, counts: number): string {
  const scheduler = SCHEDULER_NAMES[(choice >>> 8) as Scheduler];
  switch ((choice & 0xff) as ChoiceReason) {
    case ChoiceReason.Kept:
      return 'which its flow has';
    case ChoiceReason.Persistent:
      return 'which its client was given before';
    default:
      return `by ${scheduler} among ${counts & 0xffff} of ${counts >>> 16} backends`;
  }
}
