/**
 * The part of the contract that is about rules; see abi.ts. Imports nothing and holds only
 * numbers and enums.
 *
 * A program is what the rule sets of all zones, of both families, are compiled to: one run of
 * bytes, all offsets counted from its start, everything at multiples of 4.
 *
 *   header | a row for each zone and family | chains | groups | hash tables | lists | sets
 *   | rules
 */

export const PROGRAM_MAGIC = 0x454c5552; // 'RULE'
/** Raised whenever the layout or the meaning of a program changes. */
export const PROGRAM_VERSION = 1;

/** Start of a program: u32 each. */
export const PROGRAM_HEADER_BYTES = 32;
export enum ProgramField {
  Magic = 0,
  Version = 4,
  Bytes = 8, // of the whole program
  Zones = 12, // rows for zones 0 to Zones - 1, IPv4 then IPv6 each
  Rules = 16, // counters 0 to Rules - 1 are those of rules
  Counters = 20, // those of policies follow
  States = 24, // rows that criteria with a memory have: `limit`, `statistic`
  Spare = 28,
}

/** Where rules are asked: a table at a hook, in the order a packet meets them. */
export enum Hook {
  RawPrerouting = 0,
  RawOutput,
  ManglePrerouting,
  MangleInput,
  MangleForward,
  MangleOutput,
  ManglePostrouting,
  NatPrerouting,
  NatInput,
  NatOutput,
  NatPostrouting,
  FilterInput,
  FilterForward,
  FilterOutput,
  Count,
}

/** Row of a zone and family: a bit for each Hook that has a chain, then offsets of chains. */
export const ZONE_ROW_BYTES = 64;
export const ZONE_CHAINS = 4; // offset of the first of Hook.Count u32; 0: no chain

/** A chain: u32 each. */
export const CHAIN_BYTES = 32;
export enum ChainField {
  Rules = 0, // offset of the first rule
  End = 4, // behind the last
  Groups = 8, // number of groups; 0: the rules are tried one after the other
  GroupRows = 12, // offset of the first group
  Policy = 16, // counter of the policy; NO_POLICY: a user chain
  Verdict = 20, // Verdict of the policy
  Count = 24, // number of rules
  Spare = 28,
}
export const NO_POLICY = 0xffffffff;

/** A group: rules of a chain that ask for the same fields. Sorted by their first rule. */
export const GROUP_BYTES = 64;
export enum GroupField {
  Fields = 0, // u32: GroupKey bits; 0: `Table` is a list that all packets read
  First = 4, // u32: offset of the first rule in it
  Table = 8, // u32: offset of the hash table
  Mask = 12, // u32: places in it - 1, a power of two minus one
  SourcePortShift = 16, // u32: ports are compared without so many low bits
  DestinationPortShift = 20, // u32
  SourceMask = 32, // 16 bytes: two u64, as addresses are
  DestinationMask = 48, // 16 bytes
}

/** What the key of a group is made of, in this order. */
export enum GroupKey {
  Protocol = 1,
  In = 2,
  Out = 4,
  Source = 8,
  Destination = 16,
  SourcePort = 32,
  DestinationPort = 64,
}
/** Most groups of a chain: bounds the work of a packet. */
export const MOST_GROUPS = 64;

/**
 * A place of a hash table: hash of the key, then offset of a list of u32 offsets of rules, in
 * order, that ends with 0. Offset 0: the place is free, and the search over.
 */
export const PLACE_BYTES = 8;
export const HASH_START = 0x811c9dc5;
export const HASH_MULTIPLIER = 0x9e3779b1;
export const HASH_SHIFT = 15;

/** A rule: id, then bytes in the whole and up to the target, then its criteria. */
export enum RuleField {
  Id = 0, // u32: its counter, and what the host knows it by
  Bytes = 4, // u16
  Target = 6, // u16: offset of the target from the rule's start
  Criteria = 8,
}

