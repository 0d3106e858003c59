/**
 * ARP (RFC 826) and neighbour discovery (RFC 4861) of a station: it answers for its own
 * addresses, and asks for others before it sends to them: three times, a second apart, as
 * Linux does. Answers are believed for the length of the simulation, and the last counts.
 */
import { formatIp } from '../frame/address.js';
import { arpPacket, icmpMessage, ipPacket } from './build.js';
import { ICMP6, TYPE_ARP, TYPE_IPV6, u16 } from './frame.js';
import { type Arrived, type StationIo, isSame } from './station-io.js';

const REQUEST = 1;
const REPLY = 2;
const ARP_BYTES = 28;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
const SOURCE_OPTION = 1;
const TARGET_OPTION = 2;
const SOLICITED_OVERRIDE = 0x60;
const HOP_LIMIT = 255; // RFC 4861 §7.1.1
const TARGET_AT = 8;
const OPTION_AT = 24;
const SOLICITATION_BYTES = 24;

const ATTEMPTS = 3;
const RETRY_NS = 1e9;
/** Packets that wait for one answer; Linux keeps as many bytes. */
const MOST_PENDING = 100;

const NOBODY = new Uint8Array(6);
const BROADCAST = new Uint8Array(6).fill(0xff);

export class StationNeighbours {
  private readonly known = new Map<string, Uint8Array>();
  private readonly pending = new Map<string, ((mac: Uint8Array) => void)[]>();
  /** Packets given up, for no answer came or too many waited. */
  unresolved = 0;

  constructor(private readonly io: StationIo) {}

  /** Calls `found` with the MAC address of an IP address, at once or when it is known. */
  resolve(ip: Uint8Array, found: (mac: Uint8Array) => void): void {
    const key = formatIp(ip);
    const mac = this.known.get(key);
    if (mac !== undefined) return found(mac);
    const waiting = this.pending.get(key);
    if (waiting === undefined) {
      this.pending.set(key, [found]);
      return this.ask(ip, ATTEMPTS);
    }
    if (waiting.length < MOST_PENDING) waiting.push(found);
    else this.unresolved++;
  }

  /** An ARP packet: `payload` begins behind Ethernet. */
  arp(payload: Uint8Array): void {
    if (payload.length < ARP_BYTES) return;
    const sender = { mac: payload.slice(8, 14), ip: payload.slice(14, 18) };
    const target = payload.subarray(24, 28);
    if (!this.isOwn(target)) return;
    this.learn(sender.ip, sender.mac);
    if (u16(payload, 6) !== REQUEST) return;
    const own = { mac: this.io.mac, ip: target };
    this.io.sendTo(sender.mac, TYPE_ARP, arpPacket(REPLY, own, sender));
  }

  /** A solicitation or an advertisement. False: the message is something else. */
  discovery({ ip, l4 }: Arrived): boolean {
    const type = l4[0];
    if (type !== SOLICITATION && type !== ADVERTISEMENT) return false;
    if (l4.length < SOLICITATION_BYTES) return true;
    const target = l4.slice(TARGET_AT, OPTION_AT);
    const wanted = type === SOLICITATION ? SOURCE_OPTION : TARGET_OPTION;
    const mac = l4[OPTION_AT] === wanted ? l4.slice(OPTION_AT + 2, OPTION_AT + 8) : undefined;
    if (type === ADVERTISEMENT) {
      if (mac !== undefined) this.learn(target, mac);
      return true;
    }
    if (mac === undefined || !this.isOwn(target)) return true;
    this.learn(ip.from, mac);
    const body = discoveryBody(SOLICITED_OVERRIDE, target, TARGET_OPTION, this.io.mac);
    this.sendDiscovery(mac, { from: target, to: Uint8Array.from(ip.from) }, ADVERTISEMENT, body);
    return true;
  }

  private ask(ip: Uint8Array, attempts: number): void {
    const key = formatIp(ip);
    const waiting = this.pending.get(key);
    if (waiting === undefined) return;
    const own = this.io.ips.find(({ length }) => length === ip.length);
    if (attempts === 0 || own === undefined) {
      this.unresolved += waiting.length;
      this.pending.delete(key);
      return;
    }
    if (ip.length === 4) this.askArp(own, ip);
    else this.askDiscovery(own, ip);
    this.io.after(RETRY_NS, () => this.ask(ip, attempts - 1));
  }

  private askArp(own: Uint8Array, ip: Uint8Array): void {
    const sender = { mac: this.io.mac, ip: own };
    this.io.sendTo(BROADCAST, TYPE_ARP, arpPacket(REQUEST, sender, { mac: NOBODY, ip }));
  }

  /** RFC 4291 §2.7.1 and RFC 2464 §7: to the solicited-node group. */
  private askDiscovery(own: Uint8Array, ip: Uint8Array): void {
    const last = ip.subarray(13);
    const group = Uint8Array.from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...last]);
    const mac = Uint8Array.from([0x33, 0x33, 0xff, ...last]);
    const body = discoveryBody(0, ip, SOURCE_OPTION, this.io.mac);
    this.sendDiscovery(mac, { from: own, to: group }, SOLICITATION, body);
  }

  private sendDiscovery(
    mac: Uint8Array,
    ends: { from: Uint8Array; to: Uint8Array },
    type: number,
    body: Uint8Array,
  ): void {
    const message = icmpMessage(ends, { type, code: 0 }, body);
    this.io.sendTo(mac, TYPE_IPV6, ipPacket(ends, ICMP6, message, { ttl: HOP_LIMIT }));
  }

  private learn(ip: Uint8Array, mac: Uint8Array): void {
    const key = formatIp(ip);
    this.known.set(key, Uint8Array.from(mac));
    const waiting = this.pending.get(key) ?? [];
    this.pending.delete(key);
    for (const found of waiting) found(mac);
  }

  private isOwn(ip: Uint8Array): boolean {
    return this.io.ips.some(own => isSame(own, ip));
  }
}

/** What follows the checksum: flags, the target, one option with a MAC address. */
function discoveryBody(flags: number, target: Uint8Array, option: number, mac: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([flags, 0, 0, 0]), target, Buffer.from([option, 1]), mac]);
}
