/**
 * Backends: who stands behind a service; a row of 128 bytes, found by a number from 0 on that
 * the host gives it. Scheduling reads the first line only. An affinity refers to its
 * backend by number and incarnation, so a row that another backend has taken over is not
 * mistaken for it; flows have shares (share.ts).
 */
import { BACKEND_BYTES } from '../memory';
import { Forwarding } from '../service-abi';

const ID_BITS: u32 = 20;
const ID_MASK: u32 = (1 << ID_BITS) - 1;
const INCARNATION_MASK: u32 = 0xfff;
/** What an established connection weighs against one that is not: features VS-4. */
const ACTIVE_SHIFT: u64 = 8;

@unmanaged
export class Backend {
  /** Its service's number + 1; 0: not in use. */
  service: u32;
  weight: u32;
  active: u32;
  inactive: u32;
  /** Connections from which on it gets no more, 0: no limit; and below which it does again. */
  upper: u32;
  lower: u32;
  isOverloaded: u32;
  forwarding: u32;
  /** Halves as on the wire, or IPV4_HEAD and in host order: table/address.ts. */
  head: u64;
  tail: u64;
  /** Host order; 0: that of the packet. */
  port: u32;
  index: u32;
  incarnation: u32;
  /** First of its shares, 0: none: table/share.ts. */
  shares: u32;
  connections: u64;
  inPackets: u64;
  inBytes: u64;
  outPackets: u64;
  outBytes: u64;
  /** In its service's list. */
  place: u32;
  private spare1: u32;
  private spare2: u64;
  private spare3: u64;

  static at(backends: usize, index: u32): Backend {
    return changetype<Backend>(backends + <usize>index * BACKEND_BYTES);
  }

  get inUse(): bool {
    return this.service != 0;
  }

  /** Whether it may get a new connection. */
  get isAvailable(): bool {
    return this.weight != 0 && this.isOverloaded == 0;
  }

  /** How busy it is. */
  get overhead(): u64 {
    return ((<u64>this.active) << ACTIVE_SHIFT) + this.inactive;
  }

  get isDirect(): bool {
    return this.forwarding == Forwarding.Direct;
  }

  /** What affinities know it by; never 0. */
  get reference(): u32 {
    return ((this.incarnation & INCARNATION_MASK) << ID_BITS) | (this.index + 1);
  }

  /** Whether it is, still, the one that a reference means. */
  isMeantBy(reference: u32): bool {
    return this.inUse && reference == this.reference;
  }

  /** One connection more, or less; thresholds as features VS-6. */
  addConnection(isActive: bool): void {
    if (isActive) this.active++;
    else this.inactive++;
    if (this.upper != 0 && this.active + this.inactive >= this.upper) this.isOverloaded = 1;
  }

  removeConnection(isActive: bool): void {
    if (isActive) this.active--;
    else this.inactive--;
    this.checkLoad();
  }

  /** Brings `isOverloaded` up to date. */
  checkLoad(): void {
    const now = this.active + this.inactive;
    if (this.upper != 0 && now >= this.upper) this.isOverloaded = 1;
    else if (this.upper == 0) this.isOverloaded = 0;
    else if (this.lower != 0 ? now < this.lower : <u64>now * 4 < <u64>this.upper * 3) {
      this.isOverloaded = 0;
    }
  }
}

if (offsetof<Backend>() != BACKEND_BYTES) ERROR('Backend must be BACKEND_BYTES long');

/** Number of the backend a reference means. */
export function indexOfReference(reference: u32): u32 {
  return (reference & ID_MASK) - 1;
}
