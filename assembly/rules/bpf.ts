/**
 * Classic BPF: S. McCanne, V. Jacobson, "The BSD Packet Filter", 1993, table 1. Runs over an
 * IP packet from its IP header on. The compiler has checked the instructions: known ones,
 * jumps that go forward and end inside, a `ret` at the end, no division by a constant 0,
 * memory words below 16. So a run ends after as many steps as there are instructions.
 *
 * Reading behind the packet, and dividing by an X of 0, ends the run with 0: no match.
 */
const STEP_BYTES: usize = 8;
const MEMORY_BYTES: usize = 64;

enum Class {
  Load = 0,
  LoadX,
  Store,
  StoreX,
  Alu,
  Jump,
  Return,
  Move,
}
const CLASS_MASK: u32 = 7;
const MODE_MASK: u32 = 0xe0;
const MODE_IMMEDIATE: u32 = 0x00;
const MODE_ABSOLUTE: u32 = 0x20;
const MODE_INDIRECT: u32 = 0x40;
const MODE_MEMORY: u32 = 0x60;
const MODE_LENGTH: u32 = 0x80;
const WIDTH_MASK: u32 = 0x18;
const WIDTH_HALF: u32 = 0x08;
const WIDTH_BYTE: u32 = 0x10;
const OPERATION_SHIFT: u32 = 4;
const FROM_X: u32 = 8;
const FROM_A: u32 = 0x10;
const TO_A: u32 = 0x80;
/** Says of a load that there is nothing to read. */
const BEYOND: u64 = 1 << 32;

/** Reads 1, 2 or 4 bytes in wire order, or says BEYOND. */
function read(packet: usize, length: u32, offset: u32, code: u32): u64 {
  const width = code & WIDTH_MASK;
  const bytes: u32 = width == WIDTH_BYTE ? 1 : width == WIDTH_HALF ? 2 : 4;
  if (<u64>offset + bytes > length) return BEYOND;
  const at = packet + offset;
  if (bytes == 1) return load<u8>(at);
  if (bytes == 2) return <u64>(<u32>bswap<u16>(load<u16>(at)));
  return <u64>bswap<u32>(load<u32>(at));
}

/** What LD and LDX put into A or X, or BEYOND. */
function loaded(at: usize, memory: usize, packet: usize, length: u32, x: u32): u64 {
  const code: u32 = load<u16>(at);
  const k = load<u32>(at, 4);
  switch (code & MODE_MASK) {
    case MODE_IMMEDIATE:
      return k;
    case MODE_ABSOLUTE:
      return read(packet, length, k, code);
    case MODE_INDIRECT:
      return read(packet, length, k + x, code);
    case MODE_MEMORY:
      return load<u32>(memory + ((<usize>k) << 2));
    case MODE_LENGTH:
      return length;
  }
  // Four times the low half of a byte: the length of an IPv4 header.
  const found = read(packet, length, k, WIDTH_BYTE);
  return found == BEYOND ? BEYOND : (found & 0xf) << 2;
}

/** A after an operation, or BEYOND. */
function computed(operation: u32, a: u32, b: u32): u64 {
  switch (operation) {
    case 0:
      return a + b;
    case 1:
      return a - b;
    case 2:
      return a * b;
    case 3:
      return b == 0 ? BEYOND : a / b;
    case 4:
      return a | b;
    case 5:
      return a & b;
    case 6:
      return b > 31 ? 0 : a << b;
    case 7:
      return b > 31 ? 0 : a >>> b;
    case 8:
      return 0 - a;
    case 9:
      return b == 0 ? BEYOND : a % b;
  }
  return a ^ b;
}

/** Whether a conditional jump is taken. */
function isTaken(operation: u32, a: u32, b: u32): bool {
  switch (operation) {
    case 1:
      return a == b;
    case 2:
      return a > b;
    case 3:
      return a >= b;
  }
  return (a & b) != 0;
}

/** Where the jump at `at` goes to. */
function jumped(at: usize, code: u32, a: u32, x: u32): usize {
  const operation = (code >>> OPERATION_SHIFT) & 0xf;
  const k = load<u32>(at, 4);
  if (operation == 0) return at + STEP_BYTES * (<usize>k + 1);
  const taken = isTaken(operation, a, (code & FROM_X) != 0 ? x : k);
  const steps: usize = taken ? load<u8>(at, 2) : load<u8>(at, 3);
  return at + STEP_BYTES * (steps + 1);
}

/**
 * Runs the instructions at `at` (code u16, jumpTrue u8, jumpFalse u8, k u32) over `length`
 * bytes at `packet`. `scratch`: 64 bytes for its memory words. Returns what `ret` returns.
 */
export function runBpf(at: usize, scratch: usize, packet: usize, length: u32): u32 {
  let a: u32 = 0;
  let x: u32 = 0;
  memory.fill(scratch, 0, MEMORY_BYTES);
  while (true) {
    const code: u32 = load<u16>(at);
    const k = load<u32>(at, 4);
    const kind = code & CLASS_MASK;
    if (kind == Class.Return) return (code & FROM_A) != 0 ? a : (code & FROM_X) != 0 ? x : k;
    if (kind == Class.Jump) {
      at = jumped(at, code, a, x);
      continue;
    }
    if (kind <= <u32>Class.LoadX) {
      const value = loaded(at, scratch, packet, length, x);
      if (value == BEYOND) return 0;
      if (kind == Class.Load) a = <u32>value;
      else x = <u32>value;
    } else if (kind <= <u32>Class.StoreX) {
      store<u32>(scratch + ((<usize>k) << 2), kind == Class.Store ? a : x);
    } else if (kind == Class.Alu) {
      const b = (code & FROM_X) != 0 ? x : k;
      const value = computed((code >>> OPERATION_SHIFT) & 0xf, a, b);
      if (value == BEYOND) return 0;
      a = <u32>value;
    } else if ((code & TO_A) != 0) {
      a = x;
    } else {
      x = a;
    }
    at += STEP_BYTES;
  }
}
