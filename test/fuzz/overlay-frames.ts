/** What comes in on an underlay: tunnelled frames, whole, cut, changed; ARP, ND, ICMP. */
import { BROADCAST, Frame, eth } from '../support/frame.js';
import { fragmentsOf } from '../support/fragments.js';
import { advertisement, reply, request, solicitation } from '../support/neighbour.js';
import { randomFrame } from '../support/random-frame.js';
import { pick, type Random } from '../support/random-switch.js';
import { GSO_UDP, NEEDS_CHECKSUM, virtio } from '../support/virtio.js';
import type { Input } from '../support/test-switch.js';
import {
  type FuzzOverlay,
  GATEWAY,
  OURS,
  OURS_6,
  OUR_MAC,
  PEERS,
  STRANGER,
  UNDERLAY,
} from './overlay.js';

const HOP_MAC = '02:09:00:00:00:02';
/** Bytes of the outer headers, where most of the flips go. */
const OUTER_BYTES = 110;
const DATAGRAM_BYTES = 60000;
type Made = Pick<Input, 'frame' | 'offload'>;

/** Outer headers towards us, without a tunnel header. */
function outer(random: Random, overlay: FuzzOverlay): Frame {
  const from = random(12) === 0 ? STRANGER : pick(random, PEERS);
  const tos = random(3) === 0 ? random(256) : 0;
  const frame = eth(HOP_MAC, OUR_MAC);
  if (from.includes(':')) frame.ipv6(from, OURS_6, { tos });
  else frame.ipv4(from, OURS, { tos, id: random(65536), isDf: random(2) === 0 });
  const udpPort = random(20) === 0 ? random(65536) : overlay.udpPort;
  return frame.udp(random(65536), udpPort);
}

function tunnelled(random: Random, overlay: FuzzOverlay): Frame {
  const frame = outer(random, overlay);
  const vni = random(15) === 0 ? random(2 ** 24) : overlay.vni;
  if (overlay.encapsulation === 'vxlan') {
    const isOdd = random(6) === 0;
    frame.vxlan(vni, isOdd ? { flags: random(256), reserved: [random(2 ** 24), random(256)] } : {});
  } else {
    const options = new Uint8Array(4 * random(random(3) === 0 ? 64 : 4));
    const isOdd = random(6) === 0;
    frame.geneve(vni, { options, ...(isOdd && { flags: random(256), version: random(4) }) });
  }
  if (random(3) !== 0) frame.checksum(random(6) === 0 ? random(65536) : 0);
  return frame.frame(randomInner(random));
}

function randomInner(random: Random): Uint8Array {
  const kind = random(10);
  if (kind === 0) return new Uint8Array(random(20));
  const frame = randomFrame(random);
  if (kind < 5) return frame;
  const packet = eth(1, 2);
  const tos = random(4);
  if (random(2) === 0) packet.ipv4('10.0.0.1', '10.0.0.2', { tos });
  else packet.ipv6('fd00::1', 'fd00::2', { tos });
  if (random(2) === 0) packet.tcp(1000, 2000, { sequence: random(2 ** 31), flags: 0x10 });
  else packet.udp(1000, 2000);
  const bytes = packet.payload(random(1200)).bytes();
  bytes.set(frame.subarray(0, 12).length === 12 ? frame.subarray(0, 12) : []);
  return bytes;
}

function mutated(random: Random, frame: Uint8Array): Uint8Array {
  const bytes = frame.slice(0, random(3) === 0 ? random(frame.length + 1) : undefined);
  for (let flips = random(4); flips > 0 && bytes.length > 0; flips--) {
    bytes[random(Math.min(bytes.length, OUTER_BYTES))] = random(256);
  }
  return bytes;
}

/** Pieces of a datagram that are still to come, by overlay: a round has one of its own. */
const pieces = new WeakMap<FuzzOverlay, Uint8Array[]>();

/** The next piece of a datagram, in no order; some never come, some come twice. */
function fragment(random: Random, overlay: FuzzOverlay): Uint8Array {
  const left = pieces.get(overlay) ?? [];
  pieces.set(overlay, left);
  if (left.length === 0) {
    const frame = tunnelled(random, overlay).bytes();
    const each = 8 * (random(2) === 0 ? 1 + random(12) : 12 + random(100));
    const id = random(3) === 0 ? random(3) : random(65536);
    left.push(...fragmentsOf(frame, each, id));
  }
  const piece = left[random(left.length)]!;
  if (random(20) !== 0) left.splice(left.indexOf(piece), 1);
  if (random(40) === 0) left.length = 0; // those are lost
  return piece;
}

