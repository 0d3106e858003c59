/**
 * Router interfaces: where a zone meets a segment; a row of 256 bytes, found by index. Its
 * side of the segment is a router port, an ordinary row of table/port.ts, to which the FDB
 * leads the interface's MAC address for good.
 *
 * Up to INTERFACE_ADDRESSES addresses, each with its prefix; found by address: local.ts. How
 * it is set up: iface-config.ts.
 */
import { IFACE_BYTES } from '../memory';
import { isLinkLocalIpv6 } from '../wire/ipv6';
import { INTERFACE_ADDRESSES } from '../zone-abi';
import { IPV4_HEAD } from './neighbour';
import { Port } from './port';

const IPV4_BITS: u32 = 32;
const HALF_BITS: u32 = 64;
const ADDRESS_BYTES: usize = 24;

@unmanaged
export class Iface {
  /** Null: not in use. */
  port: Port;
  index: u32;
  zone: u32;
  mtuBytes: u32;
  mac: u64;
  /** Forwarding domain, and tag of its VLAN: TPID << 16 | VID, 0 in a plain segment. */
  domain: u32;
  tag: u32;
  vlan: u32;
  addressCount: u32;
  /** 1: the zone's rules see what stays in the segment: node/inspect.ts. */
  inspects: u32;
  /** Flows sent back into the segment with another destination. */
  hairpins: u32;
  private spare1: u64;
  private spare2: u64;

  static at(ifaces: usize, index: u32): Iface {
    return changetype<Iface>(ifaces + <usize>index * IFACE_BYTES);
  }

  get inUse(): bool {
    return changetype<usize>(this.port) != 0;
  }

  private addressAt(i: u32): usize {
    return changetype<usize>(this) + offsetof<Iface>() + <usize>i * ADDRESS_BYTES;
  }

  addressHead(i: u32): u64 {
    return load<u64>(this.addressAt(i));
  }

  addressTail(i: u32): u64 {
    return load<u64>(this.addressAt(i), 8);
  }

  prefixBits(i: u32): u32 {
    return load<u32>(this.addressAt(i), 16);
  }

  setAddress(i: u32, head: u64, tail: u64, prefixBits: u32): void {
    const at = this.addressAt(i);
    store<u64>(at, head);
    store<u64>(at, tail, 8);
    store<u32>(at, prefixBits, 16);
  }

  isOwnAddress(head: u64, tail: u64): bool {
    return this.find(head, tail) != this.addressCount;
  }

  /** Place of an address, or `addressCount`. */
  find(head: u64, tail: u64): u32 {
    let i: u32 = 0;
    while (i < this.addressCount && !(this.addressHead(i) == head && this.addressTail(i) == tail)) {
      i++;
    }
    return i;
  }

  /**
   * Place of the address this interface speaks with to another one: the first on the same
   * subnet, else the first of the family, link-local ones only where there is no other
   * (RFC 6724 §5, rule 2); `addressCount`: it has none.
   */
  speakerTo(head: u64, tail: u64): u32 {
    const isIpv4 = head == IPV4_HEAD;
    let first = this.addressCount;
    for (let i: u32 = this.addressCount; i-- > 0;) {
      const own = this.addressHead(i);
      if ((own == IPV4_HEAD) != isIpv4) continue;
      if (first == this.addressCount || !isLinkLocalIpv6(own)) first = i;
    }
    for (let i: u32 = 0; i < this.addressCount; i++) {
      if ((this.addressHead(i) == IPV4_HEAD) != isIpv4) continue;
      if (this.isOnLink(i, head, tail)) return i;
    }
    return first;
  }

  /** The first IPv4 address, host order; 0: it has none. */
  get ipv4(): u32 {
    for (let i: u32 = 0; i < this.addressCount; i++) {
      if (this.addressHead(i) == IPV4_HEAD) return <u32>this.addressTail(i);
    }
    return 0;
  }

  /** Whether an address is in the subnet of address `i`, of the same family. */
  isOnLink(i: u32, head: u64, tail: u64): bool {
    const bits = this.prefixBits(i);
    const ownHead = this.addressHead(i);
    const ownTail = this.addressTail(i);
    if (head == IPV4_HEAD) {
      return bits == 0 || (<u32>(ownTail ^ tail)) >> (IPV4_BITS - bits) == 0;
    }
    if (bits == 0) return true;
    // Halves are loaded as on the wire: the first bits of an address are in the last byte.
    const headBits = min(bits, HALF_BITS);
    if (bswap<u64>(ownHead ^ head) >> (HALF_BITS - headBits) != 0) return false;
    const tailBits = bits - headBits;
    return tailBits == 0 || bswap<u64>(ownTail ^ tail) >> (HALF_BITS - tailBits) == 0;
  }

  /** Whether an IPv4 address, host order, is the broadcast of one of the subnets. */
  isBroadcast(ip: u32): bool {
    for (let i: u32 = 0; i < this.addressCount; i++) {
      const bits = this.prefixBits(i);
      if (this.addressHead(i) != IPV4_HEAD || bits >= IPV4_BITS - 1) continue;
      const hosts = bits == 0 ? 0xffffffff : (1 << (IPV4_BITS - bits)) - 1;
      if (ip == ((<u32>this.addressTail(i)) | hosts)) return true;
    }
    return false;
  }
}

if (offsetof<Iface>() + <usize>INTERFACE_ADDRESSES * ADDRESS_BYTES > IFACE_BYTES)
  ERROR('Iface must fit IFACE_BYTES');
