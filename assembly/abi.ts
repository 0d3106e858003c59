/**
 * The contract between the core, the host and the addon: every constant and enum that
 * more than one of them knows. `asc` and `tsc` both compile this file, so it imports
 * nothing and holds only numbers. Never copy a value out of it.
 *
 * Enum names are vocabulary: `Drop[reason]` is the counter's name in every output.
 */

/** Raised whenever a layout or a meaning below changes; the host refuses any other. */
export const ABI_VERSION = 6;

/** Most frames in one call of `process`. */
export const BATCH_PACKETS = 256;

/** Frames start this far into their slot: room to push tunnel headers and tags. */
export const HEADROOM_BYTES = 128;

/** Slots in the receive arena start at multiples of this. */
export const SLOT_ALIGN_BYTES = 64;

/** Longest frame the core takes: 64 KiB of offloaded payload, Ethernet and two tags. */
export const MAX_FRAME_BYTES = 65558;

/** What a frame may be longer than an MTU: Ethernet header and one tag, as Linux counts. */
export const FRAME_OVERHEAD_BYTES = 18;

/** `struct virtio_net_hdr` without mergeable buffers, right before the frame. */
export const VNET_BYTES = 10;

/** Fields of a virtio header, offsets from its start (linux/virtio_net.h). */
export enum Vnet {
  Flags = 0, // u8: bit 0, the checksum is partial
  GsoType = 1, // u8: 0 none, 1 TCPv4, 4 TCPv6, 5 UDP segmentation; bit 7, ECN
  HeaderBytes = 2, // u16
  GsoBytes = 4, // u16: payload of one segment
  ChecksumStart = 6, // u16, from the start of the frame
  ChecksumOffset = 8, // u16, from ChecksumStart
}

/** One received frame: 16 bytes, written by the addon or a reader. */
export const RX_BYTES = 16;
export enum Rx {
  Data = 0, // u32: address of the first byte of the frame
  Length = 4, // u32
  Port = 8, // u16: index of the ingress port
  Flags = 10, // u16: RxFlag
  Original = 12, // u32: length before a capture cut it; 0 from a device
}

export enum RxFlag {
  Offload = 1, // the virtio header before the frame says something
  Trace = 2, // write this packet's way into the trace ring
  Tight = 4, // nothing before the frame may be written: no headroom
  Checked = 8, // a device or the kernel vouches for the checksums
}

/** Most segments that software segmentation makes of the frames of one batch. */
export const BATCH_SEGMENTS = 4096;

/** Highest rate of storm control. */
export const STORM_MOST_PER_SEC = 2000000;

/** One frame to send: 16 bytes, written by the core in sending order. */
export const TX_BYTES = 16;
export enum Tx {
  Data = 0, // u32
  Length = 4, // u32
  Port = 8, // u16: index of the egress port
  Flags = 10, // u16: TxFlag
  Origin = 12, // u32: index of the received frame in its batch
}

export enum TxFlag {
  Offload = 1, // send the virtio header before the frame; else send a zero one
  Gone = 8192, // set by the sender with Refused: the egress device is gone, or down
  Booked = 16384, // set by the core: refused, and counted as dropped
  Refused = 32768, // set by the sender: not sent, as the egress queue stayed full or as above
}

/** One dropped frame: 16 bytes, in the order of the decisions. */
export const DROPPED_BYTES = 16;
export enum Dropped {
  Data = 0, // u32
  Length = 4, // u32
  Port = 8, // u16: where it came in, or the egress port that could not take a copy
  Reason = 10, // u16: Drop
  Origin = 12, // u32: index of the received frame in its batch
}

/** Origin of frames that no received one of the batch gave rise to. */
export const OWN_ACCORD = 0xffffffff;

