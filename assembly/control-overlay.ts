/**
 * Control: changes to overlays between batches. Records of VTEPs pass through scratch memory
 * (`VtepRecord`).
 */
import { Capacity, Status } from './abi';
import { forgetVtep } from './control';
import { Core } from './memory';
import { HopState, VTEP_RECORD_BYTES, VtepKind, VtepRecord } from './overlay-abi';
import { familyOf, headAt, storeAddress, tailAt } from './table/address';
import { Underlay } from './table/underlay';
import { Vtep, removeVtep, restoreMtu, configureMtu, vtepAt, vtepIn } from './table/vtep';

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
  const family: u32 = load<u8>(record, VtepRecord.Family);
  const head = headAt(record + <usize>VtepRecord.Address, family);
  const tail = tailAt(record + <usize>VtepRecord.Address, family);
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
  storeAddress(record + <usize>VtepRecord.Address, vtep.addressHead, vtep.addressTail);
  store<u8>(record, <u8>vtep.underlay.index, VtepRecord.Underlay);
  store<u8>(record, <u8>familyOf(vtep.addressHead), VtepRecord.Family);
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
  storeAddress(record + <usize>VtepRecord.NextHop, hop.addressHead, hop.addressTail);
  store<u8>(record, <u8>hop.state, VtepRecord.State);
  store<u32>(record, <u32>hop.mac, VtepRecord.MacLow);
  store<u16>(record, <u16>(hop.mac >> MAC_HIGH_SHIFT), VtepRecord.MacHigh);
}
