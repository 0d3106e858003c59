/**
 * A test switch with one overlay: segment 0 has ports 1 and 2 and, behind tunnel port 3, VNI
 * 42 in an underlay on port 4. Ours is 10.9.0.1 (and fd09::1), peers are 10.9.0.2 and .3.
 */
import { Status } from '../../assembly/abi.js';
import { OverlayOption, UnderlayOption } from '../../assembly/overlay-abi.js';
import { parseIp } from '../../src/frame/address.js';
import { Frame, eth, macNumber } from './frame.js';
import { TestSwitch, type Outcome, type Sent, type SwitchOptions } from './test-switch.js';

export const TUNNEL = 3;
export const UNDERLAY = 4;
export const VNI = 42;
export const OUR_MAC = '02:09:00:00:00:01';
export const HOP_MAC = '02:09:00:00:00:02';
export const OURS = '10.9.0.1';
export const PEER = '10.9.0.2';
export const PEER_2 = '10.9.0.3';
export const STRANGER = '10.9.0.77';
export const OURS_6 = 'fd09::1';
export const PEER_6 = 'fd09::2';
export const VXLAN_PORT = 4789;
const OUTER_BYTES = 42;
const OUTER_6_BYTES = 62;
const VXLAN_BYTES = 8;

/** Drop reasons that only overlays know. */
export const OVERLAY_DROPS = [
  'OuterMalformed',
  'OuterChecksum',
  'FragmentLost',
  'NotOurAddress',
  'NoTunnelPort',
  'TunnelHeader',
  'TunnelReserved',
  'UnknownVni',
  'UnknownVtep',
  'WrongVtep',
  'OwnSource',
  'InnerVlan',
  'EcnCongestion',
  'SplitHorizon',
  'TooBig',
  'NoNextHop',
] as const;
export type OverlayDrop = (typeof OVERLAY_DROPS)[number];

export interface OverlayRig {
  bridge: TestSwitch;
  /** Numbers of PEER, PEER_2 and PEER_6. */
  peer: number;
  peer2: number;
  peer6: number;
}

export interface RigOptions extends SwitchOptions {
  overlay?: Partial<Record<keyof typeof OverlayOption, number>>;
  /** Next hops are known: the underlay port is one that resolves below. */
  isUdp?: boolean;
}

/** The overlay replicates to PEER and PEER_2 when asked to; MAC 0x20 is at PEER. */
export function overlayRig(options: RigOptions = {}): OverlayRig {
  const capacities = {
    Underlays: 2,
    Overlays: 4,
    Vteps: 16,
    Peers: 32,
    FloodTargets: 20,
    ...options.capacities,
  };
  const bridge = TestSwitch.create({ ports: 3, ...options, capacities });
  bridge.tunnelPorts.add(TUNNEL);
  bridge.port(TUNNEL, { Learning: 0 }).port(UNDERLAY, { Up: 1, Offload: 1 });
  underlay(bridge, options.isUdp ?? true);
  overlay(bridge, 0, { Vni: VNI, TunnelPort: TUNNEL + 1, ...options.overlay });
  const table = bridge.core.overlays;
  const numbers = [PEER, PEER_2, PEER_6].map(ip => table.insertVtep(0, parseIp(ip)!));
  const [peer, peer2, peer6] = numbers as [number, number, number];
  for (const vtep of numbers) table.allowPeer(0, vtep, true);
  [peer, peer2].forEach((vtep, place) => table.setPeer(place, vtep));
  table.configureOverlay(0, OverlayOption.PeerStart, 0);
  table.configureOverlay(0, OverlayOption.PeerCount, 2);
  remote(bridge, 0x20, peer);
  return { bridge, peer, peer2, peer6 };
}

function underlay(bridge: TestSwitch, isUdp: boolean): void {
  const table = bridge.core.overlays;
  const set = (option: UnderlayOption, value: number): void =>
    table.configureUnderlay(0, option, value);
  set(UnderlayOption.Port, UNDERLAY + 1);
  if (!isUdp) {
    set(UnderlayOption.MacLow, 0x00000902);
    set(UnderlayOption.MacHigh, 0x0100);
    set(UnderlayOption.ResolvesNextHops, 1);
  }
  set(UnderlayOption.Ipv4, 0x0a090001);
  set(UnderlayOption.Ipv4PrefixBits, 24);
  [0x09fd, 0, 0, 0x01000000].forEach((word, i) => set(UnderlayOption.Ipv6A + i, word));
  set(UnderlayOption.Ipv6PrefixBits, 64);
}

