/**
 * Neighbour solicitation and advertisement, RFC 4861 §4.3, §4.4: an ICMPv6 message.
 *
 *   bytes 0-3   ICMPv6 header (icmp6.ts): type 135 or 136, code 0
 *   bytes 4-7   flags, big endian; of an advertisement bit 31: sender is a router (R),
 *               30: answers a solicitation (S), 29: override what is known (O)
 *   bytes 8-23  target: the address asked for, or whose MAC is told
 *   then        options of 8 bytes or a multiple (§4.6): type, length in units of 8
 *               bytes, content; link-layer addresses: type 1 the source's, 2 the target's
 */
import { Packet } from '../packet';
import { checksumOf } from './checksum';
import { ETHERNET_BYTES, loadMac, storeMac } from './ethernet';
import { ICMP6_BYTES, Icmp6, NEXT_ICMP6, hasRightIcmp6Sum, icmp6Sum } from './icmp6';
import { IPV6_BYTES, Ipv6 } from './ipv6';

/** ICMPv6 types of router and neighbour discovery, and redirects. */
const FIRST_LINK_TYPE: u32 = 133;
const LAST_LINK_TYPE: u32 = 137;
export const ND_SOLICITATION: u32 = 135;
export const ND_ADVERTISEMENT: u32 = 136;
export const ND_HOP_LIMIT: u32 = 255; // RFC 4861 §7.1: not forwarded by any router
export const ND_ROUTER: u32 = 0x80000000;
export const ND_SOLICITED: u32 = 0x40000000;
export const ND_OVERRIDE: u32 = 0x20000000;

const SOURCE_LINK: u32 = 1;
const TARGET_LINK: u32 = 2;
const OPTION_LENGTH_OFFSET: usize = 1;
const OPTION_MAC_OFFSET: usize = 2;
const OPTION_BYTES: u32 = 8;

/** ff02::1:ff00:0/104 with the last three bytes of the target, RFC 4291 §2.7.1. */
export const SOLICITED_HEAD: u64 = 0x02ff;
const SOLICITED_TAIL: u64 = 0xff01000000;
const SOLICITED_MASK: u64 = 0xffffffffff;
const GROUP_MAC: u64 = 0x3333;

/** ff02::1, all nodes of the link, RFC 4291 §2.7.1, and where it goes, RFC 2464 §7. */
export const ALL_NODES_HEAD: u64 = 0x02ff;
export const ALL_NODES_TAIL: u64 = 0x0100000000000000;
export const ALL_NODES_MAC: u64 = 0x010000003333;

@unmanaged
export class Nd {
  private icmp: u32;
  private flagsBe: u32;
  targetHead: u64;
  targetTail: u64;

  /** Views ND_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Nd {
    return changetype<Nd>(ptr);
  }

  /** ND_ROUTER, ND_SOLICITED, ND_OVERRIDE. */
  get flags(): u32 {
    return bswap<u32>(this.flagsBe);
  }

  /** Where the target address is. */
  get targetAt(): usize {
    return changetype<usize>(this) + offsetof<Nd>('targetHead');
  }

  /**
   * Writes an advertisement of ND_ADVERTISEMENT_BYTES bytes with the target's MAC, right
   * behind the IPv6 header, whose addresses and length must be written before.
   */
  emitAdvertisement(flags: u32, targetHead: u64, targetTail: u64, mac: u64): void {
    this.icmp = ND_ADVERTISEMENT;
    this.emit(flags, targetHead, targetTail);
    this.seal(TARGET_LINK, mac);
  }

  /** Likewise a solicitation of as many bytes, with the asker's MAC. */
  emitSolicitation(targetHead: u64, targetTail: u64, mac: u64): void {
    this.icmp = ND_SOLICITATION;
    this.emit(0, targetHead, targetTail);
    this.seal(SOURCE_LINK, mac);
  }

  private emit(flags: u32, targetHead: u64, targetTail: u64): void {
    this.flagsBe = bswap<u32>(flags);
    this.targetHead = targetHead;
    this.targetTail = targetTail;
  }

