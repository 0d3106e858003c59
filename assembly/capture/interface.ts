/**
 * Interface Description Blocks (draft-ietf-opsawg-pcapng §4.2): link type u16, two
 * reserved bytes, snapshot length u32, options. An option is a code u16, a length u16
 * and a value padded to 32 bits; code 0 ends the list.
 */
import { CaptureFault, CaptureStatus, StampUnit } from '../capture-abi';
import { Capture, Interface, LAST_STAMP, read16, read32 } from './state';

const BLOCK_BYTES: u32 = 20; // without options, both block lengths included
const OPTIONS: usize = 16;
const TRAILER_BYTES: u32 = 4;
const OPTION_BYTES: u32 = 4;

const OPTION_END: u32 = 0;
const OPTION_NAME: u32 = 2;
const OPTION_RESOLUTION: u32 = 9;
const OPTION_OFFSET: u32 = 14;
const OFFSET_BYTES: u32 = 8;

const DEFAULT_RESOLUTION: u32 = 6; // microseconds
const BINARY_BIT: u32 = 0x80;
const NS_EXPONENT: u32 = 9;
const NS_PER_SECOND: u64 = 1000000000;
const MOST_EXPONENT: u32 = 27; // 10^18 ticks a ns: the last one that fits
const MOST_SHIFT: u32 = 63;
const MOST_PRECISE_SHIFT: u32 = 33; // a fraction of more bits times 10^9 may overflow
const MOST_OFFSET_SECONDS: i64 = 9223372036; // beyond it every stamp is the first or the last

/**
 * Adds the interface at the cursor to the table and stops the reader, so that the host
 * gives it a port. The block is whole. False if the block is refused.
 */
export function announce(c: Capture, total: u32): bool {
  if (total < BLOCK_BYTES) return c.refuse(CaptureFault.BlockLength, total, 0);
  if (c.interfaceCount >= c.interfaceLimit) {
    return c.refuse(CaptureFault.ManyInterfaces, c.interfaceLimit, 0);
  }
  const row = Interface.at(c, c.interfaceCount);
  row.linkType = <u16>c.u16At(8);
  row.snapBytes = c.u32At(12);
  row.name = 0;
  row.nameBytes = 0;
  row.offsetNs = 0;
  resolve(row, DEFAULT_RESOLUTION);
  if (!readOptions(c, row, c.cursor + total - TRAILER_BYTES)) return false;
  c.interfaceCount++;
  c.status = CaptureStatus.Interface;
  return true;
}

function readOptions(c: Capture, row: Interface, end: usize): bool {
  let at = c.cursor + OPTIONS;
  while (at + OPTION_BYTES <= end) {
    const code = read16(at, c.swapped);
    const bytes = read16(at + 2, c.swapped);
    if (code == OPTION_END) return true;
    const value = at + OPTION_BYTES;
    const next = value + ((bytes + 3) & ~3);
    if (next > end) return c.refuse(CaptureFault.OptionLength, code, bytes);
    if (!readOption(c, row, code, value)) return false;
    at = next;
  }
  return true;
}

/** One option, which lies inside the block with its length word right before `value`. */
function readOption(c: Capture, row: Interface, code: u32, value: usize): bool {
  const bytes = read16(value - 2, c.swapped);
  if (code == OPTION_NAME) {
    row.name = value;
    row.nameBytes = bytes;
  } else if (code == OPTION_RESOLUTION) {
    if (bytes != 1) return c.refuse(CaptureFault.OptionLength, code, bytes);
    const resolution = <u32>load<u8>(value);
    return resolve(row, resolution) || c.refuse(CaptureFault.Resolution, resolution, 0);
  } else if (code == OPTION_OFFSET) {
    if (bytes != OFFSET_BYTES) return c.refuse(CaptureFault.OptionLength, code, bytes);
    row.offsetNs = offsetOf(value, c.swapped);
  }
  return true;
}

/** if_tsoffset: whole seconds, signed, as nanoseconds. */
function offsetOf(value: usize, swapped: u32): i64 {
  const first = <u64>read32(value, swapped);
  const second = <u64>read32(value + 4, swapped);
  const seconds = <i64>(swapped ? (first << 32) | second : (second << 32) | first);
  if (seconds > MOST_OFFSET_SECONDS) return <i64>LAST_STAMP;
  if (seconds < -MOST_OFFSET_SECONDS) return -(<i64>LAST_STAMP);
  return seconds * <i64>NS_PER_SECOND;
}

/** if_tsresol: ticks are 10^-n seconds, or 2^-n with the top bit set. */
function resolve(row: Interface, resolution: u32): bool {
  const exponent = resolution & ~BINARY_BIT;
  row.scale = 1;
  row.mostTicks = LAST_STAMP;
  row.shift = exponent;
  if ((resolution & BINARY_BIT) != 0) {
    row.unit = StampUnit.Binary;
    return exponent <= MOST_SHIFT;
  }
  if (exponent > MOST_EXPONENT) return false;
  row.unit = exponent > NS_EXPONENT ? StampUnit.Divide : StampUnit.Multiply;
  row.scale =
    exponent > NS_EXPONENT ? power(exponent - NS_EXPONENT) : power(NS_EXPONENT - exponent);
  row.mostTicks = LAST_STAMP / row.scale;
  return true;
}

function power(exponent: u32): u64 {
  let value: u64 = 1;
  for (let i: u32 = 0; i < exponent; i++) value *= 10;
  return value;
}

/** Nanoseconds since 1970 of an interface's ticks, cut to 0..LAST_STAMP. */
export function stampOf(row: Interface, ticks: u64): u64 {
  const isPlain = row.unit == StampUnit.Multiply && row.offsetNs == 0;
  if (isPlain && ticks <= row.mostTicks) return ticks * row.scale;
  return rareStamp(row, ticks);
}

function rareStamp(row: Interface, ticks: u64): u64 {
  let ns = LAST_STAMP;
  if (row.unit == StampUnit.Divide) ns = ticks / row.scale;
  else if (row.unit == StampUnit.Binary) ns = binaryNs(ticks, row.shift);
  else if (ticks <= row.mostTicks) ns = ticks * row.scale;
  ns = min<u64>(ns, LAST_STAMP);
  const sum = <i64>ns + row.offsetNs;
  if (row.offsetNs > 0 && sum < <i64>ns) return LAST_STAMP;
  return sum < 0 ? 0 : <u64>sum;
}

function binaryNs(ticks: u64, shift: u32): u64 {
  const seconds = ticks >> shift;
  if (seconds > LAST_STAMP / NS_PER_SECOND) return LAST_STAMP;
  let fraction = ticks & (((<u64>1) << shift) - 1);
  const excess = shift > MOST_PRECISE_SHIFT ? shift - MOST_PRECISE_SHIFT : 0;
  fraction >>= excess;
  return seconds * NS_PER_SECOND + ((fraction * NS_PER_SECOND) >> (shift - excess));
}
