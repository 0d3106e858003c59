/** Random configurations, for the core and for the reference switch alike. */
import { FdbKind, PriorityTags, StaticMove, VlanMember } from '../../assembly/abi.js';
import { macNumber, mac } from './frame.js';
import { ReferenceSwitch, type ReferencePort, type ReferenceSegment } from './reference-switch.js';
import { TestSwitch } from './test-switch.js';

export type Random = (below: number) => number;
export const PORTS = 6;
export const SEGMENTS = 2;
export const VIDS = [1, 10, 20, 4094];
export const HOSTS = 12;

const chance = (random: Random, percent: number) => random(100) < percent;

function randomTags(random: Random): number[] {
  const tpid = () => (chance(random, 70) ? 0x8100 : 0x88a8);
  const tags = Array.from({ length: 1 + random(2) }, () => tpid() * 65536 + pick(random, VIDS));
  return tags;
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)]!;
}

function randomPort(random: Random): ReferencePort {
  const rewrites = chance(random, 15);
  const match = rewrites ? randomTags(random) : [];
  const members = VIDS.filter(() => chance(random, 60)).map(
    vid => [vid, chance(random, 50) ? 'tagged' : 'untagged'] as const,
  );
  return {
    segment: chance(random, 95) ? random(SEGMENTS) : -1,
    up: chance(random, 95),
    learning: chance(random, 85),
    flood: chance(random, 85),
    multicastFlood: chance(random, 85),
    broadcastFlood: chance(random, 85),
    hairpin: chance(random, 15),
    isolated: chance(random, 20),
    locked: chance(random, 8),
    group: chance(random, 25) ? 1 + random(2) : 0,
    mtuBytes: chance(random, 20) ? 40 + random(60) : 0,
    pvid: chance(random, 70) ? pick(random, VIDS) : 0,
    acceptTagged: chance(random, 80),
    priorityTags: chance(random, 70) ? PriorityTags.Never : random(3),
    tagsArePayload: chance(random, 10),
    members: new Map(members),
    match,
    popTags: random(match.length + 1),
    push: rewrites && chance(random, 60) ? randomTags(random) : [],
  };
}

function randomSegment(random: Random): ReferenceSegment {
  const learnLimit = chance(random, 25) ? 1 + random(6) : 0;
  // Dead entries count until they are swept, which the reference does not do.
  const ageMs = learnLimit > 0 ? 300000 : pick(random, [0, 500, 5000, 300000]);
  return {
    isAware: chance(random, 60),
    tpid: chance(random, 85) ? 0x8100 : 0x88a8,
    ageMs,
    learnLimit,
    forwardsStaticMoves: chance(random, 40),
    vlans: new Set(VIDS.filter(() => chance(random, 85))),
  };
}

const flag = (value: boolean) => (value ? 1 : 0);
const domainOf = (segment: number, vid?: number) =>
  1 + segment * 10 + (vid === undefined ? 0 : 1 + VIDS.indexOf(vid));

function applySegment(to: TestSwitch, index: number, segment: ReferenceSegment): void {
  to.segment(index, {
    Domain: domainOf(index),
    AgeMs: segment.ageMs,
    LearnLimit: segment.learnLimit,
    Tpid: segment.tpid,
    StaticMove: segment.forwardsStaticMoves ? StaticMove.Forward : StaticMove.Drop,
    VlanAware: segment.isAware ? index + 1 : 0,
  });
  if (!segment.isAware) return;
  for (const vid of segment.vlans) to.core.configureVlanDomain(index, vid, domainOf(index, vid));
}

function applyPort(to: TestSwitch, index: number, port: ReferencePort): void {
  to.port(index, {
    Segment: port.segment + 1,
    Up: flag(port.up),
    Learning: flag(port.learning),
    Flood: flag(port.flood),
    MulticastFlood: flag(port.multicastFlood),
    BroadcastFlood: flag(port.broadcastFlood),
    Hairpin: flag(port.hairpin),
    Isolated: flag(port.isolated),
    Locked: flag(port.locked),
    Group: port.group,
    MtuBytes: port.mtuBytes,
    Pvid: port.pvid,
    AcceptTagged: flag(port.acceptTagged),
    PriorityTags: port.priorityTags,
    TagsArePayload: flag(port.tagsArePayload),
    MatchTags: port.match.length,
    MatchOuter: port.match[0] ?? 0,
    MatchInner: port.match[1] ?? 0,
    PopTags: port.popTags,
    PushTags: port.push.length,
    PushOuter: port.push[0] ?? 0,
    PushInner: port.push[1] ?? 0,
  });
  for (const [vid, form] of port.members) {
    to.core.configureVlan(index, vid, form === 'tagged' ? VlanMember.Tagged : VlanMember.Untagged);
  }
}

/** A few entries that somebody configured, where the core takes them. */
function placeEntries(random: Random, to: TestSwitch, reference: ReferenceSwitch): void {
  for (let i = random(5); i > 0; i--) {
    const host = 1 + random(HOSTS);
    const port = 1 + random(PORTS);
    const { segment } = reference.ports.get(port)!;
    if (segment < 0) continue;
    const kind = random(3) === 0 ? FdbKind.Permanent : FdbKind.Static;
    const { isAware, vlans } = reference.segments[segment]!;
    const vid = isAware ? pick(random, VIDS) : undefined;
    if (vid !== undefined && !vlans.has(vid)) continue;
    to.core.fdbInsert({ mac: macNumber(host), domain: domainOf(segment, vid), port, kind });
    reference.fdb.set(reference.key(segment, vid ?? 0, mac(host)), {
      port: kind === FdbKind.Permanent ? 0 : port,
      kind,
      seenMs: 0,
    });
  }
}

/** The same random switch twice. */
export function randomSwitches(random: Random): [TestSwitch, ReferenceSwitch] {
  const to = TestSwitch.create({ ports: 0, segments: 0, seed: BigInt(random(1 << 30)) });
  const segments = Array.from({ length: SEGMENTS }, () => randomSegment(random));
  const indexes = Array.from({ length: PORTS }, (_, i) => i + 1);
  const ports = new Map(indexes.map(index => [index, randomPort(random)]));
  segments.forEach((segment, index) => applySegment(to, index, segment));
  for (const [index, port] of ports) applyPort(to, index, port);
  const reference = new ReferenceSwitch(ports, segments);
  placeEntries(random, to, reference);
  return [to, reference];
}
