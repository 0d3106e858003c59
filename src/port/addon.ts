/**
 * The native addon, which is loaded here and nowhere else, when it is first used.
 *
 * A handle is a file descriptor number: any thread of the process may use it. Handles are
 * opened on the control thread, which is slow, and bound to a port on the thread that moves
 * frames; the binding keeps descriptors of its own. What is behind them exists until the
 * handles are closed and no port is bound to them, at the latest until the process ends.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PortIo } from './port.js';

export interface TapOptions {
  /** At most 15 characters; may hold one `%d`, for which the kernel finds a free number. */
  name: string;
  /** Name of a namespace (`ip netns`) or path of one (`/proc/PID/ns/net`). */
  netns?: string;
  mtuBytes?: number;
  /** Frames may come with partial checksums and as segmentation requests of 64 KiB. */
  offload: boolean;
  /** `02:42:ac:11:00:02`; by default the kernel chooses one at random. */
  mac?: string;
  /** Sent bytes that may wait behind the device before its queue is full; default: any. */
  sendBufferBytes?: number;
}

export interface Tap {
  handle: number;
  name: string;
  /** In the device's own namespace. */
  ifindex: number;
  /** Takes UDP segmentation requests as well as TCP ones (Linux 6.2). */
  hasUdpOffload: boolean;
}

export interface PacketOptions {
  interface: string;
  /** As for a TAP: where the interface is. */
  netns?: string;
}

/** An opened interface as the addon returns it. */
export interface RawPacket {
  handles: number[];
  ifindex: number;
  mtuBytes: number;
  mac: Uint8Array;
}

/** One socket of a port of kind udp; what each kind is for: native/udp.h. */
export interface UdpSocketOptions {
  kind: 'receive' | 'raw' | 'errors';
  netns?: string;
  /** Our own, or, to receive, a group. */
  address: string;
  /** With a group: our own on the interface it is joined on. */
  via?: string;
  /** Of receive. */
  udpPort?: number;
}

/** What the addon exports. */
export interface Addon {
  PortIo: new (wakeHandle: number) => PortIo;
  openTap(options: Omit<TapOptions, 'mac'> & { mac?: Uint8Array }): Tap;
  openPacket(options: PacketOptions): RawPacket;
  openUdp(options: UdpSocketOptions): number;
  openNetns(netns: string): number;
  openWake(): number;
  wake(handle: number): void;
  close(handle: number): void;
  errorName(errno: number): string;
}

export type Availability = { ok: true } | { ok: false; missing: string };

/** From dist/src/port/. */
const ADDON_PATH = fileURLToPath(
  new URL('../../../native/build/Release/sluice.node', import.meta.url),
);

/** Numbers of linux/capability.h. */
export enum Capability {
  NET_ADMIN = 12,
  NET_RAW = 13,
}

export function addon(): Addon {
  return createRequire(import.meta.url)(ADDON_PATH) as Addon; // cached by node
}

/** Whether there is an addon; if not, one line with what is missing and the remedy. */
export function isAddonAvailable(): Availability {
  return availability(missingAddon());
}

/** `missing`: what is, or nothing. */
export function availability(missing: string | undefined): Availability {
  return missing === undefined ? { ok: true } : { ok: false, missing };
}

export function missingAddon(): string | undefined {
  if (!existsSync(ADDON_PATH)) return 'the native addon is not built: npm run build:native';
  try {
    addon();
    return undefined;
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    return `the native addon does not load (${reason}): npm run build:native`;
  }
}

export function missingCapability(wanted: Capability): string | undefined {
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = BigInt('0x' + (/^CapEff:\s*(\w+)/m.exec(status)?.[1] ?? '0'));
  if ((effective >> BigInt(wanted)) & 1n) return undefined;
  const name = Capability[wanted];
  return `CAP_${name} is missing: run as root, or give the container --cap-add ${name}`;
}

/** Closes a handle. */
export function closeHandle(handle: number): void {
  addon().close(handle);
}

/** A handle that wakes the one `PortIo` made with it. */
export function openWake(): number {
  return addon().openWake();
}

/** Ends the wait, or the next one, from any thread. */
export function wake(handle: number): void {
  addon().wake(handle);
}

/** The calling thread's own; several may exist side by side. */
export function createPortIo(wakeHandle: number): PortIo {
  return new (addon().PortIo)(wakeHandle);
}

/** `EBADFD` for the -77 of `rxBurst`. */
export function errorName(errno: number): string {
  return addon().errorName(errno);
}
