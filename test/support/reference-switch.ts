/**
 * A switch as its documentation tells it, in the slowest and plainest way: one frame at a
 * time, Maps and copies of bytes. The core must agree with it to the byte. No offloads, no
 * storm control: those have tests of their own.
 */
import { FdbKind, MAX_FRAME_BYTES, PriorityTags, type Drop } from '../../assembly/abi.js';
import { hex } from './frame.js';

export interface ReferencePort {
  segment: number; // -1: none
  up: boolean;
  learning: boolean;
  flood: boolean;
  multicastFlood: boolean;
  broadcastFlood: boolean;
  hairpin: boolean;
  isolated: boolean;
  locked: boolean;
  group: number;
  mtuBytes: number;
  pvid: number;
  acceptTagged: boolean;
  priorityTags: PriorityTags;
  tagsArePayload: boolean;
  members: Map<number, 'tagged' | 'untagged'>;
  match: number[]; // TPID << 16 | VID
  popTags: number;
  push: number[];
}
export interface ReferenceSegment {
  isAware: boolean;
  tpid: number;
  ageMs: number;
  learnLimit: number;
  forwardsStaticMoves: boolean;
  vlans: Set<number>;
}
interface Entry {
  port: number; // 0: nobody, an address of the switch
  kind: FdbKind;
  seenMs: number;
}
type Reason = keyof typeof Drop;
export interface Fate {
  port: number;
  reason?: Reason;
  hex?: string;
}
/** A frame on its way: `tag` is its VLAN's, 0 where VLANs are payload. */
interface Way {
  from: number;
  bytes: Uint8Array;
  tag: number;
  isTagged: boolean;
}

const REFRESH_MS = 250;
const VID = 0xfff;
const PRIORITY = 0xe000;

const word = (bytes: Uint8Array, at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
const isTpid = (type: number) => type === 0x8100 || type === 0x88a8;
/** TPID << 16 | TCI, as an unsigned number. */
const tagAt = (bytes: Uint8Array, at = 12) =>
  word(bytes, at) * 65536 + (bytes.length >= at + 4 ? word(bytes, at + 2) : 0);
const withoutPriority = (tag: number) => Math.floor(tag / 65536) * 65536 + (tag & VID);

function popped(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes.slice(0, 12), ...bytes.slice(16)]);
}

function pushed(bytes: Uint8Array, tag: number): Uint8Array {
  const written = [tag / 2 ** 24, tag / 2 ** 16, tag / 2 ** 8, tag].map(b => Math.floor(b) & 0xff);
  return Uint8Array.from([...bytes.slice(0, 12), ...written, ...bytes.slice(12)]);
}

export class ReferenceSwitch {
  readonly fdb = new Map<string, Entry>();
  nowMs = 0;

  constructor(
    readonly ports: Map<number, ReferencePort>,
    readonly segments: ReferenceSegment[],
  ) {}

  inject(from: number, frame: Uint8Array): Fate[] {
    const way: Way = { from, bytes: frame, tag: 0, isTagged: false };
    const refused = this.admit(way) ?? this.learn(way);
    if (refused !== undefined) return [{ port: from, reason: refused }];
    return this.forward(way);
  }

  private port(index: number): ReferencePort {
    return this.ports.get(index)!;
  }

  private segmentOf(way: Way): ReferenceSegment {
    return this.segments[this.port(way.from).segment]!;
  }

  /** Two VLANs, and two segments, have nothing in common. */
  key(segment: number, tag: number, mac: Uint8Array): string {
    const isAware = this.segments[segment]!.isAware;
    return `${segment}/${isAware ? tag & VID : ''}/${hex(mac)}`;
  }

