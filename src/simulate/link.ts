/**
 * Links: what joins ends (ports of hosts, stations). Two ends are a wire. More are a LAN, a
 * hub that filters nothing: every frame reaches every other end. The one exception are
 * datagrams of udp ports, whose Ethernet header is made up (both MAC addresses zero): on a
 * LAN they go to the end that has the outer destination as an underlay address, and nowhere
 * when none has; group addresses go to all.
 *
 * Each direction between two ends is a path with random numbers and counters of its own.
 * On every path, and for the link as a whole:
 *
 *     sent + duplicated = delivered + lost + in flight
 *     transmitted + copies + answers = sent + unclaimed
 */
import { formatIp } from '../frame/address.js';
import { type SimFrame, hasNoMacs, ipPacketOf } from './frame.js';
import type { Impairments } from './impairments.js';
import { LossReason, Path, type PathCounts, type PathContext } from './path.js';

/** Whoever sends and receives frames on a link. */
export interface End {
  /** `host.port`, or a station's name. */
  readonly name: string;
  /** Underlay addresses, in the form RFC 5952 gives them. */
  readonly addresses: readonly string[];
  receive(frame: SimFrame): void;
}

export interface LinkCounts extends PathCounts {
  /** Frames that ends have put on the link. */
  transmitted: number;
  /** Of a LAN: what reached more than one end, each but the first. */
  copies: number;
  /** Answers of a router to frames that were too big. */
  answers: number;
  /** Of a LAN: datagrams to an address that no end has. */
  unclaimed: number;
}

const WIRE_ENDS = 2;
const IPV4_MULTICAST = 0xe0; // RFC 1112 §4: 224.0.0.0/4
const IPV6_MULTICAST = 0xff;

export class Link {
  readonly paths: readonly Path[];
  private readonly byEnd: ReadonlyMap<string, readonly Path[]>;
  private transmitted = 0;
  private copies = 0;
  private answers = 0;
  private unclaimed = 0;

  constructor(
    readonly name: string,
    readonly ends: readonly End[],
    impairments: Impairments,
    context: PathContext,
  ) {
    const byEnd = new Map<string, readonly Path[]>();
    for (const from of ends) {
      const others = ends.filter(to => to !== from);
      const paths = others.map(to => new Path(name, { from, to }, impairments, context));
      byEnd.set(from.name, paths);
      for (const path of paths) path.onAnswer = frame => this.answer(path, frame);
    }
    this.byEnd = byEnd;
    this.paths = [...byEnd.values()].flat();
  }

  /** Takes a frame from one of its ends. */
  transmit(from: End, frame: SimFrame): void {
    this.transmitted++;
    const paths = this.pathsOf(from, frame);
    if (paths.length === 0) this.unclaimed++;
    else this.copies += paths.length - 1;
    for (const path of paths) path.send(frame);
  }

  /** Sums over all paths. */
  get counts(): LinkCounts {
    const { transmitted, copies, answers, unclaimed } = this;
    return { transmitted, copies, answers, unclaimed, ...sumCounts(this.paths) };
  }

  private pathsOf(from: End, frame: SimFrame): readonly Path[] {
    const paths = this.byEnd.get(from.name)!;
    if (this.ends.length === WIRE_ENDS || !hasNoMacs(frame.bytes)) return paths;
    const to = ipPacketOf(frame.bytes)?.to;
    if (to === undefined || isGroupIp(to)) return paths;
    const address = formatIp(to);
    return paths.filter(path => path.to.addresses.includes(address));
  }

  /** What a router says of a frame on `path` goes back the way it came. */
  private answer(path: Path, frame: SimFrame): void {
    const back = this.byEnd.get(path.to.name)!.find(({ to }) => to === path.from)!;
    this.answers++;
    back.carry(frame);
  }
}

function isGroupIp(address: Uint8Array): boolean {
  const [first = 0] = address;
  return address.length === 4 ? first >> 4 === IPV4_MULTICAST >> 4 : first === IPV6_MULTICAST;
}

/** Counters of several paths, or links, added up. */
export function sumCounts(parts: readonly { counts: PathCounts }[]): PathCounts {
  const all = parts.map(({ counts }) => counts);
  const sum = (pick: (counts: PathCounts) => number): number =>
    all.reduce((total, counts) => total + pick(counts), 0);
  const lost = Object.fromEntries(
    Object.values(LossReason).map(reason => [reason, sum(counts => counts.lost[reason])]),
  ) as PathCounts['lost'];
  return {
    sent: sum(counts => counts.sent),
    duplicated: sum(counts => counts.duplicated),
    delivered: sum(counts => counts.delivered),
    heldBack: sum(counts => counts.heldBack),
    reordered: sum(counts => counts.reordered),
    inFlight: sum(counts => counts.inFlight),
    lost,
  };
}
