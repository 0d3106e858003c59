/** Control: which clients are held to which backends (`AffinityRecord` in scratch). */
import { SCRATCH_BYTES } from './abi';
import { Core } from './memory';
import { AFFINITY_RECORD_BYTES, AffinityRecord } from './service-abi';
import { Purpose, isAffinityOver, leftMs } from './table/affinity';
import { Flows } from './table/flow';
import { AFFINITY_SCOPE } from './table/flow-line';
import { backendOf } from './table/service';

/** Whose an entry is: service and purpose, see `ownerOf`. */
const PURPOSE_BITS: u32 = 1;

/**
 * Writes clients from entry `first` of the flow table on into scratch, as many as fit. Returns
 * how many; the last u32 of scratch is the entry to go on with, 0 at the end.
 */
export function affinityWalk(core: Core, first: u32): u32 {
  const flows = Flows.at(core.flows);
  const next = core.scratch + SCRATCH_BYTES - 4;
  let record = core.scratch;
  let entry = first;
  for (; entry < flows.touched && record + AFFINITY_RECORD_BYTES <= next; entry++) {
    const line = flows.lineOf(entry);
    if (line.scope != AFFINITY_SCOPE || isAffinityOver(core, line)) continue;
    const own = line.original;
    const owner = own.destination;
    if ((owner & ((1 << PURPOSE_BITS) - 1)) != <u32>Purpose.Persistence) continue;
    const state = flows.stateOf(own);
    memory.fill(record, 0, AFFINITY_RECORD_BYTES);
    store<u32>(record, own.source, AffinityRecord.Client);
    store<u32>(record, owner >>> PURPOSE_BITS, AffinityRecord.Service);
    store<u32>(record, backendOf(core, state.holders).index, AffinityRecord.Backend);
    store<u32>(record, leftMs(core, own), AffinityRecord.LeftMs);
    store<u32>(record, state.mark, AffinityRecord.Holders);
    record += AFFINITY_RECORD_BYTES;
  }
  store<u32>(next, entry >= flows.touched ? 0 : entry);
  return <u32>((record - core.scratch) / AFFINITY_RECORD_BYTES);
}
