/** VXLAN devices of the kernel, as peers. Its Geneve is not in every kernel: OVS is. */
import {
  UNDERLAY_DEVICE,
  UNDERLAY_IP,
  UNDERLAY_IP6,
  type Side,
  type UnderlayPair,
} from './underlay-pair.js';

export const VXLAN_DEVICE = 'vx';

export interface KernelVxlan {
  side: Side;
  vni: number;
  /** Of the device, with its prefix. */
  address: string;
  mac: string;
  isIpv6?: boolean;
  mtuBytes?: number;
  /** More words of `ip link add … type vxlan`. */
  options?: readonly string[];
}

const OVERHEAD_BYTES = { 4: 50, 6: 70 };

/** Makes a device without learning whose every frame to somebody unknown goes to the peer. */
export function addKernelVxlan(pair: UnderlayPair, vxlan: KernelVxlan): void {
  const { side, vni, address, mac, isIpv6 = false, options = [] } = vxlan;
  const addresses = isIpv6 ? UNDERLAY_IP6 : UNDERLAY_IP;
  const peer = addresses[side === 'left' ? 'right' : 'left'];
  const mtuBytes = vxlan.mtuBytes ?? 1500 - OVERHEAD_BYTES[isIpv6 ? 6 : 4];
  const tunnel = ['id', `${vni}`, 'dstport', '4789', 'local', addresses[side], 'nolearning'];
  const device = ['dev', UNDERLAY_DEVICE, ...options];
  const link = ['link', 'add', VXLAN_DEVICE, 'address', mac, 'mtu', `${mtuBytes}`];
  pair.ip(side, ...link, 'type', 'vxlan', ...tunnel, ...device);
  sendTo(pair, side, '00:00:00:00:00:00', peer);
  pair.ip(side, 'addr', 'add', address, 'dev', VXLAN_DEVICE);
  pair.ip(side, 'link', 'set', VXLAN_DEVICE, 'up');
}

/** Says that a MAC address (all zero: any) is behind a tunnel end. */
export function sendTo(pair: UnderlayPair, side: Side, mac: string, ip: string): void {
  const entry = ['fdb', 'append', mac, 'dev', VXLAN_DEVICE, 'dst', ip];
  pair.run(side, 'bridge', ...entry);
}
