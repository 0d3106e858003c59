/**
 * Port choice: a source port, or ICMP identifier, for a flow whose source address is known
 * (features NA-1, NA-2, RFC 4787 §4, RFC 6056 §3.3).
 *
 * A source port stays what it is while the answer's addresses and ports are free; else, or
 * where a rule says so, other ones of the range are tried: all of a small range; of a large
 * one those of the sender's parity, from places that a secret hash of the flow and the try
 * says, first ports that nobody seems to have (table/port-hints.ts), then MOST_TRIES any. Or
 * the next ones in turn, where the zone says so. A port below 1024 stays below.
 */
import { Core } from '../memory';
import { NatFlag } from '../rules-abi';
import { Subject } from '../rules/subject';
import { mix } from '../table/buckets';
import { Flows } from '../table/flow';
import { flowLeftMs } from '../table/flow-timers';
import { endpointAt } from '../table/mapping';
import { NO_PORT, PortHints } from '../table/port-hints';
import { PortSelect } from '../zone-abi';
import { mapsEndpoints } from './endpoint';
import { endFlow } from './flows';
import { Passage, hasPorts, turned } from './passage';

const MOST_TRIES: u32 = 256;
/** Places that are looked at for a port that nobody seems to have; the first ones anywhere. */
const MOST_LOOKS: u32 = 8;
const FIRST_LOOKS: u32 = 4;
const PORT_MASK: u32 = 0xffff;
const IDS: u32 = 65536;
/** Classes of privileged ports, features NA-1. */
const RESERVED_END: u32 = 512;
const PRIVILEGED_START: u32 = 600;
const PRIVILEGED_END: u32 = 1024;

/** Whether a source is no one else's: neither answers to it nor what is sent to its endpoint. */
export function isFree(core: Core, t: Passage, source: u32, ports: u32): bool {
  if (mapsEndpoints(t)) {
    const other = endpointAt(Flows.at(core.flows), source, ports & PORT_MASK, t.scope);
    if (changetype<usize>(other) != 0) return false;
  }
  return isAnswerFree(core, t, source, ports);
}

/** Whether the answers to a source can be told from those of all other flows. */
export function isAnswerFree(core: Core, t: Passage, source: u32, ports: u32): bool {
  const flows = Flows.at(core.flows);
  const back = turned(ports, t.protocol);
  const hash = flows.hash(t.newDestination, source, back, t.scope);
  const line = flows.find(hash, t.newDestination, source, back, t.scope);
  if (changetype<usize>(line) == 0) return true;
  if (flowLeftMs(core, line) != 0) return false;
  endFlow(core, line);
  return true;
}

/** Finds a source port, or ICMP identifier, for `t.newSource`, as NatFlags of the subject say. */
export function choosePort(core: Core, t: Passage): bool {
  const s = Subject.at(core.subject);
  const isIcmp = t.isIcmp;
  if (!hasPorts(t.protocol) && !isIcmp) return isFree(core, t, t.newSource, t.newPorts);
  const old = hostOf(t.newPorts);
  let first: u32 = 0;
  let last: u32 = IDS - 1;
  const isGiven = !isIcmp && (s.natFlags & NatFlag.Ports) != 0;
  if (isGiven) {
    first = s.natPortFirst;
    last = s.natPortLast;
  }
  const isRandom = (s.natFlags & (NatFlag.Random | NatFlag.RandomFully)) != 0;
  const select: u32 = isRandom ? PortSelect.Random : t.zone.portSelect;
  const isPreserved = select == PortSelect.Preserve && old >= first && old <= last;
  if (isPreserved && (isIcmp || old != 0) && isFree(core, t, t.newSource, t.newPorts)) return true;
  if (!isGiven && !isIcmp) {
    first = firstPortFor(t, old);
    last = lastPortFor(t, old);
  }
  return searchPort(core, t, first, last - first + 1, select, old);
}

