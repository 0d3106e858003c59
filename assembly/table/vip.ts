/**
 * Virtual IPs: addresses that are a zone's own for its services' sake, found among the own
 * addresses (table/local.ts). A row counts the keys that want it; an interface speaks for it.
 */
import { Capacity } from '../abi';
import { Core, VIP_BYTES } from '../memory';
import { Buckets } from './buckets';
import { localKey } from './local-key';

/** Of what the table of own addresses says: a row here, and no interface. */
export const VIP_BIT: u32 = 1 << 31;

@unmanaged
export class Vip {
  head: u64;
  tail: u64;
  zone: u32;
  iface: u32;
  /** Keys of services at it; 0: free. */
  holders: u32;
  /** Of free rows: the next, + 1. */
  next: u32;

  static at(core: Core, index: u32): Vip {
    return changetype<Vip>(core.vips + <usize>index * VIP_BYTES);
  }

  is(zone: u32, head: u64, tail: u64): bool {
    return this.zone == zone && this.head == head && this.tail == tail;
  }
}

if (offsetof<Vip>() != VIP_BYTES) ERROR('Vip must be VIP_BYTES long');

/** The virtual IP of a zone; null: it is none, maybe an interface's own address. */
export function vipAt(core: Core, zone: u32, head: u64, tail: u64): Vip {
  const none = changetype<Vip>(0);
  const found = Buckets.at(core.locals).lookup(localKey(core, zone, head, tail));
  if (found == 0) return none;
  const value = load<u32>(found);
  if ((value & VIP_BIT) == 0) return none;
  const vip = Vip.at(core, value & ~VIP_BIT);
  return vip.is(zone, head, tail) ? vip : none;
}

/** One key more at an address. False: there is no room. */
export function holdVip(core: Core, zone: u32, iface: u32, head: u64, tail: u64): bool {
  const old = vipAt(core, zone, head, tail);
  if (changetype<usize>(old) != 0) {
    old.holders++;
    return true;
  }
  const locals = Buckets.at(core.locals);
  const key = localKey(core, zone, head, tail);
  if (locals.lookup(key) != 0) return true; // an interface has it
  const index = core.vipFree != 0 ? core.vipFree - 1 : core.vipsUsed;
  if (index >= core.capacity(Capacity.ServiceKeys)) return false;
  if (!locals.insert(key, VIP_BIT | index)) return false;
  const vip = Vip.at(core, index);
  if (core.vipFree != 0) core.vipFree = vip.next;
  else core.vipsUsed++;
  vip.head = head;
  vip.tail = tail;
  vip.zone = zone;
  vip.iface = iface;
  vip.holders = 1;
  core.generation++;
  return true;
}

/** One key less. */
export function releaseVip(core: Core, zone: u32, head: u64, tail: u64): void {
  const vip = vipAt(core, zone, head, tail);
  if (changetype<usize>(vip) == 0 || --vip.holders != 0) return;
  const locals = Buckets.at(core.locals);
  const found = locals.lookup(localKey(core, zone, head, tail));
  const index = load<u32>(found) & ~VIP_BIT;
  locals.removeAt(found);
  vip.next = core.vipFree;
  core.vipFree = index + 1;
  core.generation++;
}
