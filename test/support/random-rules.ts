/**
 * Random rule sets and packets that fit them: few addresses, ports and names, so that rules
 * clash and packets hit.
 */
import type {
  AddressType,
  Chain,
  CtState,
  Family,
  IpMask,
  Match,
  Range,
  Rule,
  RuleSet,
  RuleTable,
  TableName,
  Target,
} from '../../src/rules/model.js';
import type { ReferenceSubject } from './reference-rules.js';

type Random = (below: number) => number;

/** Interfaces of the zone; the rules also speak of ones that are not there. */
export const INTERFACES: ReadonlyMap<string, number> = new Map([
  ['br0', 1],
  ['br1', 2],
  ['br-web', 35],
  ['eth0', 64],
  ['veth9', 1000],
]);
const NAMES = [...INTERFACES.keys()];
const BUILT_IN: Record<TableName, readonly string[]> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};
const CT_STATES: CtState[] = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];
const TYPES: AddressType[] = ['UNICAST', 'LOCAL', 'BROADCAST', 'MULTICAST'];
const PORTS = [22, 53, 80, 81, 443, 1023, 1024, 4095, 4096, 8080, 32768, 65535];
const NO_COUNTERS = { packets: 0n, bytes: 0n };
const NO_PLACE = { line: 0, column: 0 };

const oneOf = <T>(random: Random, items: readonly T[]): T => items[random(items.length)]!;
const maybe = (random: Random, percent: number): boolean => random(100) < percent;

export function randomAddress(random: Random, family: Family): Uint8Array {
  const bytes = family === 'ipv4' ? [10, 0, 0, 0] : [0xfd, ...new Array<number>(15).fill(0)];
  bytes[1] = random(3);
  bytes[bytes.length - 2] = oneOf(random, [0, 1, 2, 128, 255]);
  bytes[bytes.length - 1] = oneOf(random, [0, 1, 2, 3, 7, 64, 127, 128, 200, 255]);
  return Uint8Array.from(bytes);
}

function randomPrefix(random: Random, family: Family): IpMask {
  const whole = family === 'ipv4' ? 32 : 128;
  const bits = maybe(random, 60) ? whole : random(whole + 1);
  const mask = randomMask(random, whole, bits);
  const ip = randomAddress(random, family).map((byte, i) => byte & mask[i]!);
  return { ip, mask };
}

/** Seldom one with holes. */
function randomMask(random: Random, whole: number, bits: number): Uint8Array {
  const holes = maybe(random, 5) ? random(256) : 0;
  return Uint8Array.from({ length: whole / 8 }, (_, i) => {
    const here = Math.min(8, Math.max(0, bits - 8 * i));
    return (0xff00 >> here) & 0xff & ~(i === whole / 8 - 1 ? holes : 0);
  });
}

function randomRange(random: Random): Range {
  const first = maybe(random, 80) ? oneOf(random, PORTS) : random(65536);
  if (maybe(random, 60)) return { first, last: first };
  const width = oneOf(random, [1, 2, 15, 16, 17, 100, 5000, 40000]);
  return { first, last: Math.min(65535, first + width) };
}

function headerMatches(random: Random, family: Family): Match[] {
  const matches: Match[] = [];
  const negated = (): boolean => maybe(random, 15);
  if (maybe(random, 35)) {
    matches.push({ kind: 'source', negated: negated(), prefix: randomPrefix(random, family) });
  }
  if (maybe(random, 45)) {
    matches.push({ kind: 'destination', negated: negated(), prefix: randomPrefix(random, family) });
  }
  for (const kind of ['in', 'out'] as const) {
    if (!maybe(random, 25)) continue;
    const name = oneOf(random, [...NAMES, 'gone0']);
    const isPrefix = maybe(random, 25);
    const length = isPrefix ? random(name.length + 1) : name.length;
    matches.push({ kind, negated: negated(), name: name.slice(0, length), isPrefix });
  }
  if (family === 'ipv4' && maybe(random, 3)) matches.push({ kind: 'fragment', negated: negated() });
  return matches;
}

