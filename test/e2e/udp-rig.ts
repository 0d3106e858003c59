/** Ports of kind udp in two namespaces, `left` and `right`, and the wire between them. */
import { HEADROOM_BYTES, TxFlag, VNET_BYTES } from '../../assembly/abi.js';
import { closeHandle } from '../../src/port/addon.js';
import { type Udp, type UdpOptions, openUdp } from '../../src/port/udp.js';
import { parseIp } from '../../src/frame/address.js';
import { slowChecksum } from '../support/checksum.js';

import { GSO_UDP, NEEDS_CHECKSUM, virtio } from '../support/virtio.js';
import { ARENA, type Received, Rig, run, TX } from './tap-rig.js';

export const LEFT = 0;
export const RIGHT = 1;
/** A packet port at the right end of the wire: what is really sent. */
export const WIRE = 2;

export const VXLAN = 4789;

/** With CAP_NET_RAW's sockets, or as if it were not there. */
export type Mode = 'raw' | 'plain';
export const MODES: readonly Mode[] = ['raw', 'plain'];

/** One end of a cable. */
interface End {
  netns: string;
  device: string;
  /** Third number of the IPv4 address, second of the IPv6 one. */
  net: number;
  host: number;
}

export interface Datagram {
  from: string;
  to: string;
  fromPort: number;
  toPort?: number;
  tos?: number;
  ttl?: number;
  isDontFragment?: boolean;
  /** A number, or one that is right; default 0, for none. */
  checksum?: number | 'right';
  payload: Uint8Array;
}

/** `summed`: addresses, ports, length and payload. RFC 8200 §8.1: then protocol and length. */
function checksumOf({ checksum = 0, payload }: Datagram, summed: Uint8Array): number {
  if (checksum !== 'right') return checksum;
  return slowChecksum(summed, 17 + 8 + payload.length);
}

/** The frame of a datagram, as a port of kind udp takes and gives it. */
export function frameOf(datagram: Datagram): Uint8Array {
  const { from, to, fromPort, toPort = VXLAN, tos = 0, ttl = 64, payload } = datagram;
  const isV6 = from.includes(':');
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(fromPort, 0);
  udp.writeUInt16BE(toPort, 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  const ends = Buffer.concat([parseIp(from)!, parseIp(to)!]);
  udp.writeUInt16BE(checksumOf(datagram, Buffer.concat([ends, udp.subarray(0, 6), payload])), 6);
  const ip = Buffer.alloc(isV6 ? 40 : 20);
  if (isV6) {
    ip.writeUInt32BE(0x60000000 + tos * 0x100000);
    ip.writeUInt16BE(8 + payload.length, 4);
    ip.set([17, ttl], 6);
    ip.set([...parseIp(from)!, ...parseIp(to)!], 8);
  } else {
    ip.set([0x45, tos]);
    ip.writeUInt16BE(28 + payload.length, 2);
    ip.writeUInt16BE(datagram.isDontFragment ? 0x4000 : 0, 6);
    ip.set([ttl, 17], 8);
    ip.set([...parseIp(from)!, ...parseIp(to)!], 12);
    ip.writeUInt16BE(slowChecksum(ip), 10);
  }
  const ethernet = Buffer.alloc(14);
  ethernet.writeUInt16BE(isV6 ? 0x86dd : 0x0800, 12);
  return Uint8Array.from(Buffer.concat([ethernet, ip, udp, payload]));
}

/** `bytes` bytes that begin with `number`. */
export function payloadOf(bytes: number, number = 0): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i === 0 ? number : i * 7 + (i >> 8)));
}

export function sourcePort(frame: Uint8Array): number {
  const isV6 = frame[12] === 0x86;
  return Buffer.from(frame).readUInt16BE(isV6 ? 54 : 34);
}

export class UdpRig {
  readonly rig: Rig;
  readonly left: string;
  readonly right: string;
  private readonly others: string[] = [];
  private readonly handles = new Set<number>();
  private next = 0;
  private free = ARENA;

  constructor(label: string) {
    this.rig = new Rig(`${label}l`);
    this.left = this.rig.netns;
    this.right = this.namespace(`${label}r`);
  }

  /** One more namespace. */
  namespace(label: string): string {
    const name = `slu-udp-${label}-${process.pid}`;
    run('ip', 'netns', 'add', name);
    this.others.push(name);
    return name;
  }

