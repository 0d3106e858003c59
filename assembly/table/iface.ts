/**
 * Router interfaces: where a zone meets a segment; a row of 256 bytes, found by index. Its
 * side of the segment is a router port, an ordinary row of table/port.ts, to which the FDB
 * leads the interface's MAC address for good.
 *
 * Up to INTERFACE_ADDRESSES addresses, each with its prefix. All addresses of all zones are
 * also in one hash table (`core.locals`), compared in full with the row it names.
 */
import { Capacity, FdbKind, Status, VlanMember } from '../abi';
import { Core, IFACE_BYTES } from '../memory';
import { INTERFACE_ADDRESSES, InterfaceOption } from '../zone-abi';
import { MAC_BITS } from '../wire/ethernet';
import { VID_RESERVED } from '../wire/vlan';
import { Buckets, mix } from './buckets';
import { Fdb, valueOf } from './fdb';
import { IPV4_HEAD } from './neighbour';
import { PORT_ROUTER, PORT_VLAN_AWARE, Port, configureVlan } from './port';
import { describeMembers } from './segment';

const MAC_HIGH_SHIFT: u64 = 32;
const ZONE_SHIFT: u64 = 32;
const TPID_SHIFT: u32 = 16;
const IPV4_BITS: u32 = 32;
const HALF_BITS: u32 = 64;
const ADDRESS_BYTES: usize = 24;
const DEFAULT_MTU_BYTES: u32 = 1500;
const MOST_MTU_BYTES: u32 = 65535;
const LEAST_MTU_BYTES: u32 = 68; // RFC 791 §3.2

@unmanaged
export class Iface {
  /** Null: not in use. */
  port: Port;
  index: u32;
  zone: u32;
  mtuBytes: u32;
  mac: u64;
  /** Forwarding domain, and tag of its VLAN: TPID << 16 | VID, 0 in a plain segment. */
  domain: u32;
  tag: u32;
  vlan: u32;
  addressCount: u32;
  /** 1: the zone's rules see what stays in the segment: node/inspect.ts. */
  inspects: u32;
  /** Flows sent back into the segment with another destination. */
  hairpins: u32;
  private spare1: u64;
  private spare2: u64;

  static at(ifaces: usize, index: u32): Iface {
    return changetype<Iface>(ifaces + <usize>index * IFACE_BYTES);
  }

  get inUse(): bool {
    return changetype<usize>(this.port) != 0;
  }

  private addressAt(i: u32): usize {
    return changetype<usize>(this) + offsetof<Iface>() + <usize>i * ADDRESS_BYTES;
  }

  addressHead(i: u32): u64 {
    return load<u64>(this.addressAt(i));
  }

  addressTail(i: u32): u64 {
    return load<u64>(this.addressAt(i), 8);
  }

  prefixBits(i: u32): u32 {
    return load<u32>(this.addressAt(i), 16);
  }

  setAddress(i: u32, head: u64, tail: u64, prefixBits: u32): void {
    const at = this.addressAt(i);
    store<u64>(at, head);
    store<u64>(at, tail, 8);
    store<u32>(at, prefixBits, 16);
  }

  isOwnAddress(head: u64, tail: u64): bool {
    return this.find(head, tail) != this.addressCount;
  }

  /** Place of an address, or `addressCount`. */
  find(head: u64, tail: u64): u32 {
    let i: u32 = 0;
    while (i < this.addressCount && !(this.addressHead(i) == head && this.addressTail(i) == tail)) {
      i++;
    }
    return i;
  }

  /**
   * Place of the address this interface speaks with to another one: the first on the same
   * subnet, else the first of the family; `addressCount`: it has none.
   */
  speakerTo(head: u64, tail: u64): u32 {
    const isIpv4 = head == IPV4_HEAD;
    let first = this.addressCount;
    for (let i: u32 = this.addressCount; i-- > 0;) {
      if ((this.addressHead(i) == IPV4_HEAD) != isIpv4) continue;
      first = i;
    }
    for (let i: u32 = 0; i < this.addressCount; i++) {
      if ((this.addressHead(i) == IPV4_HEAD) != isIpv4) continue;
      if (this.isOnLink(i, head, tail)) return i;
    }
    return first;
  }

