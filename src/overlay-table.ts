/** The core's underlays, overlays and VTEPs. */
import { Capacity, type Family, Region, Status } from '../assembly/abi.js';
import {
  HopState,
  OverlayOption,
  UnderlayOption,
  VtepKind,
  VtepRecord,
} from '../assembly/overlay-abi.js';
import { type CoreEvent, readEvents } from './core-events.js';
import type { Exports } from './core-exports.js';
import { expectOk } from './core-status.js';
import { readMac } from './fdb-record.js';
import { readIp, writeIp } from './ip-record.js';

/** A remote tunnel end. */
export interface Vtep {
  /** From 1 on. */
  index: number;
  underlay: number;
  /** 4 or 16 bytes, as on the wire. */
  ip: Uint8Array;
  kind: VtepKind;
  state: HopState;
  /** Of the next hop; all zero where there is none. */
  nextHop: Uint8Array;
  mac: bigint;
  /** What the path takes now. */
  mtuBytes: number;
  /** Since it was last heard from. */
  silentMs: number;
  txPackets: bigint;
  txBytes: bigint;
  rxPackets: bigint;
  rxBytes: bigint;
}

const PEER_BYTES = 2;

export class OverlayTable {
  /** `region` says where the regions of the core at `core` are. */
  constructor(
    private readonly exports: Exports,
    private readonly core: number,
    private readonly view: DataView,
    private readonly region: (region: Region) => number,
  ) {}

  configureUnderlay(underlay: number, option: UnderlayOption, value: number): void {
    const status = this.exports.configureUnderlay(this.core, underlay, option, value);
    expectOk(status, `underlay ${underlay} ${UnderlayOption[option]} ${value}`);
  }

  /** After options of an underlay have changed: its VTEPs take them over. */
  refreshUnderlay(underlay: number): void {
    expectOk(this.exports.refreshUnderlay(this.core, underlay), `underlay ${underlay}`);
  }

  configureOverlay(overlay: number, option: OverlayOption, value: number): void {
    const status = this.exports.configureOverlay(this.core, overlay, option, value);
    expectOk(status, `overlay ${overlay} ${OverlayOption[option]} ${value}`);
  }

  /** Takes an overlay out of service. Its peers must be taken back before. */
  resetOverlay(overlay: number): void {
    expectOk(this.exports.resetOverlay(this.core, overlay), `overlay ${overlay} reset`);
  }

  /** Lets a VTEP send into an overlay, or no longer. */
  allowPeer(overlay: number, vtep: number, isAllowed: boolean): Status {
    return this.exports.allowPeer(this.core, overlay, vtep, Number(isAllowed));
  }

  /** Writes one place of the replication lists; see `OverlayOption.PeerStart`. */
  setPeer(place: number, vtep: number): void {
    const peers = this.exports.capacity(this.core, Capacity.Peers);
    if (place >= peers) throw new Error(`core: peer ${place} of ${peers}`);
    this.view.setUint16(this.region(Region.Peers) + place * PEER_BYTES, vtep, true);
  }

  /** Adds a VTEP, or changes its MTU (0: the underlay's). Returns its number; 0: no room. */
  insertVtep(underlay: number, ip: Uint8Array, mtuBytes = 0): number {
    const at = this.region(Region.Scratch);
    writeIp(this.view, at + VtepRecord.Address, at + VtepRecord.Family, ip);
    this.view.setUint8(at + VtepRecord.Underlay, underlay);
    this.view.setUint32(at + VtepRecord.MtuBytes, mtuBytes, true);
    return this.exports.vtepInsert(this.core);
  }

  /** Removes a VTEP and the FDB entries towards it. */
  removeVtep(index: number): Status {
    return this.exports.vtepRemove(this.core, index);
  }

  /** What an FDB entry's `port` says when a VTEP is meant. */
  placeOf(vtep: number): number {
    return this.exports.capacity(this.core, Capacity.Ports) + vtep;
  }

  vtep(index: number): Vtep | undefined {
    if (this.exports.vtepRead(this.core, index) !== Status.Ok) return undefined;
    return this.read(index);
  }

  /** All of them, by number. */
  *vteps(): Generator<Vtep> {
    const most = this.exports.capacity(this.core, Capacity.Vteps);
    for (let index = 1; index <= most; index++) {
      const vtep = this.vtep(index);
      if (vtep !== undefined) yield vtep;
    }
  }

  /** How many events the last batch told. */
  get eventCount(): number {
    return this.exports.eventCount(this.core);
  }

  /** What the last batch told. */
  events(): CoreEvent[] {
    return readEvents(this.view, this.region(Region.Events), this.eventCount);
  }

  private read(index: number): Vtep {
    const at = this.region(Region.Scratch);
    const family: Family = this.view.getUint8(at + VtepRecord.Family);
    const ip = (field: VtepRecord): Uint8Array => readIp(this.view, at + field, family);
    const counter = (field: VtepRecord): bigint => this.view.getBigUint64(at + field, true);
    return {
      index,
      underlay: this.view.getUint8(at + VtepRecord.Underlay),
      ip: ip(VtepRecord.Address),
      kind: this.view.getUint8(at + VtepRecord.Kind),
      state: this.view.getUint8(at + VtepRecord.State),
      nextHop: ip(VtepRecord.NextHop),
      mac: readMac(this.view, at + VtepRecord.MacLow),
      mtuBytes: this.view.getUint32(at + VtepRecord.MtuBytes, true),
      silentMs: this.view.getUint32(at + VtepRecord.SeenMs, true),
      txPackets: counter(VtepRecord.TxPackets),
      txBytes: counter(VtepRecord.TxBytes),
      rxPackets: counter(VtepRecord.RxPackets),
      rxBytes: counter(VtepRecord.RxBytes),
    };
  }
}
