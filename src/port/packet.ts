/**
 * Interfaces that exist, as ports: what comes in there is received, whoever it is for, and
 * what is sent leaves there. The kernel goes on using the interface for itself.
 */
import {
  type Availability,
  Capability,
  type PacketOptions,
  addon,
  availability,
  missingAddon,
  missingCapability,
} from './addon.js';
import type { DeviceFacts } from './port.js';

export type { PacketOptions };

export interface Packet {
  /** The packet socket, and one that tells of changes of links. A port is bound to both. */
  handles: number[];
  /** In its own namespace. */
  ifindex: number;
  facts: DeviceFacts;
}

/** Whether `openPacket` can work here; if not, one line with what is missing and the remedy. */
export function isPacketAvailable(): Availability {
  return availability(missingAddon() ?? missingCapability(Capability.NET_RAW));
}

/** Throws an Error such as `SIOCGIFINDEX eth0: ENODEV`. */
export function openPacket(options: PacketOptions): Packet {
  const { handles, ifindex, mtuBytes, mac } = addon().openPacket(options);
  const text = Array.from(mac, byte => byte.toString(16).padStart(2, '0')).join(':');
  return { handles, ifindex, facts: { mac: text, mtuBytes } };
}
