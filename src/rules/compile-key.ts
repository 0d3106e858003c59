/** What a rule asks for in full, so that a packet's own fields lead to it: its key. */
import { GroupKey, HASH_MULTIPLIER, HASH_SHIFT, HASH_START, Op } from '../../assembly/rules-abi.js';
import { hasMemory, type Criterion } from './compile-criterion.js';

/** An address of 1 or 4 words, as they are hashed. */
export interface KeyAddress {
  readonly bits: number;
  readonly words: readonly number[];
}

export interface KeyPorts {
  readonly first: number;
  readonly last: number;
}

/** The fields a rule asks for; what is undefined may be anything. */
export interface Key {
  protocol?: number;
  in?: number;
  out?: number;
  source?: KeyAddress;
  destination?: KeyAddress;
  sourcePorts?: readonly KeyPorts[];
  destinationPorts?: readonly KeyPorts[];
}

/** Ports are hashed in blocks of 1, 16, 256 or 4096. */
export const BLOCK_SHIFTS = [0, 4, 8, 12] as const;
/** A rule is in the hash table at most so often for a range of ports. */
const MOST_BLOCKS = 16;
/** For the ports of both ends. */
const MOST_BLOCK_PAIRS = 32;
/** Asking for more ports than this does not narrow much. */
const MOST_PORTS = 32768;

/** The fields that all packets of a rule share: what it asks before anything has a memory. */
export function keyOf(criteria: readonly Criterion[]): Key {
  const key: Key = {};
  for (const criterion of criteria) {
    if (hasMemory(criterion)) break;
    if (!criterion.negated) addTo(key, criterion);
  }
  if (blocksOf(key.sourcePorts) * blocksOf(key.destinationPorts) > MOST_BLOCK_PAIRS) {
    delete key.sourcePorts;
  }
  return key;
}

function addTo(key: Key, { op, argument, numbers }: Criterion): void {
  switch (op) {
    case Op.Protocol:
      key.protocol ??= argument;
      break;
    case Op.In:
      key.in ??= argument;
      break;
    case Op.Out:
      key.out ??= argument;
      break;
    case Op.Source:
    case Op.Source6:
      key.source ??= addressOf(numbers);
      break;
    case Op.Destination:
    case Op.Destination6:
      key.destination ??= addressOf(numbers);
      break;
    case Op.SourcePort:
    case Op.SourcePorts:
      key.sourcePorts ??= portsOf(numbers);
      break;
    case Op.DestinationPort:
    case Op.DestinationPorts:
      key.destinationPorts ??= portsOf(numbers);
      break;
    default:
  }
}

/** Undefined where the mask is no prefix. */
function addressOf(numbers: readonly number[]): KeyAddress | undefined {
  const half = numbers.length / 2;
  const words = numbers.slice(0, half);
  const bits = prefixBits(numbers.slice(half));
  return bits === undefined || bits === 0 ? undefined : { bits, words };
}

function prefixBits(mask: readonly number[]): number | undefined {
  let bits = 0;
  for (const word of mask) bits += ones(word);
  const wanted = maskOf(bits, mask.length);
  return mask.every((word, i) => word >>> 0 === wanted[i]) ? bits : undefined;
}

/** Bits that are set, summed in pairs, fours, bytes. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** A prefix of `bits` bits as mask: one number, or four as a program lays down 16 bytes. */
export function maskOf(bits: number, words: number): number[] {
  if (words === 1) return [bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0];
  return Array.from({ length: words }, (_, i) => {
    const here = Math.min(32, Math.max(0, bits - 32 * i));
    return here === 0 ? 0 : swapped((-1 << (32 - here)) >>> 0);
  });
}

