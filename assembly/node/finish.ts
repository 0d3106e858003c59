/**
 * Finish: does in software what the virtio header leaves to a device, for egress ports
 * without such a device: completes a partial checksum, cuts an offloaded TCP or UDP frame
 * into segments (segment.ts).
 *
 * Drops: NoBuffer, Oversize, and those of segment.ts.
 */
import { Drop, Node, RxFlag, Trace, VNET_BYTES } from '../abi';
import { drop, emit } from '../fate';
import { Core } from '../memory';
import { Packet, own } from '../packet';
import { Port } from '../table/port';
import { note, say } from '../trace';
import { checksumOf, sumBytes } from '../wire/checksum';
import { Udp, udpChecksum } from '../wire/udp';
import { Vnet } from '../wire/vnet';
import { segment } from './segment';

const UDP_CHECKSUM: u32 = offsetof<Udp>('checksum');

export function finish(core: Core, p: Packet, egress: Port): void {
  const vnet = Vnet.at(p.data - VNET_BYTES);
  if (vnet.isGso) return segment(core, p, egress);
  if (p.length > egress.frameLimitBytes) return drop(core, p, egress, Drop.Oversize);
  if (vnet.needsChecksum) {
    if (!own(core, p)) return drop(core, p, egress, Drop.NoBuffer);
    completeChecksum(p);
    traceChecksum(core, p, egress);
  }
  p.flags &= ~(<u32>RxFlag.Offload);
  emit(core, p, egress, 0);
}

function traceChecksum(core: Core, p: Packet, egress: Port): void {
  if (!p.has(RxFlag.Trace)) return;
  const start = Vnet.at(p.data - VNET_BYTES).checksumStart;
  say(note(core, p, Node.Output, Trace.ChecksumFinished), egress.index, start, 0);
}

/**
 * The field holds the sum of the pseudo header already, so the sum of everything from
 * `checksumStart` is the sum of all. `Vnet.fits` has checked the offsets.
 */
export function completeChecksum(p: Packet): void {
  const vnet = Vnet.at(p.data - VNET_BYTES);
  const start = vnet.checksumStart;
  const checksum = checksumOf(sumBytes(p.data + start, p.length - start));
  // A UDP checksum of zero would mean none (RFC 768).
  const isUdp = vnet.checksumOffset == UDP_CHECKSUM;
  const field = isUdp ? udpChecksum(checksum) : checksum;
  store<u16>(p.data + start + vnet.checksumOffset, <u16>field);
}
