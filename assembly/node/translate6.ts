/**
 * Translate IPv6: writes a flow's addresses and ports into a packet of it, as translate.ts does
 * for IPv4 (RFC 6296 §3.2 speaks of such changes). There is no checksum of the header; that of
 * ICMPv6 goes over addresses as well (RFC 4443 §2.3). What was wrong stays wrong.
 */
import { Core } from '../memory';
import { Packet } from '../packet';
import { FlowAddresses } from '../table/flow-address';
import { FlowLine, LINE_DESTINATION_NAT, LINE_SOURCE_NAT } from '../table/flow-line';
import { NEXT_ICMP6 } from '../wire/icmp6';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4';
import { Ipv6 } from '../wire/ipv6';
import { PROTOCOL_SCTP } from './passage';
import { TCP_CHECKSUM, UDP_CHECKSUM, moveChecksum, translateSctp } from './translate';

const ICMP6_CHECKSUM: usize = 2;
const ICMP6_ID: usize = 4;

/**
 * Writes what `line` says into the packet behind `ip`, whose layer 4 of `bytes` bytes is at
 * `l4`. The frame's bytes are its own.
 */
export function translate6(
  core: Core,
  p: Packet,
  ip: Ipv6,
  l4: usize,
  bytes: u32,
  line: FlowLine,
): void {
  if (!line.has(LINE_SOURCE_NAT | LINE_DESTINATION_NAT)) return;
  writeAddresses(core, ip, line.newSource, line.newDestination);
  const protocol = line.protocol;
  if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) {
    const isUdp = protocol == PROTOCOL_UDP;
    store<u32>(l4, line.newPorts);
    moveChecksum(p, l4 + (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM), isUdp, line);
  } else if (protocol == NEXT_ICMP6) {
    store<u16>(l4, <u16>line.newPorts, ICMP6_ID);
    moveChecksum(p, l4 + ICMP6_CHECKSUM, false, line);
  } else if (protocol == PROTOCOL_SCTP) translateSctp(l4, bytes, line);
}

/** Writes addresses of the flow table. */
export function writeAddresses(core: Core, ip: Ipv6, source: u32, destination: u32): void {
  const addresses = FlowAddresses.at(core.flowAddresses);
  ip.sourceHead = addresses.headOf(source);
  ip.sourceTail = addresses.tailOf(source);
  ip.destinationHead = addresses.headOf(destination);
  ip.destinationTail = addresses.tailOf(destination);
}
