/**
 * The router of conformance §A4 with its stations known: hosts 10.0.1.N inside, at port 1,
 * servers 203.0.113.N outside, at port 2.
 */
import * as assert from 'uvu/assert';
import { type FlowProfile, ZoneOption } from '../../assembly/zone-abi.js';
import { ETHERNET, Frame, type Ipv4Options, eth } from './frame.js';
import { IN, OUT, RouterRig, expectAllClean } from './router-rig.js';
import type { Sent } from './test-switch.js';
import { INSIDE, MASQUERADE, OUTSIDE, type RigOptions, ZoneRig } from './zone-rig.js';

export { IN, OUT, expectAllClean };
export const EXTERNAL = '203.0.113.1';
const HOSTS = [2, 3, 4, 8, 9];
const SERVERS = [2, 3, 254];

export const hostIp = (n: number): string => `10.0.1.${n}`;
export const serverIp = (n: number): string => `203.0.113.${n}`;
export const hostMac = (n: number): string => `02:00:00:00:01:${hexByte(n)}`;
export const serverMac = (n: number): string => `02:00:00:00:02:${hexByte(n)}`;
const hexByte = (n: number): string => n.toString(16).padStart(2, '0');

/** An IPv4 frame, taken apart. */
export interface Seen {
  source: string;
  destination: string;
  protocol: number;
  ttl: number;
  id: number;
  isDf: boolean;
  /** Bytes of the IP packet. */
  total: number;
  /** Layer 4, with its header. */
  l4: Buffer;
  /** Of UDP and TCP; of an ICMP query the identifier, twice. */
  sourcePort: number;
  destinationPort: number;
}

/** Takes an IPv4 packet apart; also one that an ICMP error quotes. */
export function seenIp(packet: Uint8Array): Seen {
  const ip = Buffer.from(packet);
  const l4 = ip.subarray((ip[0]! & 0xf) * 4, ip.readUInt16BE(2));
  const isIcmp = ip[9] === 1;
  return {
    source: ip.subarray(12, 16).join('.'),
    destination: ip.subarray(16, 20).join('.'),
    protocol: ip[9]!,
    ttl: ip[8]!,
    id: ip.readUInt16BE(4),
    isDf: (ip[6]! & 0x40) !== 0,
    total: ip.readUInt16BE(2),
    l4,
    sourcePort: l4.length < 8 ? 0 : l4.readUInt16BE(isIcmp ? 4 : 0),
    destinationPort: l4.length < 8 ? 0 : l4.readUInt16BE(isIcmp ? 4 : 2),
  };
}

export const seen = ({ bytes }: Pick<Sent, 'bytes'>): Seen => seenIp(bytes.subarray(ETHERNET));
/** What an ICMP error quotes. */
export const quoted = (error: Seen): Seen => seenIp(error.l4.subarray(8));

/** `source:port>destination:port`. */
export function way({ source, sourcePort, destination, destinationPort }: Seen): string {
  return `${source}:${sourcePort}>${destination}:${destinationPort}`;
}

export interface NatOptions extends RigOptions {
  profile?: FlowProfile;
  /** false: frames are given damaged, so those sent may be. */
  isClean?: boolean;
}

export class NatRig extends RouterRig<Seen> {
  static create({ profile, isClean = true, rules = MASQUERADE, ...rest }: NatOptions = {}): NatRig {
    const rig = new NatRig(ZoneRig.router({ rules, ...rest }), isClean);
    if (profile !== undefined) rig.configure(ZoneOption.Profile, profile);
    return rig.settle();
  }

  protected see(sent: Sent): Seen {
    return seen(sent);
  }

  /** All stations say where they are. */
  settle(): this {
    for (const n of HOSTS) this.zone.settle(IN, hostMac(n), hostIp(n));
    for (const n of SERVERS) this.zone.settle(OUT, serverMac(n), serverIp(n));
    return this;
  }

  /** Lets time pass; stations are known afterwards, however long it was. */
  wait(ms: number): this {
    this.zone.bridge.nowMs += ms;
    return this.settle();
  }

  /** Nothing leaves by the outside; the one frame that leaves, leaves by the inside. */
  turnedBack(frame: Frame | Uint8Array): Seen {
    const { sent } = this.send(IN, frame);
    assert.equal(
      sent.map(({ port }) => port),
      [IN],
    );
    return seen(sent[0]!);
  }
}

/** From a host to a server's address, or any other. */
export function outward(host: number, to: number | string, options: Ipv4Options = {}): Frame {
  const destination = typeof to === 'number' ? serverIp(to) : to;
  return eth(hostMac(host), INSIDE.mac).ipv4(hostIp(host), destination, options);
}

/** From a server to the router's external address, or another one. */
export function inward(server: number, to: string = EXTERNAL, options: Ipv4Options = {}): Frame {
  return eth(serverMac(server), OUTSIDE.mac).ipv4(serverIp(server), to, options);
}

/** An ICMP error from a server about a packet, which it quotes: all of it, or `bytes` of it. */
export function errorAbout(
  server: number,
  packet: Uint8Array,
  { type = 3, code = 3, rest = 0, bytes = packet.length } = {},
): Frame {
  return inward(server).icmp(type, code, rest).payload(packet.subarray(0, bytes));
}

/** The IP packet in a frame. */
export const ipOf = (frame: Frame | Uint8Array): Uint8Array =>
  (frame instanceof Frame ? frame.bytes() : frame).subarray(ETHERNET);
