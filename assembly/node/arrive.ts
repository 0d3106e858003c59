/** Arrive: what ingress.ts and decap.ts do alike for a frame that comes in. */
import { Node, RxFlag, Trace } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { Fdb } from '../table/fdb';
import { Port } from '../table/port';
import { note, say } from '../trace';
import { Ethernet, MAC_BITS } from '../wire/ethernet';

const RX_FLAGS: u32 = 0xffff;

/** Keys of both addresses in a forwarding domain, and the first bucket of each. */
export function setKeys(fdb: Fdb, p: Packet, domain: u32): void {
  const ethernet = Ethernet.at(p.data);
  const place = (<u64>domain) << MAC_BITS;
  const source = ethernet.source | place;
  const destination = ethernet.destination | place;
  p.source = source;
  p.destination = destination;
  p.sourceBucket = <u32>fdb.bucketA(source);
  p.destinationBucket = <u32>fdb.bucketA(destination);
}

/** What came in: the first record of a packet's way. */
export function traceReceived(core: Core, p: Packet, port: Port): void {
  if (!p.has(RxFlag.Trace)) return;
  say(note(core, p, Node.Ingress, Trace.Received), port.index, p.length, p.flags & RX_FLAGS);
}
