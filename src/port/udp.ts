/**
 * Ports of kind udp: an IP underlay over ordinary sockets. Its frames are whole Ethernet
 * frames, with zero addresses, whose IP and UDP headers the addon makes from what the sockets
 * say, and turns into what they want. Datagrams of one flow come and go coalesced where they
 * are of one length: a virtio header of GSO type 5 before one frame says how long each is.
 *
 * No right is needed. With CAP_NET_RAW single datagrams are sent as whole packets, many a
 * system call, and ICMP errors are those of the wire; without, there is a socket a source
 * port for sending, and errors are put together from what the kernel kept of them.
 */
import { isIPv4 } from 'node:net';
import type { UdpEndpoint } from '../config/plan-port.js';
import { type UdpSocketOptions, addon, closeHandle } from './addon.js';

export interface UdpOptions extends UdpEndpoint {
  /** Name or path of the namespace to open the sockets in. */
  netns?: string;
}

export interface Udp {
  /** A port is bound to all of them. */
  handles: readonly number[];
  /** The same, by what each is for. */
  sockets: ReadonlyMap<string, number>;
}

/**
 * Opens what a port needs. What `previous` has open already is taken over, and what it does
 * not need any more is left open, for the caller to close. Throws an Error such as
 * `bind 10.0.0.1:4789: EADDRINUSE`; then nothing new is left open.
 */
export function openUdp(wanted: UdpOptions, previous?: Udp): Udp {
  const { netns, addresses, udpPorts, groups } = wanted;
  const sockets = new Map<string, number>();
  const take = (name: string, open: () => number | undefined): void => {
    const handle = previous?.sockets.get(name) ?? open();
    if (handle !== undefined) sockets.set(name, handle);
  };
  const where = netns === undefined ? {} : { netns };
  try {
    if (netns !== undefined) take('netns', () => addon().openNetns(netns));
    for (const address of addresses) {
      for (const udpPort of udpPorts) {
        const options: UdpSocketOptions = { kind: 'receive', address, udpPort, ...where };
        take(`receive ${address} ${udpPort}`, () => addon().openUdp(options));
      }
      for (const kind of ['raw', 'errors'] as const) {
        take(`${kind} ${address}`, () => openIfAllowed({ kind, address, ...where }));
      }
    }
    for (const address of groups ?? []) {
      const via = addresses.find(own => isIPv4(own) === isIPv4(address));
      for (const udpPort of via === undefined ? [] : udpPorts) {
        const options: UdpSocketOptions = {
          kind: 'receive',
          address,
          udpPort,
          via: via!,
          ...where,
        };
        take(`group ${address} ${udpPort} ${via}`, () => addon().openUdp(options));
      }
    }
  } catch (error) {
    closeNew(sockets, previous);
    throw error;
  }
  return { handles: [...sockets.values()], sockets };
}

/** Undefined without CAP_NET_RAW. */
function openIfAllowed(options: UdpSocketOptions): number | undefined {
  try {
    return addon().openUdp(options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return undefined;
    throw error;
  }
}

function closeNew(sockets: ReadonlyMap<string, number>, previous: Udp | undefined): void {
  const kept = new Set(previous?.handles);
  for (const handle of sockets.values()) if (!kept.has(handle)) closeHandle(handle);
}