function layer4Matches(random: Random): Match[] {
  const protocol = oneOf(random, [6, 6, 6, 17, 17, 1, 132]);
  if (protocol === 1) {
    const type = maybe(random, 20) ? undefined : oneOf(random, [0, 3, 8]);
    const codes = maybe(random, 50) ? { first: 0, last: 255 } : { first: 1, last: 3 };
    const icmp: Match = { kind: 'icmpType', negated: maybe(random, 20), type, codes };
    return [{ kind: 'protocol', negated: false, protocol }, icmp];
  }
  const matches: Match[] = [{ kind: 'protocol', negated: maybe(random, 5), protocol }];
  if (matches[0]!.negated) return matches;
  if (maybe(random, 20)) {
    const ports = randomRange(random);
    matches.push({ kind: 'sourcePort', negated: maybe(random, 15), ports });
  }
  if (maybe(random, 60)) {
    const ports = randomRange(random);
    matches.push({ kind: 'destinationPort', negated: maybe(random, 15), ports });
  }
  if (maybe(random, 15)) {
    const ranges = Array.from({ length: 1 + random(6) }, () => randomRange(random));
    const field = oneOf(random, ['source', 'destination', 'either'] as const);
    matches.push({ kind: 'multiport', negated: maybe(random, 20), field, ranges });
  }
  if (protocol === 6 && maybe(random, 8)) {
    const mask = random(64);
    const flags = { mask, set: random(64) & mask };
    matches.push({ kind: 'tcpFlags', negated: maybe(random, 30), flags });
  }
  return matches;
}

function otherMatches(random: Random, family: Family): Match[] {
  const negated = maybe(random, 25);
  const mask = oneOf(random, [0xffffffff, 1, 3, 0xff00]);
  const value = (random(4) & mask) >>> 0;
  const choices: (() => Match)[] = [
    () => ({ kind: 'ctstate', negated, states: [oneOf(random, CT_STATES), 'DNAT'] }),
    () => ({
      kind: 'ctstate',
      negated,
      states: [oneOf(random, CT_STATES), oneOf(random, CT_STATES)],
    }),
    () => ({ kind: 'ctorigdst', negated, prefix: randomPrefix(random, family) }),
    () => ({ kind: 'ctorigdstport', negated, ports: randomRange(random) }),
    () => ({ kind: 'ctdir', negated: false, direction: oneOf(random, ['ORIGINAL', 'REPLY']) }),
    () => ({ kind: 'ctproto', negated, protocol: 6 }),
    () => ({ kind: 'mark', negated, mark: { value, mask } }),
    () => ({ kind: 'connmark', negated, mark: { value, mask } }),
    () => ({
      kind: oneOf(random, ['sourceType', 'destinationType'] as const),
      negated,
      types: [oneOf(random, TYPES), oneOf(random, TYPES)],
      limitTo: oneOf(random, [undefined, 'in', 'out'] as const),
    }),
    () => ({ kind: 'comment', negated: false, comment: 'x' }),
    () => ({
      kind: oneOf(random, ['sourceRange', 'destinationRange'] as const),
      negated,
      range: randomAddresses(random, family),
    }),
    () => ({
      kind: 'policy',
      negated: false,
      direction: 'in',
      policy: oneOf(random, ['ipsec', 'none'] as const),
      reqid: undefined,
      spi: undefined,
      protocol: undefined,
      mode: undefined,
      strict: false,
    }),
    () => ({ kind: 'ipvs', negated }),
    () => ({ kind: 'length', negated, bytes: { first: random(80), last: 40 + random(80) } }),
    () => ({
      kind: 'ttl',
      negated,
      compare: oneOf(random, ['eq', 'lt', 'gt'] as const),
      ttl: oneOf(random, [0, 1, 63, 64, 255]),
    }),
    () => ({ kind: 'dscp', negated, dscp: random(3) }),
    () => ({ kind: 'tos', negated, tos: { value: 4, mask: 0x1c } }),
    () => ({ kind: 'macSource', negated, mac: Uint8Array.from([2, 0, 0, 0, 0, random(3)]) }),
    () => ({ kind: 'limit', negated: false, packets: 1 + random(3), perMs: 1000, burst: 2 }),
    () => ({ kind: 'statisticNth', negated, every: 3, packet: random(3) }),
  ];
  return Array.from({ length: oneOf(random, [0, 0, 1, 1, 2]) }, () => oneOf(random, choices)());
}

