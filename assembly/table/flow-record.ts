/** A flow as the host reads it: `FlowRecord`, in scratch memory or in the journal. */
import { Family } from '../abi';
import { Core } from '../memory';
import { FLOW_RECORD_BYTES, FlowRecord } from '../zone-abi';
import { storeAddress } from './address';
import { Flows } from './flow';
import { FlowAddresses } from './flow-address';
import { FlowLine } from './flow-line';
import { flowLeftMs } from './flow-timers';
import { backendOfShare } from './share';

const PORT_SHIFT: u32 = 16;
const CARRY: u64 = 32;

/** Writes FLOW_RECORD_BYTES at `record` about the flow that `either` is a direction of. */
export function writeFlow(core: Core, record: usize, either: FlowLine): void {
  const flows = Flows.at(core.flows);
  const line = either.original;
  const reply = line.other;
  const state = flows.stateOf(line);
  memory.fill(record, 0, FLOW_RECORD_BYTES);
  writeWord(core, line, line.source, record + <usize>FlowRecord.Source);
  writeWord(core, line, line.destination, record + <usize>FlowRecord.Destination);
  writeWord(core, line, reply.source, record + <usize>FlowRecord.ReplySource);
  writeWord(core, line, reply.destination, record + <usize>FlowRecord.ReplyDestination);
  store<u32>(record, portsOf(line), FlowRecord.SourcePort);
  store<u32>(record, portsOf(reply), FlowRecord.ReplySourcePort);
  store<u16>(record, <u16>line.zone, FlowRecord.Zone);
  store<u8>(record, <u8>line.protocol, FlowRecord.Protocol);
  store<u8>(record, <u8>(line.isIpv6 ? Family.Ipv6 : Family.Ipv4), FlowRecord.Family);
  store<u8>(record, state.phase, FlowRecord.State);
  store<u16>(record, <u16>state.status, FlowRecord.Status);
  store<u32>(record, state.mark, FlowRecord.Mark);
  store<u32>(record, flowLeftMs(core, line), FlowRecord.LeftMs);
  store<u64>(record, line.packets | ((<u64>state.packetsHigh) << CARRY), FlowRecord.Packets);
  store<u64>(record, line.bytes, FlowRecord.Bytes);
  const replyPackets = reply.packets | ((<u64>state.replyPacketsHigh) << CARRY);
  store<u64>(record, replyPackets, FlowRecord.ReplyPackets);
  store<u64>(record, reply.bytes, FlowRecord.ReplyBytes);
  store<u32>(record, state.id, FlowRecord.Id);
  store<u32>(record, core.nowMs - state.beganMs, FlowRecord.AgeMs);
  store<u32>(record, flows.entryOf(line), FlowRecord.Entry);
  const backend = backendOfShare(core, line.path);
  if (changetype<usize>(backend) != 0) store<u32>(record, backend.index + 1, FlowRecord.Backend);
}

/** An address of a line, as on the wire. */
function writeWord(core: Core, line: FlowLine, word: u32, at: usize): void {
  if (!line.isIpv6) return store<u32>(at, word);
  const addresses = FlowAddresses.at(core.flowAddresses);
  storeAddress(at, addresses.headOf(word), addresses.tailOf(word));
}

/** Both ports in host order; of ICMP the second is type << 8 | code, as it lies on the wire. */
function portsOf(line: FlowLine): u32 {
  const first: u32 = bswap<u16>(<u16>line.ports);
  const second: u32 = bswap<u16>(<u16>(line.ports >>> PORT_SHIFT));
  return first | (second << PORT_SHIFT);
}
