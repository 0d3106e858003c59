/**
 * A pool of blocks of one size, in memory it is given. A block is a number; 0 is none.
 *
 * Taking and giving back are a few loads: blocks given back form a list through their first
 * bytes, and blocks never taken are counted off, so what was never needed is never touched.
 * An empty pool is the caller's event to count.
 */
export const BLOCK_BYTES: u32 = 2048;
const HEADER_BYTES: usize = 64;

@unmanaged
export class Pool {
  private blocks: u32;
  /** Blocks taken at least once. */
  private touched: u32;
  /** First of those given back. */
  private free: u32;
  /** Blocks that are there to be taken. */
  left: u32;

  static at(ptr: usize): Pool {
    return changetype<Pool>(ptr);
  }

  /** Bytes for a pool of `blocks` blocks. */
  static bytesFor(blocks: u32): usize {
    return HEADER_BYTES + <usize>blocks * BLOCK_BYTES;
  }

  /** Lays out a full pool in zeroed memory at a line. */
  static create(ptr: usize, blocks: u32): Pool {
    const pool = Pool.at(ptr);
    pool.blocks = pool.left = blocks;
    return pool;
  }

  /** Address of a block that is taken. */
  addressOf(block: u32): usize {
    return changetype<usize>(this) + HEADER_BYTES + <usize>(block - 1) * BLOCK_BYTES;
  }

  /** Takes a block, full of what was there before; 0 when there is none. */
  take(): u32 {
    const block = this.free;
    if (block != 0) {
      this.free = load<u32>(this.addressOf(block));
    } else {
      if (this.touched == this.blocks) return 0;
      this.touched++;
    }
    this.left--;
    return block != 0 ? block : this.touched;
  }

  /** Gives a block back. */
  give(block: u32): void {
    store<u32>(this.addressOf(block), this.free);
    this.free = block;
    this.left++;
  }
}

if (offsetof<Pool>() > HEADER_BYTES) ERROR('Pool must fit its header');
