/** Live switches at the ends of an underlay, with a container each, and what is sent between. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveSwitch } from '../support/live-switch.js';
import {
  SIDES,
  type Side,
  UNDERLAY_DEVICE,
  UNDERLAY_IP,
  UNDERLAY_IP6,
  UnderlayPair,
} from '../support/underlay-pair.js';

export const VNI = 42;
export const INNER_IP: Record<Side, string> = { left: '10.0.0.1', right: '10.0.0.2' };
export const INNER_MAC: Record<Side, string> = {
  left: '02:42:0a:00:00:01',
  right: '02:42:0a:00:00:02',
};
/** Inner MTU over each family, of an underlay's 1500. */
export const INNER_MTU = { 4: 1450, 6: 1430 };
/** IP and ICMP headers of a ping. */
export const PING_BYTES = 28;
const IPERF_TRIES = 50;
const IPERF_RETRY_MS = 100;

export const other = (side: Side): Side => (side === 'left' ? 'right' : 'left');
/** Namespace of the container behind a side's switch. */
export const container = (side: Side): string => `c${side}`;

export interface EndOptions {
  kind: 'udp' | 'packet';
  isIpv6?: boolean;
  /** More keys of the overlay, as YAML. */
  overlay?: string;
  /** MTU of the container's device; default: what the overlay carries. */
  mtuBytes?: number;
  /** The tunnel end that the other container is behind; default: the other side. */
  peer?: string;
  /** Whether it is configured where the other container is; default: true. */
  isConfigured?: boolean;
  /** More ports, as YAML lines. */
  ports?: readonly string[];
}

/** The other side's address. */
function peerOf(side: Side, isIpv6: boolean): string {
  return (isIpv6 ? UNDERLAY_IP6 : UNDERLAY_IP)[other(side)];
}

export function yamlOf(pair: UnderlayPair, side: Side, options: EndOptions): string {
  const { kind, isIpv6 = false, overlay = '', isConfigured = true, ports = [] } = options;
  const peer = options.peer ?? peerOf(side, isIpv6);
  const mtuBytes = options.mtuBytes ?? INNER_MTU[isIpv6 ? 6 : 4];
  const there = other(side);
  const device = kind === 'packet' ? `, interface: ${UNDERLAY_DEVICE}` : '';
  const known = isConfigured
    ? `    fdb: [{ mac: '${INNER_MAC[there]}', dst: '${peer}' }]
    neighbours: [{ ip: ${INNER_IP[there]}, mac: '${INNER_MAC[there]}' }]
`
    : '';
  return `
ports:
  c: { kind: tap, segment: web, netns: ${pair.netns(container(side))}, device: eth0, mac: '${INNER_MAC[side]}', mtuBytes: ${mtuBytes} }
  u0: { kind: ${kind}, netns: ${pair.netns(side)}${device} }
${ports.map(line => `  ${line}\n`).join('')}underlays:
  fabric: { port: u0, addresses: [${UNDERLAY_IP[side]}/24, '${UNDERLAY_IP6[side]}/64'] }
segments:
  web:
    overlay: { vni: ${VNI}, underlay: fabric, peers: ['${peer}']${overlay === '' ? '' : `, ${overlay}`} }
${known}`;
}

/** Starts a switch, and gives its container an address. */
export async function startEnd(
  pair: UnderlayPair,
  side: Side,
  options: EndOptions,
): Promise<LiveSwitch> {
  const live = await LiveSwitch.start(yamlOf(pair, side, options));
  pair.onClose(() => live.stop());
  address(pair, side);
  return live;
}

/** Once its device is there. */
export function address(pair: UnderlayPair, side: Side): void {
  pair.ip(container(side), 'addr', 'add', `${INNER_IP[side]}/24`, 'dev', 'eth0');
}

/** Namespaces of the containers behind these sides; a packet port has its addresses alone. */
export function pairFor(
  prefix: string,
  kind: 'udp' | 'packet',
  sides: readonly Side[],
): UnderlayPair {
  const addressed = SIDES.filter(side => kind === 'udp' || !sides.includes(side));
  return new UnderlayPair(prefix, { hosts: sides.map(container), addressed });
}

/** Three pings, all answered, of `bytes` of ICMP payload, never fragmented. */
export async function ping(
  pair: UnderlayPair,
  host: string,
  to: string,
  bytes = 56,
): Promise<void> {
  const words = ['-c', '3', '-i', '0.05', '-W', '5', '-M', 'do', '-s', `${bytes}`, to];
  await pair.exec(host, 'ping', ...words);
}

/** One ping, answered or not. */
export async function isThere(pair: UnderlayPair, host: string, to: string): Promise<boolean> {
  return pair.exec(host, 'ping', '-c', '1', '-W', '1', to).then(
    () => true,
    () => false,
  );
}

interface IperfResult {
  error?: string;
  end: {
    sum_sent: { bytes: number };
    sum_received: { bytes: number };
    sum: { packets: number; lost_packets: number };
  };
}

/** An iperf3 run to `address`, whose host is `server`. */
export async function iperf(
  pair: UnderlayPair,
  client: string,
  [server, address]: readonly [string, string],
  ...args: readonly string[]
): Promise<IperfResult> {
  const child: ChildProcess = pair.spawn(server, 'iperf3', '-s', '-1', '-B', address);
  try {
    for (let tries = 0; ; tries++) {
      const json = await pair
        .exec(client, 'iperf3', '-c', address, '-J', ...args)
        .catch((error: { stdout?: string }) => error.stdout ?? '');
      const result = JSON.parse(json || '{"error":"failed"}') as IperfResult;
      if (result.error === undefined) return result;
      if (tries === IPERF_TRIES) throw new Error(`iperf3: ${result.error}`);
      await sleep(IPERF_RETRY_MS);
    }
  } finally {
    child.kill('SIGKILL');
  }
}