/** Many datagrams of one length behind one header, for a device that never comes. */
function superFrame(random: Random, overlay: FuzzOverlay): Made {
  const each = tunnelled(random, overlay);
  const one = each.bytes();
  const tunnelBytes = one.length - each.headerBytes;
  const payload = one.subarray(each.headerBytes);
  const count = 1 + random(Math.min(64, Math.floor(DATAGRAM_BYTES / Math.max(1, tunnelBytes))));
  const chunks = Array.from({ length: count }, () => payload.slice());
  const last = chunks.at(-1)!;
  chunks[count - 1] = last.subarray(0, random(4) === 0 ? random(last.length + 1) : last.length);
  const from = pick(random, PEERS);
  const frame = eth(HOP_MAC, OUR_MAC);
  if (from.includes(':')) frame.ipv6(from, OURS_6);
  else frame.ipv4(from, OURS);
  frame.udp(50000, overlay.udpPort).payload(Buffer.concat(chunks)).partial();
  const offload = virtio({
    flags: random(8) === 0 ? 0 : NEEDS_CHECKSUM,
    gsoType: GSO_UDP,
    gsoBytes: random(10) === 0 ? random(65536) : tunnelBytes,
    headerBytes: frame.headerBytes,
    checksumStart: frame.l4At,
    checksumOffset: 6,
  });
  return { frame, offload };
}

/** What hosts and routers of an underlay say to us. */
function hostFrame(random: Random, overlay: FuzzOverlay): Uint8Array {
  const ip = pick(random, [...PEERS.filter(peer => !peer.includes(':')), GATEWAY]);
  const mac = random(3) === 0 ? 0x900 + random(4) : HOP_MAC;
  const quote = (): Uint8Array => {
    const ours = eth(OUR_MAC, HOP_MAC).ipv4(OURS, ip).udp(50000, overlay.udpPort);
    return ours.vxlan(overlay.vni).payload(200).bytes().slice(14);
  };
  const quote6 = (): Uint8Array => {
    const ours = eth(OUR_MAC, HOP_MAC).ipv6(OURS_6, 'fd09::2').udp(50000, overlay.udpPort);
    return ours.vxlan(overlay.vni).payload(200).bytes().slice(14);
  };
  const mtu = pick(random, [0, 68, 576, 1280, 1400, 1500, 65535]);
  const made = [
    () => reply(mac, ip, OUR_MAC, OURS),
    () => request(mac, ip, random(2) === 0 ? OURS : ip),
    () => advertisement(mac, 'fd09::2', [OUR_MAC, OURS_6]),
    () => solicitation(mac, 'fd09::2', OURS_6),
    () =>
      eth(mac, OUR_MAC)
        .ipv4(ip, OURS)
        .icmp(8, 0, random(2 ** 31))
        .payload(random(1400)),
    () => eth(mac, OUR_MAC).ipv6('fd09::2', OURS_6).icmp(128).payload(random(1400)),
    () => eth(mac, OUR_MAC).ipv4(ip, OURS).icmp(3, 4, mtu).payload(quote()),
    () => eth(mac, OUR_MAC).ipv6('fd09::9', OURS_6).icmp(2, 0, mtu).payload(quote6()),
    () => eth(mac, BROADCAST).ipv4(ip, '10.9.0.255').udp(1, 2).payload(random(100)),
  ];
  return pick(random, made)().bytes();
}

/** One frame on the underlay's port. */
export function underlayInput(random: Random, overlay: FuzzOverlay): Input {
  const kind = random(20);
  const made: Made =
    kind < 9
      ? { frame: tunnelled(random, overlay).bytes() }
      : kind < 12
        ? { frame: fragment(random, overlay) }
        : kind < 14
          ? superFrame(random, overlay)
          : kind < 17
            ? { frame: hostFrame(random, overlay) }
            : { frame: mutated(random, tunnelled(random, overlay).bytes()) };
  const bytes = made.frame instanceof Frame ? made.frame.bytes() : made.frame;
  const isSpoilt = random(5) === 0 && made.offload === undefined;
  return {
    ...made,
    frame: isSpoilt ? mutated(random, bytes) : bytes,
    port: UNDERLAY,
    checked: random(5) === 0,
    tight: random(4) === 0,
    trace: random(5) === 0,
  };
}
