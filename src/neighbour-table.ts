/** The core's neighbours: MAC addresses of IP addresses, as configured. */
import {
  Family,
  NEIGHBOUR_RECORD_BYTES,
  NeighbourFlag,
  NeighbourRecord,
  SCRATCH_BYTES,
  type Status,
} from '../assembly/abi.js';
import type { Exports } from './core-exports.js';
import { readMac, writeMac } from './fdb-record.js';

/** The MAC address of an IP address in a forwarding domain. */
export interface Neighbour {
  /** 4 or 16 bytes, as on the wire. */
  ip: Uint8Array;
  domain: number;
  /** 6 bytes as a number, first byte highest. */
  mac: bigint;
  /** Advertised as a router; only IPv6 tells. */
  isRouter: boolean;
}

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
/** Any domain, in `neighbourFlush`. */
const ANY = 0xffffffff;

export class NeighbourTable {
  /** `scratch` is the address of the core's scratch memory. */
  constructor(
    private readonly exports: Exports,
    private readonly core: number,
    private readonly view: DataView,
    private readonly scratch: number,
  ) {}

  /** Adds or replaces. */
  insert(neighbour: Neighbour): Status {
    this.writeKey(neighbour.ip, neighbour.domain);
    const flags = neighbour.isRouter ? NeighbourFlag.Router : 0;
    this.view.setUint8(this.scratch + NeighbourRecord.Flags, flags);
    writeMac(this.view, this.scratch + NeighbourRecord.MacLow, neighbour.mac);
    return this.exports.neighbourInsert(this.core);
  }

  remove(ip: Uint8Array, domain: number): Status {
    this.writeKey(ip, domain);
    return this.exports.neighbourRemove(this.core);
  }

  /** Removes those of a domain (undefined: any). Returns how many. */
  flush(domain = ANY): number {
    return this.exports.neighbourFlush(this.core, domain);
  }

  /** All of them, in the order of the table. */
  *entries(): Generator<Neighbour> {
    let bucket = 0;
    do {
      const records = this.exports.neighbourWalk(this.core, bucket);
      bucket = this.view.getUint32(this.scratch + SCRATCH_BYTES - 4, true);
      yield* Array.from({ length: records }, (_, i) => this.read(i * NEIGHBOUR_RECORD_BYTES));
    } while (bucket !== 0);
  }

  private writeKey(ip: Uint8Array, domain: number): void {
    const isIpv4 = ip.length === IPV4_BYTES;
    if (!isIpv4 && ip.length !== IPV6_BYTES) throw new Error(`no IP address: ${ip.length} bytes`);
    ip.forEach((byte, i) => this.view.setUint8(this.scratch + NeighbourRecord.Address + i, byte));
    this.view.setUint16(this.scratch + NeighbourRecord.Domain, domain, true);
    const family = isIpv4 ? Family.Ipv4 : Family.Ipv6;
    this.view.setUint8(this.scratch + NeighbourRecord.Family, family);
  }

  /** The record `offset` bytes into scratch. */
  private read(offset: number): Neighbour {
    const at = this.scratch + offset;
    const isIpv4 = this.view.getUint8(at + NeighbourRecord.Family) === Family.Ipv4;
    const start = at + NeighbourRecord.Address;
    const end = start + (isIpv4 ? IPV4_BYTES : IPV6_BYTES);
    return {
      ip: new Uint8Array(this.view.buffer.slice(start, end)),
      domain: this.view.getUint16(at + NeighbourRecord.Domain, true),
      mac: readMac(this.view, at + NeighbourRecord.MacLow),
      isRouter: (this.view.getUint8(at + NeighbourRecord.Flags) & NeighbourFlag.Router) !== 0,
    };
  }
}