function randomAddresses(random: Random, family: Family): { first: Uint8Array; last: Uint8Array } {
  const [a, b] = [randomAddress(random, family), randomAddress(random, family)];
  return Buffer.compare(a, b) <= 0 ? { first: a, last: b } : { first: b, last: a };
}

function randomTarget(
  random: Random,
  family: Family,
  table: TableName,
  chain: string,
  callees: readonly string[],
): Target {
  const value = random(4);
  const mask = oneOf(random, [0xffffffff, 1, 3, 0xff00]);
  if (callees.length > 0 && maybe(random, 25)) {
    return {
      kind: oneOf(random, ['jump', 'jump', 'goto'] as const),
      chain: oneOf(random, callees),
    };
  }
  if (maybe(random, 30)) {
    return oneOf<Target>(random, [
      { kind: 'none' },
      { kind: 'mark', mark: { value, mask } },
      { kind: 'connmark', action: 'set', mark: { value, mask } },
      { kind: 'connmark', action: 'save', nfmask: mask, ctmask: 0xffffffff },
      { kind: 'connmark', action: 'restore', nfmask: 3, ctmask: mask },
      { kind: 'log', options: { prefix: '', level: 4, flags: [] } },
      { kind: 'tcpmss', mss: oneOf(random, [undefined, 1400]) },
      { kind: 'ttl', action: oneOf(random, ['set', 'inc', 'dec'] as const), ttl: 1 + random(200) },
      { kind: 'dscp', dscp: random(64) },
      { kind: 'tos', tos: { value: random(256), mask: random(256) } },
      { kind: 'checksum' },
      { kind: 'notrack' },
      { kind: 'trace' },
    ]);
  }
  if (maybe(random, 20)) return { kind: 'return' };
  if (table === 'nat') return natTarget(random, family, chain);
  return oneOf<Target>(random, [
    { kind: 'accept' },
    { kind: 'drop' },
    {
      kind: 'reject',
      with: family === 'ipv4' ? 'icmp-admin-prohibited' : 'icmp6-port-unreachable',
    },
    { kind: 'reject', with: 'tcp-reset' },
  ]);
}

function natTarget(random: Random, family: Family, chain: string): Target {
  const addresses = maybe(random, 70) ? randomAddresses(random, family) : undefined;
  const ports = maybe(random, 60) ? { first: 1000, last: 1000 + random(100) } : undefined;
  const is = (): boolean => maybe(random, 30);
  if (chain === 'POSTROUTING') {
    return oneOf<Target>(random, [
      { kind: 'accept' },
      { kind: 'snat', addresses, ports, random: is(), randomFully: is(), persistent: is() },
      { kind: 'masquerade', ports, random: is(), randomFully: is() },
    ]);
  }
  const base = ports !== undefined && is() ? 500 : undefined;
  return oneOf<Target>(random, [
    { kind: 'accept' },
    { kind: 'dnat', addresses, ports, base, random: is(), persistent: is() },
    { kind: 'redirect', ports, random: is() },
  ]);
}

