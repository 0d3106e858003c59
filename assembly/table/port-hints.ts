/**
 * Hints where source ports are free: a bit for each port of an external address and protocol,
 * set while a flow has that port, whatever its destination. Only the flow table knows whether
 * a port is free for one flow: a bit may be set of a port that is, towards another destination,
 * and be clear of one that is not, as the first of two flows that end clears the bit of both.
 *
 *   words     64 ports each, those of one address in a row from a secret place on; addresses
 *             may share them.
 *   full      for even and for odd ports, a bit for each word without a free one: ranges that
 *             are in use are passed over 4096 ports at a time.
 */
import { mix } from './buckets';

const HEADER_BYTES: usize = 64;
const WORD_PORTS: u32 = 64;
const LEAST_PORTS: u32 = 65536;
const PORTS_A_FLOW: u64 = 8;
const EVEN_PORTS: u64 = 0x5555555555555555;
export const NO_PORT: u32 = 0xffffffff;

@unmanaged
export class PortHints {
  private words: usize;
  private full: usize;
  private fullBytes: usize;
  /** Number of ports - 1: a power of two minus one. */
  private mask: u32;
  private secret: u64;

  static at(ptr: usize): PortHints {
    return changetype<PortHints>(ptr);
  }

  static bytesFor(flows: u32): usize {
    const ports: usize = portsFor(flows);
    return HEADER_BYTES + ports / 8 + 2 * (ports / 8 / WORD_PORTS);
  }

  /** In zeroed memory. */
  static create(ptr: usize, flows: u32, secret: u64): void {
    const hints = PortHints.at(ptr);
    const ports: usize = portsFor(flows);
    hints.words = ptr + HEADER_BYTES;
    hints.full = hints.words + ports / 8;
    hints.fullBytes = ports / 8 / WORD_PORTS;
    hints.mask = <u32>ports - 1;
    hints.secret = secret;
  }

  /** Where the ports of an address begin; `scope` as flows have it: zone and protocol. */
  startOf(address: u32, scope: u32): u32 {
    return (<u32>mix(((<u64>address) | ((<u64>scope) << 32)) ^ this.secret)) & ~(WORD_PORTS - 1);
  }

  /** A flow has the port. */
  mark(start: u32, port: u32): void {
    const at = this.wordAt(start, port);
    const word = load<u64>(at) | ((<u64>1) << port);
    store<u64>(at, word);
    if ((word | ~portsLike(port)) != <u64>-1) return;
    const full = this.fullAt(start, port);
    store<u64>(full, load<u64>(full) | ((<u64>1) << this.numberOf(start, port)));
  }

  /** A flow that had it ended. */
  clear(start: u32, port: u32): void {
    const at = this.wordAt(start, port);
    store<u64>(at, load<u64>(at) & ~((<u64>1) << port));
    const full = this.fullAt(start, port);
    store<u64>(full, load<u64>(full) & ~((<u64>1) << this.numberOf(start, port)));
  }

  /**
   * A port that seems free, `near` or the next of its parity in its word, round about, from
   * `first` to `last`; NO_PORT: none there.
   */
  pick(start: u32, near: u32, first: u32, last: u32): u32 {
    const from = near & ~(WORD_PORTS - 1);
    let free = ~load<u64>(this.wordAt(start, near)) & portsLike(near);
    if (first > from) free &= (<u64>-1) << (first - from);
    if (last < from + WORD_PORTS - 1) free &= ~((<u64>-2) << (last - from));
    if (free == 0) return NO_PORT;
    const turn: u64 = near & (WORD_PORTS - 1);
    return from + ((<u32>(ctz(rotr(free, turn)) + turn)) & (WORD_PORTS - 1));
  }

  /** `near`, or the like port of the next word up to that of `last` that is not full; NO_PORT. */
  skipFull(start: u32, near: u32, last: u32): u32 {
    let port = near;
    while (port <= (last | (WORD_PORTS - 1))) {
      const number = this.numberOf(start, port) & (WORD_PORTS - 1);
      const open = ~load<u64>(this.fullAt(start, port)) >> number;
      if (open != 0) {
        port += <u32>ctz(open) * WORD_PORTS;
        break;
      }
      port += (WORD_PORTS - number) * WORD_PORTS;
    }
    return port <= (last | (WORD_PORTS - 1)) ? port : NO_PORT;
  }

  private numberOf(start: u32, port: u32): u32 {
    return ((start + port) & this.mask) / WORD_PORTS;
  }

  private wordAt(start: u32, port: u32): usize {
    return this.words + ((<usize>this.numberOf(start, port)) << 3);
  }

  private fullAt(start: u32, port: u32): usize {
    const number: usize = this.numberOf(start, port) / WORD_PORTS;
    return this.full + <usize>(port & 1) * this.fullBytes + (number << 3);
  }
}

/** Bits of the ports of a word that are even, or odd, as `port` is. */
function portsLike(port: u32): u64 {
  return EVEN_PORTS << (port & 1);
}

function portsFor(flows: u32): u32 {
  const least = <u32>max<u64>(LEAST_PORTS, flows * PORTS_A_FLOW);
  return (<u32>1) << (32 - clz(least - 1));
}
