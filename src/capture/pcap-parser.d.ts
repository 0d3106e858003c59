declare module 'pcap-parser' {
  import type { EventEmitter } from 'node:events';

  /** What a parser needs of its input. */
  export interface ParserInput extends EventEmitter {
    pause(): unknown;
    resume(): unknown;
  }

  export interface GlobalHeader {
    majorVersion: number;
    minorVersion: number;
    snapshotLength: number;
    linkLayerType: number;
  }

  export interface PacketHeader {
    timestampSeconds: number;
    timestampMicroseconds: number;
    capturedLength: number;
    originalLength: number;
  }

  export interface Packet {
    header: PacketHeader;
    data: Buffer;
  }

  export interface Parser extends EventEmitter {
    on(event: 'globalHeader', listener: (header: GlobalHeader) => void): this;
    on(event: 'packetHeader', listener: (header: PacketHeader) => void): this;
    on(event: 'packet', listener: (packet: Packet) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'end', listener: () => void): this;
  }

  const parser: { parse(input: ParserInput | string): Parser };
  export default parser;
}
