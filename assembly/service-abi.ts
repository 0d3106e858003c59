/**
 * The part of the contract that is about services: virtual IPs and who stands behind them
 * (features §7); see abi.ts. Imports nothing and holds only numbers and enums.
 */

/** How a service chooses who gets a new connection: features VS-4, balance/. */
export enum Scheduler {
  RoundRobin = 0, // rr
  WeightedRoundRobin, // wrr
  LeastConnection, // lc
  WeightedLeastConnection, // wlc
  ShortestExpectedDelay, // sed
  NeverQueue, // nq
  SourceHash, // sh
  DestinationHash, // dh
  Maglev, // mh
  Locality, // lblc
  LocalityReplicated, // lblcr
  Failover, // fo
  Overflow, // ovf
  TwoChoices, // twos
  Count,
}

/** Bits of a service. */
export enum ServiceFlag {
  OnePacket = 1, // no packet is of a flow: features VS-10
  HashPort = 2, // sh-port, mh-port: the client's port counts as well
  Fallback = 4, // sh-fallback, mh-fallback: another one where the chosen one cannot
}

/** How packets get to a backend: features VS-3. */
export enum Forwarding {
  Nat = 0, // destination rewritten, answers come back by the same zone
  Direct, // unchanged, in a frame to it; it has the virtual IP itself and answers alone
}

/** What becomes of a connection whose backend was taken away: features VS-11. */
export enum NoBackendPolicy {
  Reschedule = 0, // a first packet goes to another one; in its middle it is reset
  Drop, // dropped until it dies of age: expire_nodest_conn=0
  Expire, // over, this packet dropped: expire_nodest_conn=1
  Reset, // over, the client is told
}

/** Why a backend got a connection: what explain says. */
export enum ChoiceReason {
  Scheduled = 0,
  Persistent, // its client was there before
  Kept, // the flow has it
}

/** What a service is, in scratch memory, for `serviceSet`. */
export const SERVICE_RECORD_BYTES = 16;
export enum ServiceRecord {
  PersistenceMs = 0, // u32; 0: not persistent
  Zone = 4, // u16
  Scheduler = 6, // u8: Scheduler
  Flags = 7, // u8: ServiceFlag bits
  MaskBits = 8, // u8: of a client's address, that persistence looks at
  Spare = 9,
}

/** By what packets are known as a service's, in scratch memory, for `serviceKey`. */
export const SERVICE_KEY_BYTES = 32;
export enum ServiceKey {
  Address = 0, // 16 bytes as on the wire; of an IPv4 address the first 4
  Mark = 16, // u32: of keys of kind Mark
  Port = 20, // u16, host order; 0: all ports
  Interface = 22, // u16: index of the one that speaks for the address
  Kind = 24, // u8: ServiceKeyKind
  Family = 25, // u8
  Protocol = 26, // u8: 6, 17 or 132
  Spare = 27,
}

export enum ServiceKeyKind {
  Address = 0,
  Mark, // the packet's mark, of whatever address, port and protocol
}

/** A backend in scratch memory: what `backendSet` takes and `backendRead` returns. */
export const BACKEND_RECORD_BYTES = 88;
export enum BackendRecord {
  Address = 0, // 16 bytes as on the wire
  Weight = 16, // u32; 0: no new connections
  Upper = 20, // u32: connections from which on it gets no more; 0: no limit
  Lower = 24, // u32: below which it does again; 0: three quarters of Upper
  Port = 28, // u16, host order; 0: that of the packet
  Family = 30, // u8
  Forwarding = 31, // u8
  Active = 32, // u32: connections that are established
  Inactive = 36, // u32: all others
  Connections = 40, // u64: ever
  InPackets = 48, // u64: from clients
  InBytes = 56,
  OutPackets = 64, // to clients
  OutBytes = 72,
  IsOverloaded = 80, // u8
  Spare = 81,
}

/** Sums of backends that are gone, and what was refused: `serviceRead`. */
export const SERVICE_SUMS_BYTES = 48;
export enum ServiceSums {
  Connections = 0, // u64, as in BackendRecord
  InPackets = 8,
  InBytes = 16,
  OutPackets = 24,
  OutBytes = 32,
  Refused = 40, // first packets that nobody could take
}

/** A client that is held to a backend, in scratch memory: `affinityWalk`. */
export const AFFINITY_RECORD_BYTES = 24;
export enum AffinityRecord {
  Client = 0, // 4 bytes of an address as on the wire, masked
  Service = 4, // u32: number
  Backend = 8, // u32: number
  LeftMs = 12, // u32: until it is over, if no connection comes
  Holders = 16, // u32: connections that go by it
  Spare = 20,
}

/** Most backends of all services: a flow knows its backend by 20 bits. */
export const MOST_BACKENDS = 0xfffff;
/** Largest lookup table: the largest Maglev prime of IPVS. */
export const MOST_LOOKUP = 131071;
