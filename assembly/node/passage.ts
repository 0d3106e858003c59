/**
 * Passage: what a zone knows of the IP packet at hand, found once and used by all steps that
 * judge it (judge.ts). One for a core; addresses and ports are as loaded from the wire, but an
 * IPv6 address is a number that the packet holds (addresses.ts).
 *
 * `open` refuses what no router may touch: IpMalformed, IpChecksum, Invalid. Of IPv6 packets
 * passage6.ts reads the headers before layer 4.
 */
import { Drop, Family, RxFlag } from '../abi';
import { Core, PASSAGE_BYTES } from '../memory';
import { Packet } from '../packet';
import { FlowLine, FlowState } from '../table/flow-line';
import { Iface } from '../table/iface';
import { ASSOCIATION_BYTES, Association } from '../table/sctp-track';
import { SEGMENT_BYTES, Segment } from '../table/tcp-window';
import { Zone } from '../table/zone';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { ICMP_BYTES, Icmp } from '../wire/icmp';
import { isQueryType, isReplyType, turnedType } from '../wire/icmp-query';
import { ICMP6_ECHO, ICMP6_ECHO_REPLY, Icmp6, NEXT_ICMP6 } from '../wire/icmp6';
import { Ipv4, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP, ipv4BytesAt } from '../wire/ipv4';
import { Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import { SCTP_BYTES } from '../wire/sctp';
import { TCP_ACK, TCP_BYTES, TCP_FIN, TCP_RST, TCP_SYN, Tcp } from '../wire/tcp';
import { UDP_BYTES, Udp } from '../wire/udp';
import { WindowBound } from '../zone-abi';
import { openIpv6 } from './passage6';

export const PROTOCOL_SCTP: u32 = 132; // RFC 9260
export const PROTOCOL_GRE: u32 = 47; // RFC 2784
const ZONE_SHIFT: u32 = 8;
const PORT_SHIFT: u32 = 16;
const PORT_MASK: u32 = 0xffff;
const ICMP_ID_OFFSET: usize = 4;
const TYPE_MASK: u32 = 0xff;

@unmanaged
export class Passage {
  zone: Zone;
  /** In and, once routed, out. */
  iface: Iface;
  out: Iface;
  /** Row number of the neighbour it goes to. */
  adjacency: u32;
  /** Of its flow; null: it has none yet. */
  line: FlowLine;
  state: FlowState;
  ip: Ipv4;
  /** Bytes of the IP packet; address and bytes of layer 4. */
  total: u32;
  l4: usize;
  l4Bytes: u32;
  protocol: u32;
  source: u32;
  destination: u32;
  ports: u32;
  scope: u32;
  tcpFlags: u32;
  hash: u64;
  /** What a new flow's packet becomes. */
  newSource: u32;
  newDestination: u32;
  newPorts: u32;
  /** rules-abi.ts State bits. */
  ctState: u32;
  /** 1: of the reply direction. */
  isReply: u32;
  /** Masqueraded by this interface's address: index + 1. */
  masquerade: u32;
  /** NAT of a new flow: FlowStatus bits. */
  binding: u32;
  /** 1: put together from fragments. */
  isGathered: u32;
  /** 1: rules have asked for what leave.ts writes. */
  hasWishes: u32;
  /** What to tell of its flow when it has passed, JournalKind bits; 0 between packets. */
  news: u32;
  /** 1: it passes, but is no sign of life. */
  isQuiet: u32;
  /** 1: IPv6. */
  isIpv6: u32;
  /** 1: a part of a packet; layer 4 is read when it is whole. */
  isFragment: u32;
  /** TTL or hop limit, as it came. */
  hopsLeft: u32;
  /** Identification of the fragments it came in, of IPv6; bytes of the longest. */
  fragmentId: u32;
  fragmentBytes: u32;
  /** Numbers of IPv6 addresses that the packet holds, MOST_HELD at the most. */
  heldCount: u32;
  /** 1: an address got none, as the table of them is full. */
  lacksAddress: u32;
  private held0: u64;
  private held1: u64;
  /** Address that an error comes from, as on the wire. */
  speakerHead: u64;
  speakerTail: u64;

  static at(ptr: usize): Passage {
    return changetype<Passage>(ptr);
  }

  /** Reads the packet, which came in by `p.iface`. Drop.None, or why it goes no further. */
  open(core: Core, p: Packet): Drop {
    this.reset(core, changetype<Iface>(p.iface));
    if (Ethernet.at(p.data).type == TYPE_IPV6) return openIpv6(p, this);
    const at: usize = p.data + ETHERNET_BYTES;
    const total = ipv4BytesAt(at, p.length - ETHERNET_BYTES);
    if (total == 0) return Drop.IpMalformed;
    const ip = Ipv4.at(at);
    if (!p.has(RxFlag.Checked) && !ip.hasRightSum) return Drop.IpChecksum;
    // What pads the frame is no part of the packet.
    p.length = total + ETHERNET_BYTES;
    this.isIpv6 = 0;
    this.ip = ip;
    this.total = total;
    this.hopsLeft = ip.ttl;
    this.l4 = at + ip.headerBytes;
    this.l4Bytes = total - ip.headerBytes;
    this.protocol = ip.protocol;
    this.source = load<u32>(at, 12);
    this.destination = load<u32>(at, 16);
    this.scope = this.protocol | (this.iface.zone << ZONE_SHIFT);
    this.isFragment = u32(ip.isFragment);
    return this.isFragment != 0 ? Drop.None : this.openLayer4();
  }

  /** Forgets the packet before. */
  private reset(core: Core, iface: Iface): void {
    this.iface = iface;
    this.zone = Zone.at(core.zones, iface.zone);
    this.out = changetype<Iface>(0);
    this.line = changetype<FlowLine>(0);
    this.state = changetype<FlowState>(0);
    this.tcpFlags = 0;
    this.isReply = 0;
    this.masquerade = 0;
    this.binding = 0;
    this.isGathered = 0;
    this.hasWishes = 0;
    this.isQuiet = 0;
    this.segment.bound = WindowBound.None;
    this.heldCount = 0;
    this.lacksAddress = 0;
  }

  /** Ports, or what stands for them. */
  openLayer4(): Drop {
    const l4 = this.l4;
    const bytes = this.l4Bytes;
    this.ports = 0;
    switch (this.protocol) {
      case PROTOCOL_TCP: {
        if (bytes < TCP_BYTES) return Drop.Invalid;
        const tcp = Tcp.at(l4);
        if (tcp.headerBytes < TCP_BYTES || tcp.headerBytes > bytes) return Drop.Invalid;
        this.tcpFlags = tcp.flags;
        if (!isTcpSound(tcp.flags)) return Drop.Invalid;
        this.ports = load<u32>(l4);
        break;
      }
      case PROTOCOL_UDP:
        if (bytes < UDP_BYTES) return Drop.Invalid;
        if (Udp.at(l4).bytes < UDP_BYTES || Udp.at(l4).bytes > bytes) return Drop.Invalid;
        this.ports = load<u32>(l4);
        break;
      case PROTOCOL_SCTP:
        if (bytes < SCTP_BYTES) return Drop.Invalid;
        this.ports = load<u32>(l4);
        break;
      case NEXT_ICMP6:
        if (this.isIpv6 == 0) break;
      case PROTOCOL_ICMP: {
        if (bytes < ICMP_BYTES) return Drop.Invalid;
        const kind: u32 = load<u16>(l4);
        const type = kind & TYPE_MASK;
        const hasId = this.isIpv6 != 0 ? isEcho6(type) : isQueryType(type) || isReplyType(type);
        const id: u32 = hasId ? load<u16>(l4, ICMP_ID_OFFSET) : 0;
        this.ports = id | (kind << PORT_SHIFT);
        break;
      }
    }
    return Drop.None;
  }

  /** TCP: the sequence number behind the segment: SYN and FIN count as a byte each. */
  get sequenceEnd(): u32 {
    const tcp = Tcp.at(this.l4);
    const controls = u32((this.tcpFlags & TCP_SYN) != 0) + u32((this.tcpFlags & TCP_FIN) != 0);
    return tcp.sequence + this.l4Bytes - tcp.headerBytes + controls;
  }

  /** TCP whose windows are checked. Behind the fields; `bound` alone is always right. */
  get segment(): Segment {
    return changetype<Segment>(changetype<usize>(this) + offsetof<Passage>());
  }

  /** SCTP, as it is after this packet: likewise. */
  get association(): Association {
    return changetype<Association>(changetype<usize>(this) + offsetof<Passage>() + SEGMENT_BYTES);
  }

  get isIcmpError(): bool {
    if (!this.isIcmp) return false;
    return this.isIpv6 != 0 ? Icmp6.at(this.l4).isError : Icmp.at(this.l4).isError;
  }

  /** ICMP of its family. */
  get isIcmp(): bool {
    return this.protocol == (this.isIpv6 != 0 ? NEXT_ICMP6 : PROTOCOL_ICMP);
  }

  /** Family. */
  get family(): Family {
    return this.isIpv6 != 0 ? Family.Ipv6 : Family.Ipv4;
  }

  /** The packet's header, if it is one of IPv6. */
  get ip6(): Ipv6 {
    return changetype<Ipv6>(this.ip);
  }

  /** Whether it is an ICMP message that begins a flow. */
  get isQuery(): bool {
    const type = (this.ports >>> PORT_SHIFT) & TYPE_MASK;
    return this.isIpv6 != 0 ? type == ICMP6_ECHO : isQueryType(type);
  }

  /** Takes down the number of an address that the packet holds. */
  noteHeld(address: u32): void {
    assert(this.heldCount < MOST_HELD);
    store<u32>(this.heldAt(this.heldCount), address);
    this.heldCount++;
  }

  /** Number `i` of those. */
  held(i: u32): u32 {
    return load<u32>(this.heldAt(i));
  }

  private heldAt(i: u32): usize {
    return changetype<usize>(this) + offsetof<Passage>('held0') + ((<usize>i) << 2);
  }

  get isTcp(): bool {
    return this.protocol == PROTOCOL_TCP;
  }

  get isSctp(): bool {
    return this.protocol == PROTOCOL_SCTP;
  }
}

/** Source and destination, and what NAT makes of them. */
const MOST_HELD: u32 = 4;

const NEEDED_BYTES: usize = offsetof<Passage>() + SEGMENT_BYTES + ASSOCIATION_BYTES;
if (NEEDED_BYTES > PASSAGE_BYTES) ERROR('Passage must fit PASSAGE_BYTES');

/** Whether layer 4 of a protocol has ports where TCP has them. */
export function hasPorts(protocol: u32): bool {
  return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP;
}

function isEcho6(type: u32): bool {
  return type == ICMP6_ECHO || type == ICMP6_ECHO_REPLY;
}

/** Flags that mean something together, RFC 9293 §3.10.7: features CT-3. */
function isTcpSound(flags: u32): bool {
  const kind = flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK);
  if (kind == TCP_SYN || kind == (TCP_SYN | TCP_ACK) || kind == TCP_ACK) return true;
  if (kind == (TCP_FIN | TCP_ACK)) return true;
  return kind == TCP_RST || kind == (TCP_RST | TCP_ACK);
}

/** Ports of the other direction: of ICMP the same identifier, and an answer for a query. */
export function turned(ports: u32, protocol: u32): u32 {
  if (protocol == NEXT_ICMP6) return turned6(ports);
  if (protocol == PROTOCOL_ICMP) {
    const type = (ports >>> PORT_SHIFT) & 0xff;
    return (ports & PORT_MASK) | (turnedType(type) << PORT_SHIFT);
  }
  return rotl(ports, PORT_SHIFT);
}

/** Likewise of ICMPv6; of another protocol 58 there are none. */
function turned6(ports: u32): u32 {
  const type = (ports >>> PORT_SHIFT) & TYPE_MASK;
  if (!isEcho6(type)) return ports;
  const other = type == ICMP6_ECHO ? ICMP6_ECHO_REPLY : ICMP6_ECHO;
  return (ports & PORT_MASK) | (other << PORT_SHIFT);
}
