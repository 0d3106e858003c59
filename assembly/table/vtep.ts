/**
 * VTEPs: remote tunnel ends, an IP address in an underlay each; a row of 192 bytes, found by
 * number from 1 on, or by address through table/endpoints.ts. 0 is none.
 *
 * The first line is the outer Ethernet and IP header as it leaves, but for lengths, TTL, TOS
 * and checksum: encapsulation copies it. The second is what else each packet reads and
 * counts, the third what changes seldom.
 *
 * Static VTEPs stay until removed. Learned ones, of overlays that take anybody, give their
 * row up when rows are short and they were not heard for as long as the FDB's entries live in
 * any segment: those that were learned from them have died by then.
 */
import { Capacity } from '../abi';
import { Core, VTEP_BYTES } from '../memory';
import { HopState, VtepKind } from '../overlay-abi';
import { TUNNEL_BYTES } from '../tunnel/index';
import { outerBytesOf } from '../tunnel/outer-headers';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { IPV4_BYTES, Ipv4, PROTOCOL_UDP, TYPE_IPV4 } from '../wire/ipv4';
import { Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import { fold, sumBytes } from '../wire/checksum';
import { Buckets } from './buckets';
import { KIND_VTEP, addressKey } from './endpoints';
import { Hop, dropHop, hopTo } from './hop';
import { IPV4_HEAD } from './neighbour';
import { Overlay } from './overlay';
import { longestAgeMs } from './segment';
import { Underlay } from './underlay';

/** How long what an ICMP message said of a path holds, RFC 1191 §6.3. */
const PATH_MTU_MS: u32 = 600000;

/** Flags of a VTEP. */
export const VTEP_READY: u32 = 1; // the outer Ethernet header is known
export const VTEP_IPV6: u32 = 2;

@unmanaged
export class Vtep {
  /** The outer headers begin here. */
  private template0: u64;
  private template1: u64;
  private template2: u64;
  private template3: u64;
  private template4: u64;
  private template5: u64;
  private template6: u64;
  private template7: u64;

  flags: u32;
  index: u32;
  underlay: Underlay;
  /** What the path takes now, in bytes of an outer IP packet. */
  mtuBytes: u32;
  /** Of IPv4: sum of the header but lengths, TTL, TOS. */
  baseSum: u32;
  kind: u32;
  hop: Hop;
  /** When a packet came from here. */
  seenMs: u32;
  txPackets: u64;
  txBytes: u64;
  rxPackets: u64;
  rxBytes: u64;

  /** As table/neighbour.ts keeps addresses. */
  addressHead: u64;
  addressTail: u64;
  /** As configured, 0: the underlay's. */
  configuredMtuBytes: u32;
  /** When an ICMP message lowered `mtuBytes`. */
  mtuMs: u32;
  isMtuLearned: u32;
  /** The overlay it was last found to be a peer of; null: none. */
  peerOf: Overlay;
  /** Longest inner frame behind the outer headers; from `mtuBytes`. */
  roomBytes: u32;
  /** An IPv4 address as loaded; 0 of IPv6. */
  addressBe: u32;
  private spare1: u64;
  private spare2: u64;
  private spare3: u64;

  static at(vteps: usize, index: u32): Vtep {
    return changetype<Vtep>(vteps + <usize>index * VTEP_BYTES);
  }

  has(flag: u32): bool {
    return (this.flags & flag) != 0;
  }

  get isIpv4(): bool {
    return this.addressHead == IPV4_HEAD;
  }

  isAt(head: u64, tail: u64): bool {
    return this.addressHead == head && this.addressTail == tail;
  }
}

if (offsetof<Vtep>() != VTEP_BYTES) ERROR('Vtep must be VTEP_BYTES long');

/** The VTEP of a number from outside; null: none. */
export function vtepIn(core: Core, index: u32): Vtep {
  if (index == 0 || index > core.capacity(Capacity.Vteps)) return changetype<Vtep>(0);
  const vtep = Vtep.at(core.vteps, index);
  return vtep.kind == VtepKind.None ? changetype<Vtep>(0) : vtep;
}

export function createVteps(core: Core): void {
  const vteps = core.capacity(Capacity.Vteps);
  for (let i: u32 = 0; i <= vteps; i++) Vtep.at(core.vteps, i).index = i;
}

/** The VTEP at an address of an underlay; null: none. */
export function findVtep(core: Core, underlay: Underlay, head: u64, tail: u64): Vtep {
  const key = addressKey(core, KIND_VTEP, underlay.index, head, tail);
  const found = Buckets.at(core.endpoints).lookup(key);
  if (found == 0) return changetype<Vtep>(0);
  const vtep = Vtep.at(core.vteps, load<u32>(found));
  return vtep.isAt(head, tail) ? vtep : changetype<Vtep>(0);
}

/** The VTEP at an address, made where there is none; null when there is no room. */
export function vtepAt(core: Core, underlay: Underlay, head: u64, tail: u64, kind: VtepKind): Vtep {
  const found = findVtep(core, underlay, head, tail);
  if (changetype<usize>(found) != 0) {
    if (kind == VtepKind.Static) found.kind = kind;
    return found;
  }
  const vtep = freeRow(core);
  if (changetype<usize>(vtep) == 0) return vtep;
  const key = addressKey(core, KIND_VTEP, underlay.index, head, tail);
  if (!Buckets.at(core.endpoints).insert(key, vtep.index)) return changetype<Vtep>(0);
  const index = vtep.index;
  memory.fill(changetype<usize>(vtep), 0, VTEP_BYTES);
  vtep.index = index;
  vtep.underlay = underlay;
  vtep.kind = kind;
  vtep.addressHead = head;
  vtep.addressTail = tail;
  vtep.seenMs = core.nowMs;
  if (head != IPV4_HEAD) vtep.flags |= VTEP_IPV6;
  else vtep.addressBe = bswap<u32>(<u32>tail);
  describeVtep(core, vtep);
  return vtep;
}

/** The next row nobody has, or that of a learned VTEP long silent. */
function freeRow(core: Core): Vtep {
  const last = core.capacity(Capacity.Vteps);
  for (let i: u32 = 0; i < last; i++) {
    core.vtepNext = core.vtepNext >= last ? 1 : core.vtepNext + 1;
    const vtep = Vtep.at(core.vteps, core.vtepNext);
    if (vtep.kind == VtepKind.None) return vtep;
  }
  const silentMs = longestAgeMs(core);
  for (let i: u32 = 1; i <= last; i++) {
    const vtep = Vtep.at(core.vteps, i);
    if (vtep.kind != VtepKind.Learned || core.nowMs - vtep.seenMs < silentMs) continue;
    removeVtep(core, vtep);
    return vtep;
  }
  return changetype<Vtep>(0);
}

/** Frees a row. FDB entries towards it must be gone. */
export function removeVtep(core: Core, vtep: Vtep): void {
  const underlay = vtep.underlay;
  const endpoints = Buckets.at(core.endpoints);
  const key = addressKey(core, KIND_VTEP, underlay.index, vtep.addressHead, vtep.addressTail);
  const found = endpoints.lookup(key);
  if (found != 0) endpoints.removeAt(found);
  dropHop(core, vtep.hop);
  underlay.forgetVteps();
  vtep.peerOf = changetype<Overlay>(0);
  vtep.kind = VtepKind.None;
  vtep.flags = 0;
}

/** Builds the outer headers anew: the underlay, the next hop or the VTEP has changed. */
export function describeVtep(core: Core, vtep: Vtep): void {
  const underlay = vtep.underlay;
  const old = vtep.hop;
  vtep.hop = hopTo(core, underlay, vtep.addressHead, vtep.addressTail);
  if (changetype<usize>(old) != 0) dropHop(core, old);
  resetMtu(vtep);
  const at = changetype<usize>(vtep);
  if (vtep.isIpv4) describeIpv4(at + ETHERNET_BYTES, vtep);
  else describeIpv6(at + ETHERNET_BYTES, vtep);
  refreshHop(vtep);
}

function describeIpv4(at: usize, vtep: Vtep): void {
  const ip = Ipv4.at(at);
  ip.emit(0, 0, 0, 0, PROTOCOL_UDP);
  ip.source = vtep.underlay.ipv4;
  ip.destination = <u32>vtep.addressTail;
  vtep.baseSum = fold(sumBytes(at, IPV4_BYTES));
}

function describeIpv6(at: usize, vtep: Vtep): void {
  const ip = Ipv6.at(at);
  ip.emit(0, PROTOCOL_UDP, 0);
  ip.sourceHead = vtep.underlay.ipv6Head;
  ip.sourceTail = vtep.underlay.ipv6Tail;
  ip.destinationHead = vtep.addressHead;
  ip.destinationTail = vtep.addressTail;
}

/** Takes over what is known of the next hop. */
export function refreshHop(vtep: Vtep): void {
  const hop = vtep.hop;
  const isKnown =
    changetype<usize>(hop) != 0 && (hop.state == HopState.Reachable || hop.state == HopState.Below);
  const type = vtep.isIpv4 ? TYPE_IPV4 : TYPE_IPV6;
  const mac: u64 = isKnown ? hop.mac : 0;
  Ethernet.at(changetype<usize>(vtep)).emit(mac, vtep.underlay.mac, type);
  vtep.flags = isKnown ? vtep.flags | VTEP_READY : vtep.flags & ~VTEP_READY;
}

/** What the path takes when nobody has said less. */
function resetMtu(vtep: Vtep): void {
  const own = vtep.configuredMtuBytes;
  const most = vtep.underlay.mtuBytes;
  setMtu(vtep, own == 0 ? most : min(own, most));
  vtep.isMtuLearned = 0;
}

function setMtu(vtep: Vtep, mtuBytes: u32): void {
  const headers = outerBytesOf(vtep) - ETHERNET_BYTES + TUNNEL_BYTES;
  vtep.mtuBytes = mtuBytes;
  vtep.roomBytes = mtuBytes > headers ? mtuBytes - headers : 0;
}

/** An ICMP message said that the path takes less. False when it is no news. */
export function lowerMtu(vtep: Vtep, mtuBytes: u32, nowMs: u32): bool {
  if (mtuBytes >= vtep.mtuBytes) return false;
  setMtu(vtep, mtuBytes);
  vtep.mtuMs = nowMs;
  vtep.isMtuLearned = 1;
  return true;
}

/** Forgets after a while what was said of the path: it may be better now. */
export function restoreMtu(vtep: Vtep, nowMs: u32): void {
  if (vtep.isMtuLearned != 0 && nowMs - vtep.mtuMs >= PATH_MTU_MS) resetMtu(vtep);
}

/** Tells every VTEP behind a next hop that it has changed. */
export function hopChanged(core: Core, hop: Hop): void {
  const last = core.capacity(Capacity.Vteps);
  for (let i: u32 = 1; i <= last; i++) {
    const vtep = Vtep.at(core.vteps, i);
    if (vtep.kind != VtepKind.None && vtep.hop == hop) refreshHop(vtep);
  }
}

/** Tells every VTEP of an underlay that it has changed. */
export function underlayChanged(core: Core, underlay: Underlay): void {
  const last = core.capacity(Capacity.Vteps);
  for (let i: u32 = 1; i <= last; i++) {
    const vtep = Vtep.at(core.vteps, i);
    if (vtep.kind != VtepKind.None && vtep.underlay == underlay) describeVtep(core, vtep);
  }
}

/** What is configured of the path; 0: the underlay's MTU. Ends what was learned. */
export function configureMtu(vtep: Vtep, mtuBytes: u32): void {
  vtep.configuredMtuBytes = mtuBytes;
  resetMtu(vtep);
}