  /** The first IPv4 address, host order; 0: it has none. */
  get ipv4(): u32 {
    for (let i: u32 = 0; i < this.addressCount; i++) {
      if (this.addressHead(i) == IPV4_HEAD) return <u32>this.addressTail(i);
    }
    return 0;
  }

  /** Whether an address is in the subnet of address `i`, of the same family. */
  isOnLink(i: u32, head: u64, tail: u64): bool {
    const bits = this.prefixBits(i);
    const ownHead = this.addressHead(i);
    const ownTail = this.addressTail(i);
    if (head == IPV4_HEAD) {
      return bits == 0 || (<u32>(ownTail ^ tail)) >> (IPV4_BITS - bits) == 0;
    }
    if (bits == 0) return true;
    // Halves are loaded as on the wire: the first bits of an address are in the last byte.
    const headBits = min(bits, HALF_BITS);
    if (bswap<u64>(ownHead ^ head) >> (HALF_BITS - headBits) != 0) return false;
    const tailBits = bits - headBits;
    return tailBits == 0 || bswap<u64>(ownTail ^ tail) >> (HALF_BITS - tailBits) == 0;
  }

  /** Whether an IPv4 address, host order, is the broadcast of one of the subnets. */
  isBroadcast(ip: u32): bool {
    for (let i: u32 = 0; i < this.addressCount; i++) {
      const bits = this.prefixBits(i);
      if (this.addressHead(i) != IPV4_HEAD || bits >= IPV4_BITS - 1) continue;
      const hosts = bits == 0 ? 0xffffffff : (1 << (IPV4_BITS - bits)) - 1;
      if (ip == ((<u32>this.addressTail(i)) | hosts)) return true;
    }
    return false;
  }
}

if (offsetof<Iface>() + <usize>INTERFACE_ADDRESSES * ADDRESS_BYTES > IFACE_BYTES)
  ERROR('Iface must fit IFACE_BYTES');

export function createIfaces(core: Core): void {
  const ifaces = core.capacity(Capacity.Interfaces);
  for (let i: u32 = 0; i < ifaces; i++) resetRow(Iface.at(core.ifaces, i), i);
}

function resetRow(iface: Iface, index: u32): void {
  memory.fill(changetype<usize>(iface), 0, IFACE_BYTES);
  iface.index = index;
  iface.mtuBytes = DEFAULT_MTU_BYTES;
}

/** Sets one option. Returns a Status. */
export function configureIface(
  core: Core,
  iface: Iface,
  option: InterfaceOption,
  value: u32,
): Status {
  switch (option) {
    case InterfaceOption.Port:
      return setPort(core, iface, value);
    case InterfaceOption.Zone:
      if (value == 0 || value > core.capacity(Capacity.Zones) || iface.inUse) {
        return Status.OutOfRange;
      }
      iface.zone = value - 1;
      return Status.Ok;
    case InterfaceOption.MacLow:
      if (iface.inUse) return Status.OutOfRange;
      iface.mac = ((iface.mac >> MAC_HIGH_SHIFT) << MAC_HIGH_SHIFT) | (<u64>value);
      return Status.Ok;
    case InterfaceOption.MacHigh:
      if (iface.inUse || value > 0xffff) return Status.OutOfRange;
      iface.mac = (<u64>(<u32>iface.mac)) | ((<u64>value) << MAC_HIGH_SHIFT);
      return Status.Ok;
    case InterfaceOption.MtuBytes:
      if (value < LEAST_MTU_BYTES || value > MOST_MTU_BYTES) return Status.OutOfRange;
      iface.mtuBytes = value;
      core.generation++;
      return Status.Ok;
    case InterfaceOption.Inspect:
      if (value > 1) return Status.OutOfRange;
      iface.inspects = value;
      tellSegment(iface);
      return Status.Ok;
    case InterfaceOption.Vlan:
      if (value >= VID_RESERVED || iface.inUse) return Status.OutOfRange;
      iface.vlan = value;
      return Status.Ok;
    default:
      return Status.OutOfRange;
  }
}

