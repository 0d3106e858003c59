/** An entry of the forwarding database as the host knows it, and as it lies in scratch memory. */
import { type FdbKind, FdbRecord } from '../assembly/abi.js';
import { macBytes, macNumber } from './frame/mac.js';

/** One entry of the forwarding database. `mac` is 6 bytes as a number, first byte highest. */
export interface FdbEntry {
  mac: bigint;
  domain: number;
  port: number;
  kind: FdbKind;
  /** Milliseconds since the address was last heard, as of the last batch. */
  ageMs: number;
}

const MAC_BYTES = 6;

/** Writes a record at `at`. */
export function writeFdbEntry(view: DataView, at: number, entry: Omit<FdbEntry, 'ageMs'>): void {
  writeFdbKey(view, at, entry.mac, entry.domain);
  view.setUint16(at + FdbRecord.Port, entry.port, true);
  view.setUint8(at + FdbRecord.Kind, entry.kind);
}

/** Writes the part of a record that says which entry it is. */
export function writeFdbKey(view: DataView, at: number, mac: bigint, domain: number): void {
  writeMac(view, at + FdbRecord.MacLow, mac);
  view.setUint16(at + FdbRecord.Domain, domain, true);
}

/** Reads the record at `at`. */
export function readFdbEntry(view: DataView, at: number): FdbEntry {
  return {
    mac: readMac(view, at + FdbRecord.MacLow),
    domain: view.getUint16(at + FdbRecord.Domain, true),
    port: view.getUint16(at + FdbRecord.Port, true),
    kind: view.getUint8(at + FdbRecord.Kind),
    ageMs: view.getUint32(at + FdbRecord.AgeMs, true),
  };
}

/** First byte highest here, lowest in the core. */
export function writeMac(view: DataView, at: number, mac: bigint): void {
  macBytes(mac).forEach((byte, i) => view.setUint8(at + i, byte));
}

/** The reverse of `writeMac`. */
export function readMac(view: DataView, at: number): bigint {
  return macNumber(new Uint8Array(view.buffer, view.byteOffset + at, MAC_BYTES));
}
