/**
 * Own addresses of all zones, by zone and address; link-local ones (RFC 4291 §2.5.6) by router
 * interface and address, so that several may have the same: one hash table (buckets.ts) whose key
 * is a secret hash, compared in full with the router interface or virtual IP (vip.ts) it names.
 * Two addresses of one hash would not both find a place; they are as likely as guessing the
 * secret.
 */
import { Status } from '../abi';
import { Core } from '../memory';
import { isLinkLocalIpv6 } from '../wire/ipv6';
import { INTERFACE_ADDRESSES } from '../zone-abi';
import { Buckets } from './buckets';
import { Iface } from './iface';
import { localKey } from './local-key';
import { VIP_BIT, Vip } from './vip';

/** Above all zones. */
const LINK_SCOPE: u32 = 1 << 31;

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
  const key = localKey(core, scopeOf(iface, head), head, tail);
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
  const head = iface.addressHead(i);
  const found = locals.lookup(localKey(core, scopeOf(iface, head), head, iface.addressTail(i)));
  if (found != 0) locals.removeAt(found);
  for (let next = i + 1; next < iface.addressCount; next++) {
    const bits = iface.prefixBits(next);
    iface.setAddress(next - 1, iface.addressHead(next), iface.addressTail(next), bits);
  }
  iface.addressCount--;
}

/**
 * The interface that has an address, or speaks for it, as somebody at `iface` sees it: one of its
 * zone, which of a link-local address is itself. Null: none has it.
 */
export function localIface(core: Core, iface: Iface, head: u64, tail: u64): Iface {
  const scope = scopeOf(iface, head);
  const found = Buckets.at(core.locals).lookup(localKey(core, scope, head, tail));
  if (found == 0) return changetype<Iface>(0);
  const value = load<u32>(found);
  if ((value & VIP_BIT) != 0) {
    const vip = Vip.at(core, value & ~VIP_BIT);
    return vip.is(iface.zone, head, tail) ? Iface.at(core.ifaces, vip.iface) : changetype<Iface>(0);
  }
  const owner = Iface.at(core.ifaces, value);
  return owner.isOwnAddress(head, tail) ? owner : changetype<Iface>(0);
}

function scopeOf(iface: Iface, head: u64): u32 {
  return isLinkLocalIpv6(head) ? LINK_SCOPE | iface.index : iface.zone;
}
