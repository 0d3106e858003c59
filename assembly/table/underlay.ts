/**
 * Underlays: one IP network each that carries tunnels, on one port; a row of 224 bytes,
 * found by index. It has at most one address of each family, its own prefix and gateway,
 * and a list of UDP ports that are tunnels'.
 */
import { Capacity, Status } from '../abi';
import { Core, UNDERLAY_BYTES } from '../memory';
import { Encap, UNDERLAY_UDP_PORTS, UnderlayOption } from '../overlay-abi';
import { isStation } from '../wire/ethernet';
import { Limit } from './limit';
import { IPV4_HEAD } from './neighbour';
import { Overlay } from './overlay';
import { PORT_UNDERLAY, Port } from './port';
import { Vtep } from './vtep';

const CACHED_VTEPS: u32 = 16;
const DEFAULT_MTU_BYTES: u32 = 1500;
const IPV4_BITS: u32 = 32;
const IPV6_BITS: u32 = 128;
const HALF_BITS: u32 = 64;
const ENCAP_SHIFT: u32 = 16;
const PORT_MASK: u32 = 0xffff;
const USES_SHIFT: usize = 2;
/** Users of a UDP port, in the upper half of the list. */
const WORD_HIGH: u64 = 32;

@unmanaged
export class Underlay {
  port: Port;
  index: u32;
  /** 1: next hops are found with ARP and ND. */
  resolves: u32;
  mtuBytes: u32;
  mac: u64;
  /** Host order; 0: none. */
  ipv4: u32;
  ipv4PrefixBits: u32;
  ipv4Gateway: u32;
  ipv6PrefixBits: u32;
  /** As loaded; both 0: none. */
  ipv6Head: u64;
  ipv6Tail: u64;
  ipv6GatewayHead: u64;
  ipv6GatewayTail: u64;
  private answers: u64;
  udpPortCount: u32;
  /** The overlay last spoken to; null: none. */
  lastOverlay: Overlay;
  private spare0: u64;
  /** VTEPs heard of late, at places of their addresses: a cache of CACHED_VTEPS. */
  private vtep0: u64;
  private vtep1: u64;
  private vtep2: u64;
  private vtep3: u64;
  private vtep4: u64;
  private vtep5: u64;
  private vtep6: u64;
  private vtep7: u64;
  private udpPort0: u64;
  private udpPort1: u64;
  private udpPort2: u64;
  private udpPort3: u64;
  private udpPort4: u64;
  private udpPort5: u64;
  private udpPort6: u64;
  private udpPort7: u64;

  static at(underlays: usize, index: u32): Underlay {
    return changetype<Underlay>(underlays + <usize>index * UNDERLAY_BYTES);
  }

  /** Of answers to pings and the like. */
  get answerLimit(): Limit {
    return Limit.at(changetype<usize>(this) + offsetof<Underlay>('answers'));
  }

  /** Whether this is our IPv6 address. */
  isIpv6(head: u64, tail: u64): bool {
    return this.ipv6Head == head && this.ipv6Tail == tail;
  }

  /** Whether there is an address of the family of `head`, or of both. */
  hasFamily(head: u64): bool {
    return head == IPV4_HEAD ? this.ipv4 != 0 : (this.ipv6Head | this.ipv6Tail) != 0;
  }

  /** What tunnels on a UDP port speak, or -1. */
  encapOf(udpPort: u32): i32 {
    for (let i: u32 = 0; i < this.udpPortCount; i++) {
      const word = load<u32>(this.wordAt(i));
      if ((word & PORT_MASK) == udpPort) return (word >> ENCAP_SHIFT) & 0xff;
    }
    return -1;
  }

  private wordAt(index: u32): usize {
    return (
      changetype<usize>(this) + offsetof<Underlay>('udpPort0') + ((<usize>index) << USES_SHIFT)
    );
  }

  /** The VTEP at an IPv4 address as loaded, if it was heard of late; else null. */
  cachedVtep(addressBe: u32): Vtep {
    const vtep = changetype<Vtep>(load<u32>(this.cacheAt(addressBe)));
    if (changetype<usize>(vtep) == 0 || vtep.addressBe != addressBe) return changetype<Vtep>(0);
    return vtep;
  }

  /** Keeps a VTEP with an IPv4 address for `cachedVtep`. */
  cacheVtep(vtep: Vtep): void {
    store<u32>(this.cacheAt(vtep.addressBe), <u32>changetype<usize>(vtep));
  }

  /** The last byte of an address differs most often. */
  private cacheAt(addressBe: u32): usize {
    const place = (<usize>((addressBe >>> 24) & (CACHED_VTEPS - 1))) << 2;
    return changetype<usize>(this) + offsetof<Underlay>('vtep0') + place;
  }

  /** Before a VTEP goes. */
  forgetVteps(): void {
    const cache = changetype<usize>(this) + offsetof<Underlay>('vtep0');
    memory.fill(cache, 0, (<usize>CACHED_VTEPS) << 2);
  }

