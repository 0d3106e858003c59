/**
 * A chain that is being walked: which rule may come next.
 *
 * A small chain is a row of rules, tried one after the other. A large one is a list of
 * groups; a group is the rules that ask for the same fields in full (a destination of so
 * many bits, a port, an interface), in a hash table by what they ask for. Of each group the
 * packet's own key gives a list of candidates, in order; the lowest of the heads of all lists
 * is the next candidate. All of a candidate's criteria are checked, so a hash that meets
 * another one costs time, never a wrong answer. A group is not looked at before the walk
 * comes to its first rule.
 */
import { Family } from '../abi';
import {
  ChainField,
  GROUP_BYTES,
  GroupField,
  GroupKey,
  HASH_MULTIPLIER,
  HASH_SHIFT,
  HASH_START,
  MOST_GROUPS,
  PLACE_BYTES,
  RuleField,
} from '../rules-abi';
import { FRAME_BYTES } from './rules';
import { Subject } from './subject';

const LISTS_OFFSET: usize = 24;
const TAIL: usize = 8;
const START: u32 = <u32>HASH_START;
const MULTIPLIER: u32 = <u32>HASH_MULTIPLIER;
const NONE: u32 = 0xffffffff;

@unmanaged
export class Frame {
  chain: usize;
  /** Of a small chain: the next rule, and where they end. Of a large one: its groups. */
  next: usize;
  end: usize;
  /** Lists with candidates left. */
  lists: u32;
  private spare: u32;
  private spare2: u32;

  static at(frames: usize, depth: u32): Frame {
    return changetype<Frame>(frames + <usize>depth * FRAME_BYTES);
  }

  get isGrouped(): bool {
    return load<u32>(this.chain, ChainField.Groups) != 0;
  }

  /** Begins the chain at `chain`. */
  enter(program: usize, chain: usize): void {
    this.chain = chain;
    const groups = load<u32>(chain, ChainField.Groups);
    if (groups == 0) {
      this.enterAll(program, chain);
      return;
    }
    this.next = program + load<u32>(chain, ChainField.GroupRows);
    this.end = this.next + <usize>groups * GROUP_BYTES;
    this.lists = 0;
  }

  /** Begins the chain at `chain`, to look at all of its rules from `next` to `end`. */
  enterAll(program: usize, chain: usize): void {
    this.chain = chain;
    this.next = program + load<u32>(chain, ChainField.Rules);
    this.end = program + load<u32>(chain, ChainField.End);
  }

  /** The next rule that may apply, or 0 at the end of the chain. */
  candidate(program: usize, s: Subject): usize {
    if (this.isGrouped) return this.lowest(program, s);
    const rule = this.next;
    if (rule == this.end) return 0;
    this.next = rule + load<u16>(rule, RuleField.Bytes);
    return rule;
  }

  private lowest(program: usize, s: Subject): usize {
    let best: u32 = NONE;
    let place: usize = 0;
    const end = this.listAt(this.lists);
    for (let at = this.listAt(0); at < end; at += 4) {
      const rule = load<u32>(load<u32>(at));
      if (rule >= best) continue;
      best = rule;
      place = at;
    }
    while (this.next < this.end && load<u32>(this.next, GroupField.First) < best) {
      const list = listOf(program, s, this.next);
      this.next += GROUP_BYTES;
      if (list == 0) continue;
      const at = this.listAt(this.lists);
      store<u32>(at, <u32>list);
      this.lists++;
      const rule = load<u32>(list);
      if (rule >= best) continue;
      best = rule;
      place = at;
    }
    if (place == 0) return 0;
    this.advance(place);
    return program + best;
  }

  /** Steps over the head of a list; one that is done gives its place to the last. */
  private advance(place: usize): void {
    const list = load<u32>(place) + 4;
    store<u32>(place, list);
    if (load<u32>(list) != 0) return;
    this.lists--;
    store<u32>(place, load<u32>(this.listAt(this.lists)));
  }

  private listAt(index: u32): usize {
    return changetype<usize>(this) + LISTS_OFFSET + ((<usize>index) << 2);
  }
}

if (offsetof<Frame>() != LISTS_OFFSET) ERROR('lists must begin behind the fields');
if (LISTS_OFFSET + 4 * MOST_GROUPS != FRAME_BYTES) ERROR('Frame must hold a list for each group');

function mixed(hash: u32, word: u32): u32 {
  const product = (hash ^ word) * MULTIPLIER;
  return product ^ (product >>> HASH_SHIFT);
}

function mixedAddress(hash: u32, head: u64, tail: u64, mask: usize, family: u32): u32 {
  const low = tail & load<u64>(mask, TAIL);
  if (family == Family.Ipv4) return mixed(hash, <u32>low);
  const high = head & load<u64>(mask);
  hash = mixed(mixed(hash, <u32>high), <u32>(high >> 32));
  return mixed(mixed(hash, <u32>low), <u32>(low >> 32));
}

/** Hash of what the packet has in the fields of a group. */
function keyOf(s: Subject, group: usize, fields: u32): u32 {
  let hash = START;
  if ((fields & GroupKey.Protocol) != 0) hash = mixed(hash, s.protocol);
  if ((fields & GroupKey.In) != 0) hash = mixed(hash, s.inInterface);
  if ((fields & GroupKey.Out) != 0) hash = mixed(hash, s.outInterface);
  if ((fields & GroupKey.Source) != 0) {
    const mask = group + GroupField.SourceMask;
    hash = mixedAddress(hash, s.sourceHead, s.sourceTail, mask, s.family);
  }
  if ((fields & GroupKey.Destination) != 0) {
    const mask = group + GroupField.DestinationMask;
    hash = mixedAddress(hash, s.destinationHead, s.destinationTail, mask, s.family);
  }
  if ((fields & GroupKey.SourcePort) != 0) {
    hash = mixed(hash, s.sourcePort >>> load<u32>(group, GroupField.SourcePortShift));
  }
  if ((fields & GroupKey.DestinationPort) != 0) {
    hash = mixed(hash, s.destinationPort >>> load<u32>(group, GroupField.DestinationPortShift));
  }
  return hash;
}

/** Address of the packet's candidates in a group, or 0. */
function listOf(program: usize, s: Subject, group: usize): usize {
  const fields = load<u32>(group, GroupField.Fields);
  const table = program + load<u32>(group, GroupField.Table);
  if (fields == 0) return table;
  const mask = load<u32>(group, GroupField.Mask);
  const hash = keyOf(s, group, fields);
  let index = hash & mask;
  while (true) {
    const place = table + <usize>index * PLACE_BYTES;
    const list = load<u32>(place, 4);
    if (list == 0) return 0;
    if (load<u32>(place) == hash) return program + list;
    index = (index + 1) & mask;
  }
}
