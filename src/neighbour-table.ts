/** The core's neighbours: MAC addresses of IP addresses, as configured. */
import {
  type Family,
  NEIGHBOUR_RECORD_BYTES,
  NeighbourFlag,
  NeighbourRecord,
  SCRATCH_BYTES,
  type Status,
} from '../assembly/abi.js';
import type { Exports } from './core-exports.js';
import { readMac, writeMac } from './fdb-record.js';
import { readIp, writeIp } from './ip-record.js';

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
    const { view, scratch } = this;
    writeIp(view, scratch + NeighbourRecord.Address, scratch + NeighbourRecord.Family, ip);
    view.setUint16(scratch + NeighbourRecord.Domain, domain, true);
  }

  /** The record `offset` bytes into scratch. */
  private read(offset: number): Neighbour {
    const at = this.scratch + offset;
    const family: Family = this.view.getUint8(at + NeighbourRecord.Family);
    return {
      ip: readIp(this.view, at + NeighbourRecord.Address, family),
      domain: this.view.getUint16(at + NeighbourRecord.Domain, true),
      mac: readMac(this.view, at + NeighbourRecord.MacLow),
      isRouter: (this.view.getUint8(at + NeighbourRecord.Flags) & NeighbourFlag.Router) !== 0,
    };
  }
}
