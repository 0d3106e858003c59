/** The core's services: virtual IPs and the backends behind them. */
import { Family, Region, SCRATCH_BYTES, Status } from '../assembly/abi.js';
import {
  AFFINITY_RECORD_BYTES,
  AffinityRecord,
  BACKEND_RECORD_BYTES,
  BackendRecord,
  type Forwarding,
  SERVICE_KEY_BYTES,
  SERVICE_RECORD_BYTES,
  ServiceKey,
  ServiceKeyKind,
  ServiceRecord,
  type Scheduler,
  ServiceSums,
} from '../assembly/service-abi.js';
import type { Exports } from './core-exports.js';
import { expectOk } from './core-status.js';
import { writeIp } from './ip-record.js';

export interface ServiceRow {
  zone: number;
  scheduler: Scheduler;
  /** `ServiceFlag` bits. */
  flags: number;
  /** 0: not persistent. */
  persistenceMs: number;
  maskBits: number;
}

/** What leads packets to a service. */
export type CoreKey =
  | {
      /** 4 or 16 bytes as on the wire. */
      address: Uint8Array;
      protocol: number;
      /** 0: all ports. */
      port: number;
      /** Index of the interface that speaks for the address. */
      iface: number;
    }
  | { mark: number; family: Family };

export interface BackendRow {
  address: Uint8Array;
  /** 0: that of the packet. */
  port: number;
  forwarding: Forwarding;
  weight: number;
  /** 0: no limit. */
  upper: number;
  /** 0: three quarters of `upper`. */
  lower: number;
}

/** Packets and bytes from clients are `in`, those to them `out`. */
export interface ServiceCounts {
  connections: bigint;
  inPackets: bigint;
  inBytes: bigint;
  outPackets: bigint;
  outBytes: bigint;
}

export interface BackendCounts extends ServiceCounts {
  /** Connections now. */
  active: number;
  inactive: number;
  isOverloaded: boolean;
}

/** A client that persistence holds to a backend. */
export interface HeldClient {
  /** Masked as the service says. */
  address: Uint8Array;
  /** Number, as is `backend`. */
  service: number;
  backend: number;
  /** Until it is over, if no connection comes. */
  leftMs: number;
}

/** In a lookup table: nobody. */
export const NOBODY = 0xffffffff;

export class ServiceTable {
  /** `region` says where the regions of the core at `core` are. */
  constructor(
    private readonly exports: Exports,
    private readonly core: number,
    private readonly bytes: Uint8Array,
    private readonly view: DataView,
    private readonly region: (region: Region) => number,
  ) {}

  /** Makes a number a service, or changes the one it is. */
  set(service: number, row: ServiceRow): void {
    const at = this.scratch(SERVICE_RECORD_BYTES);
    this.view.setUint32(at + ServiceRecord.PersistenceMs, row.persistenceMs, true);
    this.view.setUint16(at + ServiceRecord.Zone, row.zone, true);
    this.view.setUint8(at + ServiceRecord.Scheduler, row.scheduler);
    this.view.setUint8(at + ServiceRecord.Flags, row.flags);
    this.view.setUint8(at + ServiceRecord.MaskBits, row.maskBits);
    expectOk(this.exports.serviceSet(this.core, service), `service ${service}`);
  }

  /** Takes away a service without keys, and its backends. */
  remove(service: number): void {
    expectOk(this.exports.serviceRemove(this.core, service), `service ${service} remove`);
  }

  addKey(service: number, key: CoreKey): Status {
    this.writeKey(key);
    return this.exports.serviceKey(this.core, service, 1);
  }

  removeKey(service: number, key: CoreKey): void {
    this.writeKey(key);
    expectOk(this.exports.serviceKey(this.core, service, 0), `service ${service} key`);
  }

  private writeKey(key: CoreKey): void {
    const at = this.scratch(SERVICE_KEY_BYTES);
    if ('mark' in key) {
      this.view.setUint8(at + ServiceKey.Kind, ServiceKeyKind.Mark);
      this.view.setUint8(at + ServiceKey.Family, key.family);
      this.view.setUint32(at + ServiceKey.Mark, key.mark, true);
      return;
    }
    this.view.setUint8(at + ServiceKey.Kind, ServiceKeyKind.Address);
    writeIp(this.view, at + ServiceKey.Address, at + ServiceKey.Family, key.address);
    this.view.setUint8(at + ServiceKey.Protocol, key.protocol);
    this.view.setUint16(at + ServiceKey.Port, key.port, true);
    this.view.setUint16(at + ServiceKey.Interface, key.iface, true);
  }

