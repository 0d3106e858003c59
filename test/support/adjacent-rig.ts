/**
 * A core with two router interfaces, both at port 0, whose questions and answers leave the
 * segment by port 1, and a table of their neighbours. A neighbour is named by its reference.
 */
import * as assert from 'uvu/assert';
import { CoreCounter, Drop, PortCounter, PortOption, Region, Status } from '../../assembly/abi.js';
import {
  ADJACENCY_RECORD_BYTES,
  AdjacencyRecord,
  AdjacencyState,
} from '../../assembly/adjacency-abi.js';
import { formatIpv4, formatIpv6, parseIp } from '../../src/frame/address.js';
import { type Frame, hex, mac } from './frame.js';
import { UnitCore } from './unit-core.js';
import type { UnitBuild } from './unit.js';

export const ROUTER = '02:00:00:00:00:fe';
export const ROUTER_IP = '10.0.0.1';
export const ROUTER_IP6 = 'fd00::1';
export const ROUTER_LINK = 'fe80::1';
const IFACE_BYTES = 256;
const INTERFACES = 2;
const NO_MESSAGE = 0xffff;
const NO_STATE = 0;

export interface Neighbour {
  state: keyof typeof AdjacencyState;
  waiting: number;
  asks: number;
  /** In hexadecimal; '' when it is not known. */
  mac: string;
  isOpen: boolean;
  place: number;
}

export interface RigOptions {
  rows?: number;
  build?: UnitBuild;
  copyBytes?: number;
  /** Of interface 0, with prefix lengths. */
  addresses?: readonly string[];
}

export const ADDRESSES = [`${ROUTER_IP}/24`, `${ROUTER_IP6}/64`, `${ROUTER_LINK}/64`];

export class AdjacentRig {
  /** Room for one frame with its virtio header, for an address, and for numbers. */
  private readonly frame: number;
  private readonly ip: number;
  private readonly out: number;

  private constructor(readonly core: UnitCore) {
    this.frame = core.unit.place(70000, 2) + 64;
    this.ip = core.unit.place(16);
    this.out = core.unit.place(64);
  }

  static create(options: RigOptions = {}): AdjacentRig {
    const { rows = 16, build = 'test', copyBytes = 1 << 19, addresses = ADDRESSES } = options;
    const core = UnitCore.create(build, { CopyBytes: copyBytes });
    const rig = new AdjacentRig(core);
    const { unit, address } = core;
    const ifaces = Math.ceil(unit.call('endOf', address) / 64) * 64;
    const table = ifaces + INTERFACES * IFACE_BYTES;
    assert.ok(table + unit.call('adjacenciesBytes', rows) <= unit.bytes.length, 'memory');
    for (let i = 0; i < INTERFACES; i++) {
      unit.call('makeIface', address, ifaces, i, rig.placed(mac(ROUTER)));
    }
    for (const text of addresses) rig.addAddress(text);
    for (const option of [PortOption.Segment, PortOption.Up]) {
      unit.call('configurePort', address, 1, option, 1);
    }
    unit.call('createAdjacencies', address, table, rows);
    return rig.open();
  }

  addAddress(text: string): void {
    const [ip, bits] = text.split('/');
    this.call('addIfaceAddress', 0, ...this.address(ip!), Number(bits));
  }

  /** Opens a batch, `laterMs` after the last one. */
  open(laterMs = 0): this {
    this.core.nowMs += laterMs;
    this.call('openAdjacentBatch', this.core.nowMs);
    return this;
  }

  /** Runs empty batches of a second each. Frames sent in all of them, in hexadecimal. */
  seconds(count: number): string[] {
    return Array.from({ length: count }, () => this.open(1000).attend()).flat();
  }

  /** Does what is due. Frames sent in this batch so far. */
  attend(): string[] {
    this.call('attendAll');
    return this.sent();
  }

  sent(): string[] {
    return this.core.sent().map(({ bytes }) => hex(bytes));
  }

  /** A neighbour that is there, or a new one; 0: refused. */
  to(ip: string, iface = 0): number {
    return this.call('adjacencyTo', iface, ...this.address(ip));
  }

  find(ip: string, iface = 0): number {
    return this.call('findAdjacency', iface, ...this.address(ip));
  }

  read(reference: number): Neighbour | undefined {
    if (this.call('readAdjacency', reference, this.out) === 0) return undefined;
    const [state, waiting, asks] = this.core.unit.readWords(this.out, 3);
    const known = hex(this.core.unit.read(this.out + 16, 6));
    const [isOpen, place] = this.core.unit.readWords(this.out + 24, 2);
    return {
      state: AdjacencyState[state!] as keyof typeof AdjacencyState,
      waiting: waiting!,
      asks: asks!,
      mac: known === '000000000000' ? '' : known,
      isOpen: isOpen === 1,
      place: place!,
    };
  }

  /** State of the neighbour at an address; 'None': nobody knows it. */
  state(ip: string): keyof typeof AdjacencyState {
    return this.read(this.find(ip))?.state ?? (AdjacencyState[NO_STATE] as 'None');
  }

  confirm(reference: number, at: string | number): void {
    this.call('confirmAdjacency', reference, this.placed(mac(at)));
  }

  learn(reference: number, at: string | number): void {
    this.call('learnAdjacency', reference, this.placed(mac(at)));
  }

