/**
 * Control: changes to overlays between batches. Records of VTEPs pass through scratch memory
 * (`VtepRecord`).
 */
import { Capacity, Family, Status } from './abi';
import { forgetVtep } from './control';
import { Core } from './memory';
import { HopState, VTEP_RECORD_BYTES, VtepKind, VtepRecord } from './overlay-abi';
import { IPV4_HEAD } from './table/neighbour';
import { Underlay } from './table/underlay';
import { Vtep, removeVtep, restoreMtu, configureMtu, vtepAt, vtepIn } from './table/vtep';

const TAIL: i32 = 8;
const MAC_HIGH_SHIFT: u64 = 32;
/** Least MTU that leaves room for headers and a frame. */
const LEAST_MTU_BYTES: u32 = 128;

/** Adds the VTEP in scratch, or changes what is configured of it. Returns its number, or 0. */
export function vtepInsert(core: Core): u32 {
  const record = core.scratch;
  const index: u32 = load<u8>(record, VtepRecord.Underlay);
  const mtuBytes = load<u32>(record, VtepRecord.MtuBytes);
  if (index >= core.capacity(Capacity.Underlays)) return 0;
  if (mtuBytes != 0 && mtuBytes < LEAST_MTU_BYTES) return 0;
  const head = headIn(record);
  const tail = tailIn(record);
  const vtep = vtepAt(core, Underlay.at(core.underlays, index), head, tail, VtepKind.Static);
  if (changetype<usize>(vtep) == 0) return 0;
  configureMtu(vtep, mtuBytes);
  return vtep.index;
}

/** Removes a VTEP, and the FDB entries towards it. Its peers' entries must be gone. */
export function vtepRemove(core: Core, index: u32): Status {
  const vtep = vtepIn(core, index);
  if (changetype<usize>(vtep) == 0) return Status.NotFound;
  forgetVtep(core, index);
  removeVtep(core, vtep);
  return Status.Ok;
}

/** Writes VTEP `index` into scratch. NotFound: there is none. */
export function vtepRead(core: Core, index: u32): Status {
  const vtep = vtepIn(core, index);
  if (changetype<usize>(vtep) == 0) return Status.NotFound;
  restoreMtu(vtep, core.nowMs);
  const record = core.scratch;
  memory.fill(record, 0, VTEP_RECORD_BYTES);
  writeAddress(record + <usize>VtepRecord.Address, vtep.addressHead, vtep.addressTail);
  store<u8>(record, <u8>vtep.underlay.index, VtepRecord.Underlay);
  store<u8>(record, <u8>(vtep.isIpv4 ? Family.Ipv4 : Family.Ipv6), VtepRecord.Family);
  store<u8>(record, <u8>vtep.kind, VtepRecord.Kind);
  store<u32>(record, vtep.mtuBytes, VtepRecord.MtuBytes);
  store<u32>(record, core.nowMs - vtep.seenMs, VtepRecord.SeenMs);
  store<u64>(record, vtep.txPackets, VtepRecord.TxPackets);
  store<u64>(record, vtep.txBytes, VtepRecord.TxBytes);
  store<u64>(record, vtep.rxPackets, VtepRecord.RxPackets);
  store<u64>(record, vtep.rxBytes, VtepRecord.RxBytes);
  writeHop(record, vtep);
  return Status.Ok;
}

function writeHop(record: usize, vtep: Vtep): void {
  const hop = vtep.hop;
  if (changetype<usize>(hop) == 0) {
    store<u8>(record, <u8>HopState.None, VtepRecord.State);
    return;
  }
  writeAddress(record + <usize>VtepRecord.NextHop, hop.addressHead, hop.addressTail);
  store<u8>(record, <u8>hop.state, VtepRecord.State);
  store<u32>(record, <u32>hop.mac, VtepRecord.MacLow);
  store<u16>(record, <u16>(hop.mac >> MAC_HIGH_SHIFT), VtepRecord.MacHigh);
}

function writeAddress(at: usize, head: u64, tail: u64): void {
  const isIpv4 = head == IPV4_HEAD;
  store<u64>(at, isIpv4 ? bswap<u32>(<u32>tail) : head);
  if (!isIpv4) store<u64>(at, tail, TAIL);
}

/** Both halves of an address, see table/neighbour.ts. */
function headIn(record: usize): u64 {
  const isIpv4 = load<u8>(record, VtepRecord.Family) == Family.Ipv4;
  return isIpv4 ? IPV4_HEAD : load<u64>(record, VtepRecord.Address);
}

function tailIn(record: usize): u64 {
  const isIpv4 = load<u8>(record, VtepRecord.Family) == Family.Ipv4;
  if (isIpv4) return bswap<u32>(load<u32>(record, VtepRecord.Address));
  return load<u64>(record, VtepRecord.Address + TAIL);
}
