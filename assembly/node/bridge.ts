/**
 * Bridge: learns the source, looks up the destination, decides (features BR-5 to BR-7).
 *
 * In: the packets of Ingress. Each leaves by one send, through Output or Encap, enters a zone
 * (enter.ts), or is flooded or dropped. Drops: Locked, StaticMoved, SamePort, Isolated, and those of flood.ts and
 * output.ts. What a packet teaches holds for the next one of the same batch.
 */
import { Drop, FdbKind, Node, RxFlag, Trace } from '../abi';
import { drop, send } from '../fate';
import { Core, count } from '../memory';
import { PACKET_SLOW, Packet } from '../packet';
import { Fdb, REFRESH_MS, isExpired, kindOf, placeOf, seenMsOf } from '../table/fdb';
import { PORT_HAIRPIN, PORT_IS_NOBODY, PORT_ROUTER, PORT_SLOW, PORT_UP, Port } from '../table/port';
import { Vtep } from '../table/vtep';
import { note, say, sayKey } from '../trace';
import { isGroup } from '../wire/ethernet';
import { encap } from './encap';
import { enter } from './enter';
import { flood, isInspected } from './flood';
import { inspect } from './inspect';
import { learn } from './learn';
import { isKeptApart, output, shape } from './output';

export function bridge(core: Core, admitted: u32): void {
  const packets = core.packets;
  const ports = core.ports;
  const nobody = core.portCount;
  const nowMs = core.nowMs;
  const fdb = Fdb.at(core.fdb);
  for (let i: u32 = 0; i < admitted; i++) {
    const p = Packet.at(packets, i);
    const port = p.port;
    const source = fdb.find(p.sourceBucket, p.source);
    if (source == 0 || isNews(load<u64>(source), p.place, nowMs)) {
      const refused = learn(core, p, source);
      if (refused != Drop.None) {
        drop(core, p, port, refused);
        continue;
      }
    } else if (p.has(RxFlag.Trace)) traceEntry(core, p, p.source, Trace.SourceKnown, source);
    const entry: usize = isGroup(p.destination) ? 0 : fdb.find(p.destinationBucket, p.destination);
    if (entry == 0 || isExpired(load<u64>(entry), nowMs, port.ageMs)) {
      flood(core, p);
      continue;
    }
    if (p.has(RxFlag.Trace)) traceEntry(core, p, p.destination, Trace.DestinationHit, entry);
    const place = placeOf(load<u64>(entry));
    if (place > nobody) encap(core, p, Vtep.at(core.vteps, place - nobody));
    else forward(core, p, Port.at(ports, place));
  }
  count(core.nodeCounters, Node.Bridge, admitted);
}

/** Whether a source entry says something else than this frame. */
function isNews(value: u64, place: u32, nowMs: u32): bool {
  if (placeOf(value) != place) return true;
  return nowMs - seenMsOf(value) >= REFRESH_MS && kindOf(value) == FdbKind.Dynamic;
}

/** To where the FDB says the destination is, on behalf of a router interface. */
export function toPlace(core: Core, p: Packet, place: u32): void {
  const nobody = core.portCount;
  if (place > nobody) encap(core, p, Vtep.at(core.vteps, place - nobody));
  else forward(core, p, Port.at(core.ports, place));
}

/** To one known port. */
function forward(core: Core, p: Packet, egress: Port): void {
  const port = p.port;
  if (egress == port && !port.has(PORT_HAIRPIN)) return drop(core, p, port, Drop.SamePort);
  const isSlow = ((port.flags | egress.flags) & PORT_SLOW) != 0 || p.has(PACKET_SLOW);
  if (isSlow || !egress.has(PORT_UP)) return forwardSlow(core, p, egress);
  if (p.length > egress.frameLimitBytes) return drop(core, p, egress, Drop.Oversize);
  send(core, p, egress, 0);
}

function forwardSlow(core: Core, p: Packet, egress: Port): void {
  if (egress.has(PORT_IS_NOBODY)) return drop(core, p, p.port, Drop.LocalAddress);
  if (isKeptApart(p.port, egress)) return drop(core, p, p.port, Drop.Isolated);
  if (!egress.has(PORT_ROUTER)) {
    if (isInspected(p.port)) {
      const refused = inspect(core, p, p.port.segment.inspector);
      if (refused != Drop.None) return drop(core, p, p.port, refused);
    }
    return output(core, p, egress);
  }
  const refused = shape(core, p, egress);
  if (refused != Drop.None) drop(core, p, egress, refused);
  else enter(core, p, egress);
}

function traceEntry(core: Core, p: Packet, key: u64, event: Trace, entry: usize): void {
  const value = load<u64>(entry);
  const at = note(core, p, Node.Bridge, event);
  say(at, placeOf(value), kindOf(value), core.nowMs - seenMsOf(value));
  sayKey(at, key);
}