/** Why a frame went nowhere. Names are counter names; order is the order of checks. */
export enum Drop {
  None = 0,
  NoPort, // the ingress or egress port is not configured, or is down
  Runt, // shorter than an Ethernet header
  Oversize, // longer than MAX_FRAME_BYTES, or than the egress port's MTU
  Truncated, // a VLAN tag is announced and cut off
  BadOffload, // the virtio header points outside the frame or contradicts it
  BadSource, // source MAC is a group address or zero
  NoSegment, // the port belongs to no segment
  ReservedGroup, // 01:80:c2:00:00:00 to 0f, IEEE 802.1Q-2018 table 8-1
  TagMismatch, // the port rewrites tags and the frame has not the ones it matches
  VlanRefused, // the frame's VLAN is not allowed on the ingress port
  Locked, // the port is locked and the source is not in its FDB
  StaticMoved, // a static entry's address appeared on another port
  StormBroadcast, // over the port's broadcast rate
  StormMulticast, // over the port's multicast rate
  StormUnicast, // over the port's unknown-unicast rate
  SamePort, // the destination is behind the port it came from
  LocalAddress, // the destination is an address of the switch, and nothing here answers
  Isolated, // known destination, but both ports are isolated or of one group
  VlanEgress, // known destination, but its port is not in the frame's VLAN
  NoTarget, // nobody to flood to
  NoBuffer, // no room for a copy that needs its own bytes
  TxQueueFull, // the egress queue stayed full
  PortGone, // the egress device vanished, or is down
  OuterMalformed, // on an underlay: a length or version of the outer headers is wrong
  OuterChecksum, // the outer IPv4 or UDP checksum is wrong
  FragmentLost, // a fragment of an outer packet that will never be whole
  NotOurAddress, // on an underlay: for somebody else
  NoTunnelPort, // to our address, but to no tunnel's UDP port
  TunnelHeader, // the tunnel header is cut off or does not name a network
  TunnelReserved, // reserved bits are set, and the overlay is strict
  UnknownVni, // no overlay has this network identifier
  UnknownVtep, // the sender is no peer of the overlay
  WrongVtep, // a configured source address came from another VTEP than its own
  OwnSource, // the inner source address is one of this side
  InnerVlan, // the inner frame has a tag, and the overlay takes none
  EcnCongestion, // congestion met on the way, and the inner packet cannot say so (RFC 6040 §4.2)
  SplitHorizon, // from a tunnel to a tunnel
  TooBig, // longer than the path to the VTEP takes
  NoNextHop, // the underlay's next hop did not answer yet, or there is no way
  NotIp, // to a router interface, and neither IP nor ARP
  IpMalformed, // a version or length of an IP header is wrong
  IpChecksum, // an IPv4 header does not add up
  HeaderChain, // IPv6 extension headers are cut off, too many, or not where or what they may be
  Martian, // a source or destination that nobody may have on the wire (RFC 1812 §5.3.7)
  ReversePath, // the source is not reached by the interface it came from (RFC 3704 §2)
  Invalid, // no flow can have such a packet (features CT-3), or a checksum is wrong
  RuleDrop, // a rule or policy says DROP
  RuleReject, // a rule says REJECT: the sender is told
  NoRoute, // no route, or one that says blackhole, unreachable or prohibit
  NotForwarded, // for others, and the zone does not forward such
  TtlExceeded, // no hops left
  NeighbourMalformed, // ARP or neighbour discovery that no station sends (RFC 826, RFC 4861 §7.1)
  NeighbourFailed, // the next hop does not answer
  NeighbourQueueFull, // given up for a later packet while its next hop was asked for
  FlowsFull, // no place for a new flow
  PortsExhausted, // no source port is free
  Untranslatable, // a flow is translated, and this packet of it cannot be
  TooManyZones, // through more zones than one batch allows
  NoBackend, // nobody behind a virtual IP can take it, or who had it is gone (features VS-11)
  OutOfWindow, // a TCP segment outside its window, where windows are checked (features CT-4)
  Count, // number of reasons
}

/** Stages of the graph, in the order packets meet them (assembly/graph.ts). */
export enum Node {
  Ingress = 0, // parse, admit, hash
  Bridge, // learn, look up, decide
  Flood, // copies for every member
  Output, // tags, offloads, transmit
  Decap, // underlay ports: outer headers, tunnel, VTEP
  Encap, // towards a VTEP: outer headers
  Underlay, // what an underlay's own address is asked: ARP, ND, ICMP
  Zone, // routing, connection tracking, NAT
  Local, // what a zone's own address is asked
  Adjacent, // towards a neighbour of a router interface
  Rules, // tables of iptables: assembly/rules/
  Service, // backends of virtual IPs
  Count,
}

