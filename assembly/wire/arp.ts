/**
 * ARP for IPv4 over Ethernet, RFC 826. Sits behind the Ethernet header.
 *
 *   bytes 0-1    hardware type: 1 Ethernet
 *   bytes 2-3    protocol type: 0x0800 IPv4
 *   byte 4       bytes of a hardware address: 6
 *   byte 5       bytes of a protocol address: 4
 *   bytes 6-7    operation: 1 request, 2 reply
 *   bytes 8-13   sender's MAC
 *   bytes 14-17  sender's IP
 *   bytes 18-23  target's MAC; of a request anything
 *   bytes 24-27  target's IP
 *
 * All numbers big endian. An IP address is a number in host order here.
 */
import { loadMac, storeMac } from './ethernet';

export const TYPE_ARP: u32 = 0x0806;
export const ARP_REQUEST: u32 = 1;
export const ARP_REPLY: u32 = 2;

/** Types and lengths of IPv4 over Ethernet, as they are loaded: bytes 0-3 and 4-5. */
const ETHERNET_IPV4: u32 = 0x00080100;
const LENGTHS: u32 = 0x0406;

const SENDER_MAC_OFFSET: usize = 8;
const SENDER_IP_OFFSET: usize = 14;
const TARGET_MAC_OFFSET: usize = 18;
const TARGET_IP_OFFSET: usize = 24;

@unmanaged
export class Arp {
  private types: u32;
  private lengths: u16;
  private operationBe: u16;

  /** Views ARP_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Arp {
    return changetype<Arp>(ptr);
  }

  /** Whether the fields lie as above. */
  get isIpv4OverEthernet(): bool {
    return this.types == ETHERNET_IPV4 && this.lengths == LENGTHS;
  }

  get operation(): u32 {
    return bswap<u16>(this.operationBe);
  }

  get senderMac(): u64 {
    return loadMac(changetype<usize>(this) + SENDER_MAC_OFFSET);
  }

  get senderIp(): u32 {
    return bswap<u32>(load<u32>(changetype<usize>(this), SENDER_IP_OFFSET));
  }

  get targetIp(): u32 {
    return bswap<u32>(load<u32>(changetype<usize>(this), TARGET_IP_OFFSET));
  }

  /** Where the target's IP is. */
  get targetIpAt(): usize {
    return changetype<usize>(this) + TARGET_IP_OFFSET;
  }

  /** Writes the reply that tells `targetMac` at `targetIp` who `senderIp` is. */
  emitReply(senderMac: u64, senderIp: u32, targetMac: u64, targetIp: u32): void {
    this.emit(ARP_REPLY, senderMac, senderIp);
    this.emitTarget(targetMac, targetIp);
  }

  /** Writes the request that asks who `targetIp` is. */
  emitRequest(senderMac: u64, senderIp: u32, targetIp: u32): void {
    this.emit(ARP_REQUEST, senderMac, senderIp);
    this.emitTarget(0, targetIp);
  }

  private emit(operation: u32, senderMac: u64, senderIp: u32): void {
    const at = changetype<usize>(this);
    this.types = ETHERNET_IPV4;
    this.lengths = <u16>LENGTHS;
    this.operationBe = bswap<u16>(<u16>operation);
    storeMac(at + SENDER_MAC_OFFSET, senderMac);
    store<u32>(at, bswap<u32>(senderIp), SENDER_IP_OFFSET);
  }

  private emitTarget(targetMac: u64, targetIp: u32): void {
    const at = changetype<usize>(this);
    storeMac(at + TARGET_MAC_OFFSET, targetMac);
    store<u32>(at, bswap<u32>(targetIp), TARGET_IP_OFFSET);
  }
}

if (offsetof<Arp>() != SENDER_MAC_OFFSET) ERROR('Arp must have 8 bytes before the addresses');

/** Bytes on the wire. */
export const ARP_BYTES: u32 = 28;
