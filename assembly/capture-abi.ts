/**
 * The contract between the capture walker (assembly/capture.ts) and the host's readers
 * (src/capture/). `asc` and `tsc` both compile this file, so it imports nothing and holds
 * only numbers.
 */

/** Longest record read: libpcap's own limit on a snapshot, four times the longest frame. */
export const CAPTURE_RECORD_BYTES = 262144;

/** LINKTYPE_ETHERNET, the only link type that is replayed. */
export const CAPTURE_ETHERNET = 1;

/** State of one reader. All addresses are of module memory. */
export const CAPTURE_BYTES = 88;
export enum CaptureField {
  Cursor = 0, // u32: address of the record to read next
  End = 4, // u32: address after the last byte read from the file
  Status = 8, // u32: CaptureStatus
  Fault = 12, // u32: CaptureFault, of the record at Cursor
  FaultA = 16, // u32: see CaptureFault
  FaultB = 20, // u32
  Need = 24, // u32: Hungry: bytes wanted from Cursor on
  Format = 28, // u32: CaptureFormat, Unknown at the start
  Swapped = 32, // u32: 1 if the file, or this section of it, is big endian
  Port = 36, // u32: ingress port of a classic pcap
  Next = 40, // u64: Ready: stamp of the record at Cursor, ns
  Packets = 48, // u64: read so far
  Truncated = 56, // u64: of these, captured shorter than they were
  Interfaces = 64, // u32: address of the interface table
  InterfaceLimit = 68, // u32: rows of the table
  InterfaceCount = 72, // u32: interfaces of the current section
  TickNs = 76, // u32: classic pcap: 1000 or 1
  SkipOutbound = 80, // u32: 1: pcapng packets marked as outbound are passed over
  Spare = 84,
}

/** What a reader waits for. */
export enum CaptureStatus {
  Stale = 0, // nothing is known about the bytes at Cursor: set by the host after a refill
  Ready, // a whole record lies at Cursor, its time is in Next
  Hungry, // the record at Cursor is not wholly there: move it, read on
  Interface, // an interface was announced: the last row of the table wants a port
  Ended, // set by the host: no more bytes, none left over
  Fault, // the record at Cursor is refused
}

export enum CaptureFormat {
  Unknown = 0,
  Pcap,
  Pcapng,
}

/** Why a reader refuses a file. `a` and `b` are FaultA and FaultB. */
export enum CaptureFault {
  None = 0,
  Magic, // neither pcap nor pcapng; a the first four bytes, little endian
  Version, // a major, b minor
  LinkType, // a link type of the whole file
  InterfaceLinkType, // a link type, b interface, at its first packet
  RecordLength, // a bytes claimed, more than CAPTURE_RECORD_BYTES
  BlockLength, // a bytes claimed by a pcapng block: too few for its type, or not padded
  BlockTrailer, // a length before the block, b length after it
  ByteOrder, // a byte-order magic of a section
  PacketLength, // a bytes claimed by a packet, b bytes its block has for it
  NoInterface, // a interface named by a packet, b interfaces known
  ManyInterfaces, // a InterfaceLimit
  OptionLength, // a option code, b bytes claimed
  Resolution, // a if_tsresol
}

/** One pcapng interface: a row of the reader's table. */
export const CAPTURE_INTERFACE_BYTES = 48;
export enum InterfaceField {
  Scale = 0, // u64: ns a tick, or ticks a ns
  MostTicks = 8, // u64: Multiply: what does not overflow
  OffsetNs = 16, // i64: added to every stamp
  Unit = 24, // u32: StampUnit
  Shift = 28, // u32: Binary: ticks are 2^-Shift seconds
  Name = 32, // u32: address of if_name, good until the next refill
  NameBytes = 36, // u32
  LinkType = 40, // u16
  Port = 42, // u16: ingress port; set by the host
  SnapBytes = 44, // u32: 0: no limit
}

export enum StampUnit {
  Multiply = 0, // a tick is 1 ns or more
  Divide, // a tick is less than 1 ns
  Binary, // a tick is a negative power of two of a second
}

/** What `captureFill` works on: this, then one u32 a reader, the address of its state. */
export const CAPTURE_BATCH_BYTES = 64;
export enum BatchField {
  Rx = 0, // u32: address of the receive descriptors
  Stamps = 4, // u32: address of the stamps, u64 ns each
  Room = 8, // u32: most packets
  Count = 12, // u32: packets now
  Clock = 16, // u64: latest time so far, ns
  Limit = 24, // u64: the first ns after the millisecond of this batch
  NowMs = 32, // f64: that millisecond, since 1970
  NextMs = 40, // f64: the millisecond of the next batch; -1: unknown, a reader waits
  Until = 48, // u64: first ns that the reader at work leaves to another
  Readers = 56, // u32
  Spare = 60,
}
