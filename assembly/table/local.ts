/**
 * Own addresses of all zones, by zone and address: one hash table (buckets.ts) whose key is a
 * secret hash, compared in full with the router interface or virtual IP (vip.ts) it names. Two addresses of one hash
 * would not both find a place; they are as likely as guessing the secret.
 */
import { Status } from '../abi';
import { Core } from '../memory';
import { INTERFACE_ADDRESSES } from '../zone-abi';
import { Buckets } from './buckets';
import { Iface } from './iface';
import { localKey } from './local-key';
import { VIP_BIT, Vip } from './vip';

/** Gives an interface an address, or takes one of its own away. Returns a Status. */
export function setOwnAddress(
  core: Core,
  iface: Iface,
  head: u64,
  tail: u64,
  prefixBits: u32,
  isOwn: bool,
): Status {
  const i = iface.find(head, tail);
  core.generation++;
  if (!isOwn) {
    if (i == iface.addressCount) return Status.NotFound;
    removeAddress(core, iface, i);
    return Status.Ok;
  }
  if (i == <u32>INTERFACE_ADDRESSES) return Status.Full;
  const locals = Buckets.at(core.locals);
  const key = localKey(core, iface.zone, head, tail);
  if (i == iface.addressCount) {
    if (locals.lookup(key) != 0) return Status.OutOfRange;
    if (!locals.insert(key, iface.index)) return Status.Full;
    iface.addressCount++;
  }
  iface.setAddress(i, head, tail, prefixBits);
  return Status.Ok;
}

/** Takes address `i` of an interface away. */
export function removeAddress(core: Core, iface: Iface, i: u32): void {
  const locals = Buckets.at(core.locals);
  const found = locals.lookup(
    localKey(core, iface.zone, iface.addressHead(i), iface.addressTail(i)),
  );
  if (found != 0) locals.removeAt(found);
  for (let next = i + 1; next < iface.addressCount; next++) {
    const bits = iface.prefixBits(next);
    iface.setAddress(next - 1, iface.addressHead(next), iface.addressTail(next), bits);
  }
  iface.addressCount--;
}

/** The interface of a zone that has an address, or speaks for it; null: it is not the zone's. */
export function localIface(core: Core, zone: u32, head: u64, tail: u64): Iface {
  const found = Buckets.at(core.locals).lookup(localKey(core, zone, head, tail));
  if (found == 0) return changetype<Iface>(0);
  const value = load<u32>(found);
  if ((value & VIP_BIT) != 0) {
    const vip = Vip.at(core, value & ~VIP_BIT);
    return vip.is(zone, head, tail) ? Iface.at(core.ifaces, vip.iface) : changetype<Iface>(0);
  }
  const iface = Iface.at(core.ifaces, value);
  return iface.isOwnAddress(head, tail) ? iface : changetype<Iface>(0);
}