  /** Appends a link-layer address, and the checksum over all. */
  private seal(kind: u32, mac: u64): void {
    const at = changetype<usize>(this);
    const option = at + ND_BYTES;
    store<u8>(option, <u8>kind);
    store<u8>(option, 1, OPTION_LENGTH_OFFSET);
    storeMac(option + OPTION_MAC_OFFSET, mac);
    const sum = icmp6Sum(at - IPV6_BYTES, ND_ADVERTISEMENT_BYTES);
    Icmp6.at(at).checksum = <u16>checksumOf(sum);
  }
}

/** Bytes on the wire, without options. */
export const ND_BYTES: u32 = offsetof<Nd>();
if (ND_BYTES != 24) ERROR('Nd must be 24 bytes');

/** Bytes of an advertisement with one link-layer address. */
export const ND_ADVERTISEMENT_BYTES: u32 = ND_BYTES + OPTION_BYTES;

/** Whether the options from `at` to `end` are whole and none is empty, RFC 4861 §7.1.1. */
export function hasSoundOptions(at: usize, end: usize): bool {
  let option = at;
  while (option + OPTION_BYTES <= end) {
    const units: u32 = load<u8>(option, OPTION_LENGTH_OFFSET);
    if (units == 0) return false;
    option += units * OPTION_BYTES;
  }
  return option == end;
}

/**
 * Whether a packet with the IPv6 header `ip`, `l3` bytes into the frame, is a whole message
 * of neighbour discovery, RFC 4861 §7.1. Its type is still to be looked at.
 */
export function isNdMessage(p: Packet, l3: u32, ip: Ipv6): bool {
  const bytes = ip.payloadBytes;
  if (!ip.isVersion6 || ip.nextHeader != NEXT_ICMP6 || ip.hopLimit != ND_HOP_LIMIT) return false;
  if (bytes < ND_BYTES || p.window(l3, IPV6_BYTES + bytes) == 0) return false;
  const header = changetype<usize>(ip);
  const message = header + IPV6_BYTES;
  if (Icmp6.at(message).code != 0) return false;
  if (!hasSoundOptions(message + ND_BYTES, message + bytes)) return false;
  return hasRightIcmp6Sum(header, bytes);
}

/** The source's MAC from sound options; 0 when none tells it. */
export function sourceLinkIn(at: usize, end: usize): u64 {
  return linkIn(at, end, SOURCE_LINK);
}

/** The target's MAC, likewise. */
export function targetLinkIn(at: usize, end: usize): u64 {
  return linkIn(at, end, TARGET_LINK);
}

function linkIn(at: usize, end: usize, kind: u32): u64 {
  for (let option = at; option < end;) {
    if (load<u8>(option) == kind) return loadMac(option + OPTION_MAC_OFFSET);
    option += <u32>load<u8>(option, OPTION_LENGTH_OFFSET) * OPTION_BYTES;
  }
  return 0;
}

/** Second half of the solicited-node group of a target with this second half. */
export function solicitedTail(targetTail: u64): u64 {
  return (targetTail & ~SOLICITED_MASK) | SOLICITED_TAIL;
}

/** The MAC address of that group, RFC 2464 §7. */
export function solicitedMac(targetTail: u64): u64 {
  return GROUP_MAC | ((solicitedTail(targetTail) >> 32) << 16);
}

/** Whether a destination is the solicited-node group of a target with this second half. */
export function isSolicitedNode(head: u64, tail: u64, targetTail: u64): bool {
  return head == SOLICITED_HEAD && tail == solicitedTail(targetTail);
}

/**
 * Whether an untagged IPv6 packet is what neighbours and routers of a link say to one another,
 * RFC 4861 §4: no router forwards it, and none tracks it.
 */
export function isLinkTalk(p: Packet): bool {
  const header = p.window(ETHERNET_BYTES, IPV6_BYTES + ICMP6_BYTES);
  if (header == 0 || Ipv6.at(header).nextHeader != NEXT_ICMP6) return false;
  const type = Icmp6.at(header + IPV6_BYTES).type;
  return type >= FIRST_LINK_TYPE && type <= LAST_LINK_TYPE;
}
