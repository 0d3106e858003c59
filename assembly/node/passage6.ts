/**
 * Passage of IPv6: reads the headers before layer 4 (RFC 8200 §3, §4). Extension headers are
 * walked for what is behind them, and stay as they are: a router looks into none (§4).
 *
 * The packet's addresses get their numbers later, when it is known to be no martian
 * (addresses.ts). Refuses IpMalformed, HeaderChain, Invalid.
 */
import { Drop } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { IPV6_SCOPE } from '../table/flow-line';
import { localIface } from '../table/local';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { NEXT_FRAGMENT, UPPER_NEXT_SHIFT, UPPER_OFFSET_MASK, chainAt } from '../wire/extension';
import { Ipv4, PROTOCOL_ICMP } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, isGroupIpv6, isNobodyIpv6 } from '../wire/ipv6';
import { Passage } from './passage';

const ZONE_SHIFT: u32 = 8;
const ID_OFFSET: usize = 4; // of a fragment header

/** Reads the packet. Drop.None, or why it goes no further. */
export function openIpv6(p: Packet, t: Passage): Drop {
  const header = p.window(ETHERNET_BYTES, IPV6_BYTES);
  if (header == 0) return Drop.IpMalformed;
  const ip = Ipv6.at(header);
  const total = IPV6_BYTES + ip.payloadBytes;
  if (!ip.isVersion6 || p.window(ETHERNET_BYTES, total) == 0) return Drop.IpMalformed;
  // What pads the frame is no part of the packet.
  p.length = total + ETHERNET_BYTES;
  t.isIpv6 = 1;
  t.ip = changetype<Ipv4>(header);
  t.total = total;
  t.hopsLeft = ip.hopLimit;
  t.source = t.destination = t.ports = 0;
  return openUpper(t);
}

/** What is behind the extension headers. */
function openUpper(t: Passage): Drop {
  const at = changetype<usize>(t.ip);
  const upper = chainAt(at, t.total);
  if (upper == 0) return Drop.HeaderChain;
  const offset = upper & UPPER_OFFSET_MASK;
  t.l4 = at + offset;
  t.l4Bytes = t.total - offset;
  t.protocol = upper >> UPPER_NEXT_SHIFT;
  t.isFragment = u32(t.protocol == NEXT_FRAGMENT);
  if (t.isFragment != 0) {
    t.fragmentId = load<u32>(t.l4, ID_OFFSET);
    return Drop.None; // its layer 4 is read when it is whole
  }
  if (t.protocol == PROTOCOL_ICMP) return Drop.Invalid; // that of IPv4
  t.scope = t.protocol | (t.iface.zone << ZONE_SHIFT) | IPV6_SCOPE;
  return t.openLayer4();
}

/** As judge.ts says it of IPv4: RFC 4291 §2.5, RFC 6890 §2.2.3. */
export function isMartian6(core: Core, t: Passage): bool {
  const ip = t.ip6;
  if (isGroupIpv6(ip.sourceHead) || isNobodyIpv6(ip.sourceHead, ip.sourceTail)) return true;
  // Groups have MAC addresses of their own (RFC 2464 §7), and no router's.
  const head = ip.destinationHead;
  if (isGroupIpv6(head) || isNobodyIpv6(head, ip.destinationTail)) return true;
  const own = localIface(core, t.iface, ip.sourceHead, ip.sourceTail);
  return changetype<usize>(own) != 0;
}
