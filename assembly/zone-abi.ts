/**
 * The part of the contract that is about zones, router interfaces and flows; see abi.ts.
 * Imports nothing and holds only numbers and enums.
 */

/** Addresses of one router interface, of both families together. */
export const INTERFACE_ADDRESSES = 8;

/** What `configureZone` sets. */
export enum ZoneOption {
  Use = 0, // 1: the zone exists
  Forwarding, // 1: packets for others are routed
  ReversePath, // ReversePath
  Profile, // FlowProfile
  Liberal, // 1: TCP windows are not checked, only resets: table/tcp-window.ts
  Loose, // 1: a flow may begin in its middle
  KeepFlows, // 1: flows go on under changed rules; 0: they are judged again
  MostFlows, // 0: no limit of its own
  PortSelect, // PortSelect: where no rule says it
  FirstPort, // of what port selection chooses from
  LastPort,
  Mapping, // Mapping
  Filtering, // Filtering: of zones that map endpoints
  NoBackend, // NoBackendPolicy
}

/** RFC 3704 §2: is a packet's source reached by the interface it came in. */
export enum ReversePath {
  Off = 0,
  Loose, // by any interface
  Strict,
}

/** Timers of flows: features CT-2 to CT-7, NA-7, NA-8. */
export enum FlowProfile {
  Linux = 0,
  Strict, // RFC 4787, RFC 5382, RFC 5508
}

/** How a source port is chosen: features NA-2. */
export enum PortSelect {
  Preserve = 0, // that of the sender while it is free
  Sequential,
  Random, // by the seed
}

/** What a source's external port depends on: RFC 4787 §4.1, features NA-5. */
export enum Mapping {
  AddressAndPort = 0, // on the destination too, where ports clash
  Endpoint, // on the source alone, of TCP and UDP
}

/** Who may send to an endpoint that a zone maps: RFC 4787 §5. */
export enum Filtering {
  AddressAndPort = 0, // whom it has sent to
  Address, // whose address it has sent to
  Endpoint, // anybody
}

/** What `configureInterface` sets. */
export enum InterfaceOption {
  Port = 0, // port index + 1, a member of its segment, set before; 0: not in use
  Zone, // index + 1; set before the port
  MacLow, // bytes 0-3, little endian
  MacHigh, // bytes 4-5
  MtuBytes, // longest IP packet
  Vlan, // of a VLAN-aware segment; 0: none
  Inspect, // 1: rules see IP packets that stay in the segment (bridge-nf-call-iptables)
}

/** An address in scratch memory, for `interfaceAddress`. */
export const INTERFACE_ADDRESS_BYTES = 24;
export enum InterfaceAddress {
  Address = 0, // 16 bytes as on the wire; of an IPv4 address the first 4
  Family = 16, // u8: Family
  PrefixBits = 17, // u8
  Spare = 18,
}

/** A route in scratch memory: what `routeInsert` takes and `routeWalk` returns. */
export const ROUTE_RECORD_BYTES = 48;
export enum RouteRecord {
  Destination = 0, // 16 bytes
  Gateway = 16, // 16 bytes; all 0: the destination is on the link
  Zone = 32, // u16
  Interface = 34, // u16: index
  Family = 36, // u8
  PrefixBits = 37, // u8
  Kind = 38, // u8: RouteKind
  Spare = 39,
}

export enum RouteKind {
  Link = 0, // the destination is a neighbour
  Via, // by the gateway
  Blackhole, // dropped in silence
  Unreachable, // and the sender is told
  Prohibit,
}

/** A flow in scratch memory, as `flowWalk` returns it. */
export const FLOW_RECORD_BYTES = 144;
export enum FlowRecord {
  Source = 0, // 16 bytes: of the original direction, as on the wire
  Destination = 16,
  ReplySource = 32,
  ReplyDestination = 48,
  SourcePort = 64, // u16, host order; of ICMP the identifier
  DestinationPort = 66, // u16; of ICMP type << 8 | code
  ReplySourcePort = 68,
  ReplyDestinationPort = 70,
  Zone = 72, // u16
  Protocol = 74, // u8
  Family = 75, // u8
  State = 76, // u8: TcpState; of SCTP SctpState
  Spare = 77,
  Status = 78, // u16: FlowStatus bits
  Mark = 80, // u32
  LeftMs = 84, // u32: until it dies of age
  Packets = 88, // u64
  Bytes = 96, // u64
  ReplyPackets = 104, // u64
  ReplyBytes = 112, // u64
  Id = 120, // u32
  AgeMs = 124, // u32: since it began
  Entry = 128, // u32: number of its entry; with Id what `flowRemove` takes
  Backend = 132, // u32: number of the backend it is led to, + 1; 0: none, or it is gone
}

/**
 * What the core tells of flows and logged packets while the host wants it: a ring of records behind a header.
 * `Written` and `Read` only grow: record n is at place n % JOURNAL_RECORDS.
 */