  private admit(way: Way): Reason | undefined {
    const port = this.port(way.from);
    const { bytes } = way;
    if (!port.up) return 'NoPort';
    if (bytes.length < 14) return 'Runt';
    if (bytes.length > MAX_FRAME_BYTES) return 'Oversize';
    const source = bytes.slice(6, 12);
    if ((source[0]! & 1) !== 0 || source.every(byte => byte === 0)) return 'BadSource';
    if (/^0180c200000.$/.test(hex(bytes.slice(0, 6)))) return 'ReservedGroup';
    if (isTpid(word(bytes, 12)) && bytes.length < 18) return 'Truncated';
    if (port.match.length > 0 && !rewriteIn(way, port)) return 'TagMismatch';
    if (port.segment < 0) return 'NoSegment';
    return this.segmentOf(way).isAware ? this.admitVlan(way, port) : undefined;
  }

  private admitVlan(way: Way, port: ReferencePort): Reason | undefined {
    const { tpid, vlans } = this.segmentOf(way);
    const hasTag = !port.tagsArePayload && word(way.bytes, 12) === tpid;
    const tci = hasTag ? tagAt(way.bytes) & 0xffff : 0;
    if ((tci & VID) !== 0) {
      const isAllowed = port.acceptTagged && port.members.has(tci & VID) && vlans.has(tci & VID);
      if (!isAllowed) return 'VlanRefused';
      way.isTagged = true;
      way.tag = tpid * 65536 + tci;
      return undefined;
    }
    if (hasTag) way.bytes = popped(way.bytes);
    if (port.pvid === 0 || !vlans.has(port.pvid)) return 'VlanRefused';
    way.tag = tpid * 65536 + (tci | port.pvid);
    return undefined;
  }

  private isDead(entry: Entry, segment: ReferenceSegment): boolean {
    const isOld = this.nowMs - entry.seenMs >= segment.ageMs + REFRESH_MS;
    return isOld && entry.kind === FdbKind.Dynamic;
  }

  private learn(way: Way): Reason | undefined {
    const port = this.port(way.from);
    const segment = this.segmentOf(way);
    const key = this.key(port.segment, way.tag, way.bytes.slice(6, 12));
    const entry = this.fdb.get(key);
    const isDead = entry !== undefined && this.isDead(entry, segment);
    if (port.locked) {
      if (entry === undefined || entry.port !== way.from || isDead) return 'Locked';
      this.refresh(entry);
      return undefined;
    }
    if (entry !== undefined && entry.kind !== FdbKind.Dynamic) {
      const isElsewhere = entry.port !== way.from;
      return isElsewhere && !segment.forwardsStaticMoves ? 'StaticMoved' : undefined;
    }
    if (!port.learning) {
      // What is known already and in place is not news, so nothing is asked of the port.
      return undefined;
    }
    const learned = { port: way.from, kind: FdbKind.Dynamic, seenMs: this.nowMs };
    if (entry === undefined) {
      if (segment.learnLimit > 0 && this.learnedIn(port.segment) >= segment.learnLimit) return;
      this.fdb.set(key, learned);
    } else if (isDead || entry.port !== way.from) this.fdb.set(key, learned);
    else this.refresh(entry);
    return undefined;
  }

  private refresh(entry: Entry): void {
    const isDue = this.nowMs - entry.seenMs >= REFRESH_MS;
    if (isDue && entry.kind === FdbKind.Dynamic) entry.seenMs = this.nowMs;
  }

  private learnedIn(segment: number): number {
    const own = [...this.fdb].filter(([key]) => key.startsWith(`${segment}/`));
    return own.filter(([, { kind }]) => kind === FdbKind.Dynamic).length;
  }

  private forward(way: Way): Fate[] {
    const from = this.port(way.from);
    const destination = way.bytes.slice(0, 6);
    const isGroup = (destination[0]! & 1) !== 0;
    const entry = isGroup ? undefined : this.fdb.get(this.key(from.segment, way.tag, destination));
    if (entry === undefined || this.isDead(entry, this.segmentOf(way))) return this.flood(way);
    if (entry.port === 0) return [{ port: way.from, reason: 'LocalAddress' }];
    if (entry.port === way.from && !from.hairpin) return [{ port: way.from, reason: 'SamePort' }];
    if (this.areApart(way.from, entry.port)) return [{ port: way.from, reason: 'Isolated' }];
    return [this.output(way, entry.port)];
  }

