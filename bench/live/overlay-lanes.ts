/**
 * Overlay lanes: two hosts joined by a veth pair with all its offloads, and something that
 * tunnels between them: two sluice processes over UDP sockets, two kernel VXLAN devices, two
 * Open vSwitches. The ends of the traffic are a container's TAP of sluice, the VXLAN device
 * itself of the kernel, and the bridge's own port of Open vSwitch: each the shortest way.
 */
import { LiveSwitch } from '../../test/support/live-switch.js';
import { addKernelVxlan } from '../../test/support/kernel-vxlan.js';
import { Ovs } from '../../test/support/ovs.js';
import {
  SIDES,
  type Side,
  UNDERLAY_DEVICE,
  UNDERLAY_IP,
  UnderlayPair,
} from '../../test/support/underlay-pair.js';
import { Missing } from '../support/workload.js';
import type { End } from './traffic.js';
import { SERVER_ADDRESS } from './lanes.js';

const VNI = 42;
const INNER_MTU = 1450;
const CLIENT_ADDRESS = '10.77.0.1';
const INNER_IP: Record<Side, string> = { left: CLIENT_ADDRESS, right: SERVER_ADDRESS };
const INNER_MAC: Record<Side, string> = { left: '02:42:0a:4d:00:01', right: '02:42:0a:4d:00:02' };
const other = (side: Side): Side => (side === 'left' ? 'right' : 'left');

/** Two ends that traffic can be sent between. */
export interface OverlayLane extends End {
  close(): Promise<void>;
}

async function lane(
  pair: UnderlayPair,
  hostOf: (side: Side) => string,
  build: (side: Side) => Promise<void> | void,
): Promise<OverlayLane> {
  try {
    for (const side of SIDES) await build(side);
  } catch (error) {
    await pair.close();
    throw error;
  }
  return {
    client: pair.netns(hostOf('left')),
    server: pair.netns(hostOf('right')),
    hosts: { exec: (_, ...command) => pair.exec(hostOf('left'), ...command) },
    close: () => pair.close(),
  };
}

/** Two processes as `sluice run` runs them, with their defaults. */
export function sluiceOverlay(): Promise<OverlayLane> {
  const container = (side: Side): string => `c${side}`;
  const pair = new UnderlayPair('slu-bv-s-', { hosts: SIDES.map(container), isFinished: false });
  return lane(pair, container, async side => {
    const live = await LiveSwitch.start(yamlOf(pair, side, container(side)));
    pair.onClose(() => live.stop());
    pair.ip(container(side), 'addr', 'add', `${INNER_IP[side]}/24`, 'dev', 'eth0');
  });
}

function yamlOf(pair: UnderlayPair, side: Side, container: string): string {
  const there = other(side);
  const tap = `netns: ${pair.netns(container)}, device: eth0, mac: '${INNER_MAC[side]}'`;
  return `
ports:
  c: { kind: tap, segment: web, ${tap}, mtuBytes: ${INNER_MTU} }
  u0: { kind: udp, netns: ${pair.netns(side)} }
underlays:
  fabric: { port: u0, addresses: [${UNDERLAY_IP[side]}/24] }
segments:
  web:
    overlay: { vni: ${VNI}, underlay: fabric, peers: [${UNDERLAY_IP[there]}] }
    fdb: [{ mac: '${INNER_MAC[there]}', dst: ${UNDERLAY_IP[there]} }]
    neighbours: [{ ip: ${INNER_IP[there]}, mac: '${INNER_MAC[there]}' }]
`;
}

export function kernelOverlay(): Promise<OverlayLane> {
  const pair = new UnderlayPair('slu-bv-k-', { isFinished: false });
  return lane(
    pair,
    side => side,
    side => {
      const address = `${INNER_IP[side]}/24`;
      addKernelVxlan(pair, { side, vni: VNI, address, mac: INNER_MAC[side] });
    },
  );
}

/** The userspace datapath, with its defaults. */
export function ovsOverlay(): Promise<OverlayLane> {
  if (!Ovs.isInstalled()) throw new Missing('Open vSwitch: apt-get install openvswitch-switch');
  const pair = new UnderlayPair('slu-bv-o-', { isFinished: false, addressed: [] });
  return lane(
    pair,
    side => side,
    async side => {
      const ovs = await Ovs.start(pair.netns(side));
      pair.onClose(() => ovs.stop());
      // It takes frames from the veth with AF_PACKET and knows no unfinished ones.
      pair.finish(side, UNDERLAY_DEVICE);
      ovs.addUnderlay(UNDERLAY_DEVICE, [`${UNDERLAY_IP[side]}/24`]);
      ovs.addTunnel('vxlan', UNDERLAY_IP[other(side)], VNI);
      ovs.addHost(`${INNER_IP[side]}/24`, INNER_MAC[side], INNER_MTU);
    },
  );
}