  /** Lets a frame wait. The reason when it does not. */
  queue(reference: number, frame: Frame | Uint8Array, offload?: Uint8Array): keyof typeof Drop {
    const [at, length, flags] = this.put(frame, offload);
    return Drop[this.call('queueFrame', reference, at, length, flags)] as keyof typeof Drop;
  }

  /** Hears a message. 'Other': it is none of these. */
  hear(frame: Frame | Uint8Array, iface = 0): keyof typeof Drop | 'Other' {
    const got = this.call('hearFrame', iface, ...this.put(frame));
    return got === NO_MESSAGE ? 'Other' : (Drop[got] as keyof typeof Drop);
  }

  heard(): number {
    return this.call('heardAdjacency');
  }

  /** The oldest frame that waits, and what lies before it. */
  take(reference: number): { bytes: string; flags: number; vnet: Uint8Array } | undefined {
    const at = this.call('takeFrame', reference, this.out);
    if (at === 0) return undefined;
    const [length, flags, port] = this.core.unit.readWords(this.out, 3);
    assert.is(port, 0);
    const { unit } = this.core;
    return { bytes: hex(unit.read(at, length!)), flags: flags!, vnet: unit.read(at - 10, 10) };
  }

  get table() {
    this.call('readAdjacencies', this.out);
    const words = this.core.unit.readWords(this.out, 7);
    const [used, refused, reclaimed, conflicts, blocksLeft, listed, unresolved] = words;
    return {
      used: used!,
      refused: refused!,
      reclaimed: reclaimed!,
      conflicts: conflicts!,
      blocksLeft: blocksLeft!,
      listed: listed!,
      unresolved: unresolved!,
    };
  }

  insert(ip: string, at: string | number, iface = 0): Status {
    this.writeRecord(ip, at);
    return this.call('insertPermanent', iface);
  }

  remove(ip: string, iface = 0): Status {
    this.writeRecord(ip, 0);
    return this.call('forgetAdjacency', iface);
  }

  flush(iface = 0): number {
    return this.call('flushAdjacencies', iface);
  }

  /** `interface address state`, of all. */
  walk(): string[] {
    const { unit, address } = this.core;
    const scratch = unit.call('regionAddress', address, Region.Scratch);
    const all: string[] = [];
    let next = 0;
    do {
      const count = this.call('walkAdjacencies', next);
      for (let i = 0; i < count; i++)
        all.push(this.readRecord(scratch + i * ADJACENCY_RECORD_BYTES));
      next = unit.view.getUint32(scratch + 65536 - 4, true);
    } while (next !== 0);
    return all.sort();
  }

  /** Drops counted at port 0. */
  drops(reason: Drop): number {
    const counters = this.core.unit.call('regionAddress', this.core.address, Region.PortCounters);
    const at = counters + 8 * (PortCounter.Drops + reason);
    return Number(this.core.unit.view.getBigUint64(at, true));
  }

  /** received + copies - sent - dropped - consumed, of `received` frames: 0 in sound books. */
  balance(received: number, sent: number): number {
    const of = (which: CoreCounter): number => this.core.counter(which);
    const ended = sent + of(CoreCounter.Dropped) + of(CoreCounter.Consumed);
    return received + of(CoreCounter.Copies) - ended;
  }

  setPort(option: PortOption, value: number): void {
    this.call('configurePort', 0, option, value);
  }

  call(door: string, ...values: number[]): number {
    return this.core.unit.call(door, this.core.address, ...values);
  }

  private put(frame: Frame | Uint8Array, offload?: Uint8Array): [number, number, number] {
    const bytes = frame instanceof Uint8Array ? frame : frame.bytes();
    this.core.unit.bytes.set(bytes, this.frame);
    if (offload !== undefined) this.core.unit.bytes.set(offload, this.frame - offload.length);
    return [this.frame, bytes.length, offload === undefined ? 0 : 1];
  }

  /** Address and family of an IP address, or the address of other bytes. */
  private address(text: string): [number, number] {
    const ip = parseIp(text)!;
    return [this.placed(ip), ip.length === 4 ? 4 : 6];
  }

  private placed(bytes: Uint8Array): number {
    this.core.unit.bytes.fill(0xa5, this.ip, this.ip + 16);
    this.core.unit.bytes.set(bytes, this.ip);
    return this.ip;
  }

  private writeRecord(text: string, at: string | number): void {
    const { unit, address } = this.core;
    const record = unit.call('regionAddress', address, Region.Scratch);
    const ip = parseIp(text)!;
    unit.bytes.fill(0, record, record + ADJACENCY_RECORD_BYTES);
    unit.bytes.set(ip, record + AdjacencyRecord.Address);
    unit.bytes[record + AdjacencyRecord.Family] = ip.length === 4 ? 4 : 6;
    unit.bytes.set(at === 0 ? new Uint8Array(6) : mac(at), record + AdjacencyRecord.MacLow);
  }

  private readRecord(at: number): string {
    const { unit } = this.core;
    const isIpv4 = unit.bytes[at + AdjacencyRecord.Family] === 4;
    const ip = unit.read(at + AdjacencyRecord.Address, isIpv4 ? 4 : 16);
    const iface = unit.view.getUint16(at + AdjacencyRecord.Interface, true);
    const state = AdjacencyState[unit.bytes[at + AdjacencyRecord.State]!];
    return `${iface} ${isIpv4 ? formatIpv4(ip) : formatIpv6(ip)} ${state}`;
  }
}
