/** What every pair of tunnel ends must carry, and what must not be seen between them. */
import * as assert from 'uvu/assert';
import { runTool } from '../support/tools.js';
import type { UnderlayPair } from '../support/underlay-pair.js';
import { INNER_IP, INNER_MAC, PING_BYTES, iperf, ping } from './overlay-rig.js';

const TCP_BYTES = 10 << 20;
const UDP = ['-u', '-b', '20M', '-n', '1M', '-l', '1200'];

export interface Hosts {
  /** Where the addresses of INNER_IP are. */
  left: string;
  right: string;
  mtuBytes: number;
}

/** Small and full-size pings, TCP and UDP, both ways. */
export async function expectTraffic(pair: UnderlayPair, hosts: Hosts): Promise<void> {
  const { left, right, mtuBytes } = hosts;
  for (const bytes of [56, mtuBytes - PING_BYTES]) {
    await ping(pair, left, INNER_IP.right, bytes);
    await ping(pair, right, INNER_IP.left, bytes);
  }
  for (const [client, server, ip] of [
    [left, right, INNER_IP.right],
    [right, left, INNER_IP.left],
  ] as const) {
    const tcp = await iperf(pair, client, [server, ip], '-n', String(TCP_BYTES));
    assert.ok(tcp.end.sum_received.bytes >= TCP_BYTES, `TCP: ${tcp.end.sum_received.bytes} bytes`);
    const udp = await iperf(pair, client, [server, ip], ...UDP);
    assert.is(udp.end.sum.lost_packets, 0, `UDP: ${udp.end.sum.lost_packets} lost`);
  }
}

/** ARP requests of the left container that are in a capture of the underlay. */
export function requestsOnUnderlay(path: string): number {
  const filter = `vxlan && arp.opcode==1 && arp.src.hw_mac==${INNER_MAC.left}`;
  const out = runTool('tshark', ['-n', '-r', path, '-Y', filter]) ?? '';
  return out.split('\n').filter(line => line !== '').length;
}
