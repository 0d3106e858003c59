/**
 * What a simulation writes: all frames of each port and station in both directions, what
 * hosts dropped and links lost, with the reason as a comment, and a journal with a line for
 * each of these. Nothing in it depends on the machine.
 *
 *     ports/HOST.PORT.pcapng   stations/NAME.pcapng   drops/HOST.pcapng   lost/LINK.pcapng
 *     journal.txt              summary.json
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Direction, FileBuffer, PacketRecord, PcapngWriter } from '../capture/index.js';
import { summarize } from '../frame/dissect.js';
import type { SimEvent } from './observer.js';
import type { Simulation } from './simulation.js';
import { NS_PER_SEC } from './topology.js';

const MOST_FRAME_BYTES = 1 << 18;
const STAMP_HIGH = 0x100000000;
const SECOND_DIGITS = 9;

const DIRECTIONS = {
  in: Direction.Inbound,
  out: Direction.Outbound,
  drop: Direction.Unknown,
  lost: Direction.Unknown,
};

export class SimOutputs {
  private readonly memory = Buffer.alloc(MOST_FRAME_BYTES);
  private readonly record = new PacketRecord();
  private readonly writers = new Map<string, PcapngWriter>();
  private readonly journal: FileBuffer;

  constructor(private readonly folder: string) {
    for (const name of ['ports', 'stations', 'drops', 'lost']) {
      mkdirSync(join(folder, name), { recursive: true });
    }
    this.journal = FileBuffer.create(join(folder, 'journal.txt'));
  }

  /** Takes every event of a simulation. */
  write(event: SimEvent): void {
    const { kind, where, frame, atNs, reason = '' } = event;
    const length = Math.min(frame.bytes.length, MOST_FRAME_BYTES);
    this.memory.set(frame.bytes.subarray(0, length));
    const { record } = this;
    record.length = length;
    record.originalLength = frame.bytes.length;
    record.stampLow = atNs % STAMP_HIGH;
    record.stampHigh = Math.floor(atNs / STAMP_HIGH);
    record.direction = DIRECTIONS[kind];
    record.comment = kind === 'drop' || kind === 'lost' ? `${reason} at ${where}` : '';
    this.writer(fileOf(event)).write(record);
    this.note(event);
  }

  /** Files of those that nothing happened to are there too, and empty. */
  close(simulation: Simulation, summary: unknown): void {
    for (const end of simulation.allEnds()) this.writer(endFile(end.name));
    for (const name of simulation.hosts.keys()) this.writer(join('drops', name));
    for (const name of simulation.links.keys()) this.writer(join('lost', name));
    for (const writer of this.writers.values()) writer.close();
    this.journal.close();
    writeFileSync(join(this.folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  }

  private writer(file: string): PcapngWriter {
    const open = this.writers.get(file);
    if (open !== undefined) return open;
    const buffer = FileBuffer.create(join(this.folder, `${file}.pcapng`));
    const made = new PcapngWriter(this.memory, buffer, { ports: [file.replace(/^.*\//, '')] });
    this.writers.set(file, made);
    return made;
  }

  private note({ kind, where, frame, atNs, reason }: SimEvent): void {
    const seconds = Math.floor(atNs / NS_PER_SEC);
    const fraction = String(atNs % NS_PER_SEC).padStart(SECOND_DIGITS, '0');
    const why = reason === undefined ? '' : ` ${reason}`;
    const line = `${seconds}.${fraction} ${kind} ${where}${why}: ${summarize(frame.bytes)}\n`;
    const bytes = Buffer.byteLength(line);
    const at = this.journal.reserve(bytes);
    this.journal.bytes.write(line, at);
    this.journal.commit(bytes);
  }
}

function fileOf({ kind, where }: SimEvent): string {
  if (kind === 'lost') return join('lost', where.split(' ')[0]!);
  if (kind === 'drop') return join('drops', where.split('.')[0]!);
  return endFile(where);
}

/** Names of stations have no dots. */
function endFile(name: string): string {
  return join(name.includes('.') ? 'ports' : 'stations', name);
}
