/** What the core tells beyond frames: records of the last batch, as the host knows them. */
import type { Family } from '../assembly/abi.js';
import { EVENT_BYTES, Event, EventField } from '../assembly/overlay-abi.js';
import { readMac } from './fdb-record.js';
import { readIp } from './ip-record.js';

export interface CoreEvent {
  event: Event;
  /** Index of the port where the frame came in, or of the underlay's. */
  port: number;
  /** 0: none. */
  domain: number;
  /** Number of a tunnel end; 0: none. */
  vtep: number;
  /** 4 or 16 bytes; none where there is no address. */
  ip?: Uint8Array;
  /** Of `Event.PathMtu` the bytes; else a MAC address, 0: none. */
  mac: bigint;
}

/** The `count` records at `at`. */
export function readEvents(view: DataView, at: number, count: number): CoreEvent[] {
  return Array.from({ length: count }, (_, i) => readEvent(view, at + i * EVENT_BYTES));
}

function readEvent(view: DataView, at: number): CoreEvent {
  const family: Family | 0 = view.getUint8(at + EventField.Family);
  return {
    event: view.getUint16(at + EventField.Kind, true),
    port: view.getUint16(at + EventField.Port, true),
    domain: view.getUint16(at + EventField.Domain, true),
    vtep: view.getUint16(at + EventField.Vtep, true),
    ...(family > 0 && { ip: readIp(view, at + EventField.Address, family as Family) }),
    mac:
      view.getUint16(at + EventField.Kind, true) === Event.PathMtu
        ? BigInt(view.getUint32(at + EventField.MacLow, true))
        : readMac(view, at + EventField.MacLow),
  };
}
