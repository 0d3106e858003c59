import {
  BatchField,
  CAPTURE_BATCH_BYTES,
  CAPTURE_BYTES,
  CAPTURE_INTERFACE_BYTES,
  CAPTURE_RECORD_BYTES,
  CaptureFault,
  CaptureField,
  CaptureStatus,
  InterfaceField,
} from '../capture-abi';
import { RX_BYTES, Rx, RxFlag } from '../abi';

/** Latest stamp there is, ns since 1970: the year 2262. Later ones are cut to it. */
export const LAST_STAMP: u64 = 0x7fffffffffffffff;

/** CAPTURE_RECORD_BYTES, of the core's type. */
export const RECORD_BYTES: u32 = CAPTURE_RECORD_BYTES;

export const STAMP_BYTES: u32 = 8;
const TIGHT: u32 = RxFlag.Tight << 16;

/** One reader; fields are described in capture-abi.ts. */
@unmanaged
export class Capture {
  cursor: usize;
  end: usize;
  status: u32;
  fault: u32;
  faultA: u32;
  faultB: u32;
  need: u32;
  format: u32;
  swapped: u32;
  port: u32;
  next: u64;
  packets: u64;
  truncated: u64;
  interfaces: usize;
  interfaceLimit: u32;
  interfaceCount: u32;
  tickNs: u32;
  skipOutbound: u32;
  spare: u32;

  @inline get left(): u32 {
    return <u32>(this.end - this.cursor);
  }

  /** A 32-bit field of the file, `offset` bytes after the cursor. */
  @inline u32At(offset: usize): u32 {
    return read32(this.cursor + offset, this.swapped);
  }

  @inline u16At(offset: usize): u32 {
    return read16(this.cursor + offset, this.swapped);
  }

  /** True if `bytes` lie in the chunk from the cursor on; else the reader is hungry. */
  @inline has(bytes: u32): bool {
    if (bytes <= this.left) return true;
    this.need = bytes;
    this.status = CaptureStatus.Hungry;
    return false;
  }

  /** Stops the reader at its cursor. False, so that a check can return it. */
  refuse(fault: CaptureFault, a: u32, b: u32): bool {
    this.status = CaptureStatus.Fault;
    this.fault = fault;
    this.faultA = a;
    this.faultB = b;
    return false;
  }
}

/** One pcapng interface. */
@unmanaged
export class Interface {
  scale: u64;
  mostTicks: u64;
  offsetNs: i64;
  unit: u32;
  shift: u32;
  name: usize;
  nameBytes: u32;
  linkType: u16;
  port: u16;
  snapBytes: u32;

  /** Row `index` of the reader's table; `index` must be less than its limit. */
  @inline static at(c: Capture, index: u32): Interface {
    return changetype<Interface>(c.interfaces + index * CAPTURE_INTERFACE_BYTES);
  }
}

/** The batch being filled, and whose turn it is. */
@unmanaged
export class CaptureBatch {
  rx: usize;
  stamps: usize;
  room: u32;
  count: u32;
  clock: u64;
  limit: u64;
  nowMs: f64;
  nextMs: f64;
  until: u64;
  readers: u32;
  spare: u32;

  @inline reader(index: u32): Capture {
    const slot = changetype<usize>(this) + CAPTURE_BATCH_BYTES + (index << 2);
    return changetype<Capture>(<usize>load<u32>(slot));
  }

  /** Addresses of the next descriptor and the next stamp. */
  @inline get rxSlot(): usize {
    return this.rx + this.count * RX_BYTES;
  }

  @inline get stampSlot(): usize {
    return this.stamps + this.count * STAMP_BYTES;
  }

  /** True if the record of this time has to wait: another reader's turn, or no room. */
  @inline isClosed(stamp: u64): bool {
    return stamp >= this.until || this.count >= this.room;
  }
}

/** A receive descriptor; `spare` gets the length the packet had before the capture cut it. */
@unmanaged
export class Descriptor {
  data: u32;
  length: u32;
  portAndFlags: u32; // both 16-bit fields at once
  spare: u32;

  @inline static at(ptr: usize): Descriptor {
    return changetype<Descriptor>(ptr);
  }

  @inline emit(data: usize, length: u32, port: u32, original: u32): void {
    this.data = <u32>data;
    this.length = length;
    this.portAndFlags = port | TIGHT;
    this.spare = original;
  }
}

export function read32(ptr: usize, swapped: u32): u32 {
  const value = load<u32>(ptr);
  return swapped ? bswap<u32>(value) : value;
}

export function read16(ptr: usize, swapped: u32): u32 {
  const value = load<u16>(ptr);
  return swapped ? <u32>bswap<u16>(value) : <u32>value;
}

if (offsetof<Capture>() != CAPTURE_BYTES) ERROR('Capture differs from capture-abi');
if (offsetof<Capture>('need') != CaptureField.Need) ERROR('Capture.need');
if (offsetof<Capture>('next') != CaptureField.Next) ERROR('Capture.next');
if (offsetof<Capture>('interfaces') != CaptureField.Interfaces) ERROR('Capture.interfaces');
if (offsetof<Capture>('skipOutbound') != CaptureField.SkipOutbound) ERROR('Capture.skipOutbound');
if (offsetof<Interface>() != CAPTURE_INTERFACE_BYTES) ERROR('Interface differs from capture-abi');
if (offsetof<Interface>('name') != InterfaceField.Name) ERROR('Interface.name');
if (offsetof<Interface>('port') != InterfaceField.Port) ERROR('Interface.port');
if (offsetof<CaptureBatch>() != CAPTURE_BATCH_BYTES) ERROR('CaptureBatch differs');
if (offsetof<CaptureBatch>('nowMs') != BatchField.NowMs) ERROR('CaptureBatch.nowMs');
if (offsetof<CaptureBatch>('readers') != BatchField.Readers) ERROR('CaptureBatch.readers');
if (offsetof<Descriptor>('portAndFlags') != Rx.Port) ERROR('Descriptor.portAndFlags');
if (offsetof<Descriptor>() != RX_BYTES) ERROR('Descriptor differs from abi');