  private areApart(from: number, to: number): boolean {
    const [a, b] = [this.port(from), this.port(to)];
    return (a.isolated && b.isolated) || (b.group !== 0 && a.group === b.group);
  }

  private flood(way: Way): Fate[] {
    const from = this.port(way.from);
    const destination = way.bytes.slice(0, 6);
    const isBroadcast = destination.every(byte => byte === 0xff);
    const isGroup = (destination[0]! & 1) !== 0;
    const targets = [...this.ports.keys()]
      .sort((a, b) => a - b)
      .filter(to => {
        const port = this.port(to);
        if (port.segment !== from.segment || !port.up) return false;
        if (to === way.from && !from.hairpin) return false;
        const wants = isBroadcast
          ? port.broadcastFlood
          : isGroup
            ? port.multicastFlood
            : port.flood;
        if (!wants || this.areApart(way.from, to)) return false;
        return !this.segmentOf(way).isAware || port.members.has(way.tag & VID);
      });
    if (targets.length === 0) return [{ port: way.from, reason: 'NoTarget' }];
    return targets.map(to => this.output(way, to));
  }

  private output(way: Way, to: number): Fate {
    const port = this.port(to);
    if (!port.up) return { port: to, reason: 'NoPort' };
    const copy = { ...way };
    if (this.segmentOf(way).isAware && !retag(copy, port))
      return { port: to, reason: 'VlanEgress' };
    if (port.match.length > 0 && !rewriteOut(copy, port))
      return { port: to, reason: 'TagMismatch' };
    const isLong = port.mtuBytes !== 0 && copy.bytes.length > port.mtuBytes + 18;
    return isLong ? { port: to, reason: 'Oversize' } : { port: to, hex: hex(copy.bytes) };
  }
}

function retag(way: Way, port: ReferencePort): boolean {
  const form = port.members.get(way.tag & VID);
  if (form === undefined) return false;
  const bare = way.isTagged ? popped(way.bytes) : way.bytes;
  const hasPriority = (way.tag & PRIORITY) !== 0;
  const wantsPriority =
    port.priorityTags === PriorityTags.Always ||
    (port.priorityTags === PriorityTags.NonZero && hasPriority);
  if (form === 'tagged') way.bytes = pushed(bare, way.tag);
  else way.bytes = wantsPriority ? pushed(bare, way.tag - (way.tag & VID)) : bare;
  return true;
}

/** Whether the outermost tags are these. */
function startsWith(bytes: Uint8Array, tags: number[]): boolean {
  if (bytes.length < 14 + 4 * tags.length) return false;
  return tags.every((tag, i) => withoutPriority(tagAt(bytes, 12 + 4 * i)) === tag);
}

function rewrite(way: Way, pops: number, pushes: number[]): void {
  const priority = pops > 0 ? word(way.bytes, 14) & 0xf000 : 0;
  for (let i = 0; i < pops; i++) way.bytes = popped(way.bytes);
  for (const tag of [...pushes].reverse()) way.bytes = pushed(way.bytes, tag + priority);
}

function rewriteIn(way: Way, port: ReferencePort): boolean {
  const { match, popTags, push } = port;
  if (!startsWith(way.bytes, match) || isTpid(word(way.bytes, 12 + 4 * match.length))) return false;
  rewrite(way, popTags, push);
  return true;
}

function rewriteOut(way: Way, port: ReferencePort): boolean {
  const { match, popTags, push } = port;
  if (!startsWith(way.bytes, push)) return false;
  rewrite(way, push.length, match.slice(0, popTags));
  return true;
}