/** Chains that may wait for a jump to come back; a deeper program is refused. */
export const MOST_DEPTH = 32;

/**
 * A criterion: Op u8 (bit 7: negated), u8 its length in u32 words, u16 argument, then its
 * numbers. The order is that of checking: cheap ones first. Addresses of IPv4 are u32 in host
 * order, those of IPv6 16 bytes as on the wire.
 */
export const OP_NEGATED = 0x80;
export enum Op {
  Never = 1, // applies to no packet
  Protocol, // argument
  In, // argument: interface
  Out,
  InSet, // offset of a bitmap of interfaces; argument: words in it
  OutSet,
  SourcePort, // first | last << 16
  DestinationPort,
  CtState, // argument: State bits, any of them
  Source, // address, mask
  Destination,
  Source6,
  Destination6,
  Mark, // value, mask
  ConnMark,
  CtDirection, // argument: 0 original, 1 reply
  CtProtocol, // argument
  CtOriginalDestination, // address, mask
  CtOriginalDestination6,
  CtOriginalDestinationPort, // first | last << 16
  SourceType, // argument: AddressTypeBit, any of them
  SourceTypeIn, // likewise; local only if on the interface in
  SourceTypeOut,
  DestinationType,
  DestinationTypeIn,
  DestinationTypeOut,
  IcmpType, // argument: type, or ANY_ICMP_TYPE; codes: first | last << 16
  SourceRange, // first, last
  DestinationRange,
  SourceRange6,
  DestinationRange6,
  SourcePorts, // argument: number of pairs; each first | last << 16
  DestinationPorts,
  EitherPorts,
  // From here on: about the packet, not its flow.
  Fragment,
  Length, // first, last
  Ttl, // argument: first | last << 8
  Tos, // argument: value | mask << 8
  TcpFlags, // argument: mask | set << 8
  TcpOption, // argument: kind
  MacSource, // bytes 0-3, bytes 4-5, little endian
  Bpf, // instructions: code u16, jumpTrue u8, jumpFalse u8, k u32
  // From here on: with a memory or an effect. The order of these stays as written.
  Limit, // state row, packets, perMs, burst
  StatisticRandom, // chance of 2^31
  StatisticNth, // state row, every, packet
}
export const FIRST_VOLATILE_OP = Op.Fragment;
export const FIRST_STATEFUL_OP = Op.Limit;
export const ANY_ICMP_TYPE = 0xffff;

/** A target: TargetKind u8, u24 argument, then its numbers. */
export enum TargetKind {
  None = 0, // counts and goes on
  Accept,
  Drop,
  Reject, // argument: RejectWith
  Return,
  Jump, // offset of the chain
  Goto,
  Mark, // value, mask
  ConnMarkSet, // value, mask
  ConnMarkSave, // nfmask, ctmask
  ConnMarkRestore,
  Nat, // argument: NatKind | NatFlag << 8; see NatField
  NoTrack,
  Trace,
  TcpMss, // argument: bytes; 0: what the path takes
  Log, // also NFLOG
  Ttl, // argument: TtlAction | value << 8
  Tos, // argument: value | mask << 8
  Checksum,
}

export enum NatKind {
  None = 0,
  Dnat,
  Snat,
  Masquerade,
  Redirect,
}
export enum NatFlag {
  Addresses = 1, // the range of addresses is given
  Ports = 2, // the range of ports is given
  Base = 4, // new port = first + (old port - base)
  Random = 8,
  RandomFully = 16,
  Persistent = 32,
}
/** Behind the target's first word; offsets from the target. */
export enum NatField {
  Ports = 4, // first | last << 16
  Base = 8,
  First = 12, // 16 bytes: address as two u64; only with NatFlag.Addresses
  Last = 28,
  End = 44,
}

export enum TtlAction {
  Set = 0,
  Increase,
  Decrease,
}

/** What `evaluate` says. */
export enum Verdict {
  None = 0, // of a rule that is not the last word
  Accept,
  Drop,
  Reject, // `rejectWith` says how
  Nat, // accepted, and a binding is asked for: the nat fields of the subject
}

