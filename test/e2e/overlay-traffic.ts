/** What every pair of tunnel ends must carry, and what must not be seen between them. */
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { runTool } from '../support/tools.js';
import type { UnderlayPair } from '../support/underlay-pair.js';
import { INNER_IP, INNER_MAC, PING_BYTES, iperf, ping } from './overlay-rig.js';

/** Enough for segmentation requests both ways, little enough for tshark to look at. */
const TCP_BYTES = 1 << 20;
const UDP = ['-u', '-b', '4M', '-n', '200K', '-l', '1200'];

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
    assert.ok(tcp.end.sum_sent.bytes >= TCP_BYTES, `TCP: ${tcp.end.sum_sent.bytes} bytes`);
    const udp = await iperf(pair, client, [server, ip], ...UDP);
    assert.is(udp.end.sum.lost_packets, 0, `UDP: ${udp.end.sum.lost_packets} lost`);
  }
}

const COPY_BYTES = 10 << 20;
/** Both say the SHA-256 of what they sent and took: bytes of a generator with a seed. */
const RECEIVER = `
  const hash = require('crypto').createHash('sha256');
  require('net').createServer(socket => {
    socket.on('data', data => hash.update(data));
    socket.on('end', () => { console.log(hash.digest('hex')); process.exit(); });
  }).listen(5001, process.argv[1], () => console.log('listens'));`;
const SENDER = `
  const bytes = Buffer.alloc(${COPY_BYTES});
  for (let i = 0, x = 1; i < bytes.length; i += 4) {
    x = Math.imul(x, 1664525) + 1013904223 | 0;
    bytes.writeInt32LE(x, i);
  }
  console.log(require('crypto').createHash('sha256').update(bytes).digest('hex'));
  require('net').connect(5001, process.argv[1]).end(bytes);`;

/** Ten megabytes over TCP, compared to the last byte. */
export async function expectCopy(
  pair: UnderlayPair,
  client: string,
  [server, ip]: readonly [string, string],
): Promise<void> {
  const receiver = pair.spawn(server, process.execPath, '-e', RECEIVER, ip);
  await once(receiver.stdout!, 'data');
  const taken = once(receiver.stdout!, 'data');
  const sent = await pair.exec(client, process.execPath, '-e', SENDER, ip);
  assert.is(String((await taken)[0]), sent);
}

/** ARP requests of the left container that are in a capture of the underlay. */
export function requestsOnUnderlay(path: string): number {
  const filter = `vxlan && arp.opcode==1 && arp.src.hw_mac==${INNER_MAC.left}`;
  const out = runTool('tshark', ['-n', '-r', path, '-Y', filter]) ?? '';
  return out.split('\n').filter(line => line !== '').length;
}
