/**
 * The part of the contract that is about overlays; see abi.ts. Imports nothing and holds
 * only numbers and enums.
 */

/** Encapsulations. The number is the core's; names are configuration words. */
export enum Encap {
  Vxlan = 0, // RFC 7348
  Geneve, // RFC 8926
}

/** UDP ports of one underlay that carry tunnels, each of one encapsulation. */
export const UNDERLAY_UDP_PORTS = 16;

/** What `configureUnderlay` sets. */
export enum UnderlayOption {
  Port = 0, // index + 1; 0: none
  MacLow, // bytes 0-3 of our MAC, little endian
  MacHigh, // bytes 4-5
  ResolvesNextHops, // 1: frames are addressed with ARP and ND; 0: somebody below does that
  MtuBytes, // longest IP packet
  Ipv4, // our address, host order; 0: none
  Ipv4PrefixBits,
  Ipv4Gateway, // host order; 0: none
  Ipv6A, // our address: bytes 0-3, little endian; all 0: none
  Ipv6B,
  Ipv6C,
  Ipv6D,
  Ipv6PrefixBits,
  Ipv6GatewayA, // as Ipv6A
  Ipv6GatewayB,
  Ipv6GatewayC,
  Ipv6GatewayD,
}

/** What `configureOverlay` sets. An overlay works while it has underlay and tunnel port. */
export enum OverlayOption {
  Underlay = 0, // index + 1; 0: none. Set after UdpPort, Encap and Vni
  TunnelPort, // port index + 1; 0: none. A member of the overlay's segment, set before
  UdpPort,
  Encap, // Encap
  Vni, // 24 bits
  Bum, // Bum
  UnknownVteps, // 1: anybody may send into this overlay
  Ttl, // 0: that of the inner packet
  Tos, // 6 bits DSCP << 2; 0x100: that of the inner packet
  Df, // OuterDf
  Checksum, // OuterChecksum
  StrictFlags,
  InnerVlan, // InnerVlan
  Symmetric, // 1: both directions of a flow have one UDP source port
  MssClamp, // 1: TCP handshakes are told the overlay's MTU
  MtuBytes, // longest inner IP packet; 0: what the path takes
  Group, // VTEP that stands for the multicast group; 0: none
  PeerStart, // first place in the replication list
  PeerCount,
}

/** What becomes of broadcast, unknown unicast and multicast frames on the tunnel's side. */
export enum Bum {
  Drop = 0,
  Replicate, // a copy to each VTEP of the replication list
  Multicast, // one to the multicast group
}

export enum OuterDf {
  Unset = 0,
  Set,
  Inherit,
}

export enum OuterChecksum {
  Auto = 0, // none over IPv4, computed over IPv6
  Always,
  Never, // RFC 6936
}

export enum InnerVlan {
  Pass = 0,
  Strip,
  Drop,
}

/** A VTEP in scratch memory: what `vtepInsert` takes and `vtepRead` returns. */
export const VTEP_RECORD_BYTES = 96;
export enum VtepRecord {
  Address = 0, // 16 bytes as on the wire; of an IPv4 address the first 4
  NextHop = 16, // likewise; read only
  Underlay = 32, // u8
  Family = 33, // u8
  Kind = 34, // u8: VtepKind
  State = 35, // u8: HopState
  MtuBytes = 36, // u32: configured, 0: that of the underlay; read: what the path takes now
  MacLow = 40, // u32: of the next hop
  MacHigh = 44, // u16
  Spare = 46,
  SeenMs = 48, // u32: since last heard from; read only
  Spare2 = 52,
  TxPackets = 56, // u64, as are the following
  TxBytes = 64, // of outer IP packets
  RxPackets = 72,
  RxBytes = 80, // of outer IP packets
  Spare3 = 88,
}

export enum VtepKind {
  None = 0, // no such VTEP
  Static,
  Learned,
}

export enum HopState {
  None = 0, // there is no way: no prefix fits and there is no gateway
  Incomplete, // being asked for
  Reachable,
  Below, // whoever carries the underlay port finds the way
}

/** What an underlay's own address answers. */
export enum UnderlayAnswer {
  Arp = 1,
  Nd,
  Echo,
}

/** What the core tells the host after a batch: 32 bytes each. */
export const EVENT_BYTES = 32;
/** Most events of one batch; what is more is not told. */
export const BATCH_EVENTS = 256;
export enum EventField {
  Kind = 0, // u16: Event
  Port = 2, // u16: ingress port
  Domain = 4, // u16
  Vtep = 6, // u16
  Address = 8, // 16 bytes: an IP address as on the wire; of IPv4 the first 4
  MacLow = 24, // u32
  MacHigh = 28, // u16
  Family = 30, // u8: Family of Address
  Spare = 31,
}

export enum Event {
  L2Miss = 1, // a destination MAC in an overlay that the FDB does not have: Domain, Mac, Port
  L3Miss, // an IP address asked for that no neighbour has: Domain, Address, Port
  VtepLearned, // Vtep, Address
  PathMtu, // Vtep, Address; MacLow: bytes
  NextHopFailed, // Vtep, Address: of the next hop
}
