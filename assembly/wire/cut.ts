/**
 * Cut: fragments an IPv4 packet that does not forbid it, RFC 791 §3.2, as the router before a
 * short link would. Fragments are written one by one, each a frame of its own:
 *
 *   if (cut.open(data, length, mtuBytes))
 *     for (let i: u32 = 0; i < cut.fragments; i++) cut.write(i, room for cut.bytesOf(i));
 *
 * Identification and flags stay, so a fragment can be cut again. The first has all options,
 * the others those with the copied flag (bit 7 of the kind), padded to words. All but the
 * last have the same payload, a multiple of 8 bytes.
 *
 * Of IPv6 a packet that was put together from fragments is cut again.
 *
 * Checksums of layer 4 go over the whole packet and must be finished before.
 */
import { ETHERNET_BYTES, Ethernet } from './ethernet';
import {
  EXTENSION_BYTES,
  NEXT_FRAGMENT,
  PLACE_MASK,
  PLACE_NAMED_SHIFT,
  fragmentPlaceIn,
  writePart,
} from './extension';
import {
  FRAGMENT_UNIT_BYTES,
  IPV4_BYTES,
  IPV4_DF,
  IPV4_MF,
  Ipv4,
  TYPE_IPV4,
  ipv4BytesAt,
} from './ipv4';
import { IPV6_BYTES, Ipv6 } from './ipv6';
import { OPTION_END, optionBytes } from './option';
import { networkOffset } from './vlan';

const MOST_BYTES: u32 = 65535;
const WORD_BYTES: u32 = 4;
const OPTION_COPIED: u32 = 0x80;
/** Version 4, as byte 0 has it beside the length of the header in words. */
const FIRST_BYTE: u32 = 0x40;

@unmanaged
export class Cut {
  private data: usize;
  private l3: u32;
  private headerBytes: u32;
  /** Of all fragments but the first. */
  private laterHeaderBytes: u32;
  private payloadBytes: u32;
  /** Payload of all fragments but the last. */
  private eachBytes: u32;
  fragments: u32;
  /** Of IPv6: identification as loaded, and where the fragment header is named; else 0. */
  private id: u32;
  private nextAt: u32;

  /** Views CUT_BYTES bytes at `ptr`. */
  static at(ptr: usize): Cut {
    return changetype<Cut>(ptr);
  }

  /**
   * Makes ready to cut the frame of `length` bytes, at least an Ethernet header, at `data`,
   * for a path that takes `mtuBytes` behind an Ethernet header (tags take their part). False
   * when it is no sound IPv4 packet, forbids it, is short enough, or has no room for payload.
   */
  open(data: usize, length: u32, mtuBytes: u32): bool {
    const l3 = networkOffset(data, length);
    if (Ethernet.at(data + l3 - ETHERNET_BYTES).type != TYPE_IPV4) return false;
    const ip = Ipv4.at(data + l3);
    const total = ipv4BytesAt(data + l3, length - l3);
    const tagBytes = l3 - ETHERNET_BYTES;
    if (total + tagBytes <= mtuBytes || (ip.fragment & IPV4_DF) != 0) return false;
    const header = total == 0 ? 0 : ip.headerBytes;
    if (header == 0 || !ip.hasRightSum || !hasSoundOptions(ip)) return false;
    if (tagBytes + header + FRAGMENT_UNIT_BYTES > mtuBytes) return false;
    if (ip.fragmentOffset + total > MOST_BYTES) return false;
    this.data = data;
    this.l3 = l3;
    this.nextAt = 0;
    this.headerBytes = header;
    this.laterHeaderBytes = IPV4_BYTES + writeCopied(ip, 0);
    this.share(total - header, mtuBytes - tagBytes - header);
    return true;
  }

  /**
   * Likewise an IPv6 packet without fragment header, which is all of the frame behind the
   * Ethernet header, under an identification as loaded. RFC 8200 §4.5.
   */
  openIpv6(data: usize, length: u32, mtuBytes: u32, id: u32): bool {
    const bytes = length - ETHERNET_BYTES;
    const header = fragmentPlaceIn(data + ETHERNET_BYTES, bytes);
    const place = header & PLACE_MASK;
    if (header == 0 || place + EXTENSION_BYTES + FRAGMENT_UNIT_BYTES > mtuBytes) return false;
    this.data = data;
    this.l3 = ETHERNET_BYTES;
    this.id = id;
    this.nextAt = header >>> PLACE_NAMED_SHIFT;
    this.headerBytes = this.laterHeaderBytes = place;
    this.share(bytes - place, mtuBytes - place - EXTENSION_BYTES);
    return true;
  }