/** What a packet's trace record says; `a` to `d` are its numbers. */
export enum Trace {
  Received = 1, // a port, b length, c RxFlag
  Vlan, // a VID, b priority, c 1 if the frame carries the tag, d domain
  TagsRewritten, // a tags popped, b tags pushed, c length after
  SourceKnown, // a port of the entry, b kind, c milliseconds since last seen, d domain
  SourceLearned, // a port, d domain
  SourceMoved, // a new port, b old port, d domain
  SourceRefused, // a learned entries, b limit, d domain
  SourceIgnored, // a 1 learning off, d domain
  DestinationHit, // a port, b kind, c milliseconds since last seen, d domain
  DestinationMiss, // d domain
  DestinationGroup, // a 1 broadcast, 2 multicast
  FloodSkipped, // a port, b FloodSkip
  NeighbourUnknown, // the address asked for, which is not in the table
  NeighbourAnswers, // the address asked for: its owner hears the question itself
  NeighbourAnswered, // the address asked for, and the MAC the switch answered with
  NeighbourKept, // the address announced or probed, which is nobody's to answer
  TagPushed, // a port, b TCI, c TPID
  TagPopped, // a port, b TCI, c TPID
  ChecksumFinished, // a port, b checksum start
  Segmented, // a port, b segments, c payload bytes of one
  Sent, // a port, b length, c TxFlag
  Dropped, // a Drop, b port
  Opened, // tunnel header: a VNI, b source VTEP, c bytes taken off, d overlay
  Encapsulated, // a VNI, b VTEP, c UDP source port, d overlay
  Coalesced, // a segments in one frame now, b bytes
  Answered, // an underlay's own address answered: a UnderlayAnswer
  NextHopAsked, // a VTEP: its next hop was asked for
  Reassembled, // a bytes of the whole outer packet; 0: it waits for other fragments
  Fragmented, // a port, b fragments of the inner packet
  PathMtu, // a VTEP, b bytes of the path's MTU from now on
  Entered, // a zone, b interface
  FlowFound, // a flow id, b TcpState or SctpState | protocol << 8, c direction, d FlowStatus
  FlowMade, // a flow id, b TcpState or SctpState, c protocol
  FlowRelated, // a flow id: an ICMP error about it
  FlowReopened, // the flow was over: a new one begins in its place
  RouteFound, // a route's prefix length, b interface, c adjacency, d RouteKind
  // a from, b to (IPv4, as on the wire), c ports from << 16 | to; or a to d the address that it
  // has become (IPv6), and the ports in MacLow
  SourceTranslated,
  DestinationTranslated, // likewise
  Judged, // a generation, b path
  ErrorSent, // a ICMP type, b code, c zone
  Delivered, // a LocalAnswer
  Queued, // a adjacency: its address is asked for
  Left, // a zone, b interface, c adjacency
  RuleMatched, // a counter of the rule, b Verdict, c jumps before it
  PolicyApplied, // a counter of the policy, b Verdict
  Balanced, // a service, b backend, c ChoiceReason | Scheduler << 8, d available | all << 16
  Segment, // TCP out of its window: a sequence, b end, c acknowledged, d window in bytes
  OutOfWindow, // a WindowBound, b the number that breaks it, c the last one that would not
}

/** Why flooding left a member out. */
export enum FloodSkip {
  Ingress = 1, // never back out of the port it came from (hairpin is off)
  Isolated, // both ports are isolated
  Group, // both ports are in one split-horizon group
  Flags, // the member's flood flag for this kind is off
  Vlan, // the member is not in the frame's VLAN
  Down, // the member is down
  Suppressed, // what is asked is known here, and the member's port suppresses such frames
  Tunnel, // the overlay sends such frames to nobody
}