function randomRule(
  random: Random,
  family: Family,
  table: TableName,
  chain: string,
  callees: readonly string[],
): Rule {
  const other = otherMatches(random, family);
  const matches = [
    ...headerMatches(random, family),
    ...(maybe(random, 55) ? layer4Matches(random) : []),
  ];
  // What is asked first must not matter, except before what has a memory.
  matches.splice(random(matches.length + 1), 0, ...other);
  return {
    matches,
    target: randomTarget(random, family, table, chain, callees),
    counters: NO_COUNTERS,
    text: '',
    place: NO_PLACE,
    targetPlace: NO_PLACE,
  };
}

/** User chains call only those behind them. `mostRules`: in one chain. */
export function randomRuleSet(random: Random, family: Family, mostRules: number): RuleSet {
  const tables = (['raw', 'mangle', 'nat', 'filter'] as const).map((name): RuleTable => {
    const users = Array.from({ length: random(5) }, (_, i) => `U${i}`);
    const chain = (chainName: string, callees: readonly string[], isUser: boolean): Chain => ({
      name: chainName,
      policy: isUser ? undefined : oneOf(random, ['ACCEPT', 'DROP'] as const),
      counters: NO_COUNTERS,
      place: NO_PLACE,
      rules: Array.from({ length: random(mostRules + 1) }, () =>
        randomRule(random, family, name, chainName, callees),
      ),
    });
    return {
      name,
      chains: [
        ...BUILT_IN[name].map(hook => chain(hook, users, false)),
        ...users.map((user, i) => chain(user, users.slice(i + 1), true)),
      ],
    };
  });
  return { family, tables };
}

export function randomSubject(random: Random, family: Family): ReferenceSubject {
  const protocol = oneOf(random, [6, 6, 6, 17, 17, 1, 132, 47]);
  const hasPorts = protocol !== 1 && protocol !== 47;
  const port = (): number => (maybe(random, 80) ? oneOf(random, PORTS) : random(65536));
  const types = (): AddressType[] => TYPES.filter(() => maybe(random, 30));
  const state = oneOf(random, CT_STATES);
  const l4 = family === 'ipv4' ? 20 : 40;
  const l4Bytes = maybe(random, 95) ? 20 + random(60) : 8;
  return {
    protocol,
    isFragment: family === 'ipv4' && maybe(random, 5),
    source: randomAddress(random, family),
    destination: randomAddress(random, family),
    original: randomAddress(random, family),
    sourcePort: hasPorts ? port() : 0,
    destinationPort: hasPorts ? port() : 0,
    originalPort: hasPorts ? port() : 0,
    icmpType: protocol === 1 ? oneOf(random, [0, 3, 8]) : 0,
    icmpCode: protocol === 1 ? random(5) : 0,
    in: maybe(random, 80) ? oneOf(random, NAMES) : '',
    out: maybe(random, 80) ? oneOf(random, NAMES) : '',
    states: maybe(random, 20) ? [state, 'DNAT'] : [state],
    isReply: maybe(random, 50),
    mark: random(8),
    connMark: random(8),
    types: {
      source: { any: types(), in: types(), out: types() },
      destination: { any: types(), in: types(), out: types() },
    },
    nowMs: 0,
    packet: randomPacket(random, family, l4, l4Bytes),
    l4,
    mac: maybe(random, 80) ? Uint8Array.from([2, 0, 0, 0, 0, random(3)]) : undefined,
  };
}

/** Only what rules look at is there: version, TOS, TTL, flags of TCP. */
function randomPacket(random: Random, family: Family, l4: number, l4Bytes: number): Uint8Array {
  const packet = new Uint8Array(l4 + l4Bytes);
  const ttl = oneOf(random, [0, 1, 2, 63, 64, 200, 255]);
  const tos = random(12);
  if (family === 'ipv4') packet.set([0x45, tos, 0, 0, 0, 0, 0, 0, ttl]);
  else packet.set([0x60 | (tos >> 4), (tos << 4) & 0xff, 0, 0, 0, 0, 0, ttl]);
  if (l4Bytes >= 20) packet.set([0x50, random(64)], l4 + 12);
  return packet;
}
