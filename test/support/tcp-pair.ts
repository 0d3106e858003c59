/**
 * A TCP connection through a NatRig, both of whose ends we play: each keeps its sequence
 * numbers, and every segment must pass, translated as the first one was.
 */
import * as assert from 'uvu/assert';
import type { Frame } from './frame.js';
import {
  EXTERNAL,
  IN,
  type NatRig,
  OUT,
  hostIp,
  inward,
  outward,
  serverIp,
  way,
} from './nat-rig.js';

export type Client = 'client' | 'server';
const FLAGS: Record<string, number> = { F: 1, S: 2, R: 4, P: 8, A: 16 };
const CLIENT_FIRST = 1000;
const SERVER_FIRST = 900000;

export interface Segment {
  /** From where the sender is. */
  offset?: number;
  /** Instead of where it is. */
  sequence?: number;
  acknowledged?: number;
  /** Sent before: begins at its first number. */
  again?: boolean;
}

interface End {
  first: number;
  next: number;
}

export class TcpPair {
  /** Known from the first segment on. */
  externalPort = 0;
  private readonly ends: Record<Client, End> = {
    client: { first: CLIENT_FIRST, next: CLIENT_FIRST },
    server: { first: SERVER_FIRST, next: SERVER_FIRST },
  };

  private constructor(
    private readonly rig: NatRig,
    readonly host: number,
    readonly port: number,
    readonly service: number,
  ) {
    this.externalPort = port;
  }

  /** Two ends that have said nothing yet; the host is the client. */
  static of(rig: NatRig, { host = 2, port = 40000, service = 80 } = {}): TcpPair {
    return new TcpPair(rig, host, port, service);
  }

  /** Two ends after their handshake. */
  static open(
    rig: NatRig,
    ports: { host?: number; port?: number; service?: number } = {},
  ): TcpPair {
    return TcpPair.of(rig, ports).client('S').server('SA').client('A');
  }

  client(flags: string, payload = '', segment: Segment = {}): this {
    return this.say('client', flags, payload, segment);
  }

  server(flags: string, payload = '', segment: Segment = {}): this {
    return this.say('server', flags, payload, segment);
  }

  /** A segment that must pass, with the addresses and ports of the connection. */
  say(who: Client, flags: string, payload = '', segment: Segment = {}): this {
    const isClient = who === 'client';
    const got = this.rig.pass(isClient ? IN : OUT, this.frame(who, flags, payload, segment));
    if (isClient && flags === 'S') this.externalPort = got.sourcePort;
    const host = isClient
      ? `${EXTERNAL}:${this.externalPort}`
      : `${hostIp(this.host)}:${this.port}`;
    const server = `${serverIp(2)}:${this.service}`;
    assert.is(way(got), isClient ? `${host}>${server}` : `${server}>${host}`);
    assert.is(got.l4[13], bitsOf(flags));
    assert.is(got.l4.subarray(20).toString(), payload);
    if (segment.offset !== undefined || segment.sequence !== undefined) return this;
    const end = this.ends[who];
    const controls = /[SF]/.test(flags) ? 1 : 0;
    end.next = (segment.again === true ? end.first : end.next) + payload.length + controls;
    return this;
  }

  /** The segment, not sent. */
  frame(who: Client, flags: string, payload = '', segment: Segment = {}): Frame {
    const isClient = who === 'client';
    const end = this.ends[who];
    const from = segment.again === true ? end.first : end.next;
    const sequence = (segment.sequence ?? from + (segment.offset ?? 0)) >>> 0;
    const other = this.ends[isClient ? 'server' : 'client'].next;
    const acknowledged = segment.acknowledged ?? (flags.includes('A') ? other : 0);
    const options = { sequence, acknowledged, flags: bitsOf(flags) };
    const frame = isClient
      ? outward(this.host, 2).tcp(this.port, this.service, options)
      : inward(2).tcp(this.service, this.externalPort, options);
    return frame.payload(payload);
  }
}

function bitsOf(flags: string): number {
  return [...flags].reduce((bits, flag) => bits | FLAGS[flag]!, 0);
}
