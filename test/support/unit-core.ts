/** A core in the module for single functions: port 0 is up, in segment 0. */
import {
  Capacity,
  CoreCounter,
  PortOption,
  Region,
  SegmentOption,
  TX_BYTES,
  Tx,
} from '../../assembly/abi.js';
import { Unit, type UnitBuild } from './unit.js';

/** At a multiple of 64, behind what `place` gives out first. */
const CORE_ADDRESS = 1 << 19;
const MEMORY_BYTES = 8 << 20;
const SIZES: Partial<Record<keyof typeof Capacity, number>> = {
  Ports: 2,
  Segments: 1,
  VlanSegments: 1,
  Domains: 16,
  FdbEntries: 16,
  CopyBytes: 1 << 19,
  ArenaBytes: 1 << 12,
  TraceRecords: 16,
  FloodTargets: 2,
};

export class UnitCore {
  readonly address = CORE_ADDRESS;
  nowMs = 100000;

  private constructor(readonly unit: Unit) {}

  static create(build: UnitBuild = 'test', sizes: typeof SIZES = {}): UnitCore {
    const unit = Unit.create(build, MEMORY_BYTES, CORE_ADDRESS);
    const made = new UnitCore(unit);
    for (const [name, value] of Object.entries({ ...SIZES, ...sizes })) {
      unit.call('setCapacity', CORE_ADDRESS, Capacity[name as keyof typeof Capacity], value);
    }
    if (unit.call('endOf', CORE_ADDRESS) > MEMORY_BYTES) throw new Error('test: core too large');
    unit.call('init', CORE_ADDRESS, 1, 0);
    unit.call('configureSegment', CORE_ADDRESS, 0, SegmentOption.Domain, 1);
    return made.port({ Segment: 1, Up: 1 });
  }

  /** Sets options of port 0. */
  port(options: Partial<Record<keyof typeof PortOption, number>>): this {
    for (const [name, value] of Object.entries(options)) {
      const option = PortOption[name as keyof typeof PortOption];
      this.unit.call('configurePort', CORE_ADDRESS, 0, option, value);
    }
    return this;
  }

  /** Opens a batch now. */
  open(): this {
    this.unit.call('openBatch', CORE_ADDRESS, this.nowMs);
    return this;
  }

  /** Frames sent since `open`, and their ports. */
  sent(): { port: number; bytes: Uint8Array }[] {
    const { unit } = this;
    const tx = unit.call('regionAddress', CORE_ADDRESS, Region.Tx);
    const count = unit.call('sentCount', CORE_ADDRESS);
    return Array.from({ length: count }, (_, i) => {
      const row = tx + i * TX_BYTES;
      const data = unit.view.getUint32(row + Tx.Data, true);
      const length = unit.view.getUint32(row + Tx.Length, true);
      const port = unit.view.getUint16(row + Tx.Port, true);
      return { port, bytes: unit.read(data, length) };
    });
  }

  counter(which: CoreCounter): number {
    const counters = this.unit.call('regionAddress', CORE_ADDRESS, Region.CoreCounters);
    return Number(this.unit.view.getBigUint64(counters + 8 * which, true));
  }
}
