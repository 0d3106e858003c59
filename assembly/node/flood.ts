/**
 * Flood: one send descriptor for each member of the segment that wants the frame (features
 * BR-6, BR-7). Descriptors are copied, not bytes, but where a member needs the frame with
 * other tags, and where a VTEP needs headers of its own (replicate.ts). Questions about known neighbours are answered (suppress.ts); the reply is a
 * copy, or all that becomes of the frame.
 *
 * Drops: StormBroadcast, StormMulticast, StormUnicast, NoTarget, and those of output.ts
 * for single copies.
 */
import { drop } from '../fate';
import { CoreCounter, Drop, FloodSkip, Node, RxFlag, SegmentCounter, Trace } from '../abi';
import { tell, tellMac } from '../event';
import { Core, count } from '../memory';
import { Event } from '../overlay-abi';
import { PACKET_SHARED, PACKET_SUPPRESSED, Packet } from '../packet';
import {
  PORT_BROADCAST_FLOOD,
  PORT_FLOOD,
  PORT_GROUPED,
  PORT_HAIRPIN,
  PORT_INSPECTED,
  PORT_ISOLATED,
  PORT_MULTICAST_FLOOD,
  PORT_NEIGHBOUR_SUPPRESS,
  PORT_ROUTER,
  PORT_TUNNEL,
  PORT_UP,
  PORT_VLAN_AWARE,
  Port,
} from '../table/port';
import { note, say, sayKey } from '../trace';
import { BROADCAST_MAC, MAC_MASK, isGroup } from '../wire/ethernet';
import { VID_MASK } from '../wire/vlan';
import { inspect } from './inspect';
import { output } from './output';
import { hasReplicas } from './replicate';
import { exceedsStorm } from './storm';
import { ANSWERED, ANSWERED_ONLY, suppress } from './suppress';

const GROUP_BROADCAST: u32 = 1;
const GROUP_MULTICAST: u32 = 2;

export function flood(core: Core, p: Packet): void {
  const port = p.port;
  const wanted = floodFlag(p);
  if (p.has(RxFlag.Trace)) traceKind(core, p, wanted);
  const exceeded = exceedsStorm(core, port, wanted);
  if (exceeded != Drop.None) return drop(core, p, port, exceeded);
  if (core.txEnd >= core.floodEnd) return drop(core, p, port, Drop.NoBuffer);
  if (wanted == PORT_FLOOD && isInspected(port)) {
    const refused = inspect(core, p, port.segment.inspector);
    if (refused != Drop.None) return drop(core, p, port, refused);
  }
  if (wanted == PORT_FLOOD && changetype<usize>(port.overlay) != 0) tellMiss(core, p);
  const answered = wanted == PORT_FLOOD ? 0 : suppress(core, p);
  if (answered == ANSWERED_ONLY) return;
  let targets: u32 = 0;
  let last = changetype<Port>(0);
  for (let to = port.segment.firstPort; changetype<usize>(to) != 0; to = to.next) {
    const skipped = skip(p, port, to, wanted);
    if (skipped != 0) {
      if (p.has(RxFlag.Trace)) traceSkip(core, p, to, skipped);
      continue;
    }
    if (targets != 0) copyTo(core, p, last);
    last = to;
    targets++;
  }
  if (targets == 0) {
    if (answered != ANSWERED) drop(core, p, port, Drop.NoTarget);
    return;
  }
  output(core, p, last);
  count(core.coreCounters, CoreCounter.Copies, answered == ANSWERED ? targets : targets - 1);
  count(port.segment.counters, SegmentCounter.Flooded, 1);
  count(core.nodeCounters, Node.Flood, 1);
}

/** Whether a zone wants to see what comes from a port and stays in its segment. */
export function isInspected(port: Port): bool {
  return port.has(PORT_INSPECTED) && !port.has(PORT_ROUTER);
}

/** Sends a copy; the packet itself stays as it is for the next member. */
function copyTo(core: Core, p: Packet, to: Port): void {
  const data = p.data;
  const length = p.length;
  const flags = p.flags | PACKET_SHARED;
  p.flags = flags;
  output(core, p, to);
  p.data = data;
  p.length = length;
  p.flags = flags;
}

/** The flag a member must have to get this frame. */
function floodFlag(p: Packet): u32 {
  if (!isGroup(p.destination)) return PORT_FLOOD;
  const isBroadcast = (p.destination & MAC_MASK) == BROADCAST_MAC;
  return isBroadcast ? PORT_BROADCAST_FLOOD : PORT_MULTICAST_FLOOD;
}

/** Why `to` does not get the frame, or 0. */
function skip(p: Packet, from: Port, to: Port, wanted: u32): u32 {
  if (to == from && !from.has(PORT_HAIRPIN)) return FloodSkip.Ingress;
  if (!to.has(PORT_UP)) return FloodSkip.Down;
  if (!to.has(wanted)) return FloodSkip.Flags;
  if (p.has(PACKET_SUPPRESSED) && to.has(PORT_NEIGHBOUR_SUPPRESS)) return FloodSkip.Suppressed;
  if (to.has(PORT_ISOLATED) && from.has(PORT_ISOLATED)) return FloodSkip.Isolated;
  if (to.has(PORT_GROUPED) && to.group == from.group) return FloodSkip.Group;
  if (to.has(PORT_VLAN_AWARE) && !to.isMember(p.tag & VID_MASK)) return FloodSkip.Vlan;
  if (to.has(PORT_TUNNEL) && !hasReplicas(to.overlay)) return FloodSkip.Tunnel;
  return 0;
}

/** An address that an overlay's segment does not know (features OV-12). */
function tellMiss(core: Core, p: Packet): void {
  const at = tell(core, Event.L2Miss, p.port.index, p.domain);
  tellMac(at, p.destination & MAC_MASK);
}

function traceKind(core: Core, p: Packet, wanted: u32): void {
  const isUnknown = wanted == PORT_FLOOD;
  const event = isUnknown ? Trace.DestinationMiss : Trace.DestinationGroup;
  const at = note(core, p, Node.Flood, event);
  say(at, wanted == PORT_BROADCAST_FLOOD ? GROUP_BROADCAST : isUnknown ? 0 : GROUP_MULTICAST, 0, 0);
  sayKey(at, p.destination);
}

function traceSkip(core: Core, p: Packet, to: Port, reason: u32): void {
  say(note(core, p, Node.Flood, Trace.FloodSkipped), to.index, reason, 0);
}
