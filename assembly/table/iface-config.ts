/** How router interfaces (iface.ts) are set up, and tell their segments what they want to see. */
import { Capacity, FdbKind, Status, VlanMember } from '../abi';
import { Core, IFACE_BYTES } from '../memory';
import { MAC_BITS } from '../wire/ethernet';
import { VID_RESERVED } from '../wire/vlan';
import { InterfaceOption } from '../zone-abi';
import { Fdb, valueOf } from './fdb';
import { Iface } from './iface';
import { removeAddress } from './local';
import { PORT_ROUTER, PORT_VLAN_AWARE, Port, configureVlan } from './port';
import { describeMembers } from './segment';

const MAC_HIGH_SHIFT: u64 = 32;
const TPID_SHIFT: u32 = 16;
const DEFAULT_MTU_BYTES: u32 = 1500;
const MOST_MTU_BYTES: u32 = 65535;
const LEAST_MTU_BYTES: u32 = 68; // RFC 791 §3.2

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
