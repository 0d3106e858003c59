/**
 * The trace ring: what each step decided about packets whose trace bit is set. Records
 * lie in order from the start of the region; when it is full the rest is not written, and
 * the host sees that from the number of records.
 */
import { Family, Node, TRACE_BYTES, Trace, TraceField } from './abi';
import { Core } from './memory';
import { Packet } from './packet';
import { MAC_MASK } from './wire/ethernet';

const IPV4_BYTES: usize = 4;
const IPV6_BYTES: usize = 16;

/** Opens a record about a packet. Returns its address, or 0 when the ring is full. */
export function note(core: Core, p: Packet, node: Node, event: Trace): usize {
  const at = core.traceEnd;
  if (at + TRACE_BYTES > core.traceLimit) return 0;
  core.traceEnd = at + TRACE_BYTES;
  memory.fill(at, 0, TRACE_BYTES);
  store<u32>(at, p.origin, TraceField.Origin);
  store<u16>(at, <u16>node, TraceField.Node);
  store<u16>(at, <u16>event, TraceField.Event);
  return at;
}

/** Numbers of the record at `at`; what they mean is written at `Trace`. */
export function say(at: usize, a: u32, b: u32, c: u32): void {
  if (at == 0) return;
  store<u32>(at, a, TraceField.A);
  store<u32>(at, b, TraceField.B);
  store<u32>(at, c, TraceField.C);
}

/**
 * The IP address the record at `at` speaks of, as on the wire, and the MAC that belongs to
 * it, or 0. `ip` is where its 4 or 16 bytes are.
 */
export function sayAddress(at: usize, ip: usize, family: Family, mac: u64): void {
  if (at == 0) return;
  memory.copy(at + <usize>TraceField.A, ip, family == Family.Ipv4 ? IPV4_BYTES : IPV6_BYTES);
  store<u16>(at, <u16>family, TraceField.Family);
  store<u32>(at, <u32>mac, TraceField.MacLow);
  store<u16>(at, <u16>(mac >> 32), TraceField.MacHigh);
}

/** The fourth number of the record at `at`. */
export function sayFourth(at: usize, d: u32): void {
  if (at != 0) store<u32>(at, d, TraceField.D);
}

/** The FDB key the record at `at` speaks of. */
export function sayKey(at: usize, key: u64): void {
  if (at == 0) return;
  store<u32>(at, <u32>(key >> 48), TraceField.D);
  store<u32>(at, <u32>key, TraceField.MacLow);
  store<u16>(at, <u16>((key & MAC_MASK) >> 32), TraceField.MacHigh);
}