function swapped(word: number): number {
  const high = (word << 24) | ((word & 0xff00) << 8);
  return (high | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

function portsOf(numbers: readonly number[]): KeyPorts[] | undefined {
  const ports = numbers.map(pair => ({ first: pair & 0xffff, last: pair >>> 16 }));
  const count = ports.reduce((sum, { first, last }) => sum + Math.max(0, last - first + 1), 0);
  return count > MOST_PORTS ? undefined : ports;
}

function blocksOf(ports: readonly KeyPorts[] | undefined): number {
  return ports === undefined ? 1 : blocksAt(ports, blockShift(ports)).length;
}

/** The finest blocks that are not too many for these ports. */
export function blockShift(ports: readonly KeyPorts[]): number {
  const fits = (shift: number): boolean => {
    let count = 0;
    for (const { first, last } of ports) {
      if (first <= last) count += (last >>> shift) - (first >>> shift) + 1;
    }
    return count <= MOST_BLOCKS;
  };
  return BLOCK_SHIFTS.find(fits) ?? 16;
}

/** Numbers of the blocks of 2^shift ports that hold one of these, each once. */
export function blocksAt(ports: readonly KeyPorts[], shift: number): number[] {
  if (ports.length === 1 && ports[0]!.first === ports[0]!.last) return [ports[0]!.first >>> shift];
  const blocks = new Set<number>();
  for (const { first, last } of ports) {
    for (let at = first >>> shift; first <= last && at <= last >>> shift; at++) blocks.add(at);
  }
  return [...blocks];
}

/** How a group cuts keys: GroupKey fields, prefix lengths, log2 of the blocks of ports. */
export interface Shape {
  readonly fields: number;
  readonly sourceBits: number;
  readonly destinationBits: number;
  readonly sourceShift: number;
  readonly destinationShift: number;
}

/** The shape that uses all of a key. */
export function shapeOf(key: Key): Shape {
  const sourceShift = key.sourcePorts === undefined ? 16 : blockShift(key.sourcePorts);
  const destinationShift =
    key.destinationPorts === undefined ? 16 : blockShift(key.destinationPorts);
  return shape(
    (key.protocol === undefined ? 0 : GroupKey.Protocol) |
      (key.in === undefined ? 0 : GroupKey.In) |
      (key.out === undefined ? 0 : GroupKey.Out),
    key.source?.bits ?? 0,
    key.destination?.bits ?? 0,
    sourceShift,
    destinationShift,
  );
}

/** `plain`: the fields without addresses and ports, which follow from the rest. */
export function shape(
  plain: number,
  sourceBits: number,
  destinationBits: number,
  sourceShift: number,
  destinationShift: number,
): Shape {
  const fields =
    (plain & (GroupKey.Protocol | GroupKey.In | GroupKey.Out)) |
    (sourceBits === 0 ? 0 : GroupKey.Source) |
    (destinationBits === 0 ? 0 : GroupKey.Destination) |
    (sourceShift === 16 ? 0 : GroupKey.SourcePort) |
    (destinationShift === 16 ? 0 : GroupKey.DestinationPort);
  return { fields, sourceBits, destinationBits, sourceShift, destinationShift };
}

function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, HASH_MULTIPLIER);
  return product ^ (product >>> HASH_SHIFT);
}

function mixAddress(hash: number, { words }: KeyAddress, bits: number): number {
  const mask = maskOf(bits, words.length);
  return words.reduce((mixed, word, i) => mix(mixed, word & mask[i]!), hash);
}

/** Hashes under which a packet of a rule with this key looks in a group of `cut`, each once. */
export function hashesOf(key: Key, cut: Shape): number[] {
  let hash = HASH_START | 0;
  if ((cut.fields & GroupKey.Protocol) !== 0) hash = mix(hash, key.protocol!);
  if ((cut.fields & GroupKey.In) !== 0) hash = mix(hash, key.in!);
  if ((cut.fields & GroupKey.Out) !== 0) hash = mix(hash, key.out!);
  if (cut.sourceBits !== 0) hash = mixAddress(hash, key.source!, cut.sourceBits);
  if (cut.destinationBits !== 0) {
    hash = mixAddress(hash, key.destination!, cut.destinationBits);
  }
  let hashes = [hash];
  if (cut.sourceShift !== 16) hashes = mixPorts(hashes, key.sourcePorts!, cut.sourceShift);
  if (cut.destinationShift !== 16) {
    hashes = mixPorts(hashes, key.destinationPorts!, cut.destinationShift);
  }
  return hashes;
}

function mixPorts(hashes: number[], ports: readonly KeyPorts[], shift: number): number[] {
  const blocks = blocksAt(ports, shift);
  return hashes.flatMap(hash => blocks.map(block => mix(hash, block)));
}
