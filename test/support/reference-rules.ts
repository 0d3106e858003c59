/**
 * Rules asked one after the other, as iptables(8) says it and nothing else: what the core's
 * answers are compared with. Works on the model and on names, knows nothing of programs.
 */
import type {
  AddressType,
  Chain,
  Hook,
  IpMask,
  IpRange,
  Match,
  Masked,
  Range,
  Rule,
  RuleSet,
  TableName,
  Target,
} from '../../src/rules/model.js';

/** A packet and what is known of its flow. */
export interface ReferenceSubject {
  protocol: number;
  isFragment: boolean;
  source: Uint8Array;
  destination: Uint8Array;
  original: Uint8Array;
  sourcePort: number;
  destinationPort: number;
  originalPort: number;
  icmpType: number;
  icmpCode: number;
  /** Names of interfaces; '': none. */
  in: string;
  out: string;
  states: readonly string[];
  isReply: boolean;
  mark: number;
  connMark: number;
  types: Record<'source' | 'destination', Record<'any' | 'in' | 'out', readonly AddressType[]>>;
  nowMs: number;
  /** IP packet, with its layer 4 at `l4`. */
  packet: Uint8Array;
  l4: number;
  mac: Uint8Array | undefined;
}

export interface ReferenceOutcome {
  verdict: 'Accept' | 'Drop' | 'Reject' | 'Nat';
  /** The target that gave the verdict; a policy has none. */
  target: Target | undefined;
  mark: number;
  connMark: number;
  /** `filter.FORWARD[3]`, `filter.FORWARD`: rules and policies met. */
  trail: string[];
  noTrack: boolean;
  /** 0: not asked for; undefined: clamp to the path. */
  tcpMss: number | undefined;
  ttl: number | undefined;
  tos: number | undefined;
  logs: number;
  fillsChecksum: boolean;
}

type End = 'Accept' | 'Drop' | 'Reject' | 'Nat' | 'end of chain';

export class ReferenceRules {
  /** What `limit` and `statistic` remember. */
  private readonly buckets = new Map<Match, { credit: number; atMs: number }>();
  private readonly counts = new Map<Match, number>();

  constructor(private readonly set: RuleSet) {}

  /** Asks the built-in chain `hook` of a table. */
  evaluate(table: TableName, hook: Hook, subject: ReferenceSubject): ReferenceOutcome {
    const chains = this.set.tables.find(({ name }) => name === table)?.chains ?? [];
    const outcome = outcomeOf(subject);
    const base = chains.find(({ name }) => name === hook);
    if (base === undefined) return outcome;
    const end = this.walk(table, chains, base, subject, outcome);
    if (end !== 'end of chain') return { ...outcome, verdict: end };
    outcome.trail.push(`${table}.${hook}`);
    return { ...outcome, verdict: base.policy === 'DROP' ? 'Drop' : 'Accept' };
  }

  private walk(
    table: TableName,
    chains: readonly Chain[],
    chain: Chain,
    subject: ReferenceSubject,
    outcome: ReferenceOutcome,
  ): End {
    for (const [index, rule] of chain.rules.entries()) {
      if (!this.applies(rule, subject, outcome)) continue;
      outcome.trail.push(`${table}.${chain.name}[${index}]`);
      const { target } = rule;
      if (target.kind === 'return') return 'end of chain';
      if (target.kind === 'jump' || target.kind === 'goto') {
        const next = chains.find(({ name }) => name === target.chain)!;
        const end = this.walk(table, chains, next, subject, outcome);
        if (end !== 'end of chain' || target.kind === 'goto') return end;
        continue;
      }
      const end = endOf(target);
      if (end !== undefined) {
        outcome.target = target;
        return end;
      }
      change(target, subject, outcome);
    }
    return 'end of chain';
  }

  private applies(rule: Rule, subject: ReferenceSubject, outcome: ReferenceOutcome): boolean {
    const header = ['source', 'destination', 'in', 'out', 'protocol', 'fragment'];
    const first = rule.matches.filter(({ kind }) => header.includes(kind));
    const rest = rule.matches.filter(({ kind }) => !header.includes(kind));
    return [...first, ...rest].every(match => this.isMet(match, subject, outcome));
  }