  /** A cable between two devices, with an address of each family at each end. */
  cable(...ends: readonly [End, End]): void {
    const [first, second] = ends;
    const peer = ['peer', 'name', second.device, 'netns', second.netns];
    run('ip', '-n', first.netns, 'link', 'add', first.device, 'type', 'veth', ...peer);
    for (const { netns, device, net, host } of ends) {
      const on = ['all', device].map(name => `net.ipv6.conf.${name}.disable_ipv6=0`);
      run('ip', 'netns', 'exec', netns, 'sysctl', '-qw', ...on);
      run('ip', '-n', netns, 'addr', 'add', `10.0.${net}.${host}/24`, 'dev', device);
      run('ip', '-n', netns, 'addr', 'add', `fd00:${net}::${host}/64`, 'dev', device, 'nodad');
      for (const name of ['lo', device]) run('ip', '-n', netns, 'link', 'set', name, 'up');
    }
  }

  /** Left 10.0.1.1 and fd00:1::1, right 10.0.1.2 and fd00:1::2. */
  join(): void {
    this.cable(
      { netns: this.left, device: 'v0', net: 1, host: 1 },
      { netns: this.right, device: 'v1', net: 1, host: 2 },
    );
    this.meet(this.left, ['10.0.1.2', 'fd00:1::2']);
  }

  /** Waits until they know each other's MAC addresses; an address of IPv6 takes its time. */
  meet(from: string, to: readonly string[]): void {
    for (const address of to) {
      run('ip', 'netns', 'exec', from, 'ping', '-c', '1', '-i', '0.2', '-w', '20', address);
    }
  }

  /** Opens a port, and binds it but for what the mode has not. */
  open(port: number, mode: Mode, options: UdpOptions, previous?: Udp): Udp {
    const udp = openUdp(options, previous);
    for (const handle of udp.handles) this.handles.add(handle);
    this.bind(port, mode, udp);
    return udp;
  }

  bind(port: number, mode: Mode, udp: Udp): void {
    const has = (name: string): boolean => mode === 'raw' || !/^(raw|errors)/.test(name);
    const bound = [...udp.sockets].filter(([name]) => has(name)).map(([, handle]) => handle);
    this.rig.io.bindPort(port, bound);
  }

  /** Both ends, joined, with both families and one UDP port. */
  openBoth(mode: Mode): void {
    this.join();
    [this.left, this.right].forEach((netns, port) => {
      const addresses = [`10.0.1.${port + 1}`, `fd00:1::${port + 1}`];
      this.open(port, mode, { netns, addresses, udpPorts: [VXLAN] });
    });
  }

  /** Puts a frame into the next send descriptor. */
  put(frame: Uint8Array, segmentBytes = 0, gsoType = GSO_UDP): void {
    const { rig } = this;
    const data = this.free + HEADROOM_BYTES;
    rig.bytes.set(frame, data);
    if (segmentBytes > 0) {
      const header = virtio({ flags: NEEDS_CHECKSUM, gsoType, gsoBytes: segmentBytes });
      rig.bytes.set(header, data - VNET_BYTES);
    }
    const flags = segmentBytes > 0 ? TxFlag.Offload : 0;
    rig.describe(this.next++, { data, length: frame.length, port: LEFT, flags });
    this.free = data + frame.length;
  }

  /** Sends what was put. Returns the marks of each. */
  send(): number[] {
    const count = this.next;
    this.next = 0;
    this.free = ARENA;
    const refused = this.rig.io.txBurst(TX, count);
    const marks = Array.from({ length: count }, (_, i) => this.rig.txFlags(i) & ~TxFlag.Offload);
    if (marks.filter(mark => mark !== 0).length !== refused) throw new Error('marks and count');
    return marks;
  }

  /** The next `count` frames of a port that are from a source port, or from any. */
  received(port: number, count: number, fromPort?: number): Received[] {
    const isWanted = (frame: Received): boolean =>
      fromPort === undefined || sourcePort(this.rig.frame(frame)) === fromPort;
    return this.rig.receiveAll(port, count, isWanted);
  }

  frames(port: number, count: number, fromPort?: number): Uint8Array[] {
    return this.received(port, count, fromPort).map(frame => this.rig.frame(frame));
  }

  close(): void {
    for (const handle of this.handles) closeHandle(handle);
    this.rig.close();
    for (const name of this.others) run('ip', 'netns', 'del', name);
  }
}
