/**
 * Addresses of the packet at hand: a word each, whatever the family, so that flows, rules and
 * NAT are the same for both. Of IPv4 the word is the address as loaded from the wire; of IPv6
 * its number in table/flow-address.ts, which the packet holds while it is judged, and a flow as
 * long as it lives.
 *
 * A full table gives up unassured flows of IPv6, as a full flow table does (CT-8); else the
 * packet is refused. Drops: FlowsFull.
 */
import { Family, TraceField } from '../abi';
import { Core, count } from '../memory';
import { storeAddress } from '../table/address';
import { Flows } from '../table/flow';
import { FlowAddresses } from '../table/flow-address';
import { FlowLine } from '../table/flow-line';
import { flowLeftMs } from '../table/flow-timers';
import { IPV4_HEAD } from '../table/neighbour';
import { Zone } from '../table/zone';
import { say } from '../trace';
import { FlowStatus, ZoneCounter } from '../zone-abi';
import { endFlow } from './flows';
import { Passage } from './passage';

/** Entries of the flow table that a full table of addresses looks at. */
const FULL_ENTRIES: u32 = 64;
const LOW_HALF: u64 = 0xffffffff;

/** First half of the address of a word, as table/neighbour.ts has addresses. */
export function headOf(core: Core, t: Passage, word: u32): u64 {
  return t.isIpv6 == 0 ? IPV4_HEAD : FlowAddresses.at(core.flowAddresses).headOf(word);
}

/** Its second half. */
export function tailOf(core: Core, t: Passage, word: u32): u64 {
  return t.isIpv6 == 0 ? <u64>bswap<u32>(word) : FlowAddresses.at(core.flowAddresses).tailOf(word);
}

/** The word of an address of the packet's family. 0: there is no place for it. */
export function wordOf(core: Core, t: Passage, head: u64, tail: u64): u32 {
  if (t.isIpv6 == 0) return bswap<u32>(<u32>tail);
  const table = FlowAddresses.at(core.flowAddresses);
  let address = table.hold(head, tail);
  if (address == 0 && giveUp(core, t)) address = table.hold(head, tail);
  if (address != 0) t.noteHeld(address);
  else {
    t.lacksAddress = 1;
    count(t.zone.counters, ZoneCounter.FlowsFull, 1);
  }
  return address;
}

/** Keeps the word of an address that a flow holds, which may end before the packet. */
export function keepWord(core: Core, t: Passage, word: u32): u32 {
  if (t.isIpv6 == 0) return word;
  FlowAddresses.at(core.flowAddresses).change(word, 1);
  t.noteHeld(word);
  return word;
}

/** Gives an IPv6 packet's own addresses their words. False: there is no place. */
export function holdAddresses(core: Core, t: Passage): bool {
  if (t.isIpv6 == 0) return true;
  const ip = t.ip6;
  t.source = wordOf(core, t, ip.sourceHead, ip.sourceTail);
  if (t.source == 0) return false;
  t.destination = wordOf(core, t, ip.destinationHead, ip.destinationTail);
  return t.destination != 0;
}

/** The packet is judged, and holds nothing any more. */
export function letGo(core: Core, t: Passage): void {
  const table = FlowAddresses.at(core.flowAddresses);
  for (let i: u32 = 0; i < t.heldCount; i++) table.change(t.held(i), -1);
  t.heldCount = 0;
}

/** What stands for an address where it is hashed: the same as long as it is the same address. */
export function seedOf(core: Core, t: Passage, word: u32): u64 {
  return t.isIpv6 == 0 ? word : headOf(core, t, word) ^ rotl(tailOf(core, t, word), 1);
}

/** Tells a trace record what an address has become; of IPv6 it has room for the new one alone. */
export function sayBecomes(
  core: Core,
  t: Passage,
  at: usize,
  from: u32,
  to: u32,
  ports: u32,
): void {
  if (at == 0) return;
  if (t.isIpv6 == 0) return say(at, from, to, ports);
  storeAddress(at + <usize>TraceField.A, headOf(core, t, to), tailOf(core, t, to));
  store<u16>(at, <u16>Family.Ipv6, TraceField.Family);
  store<u32>(at, ports, TraceField.MacLow);
}

/** Sum of the 16-bit words of an address of a line. */
export function sumOf(core: Core, line: FlowLine, word: u32): u64 {
  if (!line.isIpv6) return word;
  const table = FlowAddresses.at(core.flowAddresses);
  return halfSum(table.headOf(word)) + halfSum(table.tailOf(word));
}

function halfSum(half: u64): u64 {
  return (half & LOW_HALF) + (half >> 32);
}

/** Ends dead flows, and one of IPv6 that is not assured, among the next entries of the table. */
function giveUp(core: Core, t: Passage): bool {
  const flows = Flows.at(core.flows);
  const table = FlowAddresses.at(core.flowAddresses);
  for (let i: u32 = 0; i < FULL_ENTRIES && table.used == table.limit; i++) {
    if (flows.sweepNext >= flows.touched) flows.sweepNext = 0;
    if (flows.touched == 0) return false;
    const line = flows.lineOf(flows.sweepNext++);
    if (!line.isFlow || !line.isIpv6) continue;
    const isDead = flowLeftMs(core, line) == 0;
    if (!isDead && flows.stateOf(line).has(FlowStatus.Assured)) continue;
    const counter = isDead ? ZoneCounter.Expired : ZoneCounter.EarlyDropped;
    count(Zone.at(core.zones, line.zone).counters, counter, 1);
    endFlow(core, line);
  }
  return table.used != table.limit;
}
