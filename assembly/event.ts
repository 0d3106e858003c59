/** Events: what the host should hear of, beyond frames. Bounded a batch; layout `EventField`. */
import { Family } from './abi';
import { Core } from './memory';
import { BATCH_EVENTS, EVENT_BYTES, Event, EventField } from './overlay-abi';
import { familyOf, storeAddress } from './table/address';
import { Vtep } from './table/vtep';

const IPV4_ADDRESS_BYTES: usize = 4;
const IPV6_ADDRESS_BYTES: usize = 16;

/** Opens a record. Returns its address, or 0 when the batch has told enough. */
export function tell(core: Core, event: Event, port: u32, domain: u32): usize {
  const at = core.eventEnd;
  if (at == core.events + BATCH_EVENTS * EVENT_BYTES) return 0;
  core.eventEnd = at + EVENT_BYTES;
  memory.fill(at, 0, EVENT_BYTES);
  store<u16>(at, <u16>event, EventField.Kind);
  store<u16>(at, <u16>port, EventField.Port);
  store<u16>(at, <u16>domain, EventField.Domain);
  return at;
}

/** The IP address the event is about, as table/neighbour.ts keeps it. */
export function tellAddress(at: usize, head: u64, tail: u64): void {
  if (at == 0) return;
  storeAddress(at + <usize>EventField.Address, head, tail);
  store<u8>(at, <u8>familyOf(head), EventField.Family);
}

/** Likewise, whose bytes are at `ip`. */
export function tellIp(at: usize, ip: usize, family: Family): void {
  if (at == 0) return;
  const bytes = family == Family.Ipv4 ? IPV4_ADDRESS_BYTES : IPV6_ADDRESS_BYTES;
  memory.copy(at + <usize>EventField.Address, ip, bytes);
  store<u8>(at, <u8>family, EventField.Family);
}

/** The MAC address the event is about. */
export function tellMac(at: usize, mac: u64): void {
  if (at == 0) return;
  store<u32>(at, <u32>mac, EventField.MacLow);
  store<u16>(at, <u16>(mac >> 32), EventField.MacHigh);
}

/** An event about a VTEP. Returns its record, or 0. */
export function tellVtep(core: Core, event: Event, vtep: Vtep): usize {
  const at = tell(core, event, vtep.underlay.port.index, 0);
  if (at == 0) return 0;
  store<u16>(at, <u16>vtep.index, EventField.Vtep);
  tellAddress(at, vtep.addressHead, vtep.addressTail);
  return at;
}