  /** Shares a payload among fragments that have room for `room` bytes each. */
  private share(payloadBytes: u32, room: u32): void {
    this.payloadBytes = payloadBytes;
    this.eachBytes = room - (room % FRAGMENT_UNIT_BYTES);
    this.fragments = (payloadBytes + this.eachBytes - 1) / this.eachBytes;
  }

  /** Bytes of the frame of fragment `index`. */
  bytesOf(index: u32): u32 {
    const more = this.nextAt == 0 ? 0 : EXTENSION_BYTES;
    return this.l3 + this.headerBytesOf(index) + more + this.payloadOf(index);
  }

  /** Writes fragment `index`, `bytesOf(index)` bytes, to `to`, not within the frame. */
  write(index: u32, to: usize): void {
    if (this.nextAt != 0) return this.writeIpv6(index, to);
    const from = this.data + this.l3;
    const header = this.headerBytesOf(index);
    const payload = this.payloadOf(index);
    const offset = index * this.eachBytes;
    memory.copy(to, this.data, this.l3 + IPV4_BYTES);
    const ip = to + this.l3;
    if (index == 0) memory.copy(ip + IPV4_BYTES, from + IPV4_BYTES, header - IPV4_BYTES);
    else writeCopied(Ipv4.at(from), ip + IPV4_BYTES);
    const isLast = index + 1 == this.fragments;
    setHeader(Ipv4.at(ip), header, payload, offset / FRAGMENT_UNIT_BYTES, isLast);
    memory.copy(ip + header, from + this.headerBytes + offset, payload);
  }

  private writeIpv6(index: u32, to: usize): void {
    const header = this.headerBytes;
    const payload = this.payloadOf(index);
    const offset = index * this.eachBytes;
    memory.copy(to, this.data, this.l3 + header);
    const ip = to + this.l3;
    Ipv6.at(ip).payloadBytes = header - IPV6_BYTES + EXTENSION_BYTES + payload;
    const isLast = index + 1 == this.fragments;
    writePart(ip + header, load<u8>(ip + this.nextAt), offset, isLast, this.id);
    store<u8>(ip + this.nextAt, <u8>NEXT_FRAGMENT);
    memory.copy(ip + header + EXTENSION_BYTES, this.data + this.l3 + header + offset, payload);
  }

  private headerBytesOf(index: u32): u32 {
    return index == 0 ? this.headerBytes : this.laterHeaderBytes;
  }

  private payloadOf(index: u32): u32 {
    return min(this.eachBytes, this.payloadBytes - index * this.eachBytes);
  }
}

/** Bytes of one. */
export const CUT_BYTES: usize = offsetof<Cut>();
if (CUT_BYTES > 64) ERROR('Cut must fit one line');

/** Turns the header of the whole packet into that of a part of it. */
function setHeader(ip: Ipv4, header: u32, payload: u32, units: u32, isLast: bool): void {
  store<u8>(changetype<usize>(ip), <u8>(FIRST_BYTE | (header / WORD_BYTES)));
  ip.totalBytes = header + payload;
  ip.fragment = (ip.fragment + units) | (isLast ? 0 : IPV4_MF);
  ip.seal();
}

/** Whether the options are whole. */
function hasSoundOptions(ip: Ipv4): bool {
  const end = changetype<usize>(ip) + ip.headerBytes;
  for (let at = changetype<usize>(ip) + IPV4_BYTES; at < end;) {
    if (load<u8>(at) == OPTION_END) return true;
    const bytes = optionBytes(at, end);
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

/** Writes the options that every fragment has, padded, to `to` (0: nowhere). How many bytes. */
function writeCopied(ip: Ipv4, to: usize): u32 {
  let written: u32 = 0;
  const end = changetype<usize>(ip) + ip.headerBytes;
  for (let at = changetype<usize>(ip) + IPV4_BYTES; at < end && load<u8>(at) != OPTION_END;) {
    const bytes = optionBytes(at, end);
    if (((<u32>load<u8>(at)) & OPTION_COPIED) != 0) {
      if (to != 0) memory.copy(to + written, at, bytes);
      written += bytes;
    }
    at += bytes;
  }
  while (written % WORD_BYTES != 0) {
    if (to != 0) store<u8>(to + written, <u8>OPTION_END);
    written++;
  }
  return written;
}
