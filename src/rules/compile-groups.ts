/**
 * Groups of a large chain: rules that are cut by one shape share a hash table, see
 * assembly/rules/frame.ts. The number of groups is bounded, as a packet looks into each;
 * rules of many shapes get coarser ones. A coarse shape gives a packet more candidates, never
 * another result.
 */
import {
  GROUP_BYTES,
  GroupField,
  GroupKey,
  MOST_GROUPS,
  PLACE_BYTES,
} from '../../assembly/rules-abi.js';
import { hashesOf, maskOf, shape, shapeOf, type Key, type Shape } from './compile-key.js';
import type { Words } from './compile-words.js';

/** Rules up to this many are faster tried one after the other. */
export const SMALL_CHAIN = 8;
/** So many rules without a key of their own cost less than another group. */
const FEW = 8;
/** Groups of so few rules are given up for that. */
const LONELY = 2;
/** Shapes are rounded until no more than this are left, then joined two by two. */
const JOINABLE = 192;
/** Of a chain of 100 rules 8 groups, of one of 10 000 as many as there may be. */
const FEW_GROUPS = 8;
const GROUPS_OF_ROOT = 0.64;
const IPV4_STEPS = [4, 8, 16];
const IPV6_STEPS = [8, 16, 32];

/** A rule of the chain: its offset in the program, and its key. */
export interface Candidate {
  readonly rule: number;
  readonly key: Key;
}

interface Group {
  shape: Shape;
  members: Candidate[];
}

/**
 * Lays down the groups of a chain, at most `most`. Returns their number, 0 if groups are no
 * help, and where they are.
 */
export function layGroups(
  words: Words,
  candidates: readonly Candidate[],
  isIpv6: boolean,
  most = mostGroups(candidates.length),
): { count: number; offset: number } {
  const groups = groupsOf(candidates, isIpv6, most);
  if (groups.length === 1 && groups[0]!.shape.fields === 0) return { count: 0, offset: 0 };
  const offset = words.reserve(groups.length * GROUP_BYTES);
  groups.forEach((group, i) => layGroup(words, offset + i * GROUP_BYTES, group, isIpv6));
  return { count: groups.length, offset };
}

/** Sorted by their first rules; members in the order of the chain. */
function groupsOf(candidates: readonly Candidate[], isIpv6: boolean, bound: number): Group[] {
  const byShape = new Map<number, Group>();
  for (const candidate of candidates) {
    const natural = shapeOf(candidate.key);
    const number = numberOf(natural);
    const group = byShape.get(number);
    if (group === undefined) byShape.set(number, { shape: natural, members: [candidate] });
    else group.members.push(candidate);
  }
  let groups = [...byShape.values()];
  let most = bound;
  for (const step of isIpv6 ? IPV6_STEPS : IPV4_STEPS) {
    if (groups.length <= most) break;
    groups = joined(groups.map(group => ({ ...group, shape: rounded(group.shape, step) })));
    most = JOINABLE;
  }
  groups = giveUpLonely(groups);
  while (groups.length > bound) joinSmallest(groups, isIpv6 ? 128 : 32);
  for (const { members } of groups) members.sort((a, b) => a.rule - b.rule);
  return groups.sort((a, b) => a.members[0]!.rule - b.members[0]!.rule);
}

/**
 * A group costs every packet a look, a coarse group costs it candidates: so their number grows
 * with the root of that of the rules.
 */
function mostGroups(rules: number): number {
  return Math.min(MOST_GROUPS, Math.max(FEW_GROUPS, Math.round(GROUPS_OF_ROOT * Math.sqrt(rules))));
}

function numberOf(cut: Shape): number {
  const shifts = cut.sourceShift * 32 + cut.destinationShift;
  return ((cut.fields * 256 + cut.sourceBits) * 256 + cut.destinationBits) * 1024 + shifts;
}

/** Groups of one shape as one. */
function joined(groups: readonly Group[]): Group[] {
  const byShape = new Map<number, Group>();
  for (const { shape: cut, members } of groups) {
    const number = numberOf(cut);
    const group = byShape.get(number);
    if (group === undefined) byShape.set(number, { shape: cut, members: [...members] });
    else group.members = group.members.concat(members);
  }
  return [...byShape.values()];
}

function rounded(cut: Shape, step: number): Shape {
  const round = (bits: number): number => bits - (bits % step);
  return shape(
    cut.fields,
    round(cut.sourceBits),
    round(cut.destinationBits),
    cut.sourceShift,
    cut.destinationShift,
  );
}

