/** Doors to table/port-hints.ts. */
import { PortHints } from '../table/port-hints';

export function portHintsBytes(flows: u32): usize {
  return PortHints.bytesFor(flows);
}

export function createPortHints(hints: usize, flows: u32, secret: u32): void {
  PortHints.create(hints, flows, secret);
}

export function portHintsStart(hints: usize, address: u32, scope: u32): u32 {
  return PortHints.at(hints).startOf(address, scope);
}

export function markPort(hints: usize, start: u32, port: u32): void {
  PortHints.at(hints).mark(start, port);
}

export function clearPort(hints: usize, start: u32, port: u32): void {
  PortHints.at(hints).clear(start, port);
}

export function pickPort(hints: usize, start: u32, near: u32, first: u32, last: u32): u32 {
  return PortHints.at(hints).pick(start, near, first, last);
}

export function skipFullPorts(hints: usize, start: u32, near: u32, last: u32): u32 {
  return PortHints.at(hints).skipFull(start, near, last);
}