export const JOURNAL_RECORDS = 4096;
export const JOURNAL_HEADER_BYTES = 64;
export enum JournalField {
  Written = 0, // u32: records so far
  Read = 4, // u32: of these the host has taken
  Lost = 8, // u32: records that found the ring full, behind those in it
  Wanted = 12, // u32: JournalKind bits
}
export const JOURNAL_RECORD_BYTES = 192;
export enum JournalRecord {
  Kind = 0, // u32: JournalKind
  NowMs = 4, // u32: when it happened
  Spare = 8,
  Flow = 16, // FlowRecord
  Log = 16, // LogRecord, of JournalKind.Log
}
export enum JournalKind {
  New = 1, // a flow has begun
  Update = 2, // it has another state, its first answer, another mark, or is assured
  Destroy = 4, // it has ended: these are its last counters
  Log = 8, // a packet has met a LOG or NFLOG rule
}
/** The packet as that rule saw it: translated and one hop older where it is so by then. */
export enum LogRecord {
  Rule = 0, // u32: its counter
  Mark = 4, // u32
  In = 8, // u16: router interface + 1; 0: none at this hook
  Out = 10, // u16, likewise
  Kept = 12, // u16: bytes at `Packet`
  Zone = 14, // u16
  Frame = 16, // ETHERNET header, 14 bytes
  Packet = 32, // IP header and what follows, LOG_PACKET_BYTES at the most
}
export const LOG_PACKET_BYTES = 144;

/** Bits of a flow's status. */
export enum FlowStatus {
  SeenReply = 1,
  Assured = 2, // not given up early for others
  SourceNat = 4,
  DestinationNat = 8,
  Unconfirmed = 16, // TCP that began in its middle
  Dying = 32, // TCP that was refused or called off: ends with the packet that says so
  MappedSource = 64, // by a mapping of its source's endpoint
  MappedDestination = 128, // to an endpoint that is mapped
  Permitted = 256, // answers may come from other ports of the destination
  Windowed = 512, // TCP whose windows are checked
}

/** RFC 9293 §3.3.2 as somebody in the middle sees it; features CT-2. */
export enum TcpState {
  None = 0,
  SynSent,
  SynRecv,
  Established,
  FinWait,
  CloseWait,
  LastAck,
  TimeWait,
  Close,
  SynSent2,
}

/** RFC 9260 §4 as somebody in the middle sees it; features CT-7. */
export enum SctpState {
  None = 0,
  Closed,
  CookieWait,
  CookieEchoed,
  Established,
  ShutdownSent,
  ShutdownReceived,
  ShutdownAckSent,
  HeartbeatSent,
}

/** Which bound of a TCP window a segment breaks. */
export enum WindowBound {
  None = 0,
  SequenceAhead, // begins behind what the receiver's window takes: invalid
  AcknowledgesUnsent, // acknowledges what its receiver has not sent: invalid
  SequenceOver, // the same by less than a window: passes, and is not believed
  SequenceOld, // ends before the receiver's window: passes likewise
  AcknowledgesOld, // acknowledges what has long been acknowledged: passes likewise
}

/** Timers, in milliseconds of one profile: what `flowTimeout` sets. */
export enum FlowTimer {
  TcpNone = 0, // in the order of TcpState
  TcpSynSent,
  TcpSynRecv,
  TcpEstablished,
  TcpFinWait,
  TcpCloseWait,
  TcpLastAck,
  TcpTimeWait,
  TcpClose,
  TcpSynSent2,
  TcpUnacknowledged, // established, but it began in its middle or lacks an answer
  TcpRetransmitting, // established, but what is sent again is not answered
  Udp,
  UdpStream,
  Icmp,
  Gre,
  GreStream,
  SctpClosed, // in the order of SctpState
  SctpCookieWait,
  SctpCookieEchoed,
  SctpEstablished,
  SctpShutdownSent,
  SctpShutdownReceived,
  SctpShutdownAckSent,
  SctpHeartbeatSent,
  Generic,
  Count,
}
/** Timers of one profile start at multiples of this. */
export const PROFILE_TIMERS = 32;

/** Columns of a zone's counter row. */
export enum ZoneCounter {
  Received = 0, // packets that came to the zone's interfaces
  Forwarded,
  Delivered, // to the zone's own addresses
  NewFlows,
  FlowsFull, // refused: the table or the quota is full
  EarlyDropped, // flows given up for others
  Expired,
  Invalid,
  PortsExhausted, // no source port was free
  Reopened, // flows that began anew in a packet of an old one
  Related, // ICMP errors about flows
  ErrorsSent, // ICMP errors
  Flows, // now
  OutOfWindow, // of Invalid: TCP segments
  WindowIgnored, // TCP segments that pass, but are too old or too long to be believed
  Count = 24,
}

/** What a zone's own address answered. */
export enum LocalAnswer {
  None = 0,
  Echo,
  PortUnreachable,
  ProtocolUnreachable,
  Reset,
}
