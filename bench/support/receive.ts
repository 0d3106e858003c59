/**
 * A core with frames in its arena as the addon leaves them: dense slots, headroom before
 * each, a descriptor for each, bursts of one port behind each other. Between two batches
 * only the words that differ are written, from a table made before.
 */
import {
  BATCH_PACKETS,
  HEADROOM_BYTES,
  PortOption,
  Region,
  RX_BYTES,
  Rx,
  SLOT_ALIGN_BYTES,
} from '../../assembly/abi.js';
import { type Sizes, Core } from '../../src/core.js';

export const FRAME_BYTES = 64;
/** Headroom and a frame of 64 bytes: 192. */
const SLOT_BYTES = HEADROOM_BYTES + SLOT_ALIGN_BYTES;
const SLOT_WORDS = SLOT_BYTES / 4;
const SEED = 0x5eed5eed5eed5eedn;

const CAPACITIES: Sizes = {
  Ports: 16,
  Segments: 4,
  VlanSegments: 1,
  Domains: 16,
  FdbEntries: 1024,
  EvictEntries: 0,
  Neighbours: 0,
  ArenaBytes: 1 << 20,
  CopyBytes: 1 << 20,
  TraceRecords: 64,
};

/** Makes a core in which ports 0 to `ports` - 1 are up, in segment 0. */
export function makeCore(ports: number, capacities: Partial<Sizes> = {}): Core {
  const core = Core.create({ ...CAPACITIES, ...capacities }, SEED);
  for (let port = 0; port < ports; port++) {
    core.configurePort(port, PortOption.Up, true);
    core.configurePort(port, PortOption.Segment, 1);
  }
  return core;
}

/** Frames of one batch in a core's arena, and the words that make others of them. */
export class Receive {
  private readonly words: Uint32Array;
  private readonly firstWord: number;
  private next = 0;

  /**
   * `template` holds the first `frameWords` words of every frame of every batch, in the
   * order received. Slot `i` came in at `portOf(i)`.
   */
  constructor(
    readonly core: Core,
    private readonly template: Uint32Array,
    private readonly frameWords: number,
    portOf: (slot: number) => number,
  ) {
    const data = core.region(Region.Arena) + HEADROOM_BYTES;
    this.words = new Uint32Array(core.bytes.buffer);
    this.firstWord = data / 4;
    for (let slot = 0; slot < BATCH_PACKETS; slot++) {
      describe(core, slot, data + slot * SLOT_BYTES, portOf(slot));
    }
  }

  get batches(): number {
    return this.template.length / this.batchWords;
  }

  private get batchWords(): number {
    return BATCH_PACKETS * this.frameWords;
  }

  /** Writes the next `batches` batches over each other. */
  refresh(batches: number): void {
    for (let i = 0; i < batches; i++) this.writeNext();
  }

  /** Writes the next `batches` batches and lets the core decide over each. */
  work(batches: number): void {
    const { core } = this;
    for (let i = 0; i < batches; i++) {
      this.writeNext();
      core.process(BATCH_PACKETS, nowMs());
    }
  }

  /** Lets the core decide over the frames that are there, `batches` times. */
  repeat(batches: number): void {
    const { core } = this;
    for (let i = 0; i < batches; i++) core.process(BATCH_PACKETS, nowMs());
  }

  /** Changes the port of every slot. */
  setPorts(portOf: (slot: number) => number): void {
    const { core } = this;
    const rx = core.region(Region.Rx) + Rx.Port;
    for (let slot = 0; slot < BATCH_PACKETS; slot++) {
      core.view.setUint16(rx + slot * RX_BYTES, portOf(slot), true);
    }
  }

  private writeNext(): void {
    const { words, template, frameWords } = this;
    let from = this.next;
    let to = this.firstWord;
    for (let slot = 0; slot < BATCH_PACKETS; slot++) {
      words[to] = template[from]!;
      words[to + 1] = template[from + 1]!;
      words[to + 2] = template[from + 2]!;
      if (frameWords === 4) words[to + 3] = template[from + 3]!;
      from += frameWords;
      to += SLOT_WORDS;
    }
    this.next = from === template.length ? 0 : from;
  }
}

/** Monotonic, as the live loop has it: entries are refreshed and swept as in service. */
export function nowMs(): number {
  return performance.now() >>> 0;
}

/** A frame of zeros but for an IPv4 ethertype, and its descriptor. */
function describe(core: Core, slot: number, data: number, port: number): void {
  core.bytes.fill(0, data, data + FRAME_BYTES);
  core.view.setUint16(data + 12, 0x0800);
  const rx = core.region(Region.Rx) + slot * RX_BYTES;
  core.view.setUint32(rx + Rx.Data, data, true);
  core.view.setUint32(rx + Rx.Length, FRAME_BYTES, true);
  core.view.setUint16(rx + Rx.Port, port, true);
  core.view.setUint16(rx + Rx.Flags, 0, true);
  core.view.setUint32(rx + Rx.Original, 0, true);
}