/** Puts the rules of the smallest groups among those without a key, while they are few. */
function giveUpLonely(groups: readonly Group[]): Group[] {
  const plain = groups.find(({ shape: cut }) => cut.fields === 0)?.members.length ?? 0;
  let room = FEW - plain;
  const sorted = [...groups].sort((a, b) => a.members.length - b.members.length);
  return joined(
    sorted.map(group => {
      const { length } = group.members;
      if (group.shape.fields === 0 || length > LONELY || length > room) return group;
      room -= length;
      return { ...group, shape: shape(0, 0, 0, 16, 16) };
    }),
  );
}

/** How much a shape narrows, roughly in bits. */
function narrowness(cut: Shape, addressBits: number): number {
  const has = (field: GroupKey): number => ((cut.fields & field) === 0 ? 0 : 1);
  return (
    2 * has(GroupKey.Protocol) +
    6 * (has(GroupKey.In) + has(GroupKey.Out)) +
    ((cut.sourceBits + cut.destinationBits) * 32) / addressBits +
    (16 - cut.sourceShift) +
    (16 - cut.destinationShift)
  );
}

/** The finest shape that is no finer than either. */
function meet(a: Shape, b: Shape): Shape {
  return shape(
    a.fields & b.fields,
    Math.min(a.sourceBits, b.sourceBits),
    Math.min(a.destinationBits, b.destinationBits),
    Math.max(a.sourceShift, b.sourceShift),
    Math.max(a.destinationShift, b.destinationShift),
  );
}

/** Joins the smallest group with the one where both together lose least. */
function joinSmallest(groups: Group[], addressBits: number): void {
  const small = groups.reduce((a, b) => (b.members.length < a.members.length ? b : a));
  let best: Group | undefined;
  let leastLoss = Infinity;
  for (const other of groups) {
    if (other === small) continue;
    const narrow = narrowness(meet(small.shape, other.shape), addressBits);
    const loss =
      (narrowness(small.shape, addressBits) - narrow) * small.members.length +
      (narrowness(other.shape, addressBits) - narrow) * other.members.length;
    if (loss >= leastLoss) continue;
    leastLoss = loss;
    best = other;
  }
  const joinedGroups = joined(
    groups.map(group =>
      group === small || group === best
        ? { ...group, shape: meet(small.shape, best!.shape) }
        : group,
    ),
  );
  groups.splice(0, groups.length, ...joinedGroups);
}

function layGroup(words: Words, at: number, group: Group, isIpv6: boolean): void {
  const { shape: cut, members } = group;
  words.set(at + GroupField.Fields, cut.fields);
  words.set(at + GroupField.First, members[0]!.rule);
  if (cut.fields === 0) {
    words.set(
      at + GroupField.Table,
      layList(
        words,
        members.map(({ rule }) => rule),
      ),
    );
    return;
  }
  words.set(at + GroupField.SourcePortShift, cut.sourceShift);
  words.set(at + GroupField.DestinationPortShift, cut.destinationShift);
  layMask(words, at + GroupField.SourceMask, cut.sourceBits, isIpv6);
  layMask(words, at + GroupField.DestinationMask, cut.destinationBits, isIpv6);
  layTable(words, at, listsOf(group));
}

function layMask(words: Words, at: number, bits: number, isIpv6: boolean): void {
  const mask = isIpv6 ? maskOf(bits, 4) : [0, 0, maskOf(bits, 1)[0]!, 0];
  mask.forEach((word, i) => words.set(at + 4 * i, word));
}

/** Rules by the hash of their keys. */
function listsOf({ shape: cut, members }: Group): Map<number, number[]> {
  const lists = new Map<number, number[]>();
  for (const { rule, key } of members) {
    for (const hash of hashesOf(key, cut)) {
      const list = lists.get(hash);
      if (list === undefined) lists.set(hash, [rule]);
      else if (list[list.length - 1] !== rule) list.push(rule);
    }
  }
  return lists;
}

function layTable(words: Words, at: number, lists: ReadonlyMap<number, number[]>): void {
  let places = 2;
  while (places < 2 * lists.size) places *= 2;
  const table = words.reserve(places * PLACE_BYTES);
  words.set(at + GroupField.Table, table);
  words.set(at + GroupField.Mask, places - 1);
  for (const [hash, list] of lists) {
    let index = (hash & (places - 1)) >>> 0;
    while (words.at(table + index * PLACE_BYTES + 4) !== 0) index = (index + 1) & (places - 1);
    words.set(table + index * PLACE_BYTES, hash >>> 0);
    words.set(table + index * PLACE_BYTES + 4, layList(words, list));
  }
}

function layList(words: Words, rules: readonly number[]): number {
  const at = words.bytes;
  for (const rule of rules) words.push(rule);
  words.push(0);
  return at;
}