/** One trace record: 32 bytes. */
export const TRACE_BYTES = 32;
export enum TraceField {
  Origin = 0, // u32: index of the received frame in its batch
  Node = 4, // u16
  Event = 6, // u16: Trace
  A = 8, // u32
  B = 12,
  C = 16,
  D = 20,
  MacLow = 24, // u32: bytes 0-3 of the address in question, little endian
  MacHigh = 28, // u16: bytes 4-5
  Family = 30, // u16: Family of the IP address that A to D hold as on the wire; 0: none
}

/** What is sized once, before `init`. */
export enum Capacity {
  Ports = 0, // at most 16384
  Segments, // at most 65535
  VlanSegments, // segments that are VLAN aware
  Domains, // forwarding domains: one a plain segment, one a VLAN of an aware one
  FdbEntries,
  EvictEntries, // sum of the limits of segments with policy EvictOldest
  Neighbours, // IP addresses whose MAC is configured, of both families
  ArenaBytes, // received frames of one batch
  CopyBytes, // copies made during one batch
  TraceRecords,
  FloodTargets, // most copies of one flooded frame
  Underlays, // at most 255
  Overlays, // at most 65535
  Vteps, // remote tunnel ends, learned ones too; with Ports at most 65534
  Peers, // (overlay, VTEP) pairs that may talk, and places in replication lists
  Zones, // at most 65535
  Interfaces, // router interfaces, at most 65535
  Routes,
  Adjacencies, // neighbours of router interfaces, at most 65535
  Flows, // connections, both directions of each; at most 16 million
  RuleBytes, // of one compiled rule set; there is room for two
  Rules, // rules and policies that are counted
  Paths, // different ways through the rules
  Services, // virtual IPs, ranges of ports or marks with backends behind them
  ServiceKeys, // addresses with ports, and marks, by which services are known
  Backends, // of all services, at most 1048575
  Shares, // pairs of a backend and a way through the rules that flows have
  BalanceBytes, // lists of backends and lookup tables
  Count,
}

/** Addresses the host may read or write; see `regionAddress`. */
export enum Region {
  Rx = 0, // BATCH_PACKETS receive descriptors
  Tx, // send descriptors
  Dropped, // dropped descriptors
  Stamps, // BATCH_PACKETS u64: capture time of each received frame, ns since 1970
  Arena, // received frames
  PortCounters, // Ports rows of PORT_COUNTERS u64
  SegmentCounters, // Segments rows of SegmentCounter.Count u64
  NodeCounters, // Node.Count u64: packets seen
  CoreCounters, // CoreCounter.Count u64
  Trace, // trace records, oldest first since `traceClear`
  Scratch, // SCRATCH_BYTES for calls that take or return more than numbers
  Peers, // Peers u16: VTEPs of replication lists
  Events, // event records of the last batch
  ZoneCounters, // Zones rows of ZoneCounter.Count u64
  StagedRules, // RuleBytes for the program that `rulesUse` takes into use
  RuleCounters, // Rules rows of two u64: packets, bytes; after `rulesFold`
  Journal, // a header (`JournalField`), then JOURNAL_RECORDS places of a ring
  Count,
}
export const SCRATCH_BYTES = 65536;

/** Columns of a port's counter row: these, then one per `Drop`. */
export enum PortCounter {
  RxPackets = 0,
  RxBytes,
  TxPackets,
  TxBytes,
  Drops, // first of Drop.Count columns
}
export const PORT_COUNTERS = 80; // PortCounter.Drops + Drop.Count, rounded up

export enum SegmentCounter {
  Packets = 0,
  Bytes,
  Flooded, // frames that went to more than their destination
  Learned,
  Moved,
  Expired,
  Refused, // sources not learned: over the limit, or no place in the table
  Evicted, // oldest entries given up for new ones
  Answered, // questions about neighbours that the switch answered itself
  NeighboursRefused, // configured neighbours for which the table had no place
  Entries, // learned entries now
  Count = 16,
}

/** Totals of the conservation equation: received + copies = sent + dropped + consumed. */
export enum CoreCounter {
  Received = 0,
  Sent,
  Copies,
  Dropped,
  Consumed,
  Count = 8,
}