function firstPortFor(t: Passage, old: u32): u32 {
  if (old >= PRIVILEGED_END || old == 0) return t.zone.firstPort;
  return old < RESERVED_END ? 1 : PRIVILEGED_START;
}

function lastPortFor(t: Passage, old: u32): u32 {
  if (old >= PRIVILEGED_END || old == 0) return t.zone.lastPort;
  return old < RESERVED_END ? RESERVED_END - 1 : PRIVILEGED_END - 1;
}

/** Tries ports of a range; of a large one those of the old one's parity. */
function searchPort(core: Core, t: Passage, first: u32, size: u32, select: u32, old: u32): bool {
  const zone = t.zone;
  if (select == PortSelect.Sequential) {
    const start =
      zone.nextPort >= first && zone.nextPort - first < size ? zone.nextPort - first : 0;
    for (let i: u32 = 0; i < min(size, MOST_TRIES); i++) {
      const port = first + ((start + i) % size);
      if (!take(core, t, port)) continue;
      zone.nextPort = port + 1;
      return true;
    }
    return false;
  }
  zone.nextPort++;
  const random = mix(t.hash ^ core.salt ^ (<u64>zone.nextPort));
  if (size < MOST_TRIES) {
    for (let i: u32 = 0; i < size; i++) {
      if (take(core, t, first + ((<u32>random + i) % size))) return true;
    }
    return false;
  }
  if (tryHinted(core, t, first, size, random, old)) return true;
  const base = first + ((first ^ old) & 1);
  const half = (first + size - base + 1) >> 1;
  return (
    tryPorts(core, t, base, half, random, false) || tryPorts(core, t, base, half, random, true)
  );
}

/** Tries ports of the old one's parity that no flow seems to have, towards any destination. */
function tryHinted(core: Core, t: Passage, first: u32, size: u32, random: u64, old: u32): bool {
  const hints = PortHints.at(core.portHints);
  const start = hints.startOf(t.newSource, t.scope);
  const last = first + size - 1;
  for (let i: u32 = 0; i < MOST_LOOKS; i++) {
    const at = first + <u32>(((mix(random + i) >> 32) * size) >> 32);
    let near = (at & ~1) | (old & 1);
    if (i >= FIRST_LOOKS) near = hints.skipFull(start, near, last);
    if (near == NO_PORT) near = hints.skipFull(start, (first & ~1) | (old & 1), last);
    if (near == NO_PORT) return false;
    const port = hints.pick(start, near, first, last);
    if (port == NO_PORT) continue;
    if (take(core, t, port)) return true;
    hints.mark(start, port); // a flow has it that was not translated
  }
  return false;
}

/**
 * Tries ports `base` + 2 * n, n below `half`. The first time round those of which the index
 * says that they are free; else also those of flows that have died and were not swept yet.
 */
function tryPorts(
  core: Core,
  t: Passage,
  base: u32,
  half: u32,
  random: u64,
  looksCloser: bool,
): bool {
  const flows = Flows.at(core.flows);
  for (let i: u32 = 0; i < MOST_TRIES; i++) {
    const at = <u32>(((mix(random + i) >> 32) * half) >> 32);
    const ports = (t.newPorts & ~PORT_MASK) | wireOf(base + 2 * at);
    const back = turned(ports, t.protocol);
    const hash = flows.hash(t.newDestination, t.newSource, back, t.scope);
    if (!looksCloser && flows.mayHave(hash)) continue;
    if (!isFree(core, t, t.newSource, ports)) continue;
    t.newPorts = ports;
    return true;
  }
  return false;
}

/** Takes a port if it is free. */
function take(core: Core, t: Passage, port: u32): bool {
  const ports = (t.newPorts & ~PORT_MASK) | wireOf(port);
  if (!isFree(core, t, t.newSource, ports)) return false;
  t.newPorts = ports;
  return true;
}

export function hostOf(port: u32): u32 {
  return bswap<u16>(<u16>(port & PORT_MASK));
}

export function wireOf(port: u32): u32 {
  return bswap<u16>(<u16>port);
}
