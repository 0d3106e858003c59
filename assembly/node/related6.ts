/**
 * Related, of IPv6: ICMPv6 errors about flows (RFC 4443 §3), as related.ts says it of IPv4.
 */
import { Core } from '../memory';
import { Packet } from '../packet';
import { Flows } from '../table/flow';
import { FlowAddresses } from '../table/flow-address';
import { FlowLine, IPV6_SCOPE } from '../table/flow-line';
import { flowLeftMs } from '../table/flow-timers';
import { checksumOf, fold, pseudoSum6, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { UPPER_NEXT_SHIFT, UPPER_OFFSET_MASK, upperLayerAt } from '../wire/extension';
import { ICMP6_ERROR_BYTES, Icmp6, NEXT_ICMP6 } from '../wire/icmp6';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6 } from '../wire/ipv6';
import { UDP_NO_CHECKSUM } from '../wire/udp';
import { sumOf } from './addresses';
import { Passage, hasPorts, turned } from './passage';
import { TCP_CHECKSUM, UDP_CHECKSUM, deltaOf, grown } from './translate';
import { writeAddresses } from './translate6';

const RIGHT_SUM: u32 = 0xffff;
const ZONE_SHIFT: u32 = 8;
const PORT_SHIFT: u32 = 16;
/** Bytes of layer 4 that a quote must have: ports, or an echo's identifier. */
const LEAST_QUOTED: u32 = 8;
const ICMP6_CHECKSUM: u32 = 2;
const ICMP6_ID: usize = 4;

/** The line that carries the error: the direction opposite to the quoted packet's; or null. */
export function quotedLine6(core: Core, t: Passage): FlowLine {
  const none = changetype<FlowLine>(0);
  const bytes = t.l4Bytes;
  if (bytes < ICMP6_ERROR_BYTES + IPV6_BYTES + LEAST_QUOTED) return none;
  const sum = pseudoSum6(changetype<usize>(t.ip), NEXT_ICMP6, bytes) + sumBytes(t.l4, bytes);
  if (fold(sum) != RIGHT_SUM) return none;
  const at = t.l4 + ICMP6_ERROR_BYTES;
  const ip = Ipv6.at(at);
  const upper = ip.isVersion6 ? upperLayerAt(at, bytes - ICMP6_ERROR_BYTES) : 0;
  const offset = upper & UPPER_OFFSET_MASK;
  if (upper == 0 || ICMP6_ERROR_BYTES + offset + LEAST_QUOTED > bytes) return none;
  return lineTurned(core, t, ip, at + offset, upper >> UPPER_NEXT_SHIFT);
}

/** The line by the quoted packet's addresses and ports, turned round. */
function lineTurned(core: Core, t: Passage, ip: Ipv6, l4: usize, protocol: u32): FlowLine {
  const none = changetype<FlowLine>(0);
  let ports: u32 = 0;
  if (hasPorts(protocol)) ports = load<u32>(l4);
  else if (protocol == NEXT_ICMP6) {
    if (Icmp6.at(l4).isError) return none;
    ports = (<u32>load<u16>(l4, ICMP6_ID)) | ((<u32>load<u16>(l4)) << PORT_SHIFT);
  }
  const addresses = FlowAddresses.at(core.flowAddresses);
  const source = addresses.find(ip.destinationHead, ip.destinationTail);
  const destination = addresses.find(ip.sourceHead, ip.sourceTail);
  // To anybody but the sender of what it quotes it would go untranslated.
  if (source == 0 || destination != t.destination) return none;
  const scope = protocol | (t.zone.index << ZONE_SHIFT) | IPV6_SCOPE;
  const back = turned(ports, protocol);
  const flows = Flows.at(core.flows);
  const hash = flows.hash(source, destination, back, scope);
  const line = flows.find(hash, source, destination, back, scope);
  return changetype<usize>(line) == 0 || flowLeftMs(core, line) == 0 ? none : line;
}

/** Writes outer and quoted headers as the receiver knows them. */
export function writeRelated6(core: Core, p: Packet, t: Passage, line: FlowLine): void {
  const outer: usize = p.data + ETHERNET_BYTES;
  const message = outer + (t.l4 - changetype<usize>(t.ip));
  writeAddresses(core, Ipv6.at(outer), t.newSource, t.newDestination);
  quote(core, message + ICMP6_ERROR_BYTES, t.l4Bytes - ICMP6_ERROR_BYTES, line);
  const icmp = Icmp6.at(message);
  icmp.checksum = 0;
  const sum = pseudoSum6(outer, NEXT_ICMP6, t.l4Bytes) + sumBytes(message, t.l4Bytes);
  icmp.checksum = <u16>checksumOf(sum);
}

/** The quoted packet went the other way: its source is the line's destination. */
function quote(core: Core, at: usize, bytes: u32, line: FlowLine): void {
  const offset = upperLayerAt(at, bytes) & UPPER_OFFSET_MASK;
  const l4 = at + offset;
  const before = sumOf(core, line, line.source) + sumOf(core, line, line.destination);
  const after = sumOf(core, line, line.newSource) + sumOf(core, line, line.newDestination);
  writeAddresses(core, Ipv6.at(at), line.newDestination, line.newSource);
  if (line.isIcmp) {
    const id = <u16>line.newPorts;
    const delta = deltaOf(before + load<u16>(l4, ICMP6_ID), after + id);
    store<u16>(l4, id, ICMP6_ID);
    return grow(l4 + ICMP6_CHECKSUM, delta);
  }
  if (!hasPorts(line.protocol)) return;
  const ports = rotl(line.newPorts, PORT_SHIFT);
  const delta = deltaOf(before + load<u32>(l4), after + ports);
  store<u32>(l4, ports);
  const isUdp = line.protocol == PROTOCOL_UDP;
  if (!isUdp && line.protocol != PROTOCOL_TCP) return;
  const place = l4 + (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM);
  if (place + 2 > at + bytes) return;
  if (!isUdp || load<u16>(place) != UDP_NO_CHECKSUM) grow(place, delta);
}

function grow(at: usize, delta: u32): void {
  store<u16>(at, <u16>grown(load<u16>(at), delta));
}