  /** Whether a packet that no rule changed meets a match. */
  holds(match: Match, subject: ReferenceSubject): boolean {
    return this.isMet(match, subject, outcomeOf(subject));
  }

  private isMet(match: Match, subject: ReferenceSubject, outcome: ReferenceOutcome): boolean {
    const said = this.says(match, subject, outcome);
    return said !== undefined && said !== match.negated;
  }

  /** Undefined: does not apply, negated or not. */
  private says(match: Match, s: ReferenceSubject, now: ReferenceOutcome): boolean | undefined {
    const isTracked = !s.states.includes('INVALID') && !s.states.includes('UNTRACKED');
    const tos = now.tos ?? tosOf(s.packet);
    const ttl = now.ttl ?? ttlOf(s.packet);
    switch (match.kind) {
      case 'source':
        return isUnder(s.source, match.prefix);
      case 'destination':
        return isUnder(s.destination, match.prefix);
      case 'in':
        return isNamed(s.in, match);
      case 'out':
        return isNamed(s.out, match);
      case 'protocol':
        return s.protocol === match.protocol;
      case 'fragment':
        return s.isFragment;
      case 'sourcePort':
        return s.isFragment ? undefined : isIn(s.sourcePort, match.ports);
      case 'destinationPort':
        return s.isFragment ? undefined : isIn(s.destinationPort, match.ports);
      case 'multiport': {
        if (s.isFragment) return undefined;
        const has = (port: number): boolean => match.ranges.some(range => isIn(port, range));
        if (match.field === 'source') return has(s.sourcePort);
        if (match.field === 'destination') return has(s.destinationPort);
        return has(s.sourcePort) || has(s.destinationPort);
      }
      case 'tcpFlags':
        if (s.isFragment || s.packet.length - s.l4 < 20) return undefined;
        return (s.packet[s.l4 + 13]! & match.flags.mask & 0x3f) === match.flags.set;
      case 'icmpType':
        if (s.isFragment) return undefined;
        if (match.type === undefined) return true;
        return s.icmpType === match.type && isIn(s.icmpCode, match.codes);
      case 'ctstate':
        return match.states.some(state => s.states.includes(state));
      case 'ctorigdst':
        return isTracked ? isUnder(s.original, match.prefix) : undefined;
      case 'ctorigdstport':
        return isTracked ? isIn(s.originalPort, match.ports) : undefined;
      case 'ctdir':
        return isTracked ? s.isReply === (match.direction === 'REPLY') : undefined;
      case 'ctproto':
        return isTracked ? s.protocol === match.protocol : undefined;
      case 'mark':
        return isMarked(now.mark, match.mark);
      case 'connmark':
        return isTracked ? isMarked(now.connMark, match.mark) : undefined;
      case 'sourceType':
        return match.types.some(type => s.types.source[match.limitTo ?? 'any'].includes(type));
      case 'destinationType':
        return match.types.some(type => s.types.destination[match.limitTo ?? 'any'].includes(type));
      case 'limit':
        return this.hasCredit(match, s.nowMs);
      case 'statisticNth': {
        const count = this.counts.get(match) ?? 0;
        this.counts.set(match, count + 1);
        return count % match.every === match.packet;
      }
      case 'comment':
        return true;
      case 'macSource':
        return s.mac === undefined ? undefined : Buffer.compare(s.mac, match.mac) === 0;
      case 'sourceRange':
        return isBetween(s.source, match.range);
      case 'destinationRange':
        return isBetween(s.destination, match.range);
      case 'policy':
        return match.policy === 'none';
      case 'ipvs':
        return false;
      case 'length':
        return isIn(s.packet.length, match.bytes);
      case 'ttl':
        if (match.compare === 'lt') return ttl < match.ttl;
        return match.compare === 'gt' ? ttl > match.ttl : ttl === match.ttl;
      case 'dscp':
        return tos >> 2 === match.dscp;
      case 'tos':
        return isMarked(tos, match.tos);
      default:
        throw new Error(`the reference does not know ${match.kind}`);
    }
  }

