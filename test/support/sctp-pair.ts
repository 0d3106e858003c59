/** An SCTP association through a NatRig, both of whose ends we play. */
import type { Frame } from './frame.js';
import { IN, type NatRig, OUT, inward, outward } from './nat-rig.js';
import { type ChunkName, type ChunkOptions, chunk, sctp } from './sctp.js';
import type { Client } from './tcp-pair.js';

/** Tags that packets to either end must carry. */
export const TAGS = { client: 0x11111111, server: 0x22222222 } as const;
const PORTS = { client: 40000, server: 7777 };

export interface SctpOptions extends ChunkOptions {
  /** Instead of the right one. */
  tag?: number;
}

export class SctpPair {
  private constructor(private readonly rig: NatRig) {}

  /** Two ends that have said nothing yet; the host is the client. */
  static of(rig: NatRig): SctpPair {
    return new SctpPair(rig);
  }

  /** Lets two ends associate. */
  static open(pair: SctpPair): SctpPair {
    return pair.client('init').server('initAck').client('cookieEcho').server('cookieAck');
  }

  client(name: ChunkName, options: SctpOptions = {}): this {
    this.rig.pass(IN, this.frame('client', name, options));
    return this;
  }

  server(name: ChunkName, options: SctpOptions = {}): this {
    this.rig.pass(OUT, this.frame('server', name, options));
    return this;
  }

  /** A packet of one chunk, not sent. */
  frame(who: Client, name: ChunkName, { tag, ...more }: SctpOptions = {}): Frame {
    const isClient = who === 'client';
    const right = name === 'init' ? 0 : TAGS[isClient ? 'server' : 'client'];
    const ports = isClient
      ? ([PORTS.client, PORTS.server] as const)
      : ([PORTS.server, PORTS.client] as const);
    const made = chunk(name, { initiateTag: TAGS[who], ...more });
    return sctp(isClient ? outward(2, 2) : inward(2), ports, tag ?? right, made);
  }
}
