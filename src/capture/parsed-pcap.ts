/**
 * Classic pcap (microseconds, version 2.4) out of a stream, read by `pcap-parser`.
 *
 * The parser is fed by hand with bounded pieces, one a pull, so that it neither runs ahead
 * nor copies its buffer over and over. Its records come out as little-endian pcap again,
 * byte for byte as long as the input, and go the way of a file's bytes: offsets stay true
 * and the walker checks what the parser does not. A record that claims more than
 * CAPTURE_RECORD_BYTES goes out as its header alone, to be refused; a last record that is
 * cut, which the parser passes over in silence, goes out as cut.
 */
import { EventEmitter } from 'node:events';
import parser, { type GlobalHeader, type Packet, type PacketHeader } from 'pcap-parser';
import { CAPTURE_RECORD_BYTES } from '../../assembly/capture-abi.js';
import { inPieces, type Pull } from './pull.js';

const PIECE_BYTES = 65536;
const MAGIC_US = 0xa1b2c3d4;
const RECORD_HEADER_BYTES = 16;
const LONGEST_BYTES = RECORD_HEADER_BYTES + CAPTURE_RECORD_BYTES;
/** All but one byte of a record may wait in the parser when the next piece comes. */
const OUTPUT_BYTES = PIECE_BYTES + LONGEST_BYTES;

/** The parser's input: it says what we say, when we say it. */
class Feed extends EventEmitter {
  pause(): void {}
  resume(): void {}
}

/** Runs the parser over one stream. */
class ParsedPcap {
  private readonly feed = new Feed();
  private readonly output = Buffer.alloc(OUTPUT_BYTES);
  private filled = 0;
  private inputBytes = 0;
  private outputBytes = 0;
  private waiting: PacketHeader | undefined;
  private failure: Error | undefined;
  private isRefused = false;
  private isEnded = false;

  constructor(private readonly source: Pull) {
    const parsing = parser.parse(this.feed);
    parsing.on('globalHeader', header => this.writeFileHeader(header));
    parsing.on('packetHeader', header => this.expect(header));
    parsing.on('packet', packet => this.writePacket(packet));
    parsing.on('error', error => (this.failure = error));
  }

  /** The next records; a view that the next call writes over. */
  async pull(): Promise<Buffer | undefined> {
    this.filled = 0;
    while (this.filled === 0 && !this.isEnded) await this.step();
    this.outputBytes += this.filled;
    return this.filled === 0 ? undefined : this.output.subarray(0, this.filled);
  }

  private async step(): Promise<void> {
    const piece = this.isRefused ? undefined : await this.source();
    if (piece === undefined) {
      this.isEnded = true;
      this.writeRest();
      return;
    }
    this.inputBytes += piece.length;
    this.feed.emit('data', piece);
    if (this.failure !== undefined) throw this.failure;
  }

  private writeFileHeader(header: GlobalHeader): void {
    this.putWord(MAGIC_US);
    this.filled = this.output.writeUInt16LE(header.majorVersion, this.filled);
    this.filled = this.output.writeUInt16LE(header.minorVersion, this.filled);
    this.putWord(0);
    this.putWord(0);
    this.putWord(header.snapshotLength);
    this.putWord(header.linkLayerType);
  }

  private expect(header: PacketHeader): void {
    this.waiting = header;
    this.isRefused = header.capturedLength > CAPTURE_RECORD_BYTES;
  }

  private writePacket(packet: Packet): void {
    this.waiting = undefined;
    this.putHeader(packet.header);
    this.filled += packet.data.copy(this.output, this.filled);
  }

  /** Puts a place holder where the parser holds back the start of a record. */
  private writeRest(): void {
    const restBytes = Math.min(this.inputBytes - this.outputBytes, LONGEST_BYTES);
    this.output.fill(0, 0, restBytes);
    if (this.outputBytes === 0) this.putWord(MAGIC_US);
    else if (this.waiting !== undefined) this.putHeader(this.waiting);
    this.filled = restBytes;
  }

  private putHeader(header: PacketHeader): void {
    this.putWord(header.timestampSeconds);
    this.putWord(header.timestampMicroseconds);
    this.putWord(header.capturedLength);
    this.putWord(header.originalLength);
  }

  private putWord(value: number): void {
    this.filled = this.output.writeUInt32LE(value, this.filled);
  }
}

/** The bytes of a classic pcap, little endian, each record seen by `pcap-parser`. */
export function parsedPcap(source: Pull): Pull {
  const parsed = new ParsedPcap(inPieces(source, PIECE_BYTES));
  return () => parsed.pull();
}
