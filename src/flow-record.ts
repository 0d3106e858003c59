/** A flow in the core's scratch memory: `FlowRecord`. */
import type { Family } from '../assembly/abi.js';
import { FlowRecord } from '../assembly/zone-abi.js';
import { readIp } from './ip-record.js';

/** One direction of a flow, in host order. */
export interface FlowTuple {
  source: Uint8Array;
  destination: Uint8Array;
  /** Of ICMP the identifier. */
  sourcePort: number;
  /** Of ICMP type << 8 | code. */
  destinationPort: number;
  packets: bigint;
  bytes: bigint;
}

export interface Flow {
  entry: number;
  id: number;
  zone: number;
  family: Family;
  protocol: number;
  /** TcpState; of SCTP SctpState. */
  state: number;
  /** `FlowStatus` bits. */
  status: number;
  mark: number;
  /** Number of the backend that a service has led it to, and that is still there. */
  backend?: number;
  /** Until it dies of age, if no packet comes; since it began. */
  leftMs: number;
  ageMs: number;
  original: FlowTuple;
  reply: FlowTuple;
}

/** Reads the record at `at`. */
export function readFlow(view: DataView, at: number): Flow {
  const u32 = (field: FlowRecord): number => view.getUint32(at + field, true);
  const family: Family = view.getUint8(at + FlowRecord.Family);
  const tuple = (
    source: FlowRecord,
    destination: FlowRecord,
    ports: FlowRecord,
    packets: FlowRecord,
  ): FlowTuple => ({
    source: readIp(view, at + source, family),
    destination: readIp(view, at + destination, family),
    sourcePort: view.getUint16(at + ports, true),
    destinationPort: view.getUint16(at + ports + 2, true),
    packets: view.getBigUint64(at + packets, true),
    bytes: view.getBigUint64(at + packets + 8, true),
  });
  const backend = u32(FlowRecord.Backend);
  const { Destination, Packets, ReplyDestination, ReplyPackets, ReplySource } = FlowRecord;
  const { ReplySourcePort, Source, SourcePort } = FlowRecord;
  return {
    entry: u32(FlowRecord.Entry),
    id: u32(FlowRecord.Id),
    zone: view.getUint16(at + FlowRecord.Zone, true),
    family,
    protocol: view.getUint8(at + FlowRecord.Protocol),
    state: view.getUint8(at + FlowRecord.State),
    status: view.getUint16(at + FlowRecord.Status, true),
    mark: u32(FlowRecord.Mark),
    ...(backend !== 0 && { backend: backend - 1 }),
    leftMs: u32(FlowRecord.LeftMs),
    ageMs: u32(FlowRecord.AgeMs),
    original: tuple(Source, Destination, SourcePort, Packets),
    reply: tuple(ReplySource, ReplyDestination, ReplySourcePort, ReplyPackets),
  };
}
