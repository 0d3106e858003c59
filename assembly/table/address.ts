/**
 * IP addresses in records that the host reads or writes: bytes as on the wire, 16 or, of
 * IPv4, the first 4 of them. In the core they are two numbers, see neighbour.ts.
 */
import { Family } from '../abi';
import { IPV4_HEAD } from './neighbour';

const TAIL: usize = 8;

/** First half of the address of `family` whose bytes are at `at`. */
export function headAt(at: usize, family: u32): u64 {
  return family == Family.Ipv4 ? IPV4_HEAD : load<u64>(at);
}

/** Its second half. */
export function tailAt(at: usize, family: u32): u64 {
  return family == Family.Ipv4 ? bswap<u32>(load<u32>(at)) : load<u64>(at, TAIL);
}

export function familyOf(head: u64): Family {
  return head == IPV4_HEAD ? Family.Ipv4 : Family.Ipv6;
}

/** Writes the bytes of an address into 16 zeroed ones. */
export function storeAddress(at: usize, head: u64, tail: u64): void {
  if (head == IPV4_HEAD) {
    store<u32>(at, bswap<u32>(<u32>tail));
    return;
  }
  store<u64>(at, head);
  store<u64>(at, tail, TAIL);
}