/** Makes a port of a segment the interface's, and its MAC known there; 0: no longer. */
function setPort(core: Core, iface: Iface, place: u32): Status {
  if (place > core.portCount) return Status.OutOfRange;
  leavePort(core, iface);
  if (place == 0) return Status.Ok;
  const port = Port.at(core.ports, place - 1);
  if (changetype<usize>(port.segment) == 0 || port.has(PORT_ROUTER)) return Status.OutOfRange;
  const isAware = port.has(PORT_VLAN_AWARE);
  if (isAware != (iface.vlan != 0) || iface.mac == 0) return Status.OutOfRange;
  iface.domain = isAware ? load<u16>(port.vlanTable + ((<usize>iface.vlan) << 1)) : port.domain;
  if (iface.domain == 0) return Status.OutOfRange;
  const fdb = Fdb.at(core.fdb);
  const key = iface.mac | ((<u64>iface.domain) << MAC_BITS);
  const value = valueOf(port.index, FdbKind.Static, core.nowMs);
  const found = fdb.lookup(key);
  if (found == 0 && !fdb.insert(key, value)) return Status.Full;
  if (found != 0) store<u64>(found, value);
  core.fdbVersion++;
  iface.tag = isAware ? (port.segment.tpid << TPID_SHIFT) | iface.vlan : 0;
  if (isAware) configureVlan(port, iface.vlan, VlanMember.Untagged);
  iface.port = port;
  port.iface = iface;
  port.flags |= PORT_ROUTER;
  tellSegment(iface);
  core.generation++;
  return Status.Ok;
}

/** One flow more, or less, whose answers stay in the segment. */
export function countHairpin(iface: Iface, by: i32): void {
  iface.hairpins += by;
  if (iface.hairpins <= 1) tellSegment(iface);
}

/** Tells the members whether the interface wants to see what goes between them. */
function tellSegment(iface: Iface): void {
  if (!iface.inUse) return;
  const segment = iface.port.segment;
  const isWanted = iface.inspects != 0 || iface.hairpins != 0;
  segment.inspector = isWanted ? iface : changetype<Iface>(0);
  describeMembers(segment);
}

function leavePort(core: Core, iface: Iface): void {
  if (!iface.inUse) return;
  const port = iface.port;
  port.segment.inspector = changetype<Iface>(0);
  describeMembers(port.segment);
  const fdb = Fdb.at(core.fdb);
  const found = fdb.lookup(iface.mac | ((<u64>iface.domain) << MAC_BITS));
  if (found != 0) fdb.removeAt(found);
  core.fdbVersion++;
  port.flags &= ~PORT_ROUTER;
  port.iface = changetype<Iface>(0);
  iface.port = changetype<Port>(0);
  core.generation++;
}

/** Takes an interface out of service, with its addresses. */
export function resetIface(core: Core, iface: Iface): void {
  leavePort(core, iface);
  while (iface.addressCount != 0) removeAddress(core, iface, iface.addressCount - 1);
  resetRow(iface, iface.index);
}

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

function removeAddress(core: Core, iface: Iface, i: u32): void {
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

/** The interface of a zone that has an address; null: it is not the zone's. */
export function localIface(core: Core, zone: u32, head: u64, tail: u64): Iface {
  const found = Buckets.at(core.locals).lookup(localKey(core, zone, head, tail));
  if (found == 0) return changetype<Iface>(0);
  const iface = Iface.at(core.ifaces, load<u32>(found));
  return iface.isOwnAddress(head, tail) ? iface : changetype<Iface>(0);
}

function localKey(core: Core, zone: u32, head: u64, tail: u64): u64 {
  return mix(mix(head ^ core.salt) ^ tail ^ ((<u64>zone) << ZONE_SHIFT)) | 1;
}
