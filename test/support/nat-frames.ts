/** Random packets between hosts and servers of a NatRig, right ones and damaged ones. */
import { slowChecksum } from './checksum.js';
import { ETHERNET, type Frame } from './frame.js';
import { inward, outward } from './nat-rig.js';

const IP = ETHERNET;
type Random = (below: number) => number;

/** Frames that are right, from inside. */
export function soundFrame(random: Random): Frame {
  const host = 2 + random(3);
  const to = [2, 3, '198.51.100.7', '203.0.113.1'][random(4)]!;
  const options = random(4) === 0 ? Uint8Array.from({ length: 8 }, () => random(256)) : undefined;
  const ip = outward(host, to, {
    id: random(8),
    isDf: random(2) === 0,
    ...(options && { options }),
  });
  const port = 40000 + random(4);
  switch (random(5)) {
    case 0:
      return ip.udp(port, 7777).payload(random(60));
    case 1:
      return ip.tcp(port, 80, { flags: random(64), sequence: 1 + random(3) }).payload(random(60));
    case 2:
      return ip.icmp(random(20), random(5), random(0xffff)).payload(random(60));
    case 3:
      return ip.icmp([3, 4, 5, 11, 12][random(5)]!, random(5)).payload(quote(random));
    default:
      return ip.payload(random(60));
  }
}

/** A packet of either direction, as it is inside or outside. */
function quote(random: Random): Uint8Array {
  const port = 40000 + random(4);
  const packet = [
    outward(2 + random(3), 2).udp(port, 7777),
    inward(2).udp(7777, port),
    inward(2, `10.0.1.${2 + random(3)}`).udp(7777, port),
    inward(2).tcp(80, port),
  ][random(4)]!;
  const bytes = Buffer.from(packet.bytes().subarray(IP));
  if (random(2) === 0) {
    // As it left: from the external address.
    bytes.set([203, 0, 113, 1], 12);
    bytes.set([203, 0, 113, 2], 16);
    bytes.writeUInt16BE(0, 10);
    bytes.writeUInt16BE(slowChecksum(bytes.subarray(0, 20)), 10);
  }
  return bytes;
}

/** The frame with up to three random faults; the source address stays. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let frame = Buffer.from(bytes);
  const field = (at: number, value: number): void => {
    if (at < frame.length) frame[at] = value;
  };
  for (let faults = random(4); faults > 0; faults--) {
    switch (random(9)) {
      case 0:
        field(IP, (random(2) === 0 ? 0x40 : random(256) & 0xf0) | random(16));
        break;
      case 1:
        field(IP + 2 + random(2), random(256)); // total length
        break;
      case 2:
        field(IP + 6 + random(2), random(256)); // flags and fragment offset
        break;
      case 3:
        field(IP + 8, random(4)); // TTL
        break;
      case 4:
        field(IP + 9, [1, 6, 17, 47, 132, random(256)][random(6)]!);
        break;
      case 5:
        field(IP + 20 + random(20), random(256)); // layer 4
        break;
      case 6:
        field(frame.length - 1 - random(frame.length - IP - 20), random(256));
        break;
      case 7:
        frame = frame.subarray(0, Math.max(IP, frame.length - random(40)));
        break;
      default:
        frame = Buffer.concat([frame, Buffer.alloc(random(20), 0xee)]);
    }
  }
  const isSealed = frame.length >= IP + 20 && random(8) !== 0;
  if (isSealed) seal(frame);
  return frame;
}

/** Makes the IP header add up, so that what is behind it is looked at. */
function seal(frame: Buffer): void {
  const end = Math.min(frame.length, IP + Math.max(20, (frame[IP]! & 0xf) * 4));
  frame.writeUInt16BE(0, IP + 10);
  frame.writeUInt16BE(slowChecksum(frame.subarray(IP, end)), IP + 10);
}
