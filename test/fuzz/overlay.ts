/**
 * An overlay in a fuzzed switch: segment 0 behind a tunnel port, VXLAN or Geneve, over an
 * underlay of both families; and random operations on it.
 */
import { Status } from '../../assembly/abi.js';
import { Encap, OverlayOption, UnderlayOption } from '../../assembly/overlay-abi.js';
import { parseIp } from '../../src/frame/address.js';
import { macNumber } from '../support/frame.js';
import { HOSTS, PORTS, pick, type Random } from '../support/random-switch.js';
import type { TestSwitch } from '../support/test-switch.js';

export const UNDERLAY = PORTS + 1;
export const TUNNEL = PORTS + 2;
export const OURS = '10.9.0.1';
export const OURS_6 = 'fd09::1';
export const PEERS = ['10.9.0.2', '10.9.0.3', 'fd09::2', '10.8.0.2'];
export const STRANGER = '10.9.0.77';
export const GATEWAY = '10.9.0.254';
/** Capacities, besides. */
export const OVERLAY_SIZES = { Underlays: 1, Overlays: 2, Vteps: 8, Peers: 16, FloodTargets: 20 };
const MAC_LOW = 0x00000902;
const MAC_HIGH = 0x0100;
export const OUR_MAC = '02:09:00:00:00:01';

export interface FuzzOverlay {
  encapsulation: 'vxlan' | 'geneve';
  udpPort: number;
  vni: number;
}

/** Options that change at any time, and values from which one is drawn. */
const CHANGES: [OverlayOption, number[]][] = [
  [OverlayOption.Bum, [0, 1]],
  [OverlayOption.UnknownVteps, [0, 1]],
  [OverlayOption.Ttl, [0, 1, 64, 255]],
  [OverlayOption.Tos, [0, 0xb8, 0x100]],
  [OverlayOption.Df, [0, 1, 2]],
  [OverlayOption.Checksum, [0, 1, 2]],
  [OverlayOption.StrictFlags, [0, 1]],
  [OverlayOption.InnerVlan, [0, 1, 2]],
  [OverlayOption.Symmetric, [0, 1]],
  [OverlayOption.MssClamp, [0, 1]],
  [OverlayOption.MtuBytes, [0, 68, 500, 1450]],
];

export function newOverlay(random: Random): FuzzOverlay {
  const isGeneve = random(3) === 0;
  return {
    encapsulation: isGeneve ? 'geneve' : 'vxlan',
    udpPort: isGeneve ? 6081 : 4789,
    vni: random(2 ** 24),
  };
}

/** Writes it into the core. */
export function makeOverlay(random: Random, to: TestSwitch, overlay: FuzzOverlay): void {
  to.port(UNDERLAY, { Up: 1, Offload: random(2) });
  to.port(TUNNEL, { Segment: 1, Up: 1, Learning: random(2), Offload: 1 });
  configureUnderlay(random, to);
  const table = to.core.overlays;
  const set = (option: OverlayOption, value: number): void =>
    table.configureOverlay(0, option, value);
  set(OverlayOption.UdpPort, overlay.udpPort);
  set(OverlayOption.Encap, overlay.encapsulation === 'geneve' ? Encap.Geneve : Encap.Vxlan);
  set(OverlayOption.Vni, overlay.vni);
  set(OverlayOption.TunnelPort, TUNNEL + 1);
  set(OverlayOption.Underlay, 1);
  PEERS.forEach((ip, place) => {
    const vtep = table.insertVtep(0, parseIp(ip)!);
    table.allowPeer(0, vtep, true);
    table.setPeer(place, vtep);
  });
  set(OverlayOption.PeerStart, 0);
  set(OverlayOption.PeerCount, PEERS.length);
  for (const [option, values] of CHANGES) set(option, pick(random, values));
}

function configureUnderlay(random: Random, to: TestSwitch): void {
  const set = (option: UnderlayOption, value: number): void =>
    to.core.overlays.configureUnderlay(0, option, value);
  set(UnderlayOption.Port, UNDERLAY + 1);
  set(UnderlayOption.MacLow, MAC_LOW);
  set(UnderlayOption.MacHigh, MAC_HIGH);
  set(UnderlayOption.ResolvesNextHops, random(2));
  set(UnderlayOption.MtuBytes, pick(random, [1500, 1500, 600, 9000]));
  set(UnderlayOption.Ipv4, 0x0a090001);
  set(UnderlayOption.Ipv4PrefixBits, 24);
  set(UnderlayOption.Ipv4Gateway, 0x0a0900fe);
  [0x09fd, 0, 0, 0x01000000].forEach((word, i) => set(UnderlayOption.Ipv6A + i, word));
  set(UnderlayOption.Ipv6PrefixBits, 64);
}

/** One operation on the overlay, sound or not. */
export function changeOverlay(random: Random, to: TestSwitch): void {
  const table = to.core.overlays;
  const [option, values] = pick(random, CHANGES);
  const what = random(8);
  if (what < 4) table.configureOverlay(0, option, pick(random, values));
  else if (what === 4) table.insertVtep(0, parseIp(pick(random, PEERS))!, random(2) * 600);
  else if (what === 5) placeAtVtep(random, to);
  else if (what === 6) to.port(TUNNEL, { Up: Number(random(4) !== 0) });
  else to.port(UNDERLAY, { Up: Number(random(4) !== 0), Offload: random(2) });
}

function placeAtVtep(random: Random, to: TestSwitch): void {
  const port = to.core.overlays.placeOf(1 + random(PEERS.length));
  const mac = macNumber(1 + random(HOSTS));
  const status = to.core.fdbInsert({ mac, domain: 1 + random(10), port, kind: random(2) });
  if (status !== Status.Ok && status !== Status.Full) throw new Error(`fdb: ${Status[status]}`);
}
