/**
 * TAP devices, and the loop's view of the native addon, which is loaded here and nowhere
 * else, when it is first used.
 *
 * A handle is a file descriptor number: any thread of the process may use it. A device is
 * opened on the control thread, which is slow, and bound to a port on the thread that moves
 * frames; the binding keeps a descriptor of its own. The device exists until its handle is
 * closed and no port is bound to it, at the latest until the process ends.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { macBytes, parseMac } from '../frame/mac.js';
import type { PortIo } from './port.js';

export type { PortIo };

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

interface Addon {
  PortIo: new (wakeHandle: number) => PortIo;
  openTap(options: Omit<TapOptions, 'mac'> & { mac?: Uint8Array }): Tap;
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
const DEVICE_PATH = '/dev/net/tun';
const CAP_NET_ADMIN = 12n; // linux/capability.h

function addon(): Addon {
  return createRequire(import.meta.url)(ADDON_PATH) as Addon; // cached by node
}

/** Whether `openTap` can work here; if not, one line with what is missing and the remedy. */
export function isTapAvailable(): Availability {
  const missing = missingAddon() ?? missingDevice() ?? missingCapability();
  return missing === undefined ? { ok: true } : { ok: false, missing };
}

function missingAddon(): string | undefined {
  if (!existsSync(ADDON_PATH)) return 'the native addon is not built: npm run build:native';
  try {
    addon();
    return undefined;
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    return `the native addon does not load (${reason}): npm run build:native`;
  }
}

function missingDevice(): string | undefined {
  if (!existsSync(DEVICE_PATH)) {
    return `${DEVICE_PATH} is missing: modprobe tun, or give the container --device ${DEVICE_PATH}`;
  }
  try {
    accessSync(DEVICE_PATH, constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return `${DEVICE_PATH} may not be opened: run as root, or chmod 666 ${DEVICE_PATH}`;
  }
}

function missingCapability(): string | undefined {
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = BigInt('0x' + (/^CapEff:\s*(\w+)/m.exec(status)?.[1] ?? '0'));
  if ((effective >> CAP_NET_ADMIN) & 1n) return undefined;
  return 'CAP_NET_ADMIN is missing: run as root, or give the container --cap-add NET_ADMIN';
}

/** Makes a device that is up. Throws an Error such as `TUNSETIFF tap0: EBUSY`. */
export function openTap(options: TapOptions): Tap {
  const { mac, ...rest } = options;
  if (mac === undefined) return addon().openTap(rest);
  const number = parseMac(mac);
  if (number === undefined) throw new Error(`mac: expected six bytes like 02:42:…, got ${mac}`);
  return addon().openTap({ ...rest, mac: macBytes(number) });
}

/** Closes what `openTap` or `openWake` returned. */
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
