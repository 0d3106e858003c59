/**
 * Explicit congestion notification across a tunnel, RFC 6040. Encapsulation copies the
 * inner field (§4.1, and marks a congested inner packet ECT(0), as Linux does);
 * decapsulation combines both (§4.2):
 *
 *   inner \ outer   Not-ECT  ECT(0)   ECT(1)   CE
 *   Not-ECT         Not-ECT  Not-ECT  Not-ECT  drop
 *   ECT(0)          ECT(0)   ECT(0)   ECT(1)   CE
 *   ECT(1)          ECT(1)   ECT(1)   ECT(1)   CE
 *   CE              CE       CE       CE       CE
 *
 * The field is 2 bits: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE (RFC 3168 §5).
 */
import { Drop } from '../abi';
import { Packet } from '../packet';
import { networkOffset } from '../wire/vlan';
import { updateChecksum } from '../wire/checksum';
import { IPV4_BYTES, Ipv4 } from '../wire/ipv4';
import { IPV6_BYTES } from '../wire/ipv6';

export const ECN_MASK: u32 = 3;
const ECT_1: u32 = 1;
const ECT_0: u32 = 2;
const CONGESTED: u32 = 3;

const VERSION_SHIFT: u32 = 4;
const IPV4_TOS_SHIFT: u32 = 8; // in the first word of 16 bits, as loaded
/** IPv6: the traffic class lies across bytes 0 and 1, its low 2 bits in bits 4-5 of byte 1. */
const IPV6_ECN_SHIFT: u32 = 4;

/** What the outer header says of an inner field. */
export function outerEcn(inner: u32): u32 {
  return inner == CONGESTED ? ECT_0 : inner;
}

/** Combines the outer field, which is not 0, into the inner packet, if it is an IP packet. */
export function ecnIn(p: Packet, outer: u32): Drop {
  const l3 = networkOffset(p.data, p.length);
  const ip = p.window(l3, IPV4_BYTES);
  if (ip == 0) return Drop.None;
  const version = (<u32>load<u8>(ip)) >> VERSION_SHIFT;
  if (version == 4) return combine(ip, load<u8>(ip, 1) & ECN_MASK, outer, true);
  if (version != 6 || p.window(l3, IPV6_BYTES) == 0) return Drop.None;
  return combine(ip, (load<u8>(ip, 1) >> IPV6_ECN_SHIFT) & ECN_MASK, outer, false);
}

function combine(ip: usize, inner: u32, outer: u32, isIpv4: bool): Drop {
  if (inner == 0) return outer == CONGESTED ? Drop.EcnCongestion : Drop.None;
  const isHigher = outer == CONGESTED || (outer == ECT_1 && inner == ECT_0);
  if (!isHigher || inner == outer || inner == CONGESTED) return Drop.None;
  if (isIpv4) setIpv4(ip, inner, outer);
  else {
    const rest = load<u8>(ip, 1) & ~(ECN_MASK << IPV6_ECN_SHIFT);
    store<u8>(ip, <u8>(rest | (outer << IPV6_ECN_SHIFT)), 1);
  }
  return Drop.None;
}

/** Changes the field, and the checksum with it. */
function setIpv4(at: usize, inner: u32, outer: u32): void {
  const ip = Ipv4.at(at);
  ip.tos = (ip.tos & ~ECN_MASK) | outer;
  const before = inner << IPV4_TOS_SHIFT;
  ip.checksum = <u16>updateChecksum(ip.checksum, before, outer << IPV4_TOS_SHIFT);
}
