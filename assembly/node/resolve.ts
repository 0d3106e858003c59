/**
 * Resolve: finds the MAC addresses of an underlay's next hops with ARP and neighbour
 * solicitations (RFC 826, RFC 4861 §7.2), for ports whose frames are whole. A next hop that
 * a VTEP needs is asked for at once, by itself, so that the first packet finds it; then
 * while packets want to go there, once in RETRY_MS. One that answered is asked again, itself
 * alone, when nobody has heard of it for REACHABLE_MS; after MOST_ASKS without an answer it
 * is unknown again. A packet that finds no next hop is dropped.
 *
 * In between batches a bounded number of rows is looked at.
 */
import { Node, OWN_ACCORD, RxFlag, Trace } from '../abi';
import { tell, tellAddress } from '../event';
import { sendNew } from '../fate';
import { Core, hopCount } from '../memory';
import { Event, HopState } from '../overlay-abi';
import { Packet, reserve } from '../packet';
import { Hop } from '../table/hop';
import { PORT_UP } from '../table/port';
import { Vtep, hopChanged } from '../table/vtep';
import { note, say } from '../trace';
import { BROADCAST_MAC } from '../wire/ethernet';
import {
  ARP_FRAME_BYTES,
  ND_FRAME_BYTES,
  ndHeaderOf,
  writeArpRequest,
  writeSolicitation,
} from '../wire/neighbour-frame';

const RETRY_MS: u32 = 1000; // RFC 4861 §10, RETRANS_TIMER
const REACHABLE_MS: u32 = 30000; // RFC 4861 §10, REACHABLE_TIME
const MOST_ASKS: u32 = 3; // RFC 4861 §10, MAX_UNICAST_SOLICIT
/** Rows looked at in one batch. */
const BATCH_HOPS: u32 = 64;

/** Looks at some next hops: whom to ask, and whom to give up. */
export function resolve(core: Core): void {
  if (core.hopsUsed == 0) return;
  const hops = hopCount(core);
  const looks = min(hops, BATCH_HOPS);
  for (let i: u32 = 0; i < looks; i++) {
    core.hopSweep = core.hopSweep >= hops ? 1 : core.hopSweep + 1;
    const hop = Hop.at(core.hops, core.hopSweep);
    if (hop.users != 0) look(core, hop);
  }
}

function look(core: Core, hop: Hop): void {
  const isDue = hop.asks == 0 || core.nowMs - hop.askedMs >= RETRY_MS;
  if (hop.state == HopState.Incomplete) {
    if (isDue && hop.asks < MOST_ASKS) ask(core, OWN_ACCORD, hop);
    return;
  }
  if (hop.state != HopState.Reachable || core.nowMs - hop.seenMs < REACHABLE_MS) return;
  if (!isDue) return;
  if (hop.asks < MOST_ASKS) return ask(core, OWN_ACCORD, hop);
  hop.state = HopState.Incomplete;
  hopChanged(core, hop);
  const at = tell(core, Event.NextHopFailed, hop.underlay.port.index, 0);
  tellAddress(at, hop.addressHead, hop.addressTail);
}

/** A packet wants to go to a VTEP whose next hop is not known. */
export function askFor(core: Core, p: Packet, vtep: Vtep): void {
  const hop = vtep.hop;
  if (changetype<usize>(hop) == 0 || hop.state != HopState.Incomplete) return;
  if (hop.asks != 0 && core.nowMs - hop.askedMs < RETRY_MS) return;
  ask(core, p.origin, hop);
  if (p.has(RxFlag.Trace)) say(note(core, p, Node.Encap, Trace.NextHopAsked), vtep.index, 0, 0);
}

function ask(core: Core, origin: u32, hop: Hop): void {
  const underlay = hop.underlay;
  if (!underlay.port.has(PORT_UP) || underlay.mac == 0) return;
  const bytes = hop.isIpv4 ? ARP_FRAME_BYTES : ND_FRAME_BYTES;
  const frame = reserve(core, bytes);
  if (frame == 0) return;
  hop.askedMs = core.nowMs;
  hop.asks++;
  if (hop.isIpv4) writeArp(frame, hop);
  else writeNd(frame, hop);
  sendNew(core, origin, frame, bytes, underlay.port);
}

function writeArp(frame: usize, hop: Hop): void {
  const underlay = hop.underlay;
  const to = hop.state == HopState.Reachable ? hop.mac : BROADCAST_MAC;
  writeArpRequest(frame, to, underlay.mac, underlay.ipv4, <u32>hop.addressTail);
}

function writeNd(frame: usize, hop: Hop): void {
  const underlay = hop.underlay;
  const to = hop.state == HopState.Reachable ? hop.mac : 0;
  const ip = ndHeaderOf(frame);
  ip.sourceHead = underlay.ipv6Head;
  ip.sourceTail = underlay.ipv6Tail;
  writeSolicitation(frame, to, underlay.mac, hop.addressHead, hop.addressTail);
}

/** Somebody says where a next hop is. */
export function confirm(core: Core, hop: Hop, mac: u64): void {
  hop.seenMs = core.nowMs;
  hop.asks = 0;
  if (hop.state == HopState.Below) return;
  if (hop.state == HopState.Reachable && hop.mac == mac) return;
  hop.state = HopState.Reachable;
  hop.mac = mac;
  hopChanged(core, hop);
}