  /** Makes a number a backend of a service, or changes weight and limits of the one it is. */
  setBackend(backend: number, service: number, row: BackendRow): Status {
    const at = this.scratch(BACKEND_RECORD_BYTES);
    writeIp(this.view, at + BackendRecord.Address, at + BackendRecord.Family, row.address);
    this.view.setUint32(at + BackendRecord.Weight, row.weight, true);
    this.view.setUint32(at + BackendRecord.Upper, row.upper, true);
    this.view.setUint32(at + BackendRecord.Lower, row.lower, true);
    this.view.setUint16(at + BackendRecord.Port, row.port, true);
    this.view.setUint8(at + BackendRecord.Forwarding, row.forwarding);
    return this.exports.backendSet(this.core, backend, service);
  }

  /** Takes away a backend that is in its service's list no more. */
  removeBackend(backend: number): void {
    expectOk(this.exports.backendRemove(this.core, backend), `backend ${backend} remove`);
  }

  /**
   * The list of a service's backends, in order, and the table that hashing schedulers look up
   * in: numbers of backends, or NOBODY. Status.Full: there is no room, and nothing has changed.
   */
  setMembers(service: number, members: ArrayLike<number>, lookup: ArrayLike<number> = []): Status {
    const list = this.block(members);
    const table = this.block(lookup);
    if (list === undefined || table === undefined) {
      this.exports.blockGiveBack(this.core, list ?? 0);
      this.exports.blockGiveBack(this.core, table ?? 0);
      return Status.Full;
    }
    const { length } = members;
    return this.exports.serviceMembers(this.core, service, list, length, table, lookup.length);
  }

  /** A block of the core with these words; 0: of none; undefined: there is no room. */
  private block(words: ArrayLike<number>): number | undefined {
    if (words.length === 0) return 0;
    const at = this.exports.blockTake(this.core, words.length);
    if (at === 0) return undefined;
    new Uint32Array(this.bytes.buffer, at, words.length).set(words);
    return at;
  }

  /** Before `counts`: brings them up to date. */
  fold(): void {
    this.exports.servicesFold(this.core);
  }

  /** After `fold`. Undefined: there is no such backend. */
  counts(backend: number): BackendCounts | undefined {
    if (this.exports.backendRead(this.core, backend) !== Status.Ok) return undefined;
    const at = this.region(Region.Scratch);
    const u64 = (field: BackendRecord): bigint => this.view.getBigUint64(at + field, true);
    return {
      connections: u64(BackendRecord.Connections),
      inPackets: u64(BackendRecord.InPackets),
      inBytes: u64(BackendRecord.InBytes),
      outPackets: u64(BackendRecord.OutPackets),
      outBytes: u64(BackendRecord.OutBytes),
      active: this.view.getUint32(at + BackendRecord.Active, true),
      inactive: this.view.getUint32(at + BackendRecord.Inactive, true),
      isOverloaded: this.view.getUint8(at + BackendRecord.IsOverloaded) !== 0,
    };
  }

  /** What backends that are gone have counted, and connections nobody could take. */
  sums(service: number): ServiceCounts & { refused: bigint } {
    expectOk(this.exports.serviceRead(this.core, service), `service ${service}`);
    const at = this.region(Region.Scratch);
    const u64 = (field: ServiceSums): bigint => this.view.getBigUint64(at + field, true);
    return {
      connections: u64(ServiceSums.Connections),
      inPackets: u64(ServiceSums.InPackets),
      inBytes: u64(ServiceSums.InBytes),
      outPackets: u64(ServiceSums.OutPackets),
      outBytes: u64(ServiceSums.OutBytes),
      refused: u64(ServiceSums.Refused),
    };
  }

  /** After `fold`: counters of a service and its backends begin at zero. */
  zero(service: number): void {
    expectOk(this.exports.serviceZero(this.core, service), `service ${service} zero`);
  }

  /** Clients of some entries from `first` on, and the entry to go on with; 0: the end. */
  clientPage(first: number): { clients: HeldClient[]; next: number } {
    const count = this.exports.affinityWalk(this.core, first);
    const scratch = this.region(Region.Scratch);
    const clients = Array.from({ length: count }, (_, i): HeldClient => {
      const at = scratch + i * AFFINITY_RECORD_BYTES;
      const u32 = (field: AffinityRecord): number => this.view.getUint32(at + field, true);
      return {
        address: this.bytes.slice(at + AffinityRecord.Client, at + AffinityRecord.Client + 4),
        service: u32(AffinityRecord.Service),
        backend: u32(AffinityRecord.Backend),
        leftMs: u32(AffinityRecord.LeftMs),
      };
    });
    return { clients, next: this.view.getUint32(scratch + SCRATCH_BYTES - 4, true) };
  }

  private scratch(bytes: number): number {
    const at = this.region(Region.Scratch);
    this.bytes.fill(0, at, at + bytes);
    return at;
  }
}
