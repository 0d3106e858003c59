/**
 * Blocks: memory for lists and lookup tables of services, taken and given back between
 * batches. A buddy allocator (Knowlton 1965): blocks are powers of two of 256 bytes, halved
 * until one fits, and two free halves become one again, so the free space never shatters for
 * good.
 *
 *   orders    a byte for each 256 bytes: of the first of a block its order, + 1; FREE with it
 *   free      for each order the first free block, + 1; a free block holds next and previous
 */
const LEAST_BYTES: usize = 256;
const LEAST_SHIFT: usize = 8;
const ORDERS: u32 = 24;
const FREE: u8 = 0x80;
const PREVIOUS: usize = 4;

@unmanaged
export class Blocks {
  private units: u32;
  /** Bytes in blocks that are taken. */
  usedBytes: u32;
  private orders: usize;
  private space: usize;
  // ORDERS heads follow.

  static at(ptr: usize): Blocks {
    return changetype<Blocks>(ptr);
  }

  static bytesFor(bytes: u32): usize {
    const units: usize = (<usize>bytes) >> LEAST_SHIFT;
    return headerBytes() + alignUnit(units) + units * LEAST_BYTES;
  }

  /** In zeroed memory, at a line. */
  static create(ptr: usize, bytes: u32): Blocks {
    const blocks = Blocks.at(ptr);
    blocks.units = bytes >> (<u32>LEAST_SHIFT);
    blocks.orders = ptr + headerBytes();
    blocks.space = blocks.orders + alignUnit(<usize>blocks.units);
    // The largest powers of two that fit, from the beginning on: each lies at a multiple of itself.
    let unit: u32 = 0;
    for (let order: u32 = ORDERS; order-- > 0;) {
      while (unit + (1 << order) <= blocks.units) {
        blocks.release(unit, order);
        unit += 1 << order;
      }
    }
    return blocks;
  }

  /** Address of a block of at least `bytes`, not zeroed; 0: there is none. */
  take(bytes: u32): usize {
    const wanted = orderOf(bytes);
    let order = wanted;
    while (order < ORDERS && this.first(order) == 0) order++;
    if (order >= ORDERS) return 0;
    const unit = this.first(order) - 1;
    this.unlink(unit, order);
    while (order > wanted) {
      order--;
      this.release(unit + (1 << order), order);
    }
    store<u8>(this.orders + unit, <u8>(order + 1));
    this.usedBytes += (<u32>LEAST_BYTES) << order;
    return this.addressOf(unit);
  }

  /** Whether a block of at least `bytes` that is taken begins at an address. */
  isTaken(address: usize, bytes: u32): bool {
    if (address < this.space || ((address - this.space) & (LEAST_BYTES - 1)) != 0) return false;
    const unit = <u32>((address - this.space) >> LEAST_SHIFT);
    if (unit >= this.units) return false;
    const mark: u32 = load<u8>(this.orders + unit);
    return mark != 0 && (mark & FREE) == 0 && bytes <= (<u32>LEAST_BYTES) << (mark - 1);
  }

  /** Gives back a block; 0: none. */
  giveBack(address: usize): void {
    if (address == 0) return;
    let unit = <u32>((address - this.space) >> LEAST_SHIFT);
    let order: u32 = <u32>load<u8>(this.orders + unit) - 1;
    this.usedBytes -= (<u32>LEAST_BYTES) << order;
    store<u8>(this.orders + unit, 0);
    while (order + 1 < ORDERS) {
      const buddy = unit ^ (1 << order);
      if (buddy >= this.units || load<u8>(this.orders + buddy) != (FREE | (<u8>(order + 1)))) break;
      this.unlink(buddy, order);
      unit = min(unit, buddy);
      order++;
    }
    this.release(unit, order);
  }

  private addressOf(unit: u32): usize {
    return this.space + ((<usize>unit) << LEAST_SHIFT);
  }

  private headOf(order: u32): usize {
    return changetype<usize>(this) + offsetof<Blocks>() + ((<usize>order) << 2);
  }

  private first(order: u32): u32 {
    return load<u32>(this.headOf(order));
  }

  /** Puts a block among the free ones. */
  private release(unit: u32, order: u32): void {
    const next = this.first(order);
    const at = this.addressOf(unit);
    store<u8>(this.orders + unit, FREE | (<u8>(order + 1)));
    store<u32>(at, next);
    store<u32>(at, 0, PREVIOUS);
    if (next != 0) store<u32>(this.addressOf(next - 1), unit + 1, PREVIOUS);
    store<u32>(this.headOf(order), unit + 1);
  }

  private unlink(unit: u32, order: u32): void {
    const at = this.addressOf(unit);
    const next = load<u32>(at);
    const previous = load<u32>(at, PREVIOUS);
    if (next != 0) store<u32>(this.addressOf(next - 1), previous, PREVIOUS);
    store<u32>(previous == 0 ? this.headOf(order) : this.addressOf(previous - 1), next);
    store<u8>(this.orders + unit, 0);
  }
}

function headerBytes(): usize {
  return alignUnit(offsetof<Blocks>() + <usize>ORDERS * 4);
}

function alignUnit(bytes: usize): usize {
  return (bytes + LEAST_BYTES - 1) & ~(LEAST_BYTES - 1);
}

/** Order of the smallest block that holds `bytes`. */
function orderOf(bytes: u32): u32 {
  const units = max((bytes + <u32>LEAST_BYTES - 1) >> (<u32>LEAST_SHIFT), 1);
  return 32 - clz(units - 1);
}
