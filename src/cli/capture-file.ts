/** A pcapng file of a live capture: one interface a port. */
import type { FrameView } from '../api/views.js';
import { Direction, FileBuffer, PacketRecord, PcapngWriter } from '../capture/index.js';

const MAX_FRAME_BYTES = 1 << 17;
const WORD_BITS = 32n;
const WORD_MASK = 0xffffffffn;
/** Interface of frames whose port is no more, or came after the capture had begun. */
const OTHER = '(other)';

const DIRECTIONS = {
  rx: Direction.Inbound,
  tx: Direction.Outbound,
  drop: Direction.Unknown,
};

export class CaptureFile {
  private readonly memory = Buffer.alloc(MAX_FRAME_BYTES);
  private readonly record = new PacketRecord();
  private readonly ports: string[];
  private readonly writer: PcapngWriter;

  /** Makes the file, or empties it; `-` is standard output. */
  constructor(path: string, ports: readonly string[]) {
    this.ports = [...ports, OTHER];
    const file = FileBuffer.create(path === '-' ? '/dev/stdout' : path);
    this.writer = new PcapngWriter(this.memory, file, { ports: this.ports });
    this.writer.flush();
  }

  /** What is written is in the file at once, so that others can follow it. */
  write(frame: FrameView): void {
    const { record } = this;
    const stamp = BigInt(frame.stampNs);
    const index = this.ports.indexOf(frame.port ?? OTHER);
    record.length = this.memory.write(frame.data, 'base64');
    record.originalLength = frame.lengthBytes;
    record.port = index < 0 ? this.ports.length - 1 : index;
    record.stampLow = Number(stamp & WORD_MASK);
    record.stampHigh = Number(stamp >> WORD_BITS);
    record.direction = DIRECTIONS[frame.direction];
    record.comment = frame.reason ?? '';
    this.writer.write(record);
    this.writer.flush();
  }

  close(): void {
    this.writer.close();
  }
}