  /** Opens a UDP port for one more overlay. False: it speaks another encapsulation, or full. */
  usePort(udpPort: u32, encap: Encap): bool {
    const spoken = this.encapOf(udpPort);
    if (spoken >= 0) return spoken == encap;
    if (this.udpPortCount == UNDERLAY_UDP_PORTS) return false;
    store<u32>(this.wordAt(this.udpPortCount++), udpPort | ((<u32>encap) << ENCAP_SHIFT));
    return true;
  }

  closePort(udpPort: u32): void {
    for (let i: u32 = 0; i < this.udpPortCount; i++) {
      if ((load<u32>(this.wordAt(i)) & PORT_MASK) != udpPort) continue;
      store<u32>(this.wordAt(i), load<u32>(this.wordAt(--this.udpPortCount)));
      return;
    }
  }

  /** Whether an address is on the link itself. */
  isOnLink(head: u64, tail: u64): bool {
    if (head == IPV4_HEAD) {
      const bits = this.ipv4PrefixBits;
      return bits == 0 || ((<u32>tail) ^ this.ipv4) >>> (IPV4_BITS - bits) == 0;
    }
    const bits = this.ipv6PrefixBits;
    const high = bswap<u64>(head ^ this.ipv6Head);
    if (bits == 0) return true;
    if (bits <= HALF_BITS) return high >> (HALF_BITS - bits) == 0;
    const low = bswap<u64>(tail ^ this.ipv6Tail);
    return high == 0 && low >> (IPV6_BITS - bits) == 0;
  }
}

if (offsetof<Underlay>() != UNDERLAY_BYTES) ERROR('Underlay must be UNDERLAY_BYTES long');

export function createUnderlays(core: Core): void {
  const underlays = core.capacity(Capacity.Underlays);
  for (let i: u32 = 0; i < underlays; i++) {
    const underlay = Underlay.at(core.underlays, i);
    underlay.index = i;
    underlay.port = Port.at(core.ports, core.portCount);
    underlay.mtuBytes = DEFAULT_MTU_BYTES;
  }
}

/** Sets one option. Returns a Status. */
export function configureUnderlay(
  core: Core,
  underlay: Underlay,
  option: UnderlayOption,
  value: u32,
): Status {
  switch (option) {
    case UnderlayOption.Port:
      return setPort(core, underlay, value);
    case UnderlayOption.MacLow:
      underlay.mac = (underlay.mac & ~(<u64>0xffffffff)) | value;
      return Status.Ok;
    case UnderlayOption.MacHigh:
      underlay.mac = (underlay.mac & 0xffffffff) | ((<u64>(value & PORT_MASK)) << WORD_HIGH);
      return isStation(underlay.mac) ? Status.Ok : Status.OutOfRange;
    case UnderlayOption.ResolvesNextHops:
      underlay.resolves = value & 1;
      return Status.Ok;
    case UnderlayOption.MtuBytes:
      underlay.mtuBytes = value;
      return Status.Ok;
    case UnderlayOption.Ipv4:
      underlay.ipv4 = value;
      return Status.Ok;
    case UnderlayOption.Ipv4PrefixBits:
      if (value > IPV4_BITS) return Status.OutOfRange;
      underlay.ipv4PrefixBits = value;
      return Status.Ok;
    case UnderlayOption.Ipv4Gateway:
      underlay.ipv4Gateway = value;
      return Status.Ok;
    case UnderlayOption.Ipv6PrefixBits:
      if (value > IPV6_BITS) return Status.OutOfRange;
      underlay.ipv6PrefixBits = value;
      return Status.Ok;
    default:
      return setWord(underlay, option, value);
  }
}

/** One quarter of an IPv6 address. */
function setWord(underlay: Underlay, option: UnderlayOption, value: u32): Status {
  const base = changetype<usize>(underlay);
  if (option >= UnderlayOption.Ipv6A && option <= UnderlayOption.Ipv6D) {
    const word = (<usize>(option - UnderlayOption.Ipv6A)) << 2;
    store<u32>(base + offsetof<Underlay>('ipv6Head') + word, value);
    return Status.Ok;
  }
  if (option >= UnderlayOption.Ipv6GatewayA && option <= UnderlayOption.Ipv6GatewayD) {
    const word = (<usize>(option - UnderlayOption.Ipv6GatewayA)) << 2;
    store<u32>(base + offsetof<Underlay>('ipv6GatewayHead') + word, value);
    return Status.Ok;
  }
  return Status.OutOfRange;
}

/** The port's frames are the underlay's from now on; it must be in no segment. */
function setPort(core: Core, underlay: Underlay, place: u32): Status {
  if (place > core.portCount) return Status.OutOfRange;
  const nobody = Port.at(core.ports, core.portCount);
  const old = underlay.port;
  if (old != nobody) {
    old.flags &= ~PORT_UNDERLAY;
    old.underlay = changetype<Underlay>(0);
  }
  underlay.port = nobody;
  if (place == 0) return Status.Ok;
  const port = Port.at(core.ports, place - 1);
  const isTaken = changetype<usize>(port.segment) != 0 || port.has(PORT_UNDERLAY);
  if (isTaken) return Status.OutOfRange;
  port.flags |= PORT_UNDERLAY;
  port.underlay = underlay;
  underlay.port = port;
  return Status.Ok;
}
