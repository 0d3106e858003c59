/** TAP devices. One has one handle, and exists as long as that is open. */
import { accessSync, constants, existsSync } from 'node:fs';
import { macBytes, parseMac } from '../frame/mac.js';
import {
  type Availability,
  Capability,
  type Tap,
  type TapOptions,
  addon,
  availability,
  missingAddon,
  missingCapability,
} from './addon.js';

export type { Tap, TapOptions };

const DEVICE_PATH = '/dev/net/tun';

/** Whether `openTap` can work here; if not, one line with what is missing and the remedy. */
export function isTapAvailable(): Availability {
  return availability(missingAddon() ?? missingDevice() ?? missingCapability(Capability.NET_ADMIN));
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

/** Makes a device that is up. Throws an Error such as `TUNSETIFF tap0: EBUSY`. */
export function openTap(options: TapOptions): Tap {
  const { mac, ...rest } = options;
  if (mac === undefined) return addon().openTap(rest);
  const number = parseMac(mac);
  if (number === undefined) throw new Error(`mac: expected six bytes like 02:42:…, got ${mac}`);
  return addon().openTap({ ...rest, mac: macBytes(number) });
}