/** iptables-extensions(8), REJECT; both families. */
export enum RejectWith {
  IcmpNetUnreachable = 0,
  IcmpHostUnreachable,
  IcmpProtoUnreachable,
  IcmpPortUnreachable,
  IcmpNetProhibited,
  IcmpHostProhibited,
  IcmpAdminProhibited,
  Icmp6NoRoute,
  Icmp6AdmProhibited,
  Icmp6AddrUnreachable,
  Icmp6PortUnreachable,
  Icmp6PolicyFail,
  Icmp6RejectRoute,
  TcpReset,
}

/** Bits of a subject's state: one of the first five, and what was translated. */
export enum State {
  Invalid = 1,
  New = 2,
  Established = 4,
  Related = 8,
  Untracked = 16,
  Snat = 32,
  Dnat = 64,
  Balanced = 128, // a service has led the packet to its backend, or the answer back
}

/** Kinds of addresses, as bits: iptables-extensions(8), addrtype. */
export enum AddressTypeBit {
  Unspecified = 1,
  Unicast = 2,
  Local = 4,
  Broadcast = 8,
  Anycast = 16,
  Multicast = 32,
  Blackhole = 64,
  Unreachable = 128,
  Prohibit = 256,
}

/** Rules and policies a subject remembers that it met; more are counted at once. */
export const MOST_TRAIL = 48;

/** What rules are asked about and what they say of it: assembly/rules/subject.ts. */
export const SUBJECT_BYTES = 512;
export enum SubjectField {
  Zone = 0, // u32, as all but addresses
  Family = 4,
  Protocol = 8,
  IsFragment = 12, // 1: not the first fragment
  Source = 16, // 16 bytes each
  Destination = 32,
  OriginalDestination = 48, // of the flow's first packet, before translation
  SourcePort = 64,
  DestinationPort = 68,
  OriginalDestinationPort = 72,
  IcmpType = 76,
  IcmpCode = 80,
  In = 84, // router interface + 1; 0: none
  Out = 88,
  State = 92, // State bits
  Direction = 96, // 0 original, 1 reply
  Mark = 100,
  ConnMark = 104,
  SourceTypes = 108, // AddressTypeBit
  DestinationTypes = 112,
  SourceTypesIn = 116, // likewise; local only if on the interface in
  DestinationTypesIn = 120,
  SourceTypesOut = 124,
  DestinationTypesOut = 128,
  NowMs = 132,
  Network = 136, // address of the IP header
  Bytes = 140, // of the IP packet
  L4 = 144, // offset from Network
  L4Bytes = 148, // that are there
  Frame = 152, // address of the Ethernet header; 0: none
  Core = 156, // of the trace
  Packet = 160, // a traced one; 0: not traced
  Verdict = 164, // from here on: what rules said
  IsVolatile = 168,
  DependsOnSyn = 172,
  RejectWith = 176,
  NatKind = 180,
  NatFlags = 184,
  NatPortFirst = 188,
  NatFirst = 192, // 16 bytes
  NatLast = 208, // 16 bytes
  NatPortLast = 224,
  NatPortBase = 228,
  TcpMss = 232, // 0: none, MSS_OF_PATH, or bytes
  NoTrack = 236,
  Ttl = 240, // new one; UNCHANGED
  Tos = 244, // new one; UNCHANGED
  FillsChecksum = 248,
  Logs = 252, // LOG and NFLOG rules met
  IsMarkedForTrace = 256, // met TRACE
  TrailLength = 260,
  TrailOverflow = 264,
  Spare = 268,
  Trail = 272, // MOST_TRAIL u32: counters of rules and policies, in order
}
export const UNCHANGED = 0xffffffff;
export const MSS_OF_PATH = 0xffffffff;

/** Counter of a rule or policy: two u64. */
export const COUNTER_BYTES = 16;