  /** A bucket of `burst` packets that `packets` each `perMs` fill again. */
  private hasCredit(match: Extract<Match, { kind: 'limit' }>, nowMs: number): boolean {
    const bucket = this.buckets.get(match) ?? { credit: match.burst * match.perMs, atMs: nowMs };
    const grown = bucket.credit + (nowMs - bucket.atMs) * match.packets;
    const credit = Math.min(grown, match.burst * match.perMs);
    const isEnough = credit >= match.perMs;
    this.buckets.set(match, { credit: isEnough ? credit - match.perMs : credit, atMs: nowMs });
    return isEnough;
  }
}

/** Before any rule said anything. */
function outcomeOf(subject: ReferenceSubject): ReferenceOutcome {
  return {
    verdict: 'Accept',
    target: undefined,
    mark: subject.mark,
    connMark: subject.connMark,
    trail: [],
    noTrack: false,
    tcpMss: 0,
    ttl: undefined,
    tos: undefined,
    logs: 0,
    fillsChecksum: false,
  };
}

function endOf(target: Target): End | undefined {
  switch (target.kind) {
    case 'accept':
      return 'Accept';
    case 'drop':
      return 'Drop';
    case 'reject':
      return 'Reject';
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      return 'Nat';
    default:
      return undefined;
  }
}

function change(target: Target, s: ReferenceSubject, now: ReferenceOutcome): void {
  const isTracked = !s.states.includes('INVALID') && !s.states.includes('UNTRACKED');
  const ttl = now.ttl ?? ttlOf(s.packet);
  const put = (old: number, { value, mask }: Masked): number => ((old & ~mask) ^ value) >>> 0;
  switch (target.kind) {
    case 'mark':
      now.mark = put(now.mark, target.mark);
      break;
    case 'connmark':
      if (!isTracked) break;
      if (target.action === 'set') now.connMark = put(now.connMark, target.mark);
      else if (target.action === 'save') {
        now.connMark = ((now.connMark & ~target.ctmask) ^ (now.mark & target.nfmask)) >>> 0;
      } else now.mark = ((now.mark & ~target.nfmask) ^ (now.connMark & target.ctmask)) >>> 0;
      break;
    case 'notrack':
      now.noTrack = true;
      break;
    case 'tcpmss':
      now.tcpMss = target.mss;
      break;
    case 'log':
    case 'nflog':
      now.logs++;
      break;
    case 'ttl':
      if (target.action === 'set') now.ttl = target.ttl;
      else if (target.action === 'inc') now.ttl = Math.min(255, ttl + target.ttl);
      else now.ttl = Math.max(0, ttl - target.ttl);
      break;
    case 'tos':
      now.tos = put(now.tos ?? tosOf(s.packet), target.tos);
      break;
    case 'dscp':
      now.tos = ((now.tos ?? tosOf(s.packet)) & 3) | (target.dscp << 2);
      break;
    case 'checksum':
      now.fillsChecksum = true;
      break;
    default:
  }
}

function isIn(value: number, { first, last }: Range): boolean {
  return first <= value && value <= last;
}

function isMarked(value: number, { value: wanted, mask }: Masked): boolean {
  return (value & mask) >>> 0 === wanted >>> 0;
}

function isUnder(address: Uint8Array, { ip, mask }: IpMask): boolean {
  return address.every((byte, i) => (byte & mask[i]!) === ip[i]);
}

function isBetween(address: Uint8Array, { first, last }: IpRange): boolean {
  return Buffer.compare(first, address) <= 0 && Buffer.compare(address, last) <= 0;
}

function isNamed(found: string, { name, isPrefix }: { name: string; isPrefix: boolean }): boolean {
  return isPrefix ? found.startsWith(name) : found === name;
}

function ttlOf(packet: Uint8Array): number {
  return packet[0]! >> 4 === 4 ? packet[8]! : packet[7]!;
}

function tosOf(packet: Uint8Array): number {
  if (packet[0]! >> 4 === 4) return packet[1]!;
  return ((packet[0]! << 4) | (packet[1]! >> 4)) & 0xff;
}
