/**
 * Answer: makes the reply to a question about a neighbour and sends it out of the asking
 * port, in the name of the neighbour. The reply has bytes of its own, since the question
 * may still be flooded; it leaves in the VLAN and with the priority of the question, and
 * is booked as one frame sent, or dropped by output.ts.
 */
import { NeighbourFlag, RxFlag } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { macOf, neighbourFlags } from '../table/neighbour';
import { Arp } from '../wire/arp';
import { MAC_MASK } from '../wire/ethernet';
import { IPV6_BYTES, Ipv6 } from '../wire/ipv6';
import {
  ARP_FRAME_BYTES,
  ND_FRAME_BYTES,
  ndHeaderOf,
  writeAdvertisement,
  writeArpReply,
} from '../wire/neighbour-frame';
import { ND_BYTES, ND_OVERRIDE, ND_ROUTER, ND_SOLICITED, Nd, sourceLinkIn } from '../wire/nd';
import { output } from './output';

/** Answers a request with `mac`, in ARP_FRAME_BYTES bytes at `reply`. */
export function answerArp(core: Core, p: Packet, reply: usize, request: Arp, mac: u64): void {
  writeArpReply(reply, request, mac);
  sendReply(core, p, reply, ARP_FRAME_BYTES, p.flags & RxFlag.Trace);
}

/**
 * Answers a solicitation behind the IPv6 header `ip`, in ND_FRAME_BYTES bytes at `reply`.
 * Flags as Linux' bridge sets them: solicited, override, and router where configured.
 */
export function answerNd(core: Core, p: Packet, reply: usize, ip: Ipv6, neighbour: usize): void {
  const solicitation = Nd.at(changetype<usize>(ip) + IPV6_BYTES);
  const isRouter = (neighbourFlags(neighbour) & NeighbourFlag.Router) != 0;
  const flags = ND_SOLICITED | ND_OVERRIDE | (isRouter ? ND_ROUTER : 0);
  const header = ndHeaderOf(reply);
  header.sourceHead = solicitation.targetHead;
  header.sourceTail = solicitation.targetTail;
  header.destinationHead = ip.sourceHead;
  header.destinationTail = ip.sourceTail;
  writeAdvertisement(reply, askerOf(p, ip), macOf(load<u64>(neighbour)), flags);
  sendReply(core, p, reply, ND_FRAME_BYTES, p.flags & RxFlag.Trace);
}

/** MAC of who sent a sound solicitation: what its option says, else the frame's source. */
export function askerOf(p: Packet, ip: Ipv6): u64 {
  const message = changetype<usize>(ip) + IPV6_BYTES;
  const told = sourceLinkIn(message + ND_BYTES, message + ip.payloadBytes);
  return told == 0 ? p.source & MAC_MASK : told;
}

/**
 * Sends a reply of `bytes` bytes out of the packet's port. The packet stands for the reply
 * meanwhile, with `replyFlags`: neither offloaded nor shared with anybody; afterwards it is what
 * it was.
 */
export function sendReply(core: Core, p: Packet, reply: usize, bytes: u32, replyFlags: u32): void {
  const data = p.data;
  const length = p.length;
  const flags = p.flags;
  p.data = <u32>reply;
  p.length = bytes;
  p.flags = replyFlags;
  output(core, p, p.port);
  p.data = data;
  p.length = length;
  p.flags = flags;
}
