/** Builds ARP and neighbour discovery messages for tests, byte by byte. */
import * as assert from 'uvu/assert';
import { Status } from '../../assembly/abi.js';
import { parseIp } from '../../src/frame/address.js';
import { slowChecksum, slowSum } from './checksum.js';
import { BROADCAST, type Frame, eth, mac, macNumber } from './frame.js';
import type { TestSwitch } from './test-switch.js';

export type Mac = string | number;

export interface ArpFields {
  hardware?: number;
  protocol?: number;
  lengths?: number;
  operation?: number;
  sender: [mac: Mac, ip: string];
  target: [mac: Mac, ip: string];
}

const ZERO_MAC = '00:00:00:00:00:00';
const ICMP6 = 58;

function u16(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap(value => [value >> 8, value & 0xff]));
}

/** RFC 826: the 28 bytes behind the Ethernet header. */
export function arp(fields: ArpFields): Uint8Array {
  const { hardware = 1, protocol = 0x0800, lengths = 0x0604, operation = 1 } = fields;
  const address = ([of, ip]: [Mac, string]): Uint8Array[] => [mac(of), parseIp(ip)!];
  return Buffer.concat([
    u16(hardware, protocol, lengths, operation),
    ...address(fields.sender),
    ...address(fields.target),
  ]);
}

/** A broadcast request of `asker` at `ip` for `target`. */
export function request(asker: Mac, ip: string, target: string): Frame {
  const bytes = arp({ sender: [asker, ip], target: [ZERO_MAC, target] });
  return eth(asker, BROADCAST).type(0x0806).payload(bytes);
}

/** The answer to it that `owner` would give. */
export function reply(owner: Mac, ip: string, asker: Mac, askerIp: string): Frame {
  const bytes = arp({ operation: 2, sender: [owner, ip], target: [asker, askerIp] });
  return eth(owner, asker).type(0x0806).payload(bytes);
}

export interface NdFields {
  source: string;
  destination: string;
  target: string;
  type?: number;
  code?: number;
  flags?: number;
  options?: Uint8Array;
  hopLimit?: number;
  nextHeader?: number;
  /** Added to the right checksum. */
  wrong?: number;
}

/** RFC 4861 §4.3, §4.4: everything behind the Ethernet header. */
export function nd(fields: NdFields): Uint8Array {
  const { type = 135, code = 0, flags = 0, hopLimit = 255, nextHeader = ICMP6, wrong = 0 } = fields;
  const options = fields.options ?? new Uint8Array();
  const message = Buffer.concat([
    Uint8Array.of(type, code, 0, 0, flags, 0, 0, 0),
    parseIp(fields.target)!,
    options,
  ]);
  const addresses = Buffer.concat([parseIp(fields.source)!, parseIp(fields.destination)!]);
  const pseudo = slowSum(u16(message.length, ICMP6), slowSum(addresses));
  message.writeUInt16BE((slowChecksum(message, pseudo) + wrong) & 0xffff, 2);
  const head = Uint8Array.of(0x60, 0, 0, 0, message.length >> 8, message.length & 0xff);
  return Buffer.concat([head, Uint8Array.of(nextHeader, hopLimit), addresses, message]);
}

/** Source (1) or target (2) link-layer address, RFC 4861 §4.6.1. */
export function linkOption(type: 1 | 2, of: Mac): Uint8Array {
  return Buffer.concat([Uint8Array.of(type, 1), mac(of)]);
}

/** The solicited-node group of an address, RFC 4291 §2.7.1, and its MAC, RFC 2464 §7. */
export function solicitedNode(ip: string): { ip: string; mac: string } {
  const [a, b, c] = parseIp(ip)!.slice(13);
  const digits = [a!, b!, c!].map(byte => byte.toString(16).padStart(2, '0'));
  const [x, y, z] = digits;
  return { ip: `ff02::1:ff${x}:${y}${z}`, mac: `33:33:ff:${x}:${y}:${z}` };
}

/** A multicast solicitation of `asker` at `ip` for `target`; `changes` spoil it. */
export function solicitation(
  asker: Mac,
  ip: string,
  target: string,
  changes: Partial<NdFields> = {},
): Frame {
  const group = solicitedNode(target);
  const options = linkOption(1, asker);
  const bytes = nd({ source: ip, destination: group.ip, target, options, ...changes });
  return eth(asker, group.mac).type(0x86dd).payload(bytes);
}

/** The answer to it that `owner` would give, with flags S and O, and R of a router. */
export function advertisement(
  owner: Mac,
  ip: string,
  [asker, askerIp]: [Mac, string],
  isRouter = false,
): Frame {
  const options = linkOption(2, owner);
  const flags = isRouter ? 0xe0 : 0x60;
  const bytes = nd({ source: ip, destination: askerIp, target: ip, type: 136, flags, options });
  return eth(owner, asker).type(0x86dd).payload(bytes);
}

/** Configures a neighbour. */
export function know(
  bridge: TestSwitch,
  ip: string,
  owner: Mac,
  { domain = 1, isRouter = false } = {},
): void {
  const entry = { ip: parseIp(ip)!, domain, mac: macNumber(owner), isRouter };
  assert.is(bridge.core.neighbours.insert(entry), Status.Ok);
}
