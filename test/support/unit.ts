/**
 * Single functions of the core for tests: the module that `assembly/testing/` makes, with
 * memory of its own. Addresses in it are given out by `place`; nothing is freed.
 */
import { readFileSync } from 'node:fs';
import { packagePath } from '../../src/package-path.js';

const PAGE_BYTES = 65536;
/** Behind the module's own data. */
const FIRST_ADDRESS = 4096;
const DEFAULT_BYTES = 1 << 20;
/** What free memory is full of: somebody else's packet. */
const DIRT = 0xa5;

export type UnitBuild = 'release' | 'test';
const modules: Partial<Record<UnitBuild, WebAssembly.Module>> = {};
type Door = (...values: number[]) => number;

export class Unit {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private next = FIRST_ADDRESS;

  private constructor(
    private readonly doors: Record<string, Door>,
    memory: WebAssembly.Memory,
    private readonly end: number,
  ) {
    this.bytes = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.bytes.fill(DIRT, FIRST_ADDRESS, end);
  }

  /** What may be placed reaches to `end`; memory behind it is zero. */
  static create(build: UnitBuild = 'test', bytes = DEFAULT_BYTES, end = bytes): Unit {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
    const file = packagePath(build === 'test' ? 'build/unit.test.wasm' : 'build/unit.wasm');
    const abort = (_message: number, _file: number, line: number, column: number): void => {
      throw new Error(`assertion failed at line ${line}, column ${column}`);
    };
    const module = modules[build] ?? new WebAssembly.Module(readFileSync(file));
    modules[build] = module;
    const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } });
    return new Unit(exports as Record<string, Door>, memory, end);
  }

  /** Calls a door; the result as an unsigned number. */
  call(name: string, ...values: number[]): number {
    const door = this.doors[name];
    if (door === undefined) throw new Error(`no door ${name} in assembly/testing/`);
    return door(...values) >>> 0;
  }

  /** Takes memory at a multiple of 64, `skew` bytes further on, and fills it. Its address. */
  place(content: Uint8Array | number, skew = 0): number {
    const at = Math.ceil(this.next / 64) * 64 + skew;
    const length = typeof content === 'number' ? content : content.length;
    this.next = at + length;
    if (this.next > this.end) throw new Error('test: the memory is full');
    if (typeof content !== 'number') this.bytes.set(content, at);
    return at;
  }

  /** Takes memory for u32 numbers. Its address. */
  placeWords(words: readonly number[]): number {
    return this.place(new Uint8Array(Uint32Array.from(words).buffer));
  }

  read(at: number, length: number): Uint8Array {
    return this.bytes.slice(at, at + length);
  }

  readWords(at: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.view.getUint32(at + 4 * i, true));
  }

  /** Gives back all memory that was placed, dirty. */
  reset(): void {
    this.bytes.fill(DIRT, FIRST_ADDRESS, this.next);
    this.next = FIRST_ADDRESS;
  }
}
