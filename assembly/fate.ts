/**
 * How a packet ends: sent or dropped, exactly once, and counted.
 */
import {
  CoreCounter,
  DROPPED_BYTES,
  Drop,
  Dropped,
  Node,
  PortCounter,
  RxFlag,
  TRACE_BYTES,
  TX_BYTES,
  Trace,
  TraceField,
  Tx,
} from './abi';
import { Core, count } from './memory';
import { Packet } from './packet';
import { Port } from './table/port';
import { note, say } from './trace';

/** Ends a packet, or one copy of it, for a reason. `port` gets the blame. */
export function drop(core: Core, p: Packet, port: Port, reason: Drop): void {
  const at = core.droppedEnd;
  store<u32>(at, p.data, Dropped.Data);
  store<u32>(at, p.length, Dropped.Length);
  store<u16>(at, <u16>port.index, Dropped.Port);
  store<u16>(at, <u16>reason, Dropped.Reason);
  store<u32>(at, p.origin, Dropped.Origin);
  core.droppedEnd = at + DROPPED_BYTES;
  count(port.counters, PortCounter.Drops + reason, 1);
  count(core.coreCounters, CoreCounter.Dropped, 1);
  if (p.has(RxFlag.Trace)) traceDrop(core, p, port, reason);
}

/** Sends the packet's bytes out of `egress`. */
export function send(core: Core, p: Packet, egress: Port, txFlags: u32): void {
  const at = core.txEnd;
  const length = p.length;
  store<u32>(at, p.data, Tx.Data);
  store<u32>(at, length, Tx.Length);
  store<u32>(at, egress.index | (txFlags << 16), Tx.Port);
  store<u32>(at, p.origin, Tx.Origin);
  core.txEnd = at + TX_BYTES;
  const counters = egress.counters;
  count(counters, PortCounter.TxPackets, 1);
  count(counters, PortCounter.TxBytes, length);
}

/** Sends, and says so. */
export function emit(core: Core, p: Packet, egress: Port, txFlags: u32): void {
  send(core, p, egress, txFlags);
  if (!p.has(RxFlag.Trace)) return;
  say(note(core, p, Node.Output, Trace.Sent), egress.index, p.length, txFlags);
}

/**
 * Sends a frame that the core has made itself, of `bytes` bytes at `data`: a copy in the
 * books. `origin` is the received frame that gave rise to it, or OWN_ACCORD.
 */
export function sendNew(core: Core, origin: u32, data: usize, bytes: u32, egress: Port): void {
  const at = core.txEnd;
  store<u32>(at, <u32>data, Tx.Data);
  store<u32>(at, bytes, Tx.Length);
  store<u32>(at, egress.index, Tx.Port);
  store<u32>(at, origin, Tx.Origin);
  core.txEnd = at + TX_BYTES;
  count(egress.counters, PortCounter.TxPackets, 1);
  count(egress.counters, PortCounter.TxBytes, bytes);
  count(core.coreCounters, CoreCounter.Copies, 1);
}

/** The stage that spoke last about a packet is the one that dropped it. */
function traceDrop(core: Core, p: Packet, port: Port, reason: Drop): void {
  const last = core.traceEnd - TRACE_BYTES;
  const node: Node = last < core.trace ? Node.Ingress : load<u16>(last, TraceField.Node);
  say(note(core, p, node, Trace.Dropped), reason, port.index, 0);
}
