/** Doors to table/flow-address.ts. Addresses are 16 bytes in memory. */
import { FlowAddresses } from '../table/flow-address';

const HALF_BYTES: usize = 8;

export function flowAddressLimit(flows: u32): u32 {
  return FlowAddresses.limitFor(flows);
}

export function flowAddressBytes(limit: u32): usize {
  return FlowAddresses.bytesFor(limit);
}

export function createFlowAddresses(table: usize, limit: u32, salt: u32): void {
  FlowAddresses.create(table, limit, salt);
}

export function holdFlowAddress(table: usize, address: usize): u32 {
  return FlowAddresses.at(table).hold(load<u64>(address), load<u64>(address, HALF_BYTES));
}

export function findFlowAddress(table: usize, address: usize): u32 {
  return FlowAddresses.at(table).find(load<u64>(address), load<u64>(address, HALF_BYTES));
}

export function changeFlowAddress(table: usize, index: u32, by: i32): void {
  FlowAddresses.at(table).change(index, by);
}

export function readFlowAddress(table: usize, index: u32, to: usize): void {
  store<u64>(to, FlowAddresses.at(table).headOf(index));
  store<u64>(to, FlowAddresses.at(table).tailOf(index), HALF_BYTES);
}

export function flowAddressesUsed(table: usize): u32 {
  return FlowAddresses.at(table).used;
}