/** What `configurePort` sets. Booleans are 0 or 1. */
export enum PortOption {
  Up = 0,
  Segment, // index + 1; 0: none
  Learning,
  Flood, // unknown unicast may leave here
  MulticastFlood,
  BroadcastFlood,
  Hairpin,
  Isolated,
  Locked,
  Group, // split-horizon group; 0: none
  MtuBytes, // 0: no limit
  Offload, // takes partial checksums and segmentation requests
  Pvid, // VLAN of untagged frames; 0: refused
  AcceptTagged,
  PriorityTags, // PriorityTags
  TagsArePayload, // 802.1Q tunnel: every frame is in the PVID, its own tags are payload
  StormBroadcastPerSec, // 0: no limit
  StormMulticastPerSec,
  StormUnicastPerSec,
  MatchTags, // number of tags matched, 0: port does not rewrite tags
  MatchOuter, // TPID << 16 | VID
  MatchInner,
  PopTags, // how many matched tags leave on the way in; at most MatchTags, set before
  PushTags, // how many are put on instead
  PushOuter, // TPID << 16 | VID
  PushInner,
  NeighbourSuppress, // questions about known neighbours are answered, not sent here
}

export enum PriorityTags {
  Never = 0, // untagged frames leave without a tag
  NonZero, // a frame with a priority leaves with a VID 0 tag
  Always,
}

/** How `configureVlan` puts a port into a VLAN. */
export enum VlanMember {
  None = 0,
  Tagged,
  Untagged,
}

/** What `configureSegment` sets. */
export enum SegmentOption {
  VlanAware = 0, // index of the VLAN table + 1; 0: VLAN tags are payload
  Domain, // forwarding domain of a plain segment
  AgeMs, // at most 0xffffffff - 250, and more counts as that
  LearnLimit, // 0: none
  LimitPolicy, // LimitPolicy
  Tpid, // VLAN protocol of an aware segment: 0x8100 or 0x88a8
  StaticMove, // StaticMove
  ArrivalStart, // first place in the arrivals of segments that evict the oldest
  ArrivalPlaces, // how many; 0: none. Set after ArrivalStart
  AnswerNeighbours, // 1: questions about known neighbours are answered and sent nowhere
}

export enum LimitPolicy {
  Refuse = 0, // forward, do not learn, count
  EvictOldest, // give up the entry heard from longest ago
}

export enum StaticMove {
  Drop = 0, // a static address heard elsewhere: the frame is dropped
  Forward, // forwarded, the entry stays
}

/** How an FDB entry came to be and how it ends. */
export enum FdbKind {
  Dynamic = 0, // learned: moves, ages
  Static, // configured: stays, never ages
  Permanent, // the switch's own or a reserved address, behind no port: stays, never forwarded
}

/** An FDB entry in scratch memory: what `fdbInsert` takes and `fdbWalk` returns. */
export const FDB_RECORD_BYTES = 24;
export enum FdbRecord {
  MacLow = 0, // u32: bytes 0-3, little endian
  MacHigh = 4, // u16: bytes 4-5
  Domain = 6, // u16
  Port = 8, // u16
  Kind = 10, // u8: FdbKind
  Spare = 11, // u8
  AgeMs = 12, // u32: since last seen, as of the last batch
  Spare2 = 16,
}

/** A neighbour in scratch memory: what `neighbourInsert` takes and `neighbourWalk` returns. */
export const NEIGHBOUR_RECORD_BYTES = 32;
export enum NeighbourRecord {
  Address = 0, // 16 bytes as on the wire; of an IPv4 address the first 4
  Domain = 16, // u16
  Family = 18, // u8: Family
  Flags = 19, // u8: NeighbourFlag
  MacLow = 20, // u32: bytes 0-3, little endian
  MacHigh = 24, // u16: bytes 4-5
  Spare = 26,
}

/** An IP version. */
export enum Family {
  Ipv4 = 4,
  Ipv6 = 6,
}

export enum NeighbourFlag {
  Router = 1, // advertised as a router: hosts forget a router that no longer says it is one
}

/** Result of a control call. */
export enum Status {
  Ok = 0,
  NotFound,
  Full,
  OutOfRange,
}
