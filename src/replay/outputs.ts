/**
 * What a replay writes: one pcapng a port with the frames it sent, and one with every
 * dropped frame, its reason as a comment. Times are those of the received frames.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  DROPPED_BYTES,
  Drop,
  Dropped,
  OWN_ACCORD,
  RX_BYTES,
  Region,
  Rx,
  TX_BYTES,
  Tx,
} from '../../assembly/abi.js';
import { Direction, FileBuffer, PacketRecord, PcapngWriter } from '../capture/index.js';
import type { Core } from '../core.js';

export const DROPS_FILE = 'drops.pcapng';

/** Name of the file with what a port sent. */
export function portFile(port: string): string {
  return `${port}.pcapng`;
}

export class ReplayOutputs {
  private readonly writers: (PcapngWriter | undefined)[];
  private readonly drops: PcapngWriter;
  private readonly record = new PacketRecord();
  private readonly view: DataView;
  private readonly tx: number;
  private readonly rx: number;
  private readonly dropped: number;
  private readonly stamps: number;

  /** `ports`: names by index; indexes without a port are undefined. */
  constructor(core: Core, ports: readonly (string | undefined)[], folder: string) {
    mkdirSync(folder, { recursive: true });
    const open = (file: string, names: readonly string[]): PcapngWriter =>
      new PcapngWriter(core.bytes, FileBuffer.create(join(folder, file)), { ports: names });
    this.writers = ports.map(name => (name === undefined ? name : open(portFile(name), [name])));
    this.drops = open(
      DROPS_FILE,
      ports.map((name, index) => name ?? `port ${index}`),
    );
    this.view = core.view;
    this.tx = core.region(Region.Tx);
    this.rx = core.region(Region.Rx);
    this.dropped = core.region(Region.Dropped);
    this.stamps = core.region(Region.Stamps);
  }

  /** Writes what became of the last batch. */
  writeBatch(sent: number, dropped: number): void {
    for (let i = 0; i < sent; i++) this.writeSent(this.tx + i * TX_BYTES);
    for (let i = 0; i < dropped; i++) this.writeDropped(this.dropped + i * DROPPED_BYTES);
  }

  close(): void {
    for (const writer of this.writers) writer?.close();
    this.drops.close();
  }

  private writeSent(at: number): void {
    const { record } = this;
    this.describe(at);
    record.direction = Direction.Outbound;
    record.port = 0;
    record.comment = '';
    this.writers[this.view.getUint16(at + Tx.Port, true)]?.write(record);
  }

  private writeDropped(at: number): void {
    const { record, view } = this;
    this.describe(at);
    record.port = view.getUint16(at + Dropped.Port, true);
    const isInbound = record.port === this.ingressOf(view.getUint32(at + Dropped.Origin, true));
    record.direction = isInbound ? Direction.Inbound : Direction.Outbound;
    record.comment = Drop[view.getUint16(at + Dropped.Reason, true)]!;
    this.drops.write(record);
  }

  /** Port a received frame came in by; of what waited longer than its batch nobody knows. */
  private ingressOf(origin: number): number | undefined {
    if (origin === OWN_ACCORD) return undefined;
    return this.view.getUint16(this.rx + origin * RX_BYTES + Rx.Port, true);
  }

  /**
   * Send and dropped descriptors begin alike. What the core sends of its own accord has the
   * time of the frame written before.
   */
  private describe(at: number): void {
    const { record, view } = this;
    const origin = view.getUint32(at + Tx.Origin, true);
    record.address = view.getUint32(at + Tx.Data, true);
    record.length = record.originalLength = view.getUint32(at + Tx.Length, true);
    if (origin === OWN_ACCORD) return;
    const stamp = this.stamps + 8 * origin;
    record.stampLow = view.getUint32(stamp, true);
    record.stampHigh = view.getUint32(stamp + 4, true);
  }
}