/** Configures overlay `index`; the underlay comes last. */
export function overlay(
  bridge: TestSwitch,
  index: number,
  options: Partial<Record<keyof typeof OverlayOption, number>>,
): void {
  const all = { UdpPort: VXLAN_PORT, ...options, Underlay: options.Underlay ?? 1 };
  for (const [name, value] of Object.entries(all)) {
    const option = OverlayOption[name as keyof typeof OverlayOption];
    bridge.core.overlays.configureOverlay(index, option, value);
  }
}

/** Says that a MAC address is behind a VTEP. */
export function remote(bridge: TestSwitch, mac: number | string, vtep: number, domain = 1): void {
  const port = bridge.core.overlays.placeOf(vtep);
  const status = bridge.core.fdbInsert({ mac: macNumber(mac), domain, port, kind: 1 });
  if (status !== Status.Ok) throw new Error(`fdbInsert: ${Status[status]}`);
}

export interface OuterOptions {
  from?: string;
  to?: string;
  vni?: number;
  udpPort?: number;
  sourcePort?: number;
  /** Both words of the VXLAN header instead. */
  header?: string;
}

/** `inner` in VXLAN, as PEER sends it to us; the UDP checksum is there and right. */
export function vxlan(inner: Frame | Uint8Array, options: OuterOptions = {}): Frame {
  const { from = PEER, to = OURS, vni = VNI, udpPort = VXLAN_PORT } = options;
  const header = options.header ?? `08000000${vni.toString(16).padStart(6, '0')}00`;
  const bytes = inner instanceof Frame ? inner.bytes() : inner;
  const payload = Buffer.concat([Buffer.from(header, 'hex'), bytes]);
  const outer = eth(HOP_MAC, OUR_MAC);
  const isIpv6 = from.includes(':');
  const packet = isIpv6 ? outer.ipv6(from, to) : outer.ipv4(from, to);
  return packet.udp(options.sourcePort ?? 50000, udpPort).payload(payload);
}

export interface Opened {
  destination: string;
  source: string;
  ttl: number;
  tos: number;
  isDf: boolean;
  sourcePort: number;
  udpPort: number;
  udpChecksum: number;
  vni: number;
  inner: Uint8Array;
  bytes: Uint8Array;
}

/** Takes a frame of ours apart; lengths must agree. */
export function open({ bytes }: Pick<Sent, 'bytes'>): Opened {
  const b = Buffer.from(bytes);
  const isIpv6 = b.readUInt16BE(12) === 0x86dd;
  const udp = (isIpv6 ? OUTER_6_BYTES : OUTER_BYTES) - 8;
  const ipBytes = isIpv6 ? b.readUInt16BE(18) + 40 : b.readUInt16BE(16);
  if (ipBytes !== b.length - 14) throw new Error(`IP length ${ipBytes} of ${b.length - 14}`);
  const udpBytes = b.readUInt16BE(udp + 4);
  if (udpBytes !== b.length - udp) throw new Error(`UDP length ${udpBytes} of ${b.length - udp}`);
  const address = (at: number): string =>
    isIpv6 ? b.subarray(at, at + 16).toString('hex') : [...b.subarray(at, at + 4)].join('.');
  return {
    source: address(isIpv6 ? 22 : 26),
    destination: address(isIpv6 ? 38 : 30),
    ttl: b[isIpv6 ? 21 : 22]!,
    tos: isIpv6 ? (b.readUInt16BE(14) >> 4) & 0xff : b[15]!,
    isDf: !isIpv6 && (b[20]! & 0x40) !== 0,
    sourcePort: b.readUInt16BE(udp),
    udpPort: b.readUInt16BE(udp + 2),
    udpChecksum: b.readUInt16BE(udp + 6),
    vni: b.readUInt32BE(udp + 12) >>> 8,
    inner: bytes.subarray(udp + 8 + VXLAN_BYTES),
    bytes,
  };
}

/** Lets the underlay learn that every next hop on its link is at HOP_MAC. */
export function answerHops(bridge: TestSwitch, ips = [PEER, PEER_2]): Outcome[] {
  return ips.map(ip => bridge.inject(UNDERLAY, arpReply(ip)));
}

function arpReply(ip: string): Uint8Array {
  const bytes = Buffer.alloc(42);
  Buffer.from('020900000001' + '020900000002' + '08060001080006040002', 'hex').copy(bytes);
  Buffer.from('020900000002', 'hex').copy(bytes, 22);
  Buffer.from(ip.split('.').map(Number)).copy(bytes, 28);
  Buffer.from('020900000001' + '0a090001', 'hex').copy(bytes, 32);
  return Uint8Array.from(bytes);
}
