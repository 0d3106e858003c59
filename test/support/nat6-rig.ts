/**
 * The router of nat-rig.ts with IPv6 alone: hosts fd00:1::N inside, at port 1, servers
 * 2001:db8:2::N outside, at port 2; it is ::1 of both, and fe80::1 and fe80::2. What the rigs
 * of a file have sent is kept for tshark.
 */
import * as assert from 'uvu/assert';
import { formatIp } from '../../src/frame/address.js';
import { ETHERNET, type Frame, type IpOptions, eth } from './frame.js';
import { advertisement, solicitation } from './neighbour.js';
import { IN, OUT, hostMac, serverMac } from './nat-rig.js';
import { RouterRig, expectAllClean } from './router-rig.js';
import type { Sent } from './test-switch.js';
import { INSIDE, OUTSIDE, type RigOptions, ZoneRig, natRules } from './zone-rig.js';

export { IN, OUT, expectAllClean, hostMac, serverMac };
export const ROUTER = 'fd00:1::1';
export const EXTERNAL = '2001:db8:2::1';
export const SIDES = {
  [IN]: { ...INSIDE, address: `${ROUTER}/64`, link: 'fe80::1' },
  [OUT]: { ...OUTSIDE, address: `${EXTERNAL}/64`, link: 'fe80::2' },
};
export const MASQUERADE = natRules('-A POSTROUTING -s fd00:1::/64 -o out -j MASQUERADE');
const HOSTS = [2, 3, 4];
const SERVERS = [2, 3, 0xfe];
const IPV6_BYTES = 40;
const ICMP6 = 58;
/** IPv6 extension headers that `seen` passes over: RFC 8200 §4. */
const EXTENSIONS = new Set([0, 43, 44, 60]);

export const hostIp = (n: number): string => `fd00:1::${n.toString(16)}`;
export const serverIp = (n: number): string => `2001:db8:2::${n.toString(16)}`;

/** An IPv6 frame, taken apart. */
export interface Seen {
  source: string;
  destination: string;
  protocol: number;
  hopLimit: number;
  trafficClass: number;
  /** Bytes of the IP packet. */
  total: number;
  /** Next header numbers of the extension headers, in order. */
  chain: number[];
  l4: Buffer;
  /** Of UDP and TCP; of an ICMPv6 echo the identifier, twice. */
  sourcePort: number;
  destinationPort: number;
}

/** Takes an IPv6 packet apart; also one that an ICMPv6 error quotes. */
export function seenIp(packet: Uint8Array): Seen {
  const ip = Buffer.from(packet);
  const total = IPV6_BYTES + ip.readUInt16BE(4);
  const chain: number[] = [];
  let [next, at] = [ip[6]!, IPV6_BYTES];
  while (EXTENSIONS.has(next)) {
    chain.push(next);
    const bytes = next === 44 ? 8 : (ip[at + 1]! + 1) * 8;
    next = ip[at]!;
    at += bytes;
  }
  const l4 = ip.subarray(at, total);
  const isIcmp = next === ICMP6;
  return {
    source: formatIp(ip.subarray(8, 24)),
    destination: formatIp(ip.subarray(24, 40)),
    protocol: next,
    hopLimit: ip[7]!,
    trafficClass: (ip.readUInt16BE(0) >> 4) & 0xff,
    total,
    chain,
    l4,
    sourcePort: l4.length < 8 ? 0 : l4.readUInt16BE(isIcmp ? 4 : 0),
    destinationPort: l4.length < 8 ? 0 : l4.readUInt16BE(isIcmp ? 4 : 2),
  };
}

export const seen = ({ bytes }: Pick<Sent, 'bytes'>): Seen => seenIp(bytes.subarray(ETHERNET));
/** What an ICMPv6 error quotes. */
export const quoted = (error: Seen): Seen => seenIp(error.l4.subarray(8));

/** `[source]:port>[destination]:port`. */
export function way({ source, sourcePort, destination, destinationPort }: Seen): string {
  return `[${source}]:${sourcePort}>[${destination}]:${destinationPort}`;
}

export interface Nat6Options extends RigOptions {
  /** false: frames are given damaged, so those sent may be. */
  isClean?: boolean;
}

export class Nat6Rig extends RouterRig<Seen> {
  protected see(sent: Sent): Seen {
    return seen(sent);
  }

  /** `rules`: of ip6tables. */
  static create({ rules, isClean = true, ...rest }: Nat6Options = {}): Nat6Rig {
    const zone = ZoneRig.bare(rest);
    zone.interface('in', SIDES[IN]).interface('out', SIDES[OUT]);
    zone.route('::/0', { by: 'out', gateway: serverIp(0xfe) });
    const rig = new Nat6Rig(zone, isClean);
    if (rules !== undefined) rig.rules(rules);
    return rig.settle();
  }

  rules(text: string): this {
    this.zone.rules(text, 0, 'ipv6');
    return this;
  }

  /** All stations say where they are. */
  settle(): this {
    for (const n of HOSTS) this.know(IN, hostMac(n), hostIp(n));
    for (const n of SERVERS) this.know(OUT, serverMac(n), serverIp(n));
    return this;
  }

  /** A station asks for the router, and says where it is when asked. */
  know(port: typeof IN | typeof OUT, mac: string, ip: string): this {
    const { address, mac: routerMac } = SIDES[port];
    const router = address.slice(0, address.indexOf('/'));
    this.zone.bridge.inject(port, solicitation(mac, ip, router));
    this.zone.bridge.inject(port, advertisement(mac, ip, [routerMac, router]));
    return this;
  }

  /** The one frame that leaves, leaves by the port it came from. */
  answer(port: number, frame: Frame | Uint8Array): Seen & { reasons: string[] } {
    const { sent, dropped } = this.send(port, frame);
    assert.equal(
      sent.map(({ port }) => port),
      [port],
    );
    return { ...seen(sent[0]!), reasons: dropped.map(({ reason }) => reason) };
  }
}

/** From a host to a server's address, or any other. */
export function outward(host: number, to: number | string, options: IpOptions = {}): Frame {
  const destination = typeof to === 'number' ? serverIp(to) : to;
  return eth(hostMac(host), INSIDE.mac).ipv6(hostIp(host), destination, options);
}

/** From a server to the router's external address, or another one. */
export function inward(server: number, to: string = EXTERNAL, options: IpOptions = {}): Frame {
  return eth(serverMac(server), OUTSIDE.mac).ipv6(serverIp(server), to, options);
}

/** An ICMPv6 error from a server about a packet, which it quotes: all of it, or some bytes. */
export function errorAbout(
  server: number,
  packet: Uint8Array,
  { type = 1, code = 4, rest = 0, bytes = packet.length, to = EXTERNAL } = {},
): Frame {
  return inward(server, to).icmp(type, code, rest).payload(packet.subarray(0, bytes));
}
