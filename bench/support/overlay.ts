/**
 * A core with an overlay, and frames for it: inside ones that leave for VTEPs, outer ones
 * that come from them. Batches are whole images of the arena's slots, written over each
 * other before each call.
 */
import {
  BATCH_PACKETS,
  CoreCounter,
  FdbKind,
  HEADROOM_BYTES,
  PortOption,
  Region,
  RX_BYTES,
  Rx,
  SLOT_ALIGN_BYTES,
  SegmentOption,
  Status,
} from '../../assembly/abi.js';
import { OverlayOption, UnderlayOption } from '../../assembly/overlay-abi.js';
import { parseIp } from '../../src/frame/address.js';
import type { Core } from '../../src/core.js';
import { reportDifference } from './measure.js';
import { FRAME_BYTES, makeCore, nowMs } from './receive.js';
import { type Random, seededRandom } from './stations.js';
import type { Report } from './workload.js';

export const LOCAL_PORTS = 4;
export const VTEPS = 16;
export const OUTER_BYTES = 50;
export const UNDERLAY_PORT = 8;
const TUNNEL_PORT = 9;
const VNI = 4097;
const UDP_PORT = 4789;
const FIRST_SOURCE_PORT = 49152;
const SOURCE_PORTS = 16384;
/** Different batches: both addresses are drawn often enough. */
const BATCHES = 256;
/** Batches of one timing. */
const CHUNK_BATCHES = 64;
const LEAST_ENTRIES = 1024;
const VTEP_NET = 0x0a090000;
const OURS = VTEP_NET | 1;

/** Ports 0 to LOCAL_PORTS - 1, and VTEPS peers behind a tunnel, in one segment. */
export function makeOverlay(macs: number): { core: Core; vteps: number[] } {
  const core = makeCore(LOCAL_PORTS, {
    FdbEntries: Math.max(macs + LOCAL_PORTS + VTEPS, LEAST_ENTRIES),
    FloodTargets: 32,
    Underlays: 1,
    Overlays: 1,
    Vteps: VTEPS,
    Peers: VTEPS,
  });
  core.configureSegment(0, SegmentOption.Domain, 1);
  for (const port of [UNDERLAY_PORT, TUNNEL_PORT]) core.configurePort(port, PortOption.Up, true);
  core.configurePort(TUNNEL_PORT, PortOption.Segment, 1);
  core.configurePort(TUNNEL_PORT, PortOption.Learning, false);
  const { overlays } = core;
  overlays.configureUnderlay(0, UnderlayOption.Port, UNDERLAY_PORT + 1);
  overlays.configureUnderlay(0, UnderlayOption.Ipv4, OURS);
  overlays.configureUnderlay(0, UnderlayOption.Ipv4PrefixBits, 24);
  overlays.configureOverlay(0, OverlayOption.UdpPort, UDP_PORT);
  overlays.configureOverlay(0, OverlayOption.Vni, VNI);
  overlays.configureOverlay(0, OverlayOption.Underlay, 1);
  overlays.configureOverlay(0, OverlayOption.TunnelPort, TUNNEL_PORT + 1);
  const vteps = Array.from({ length: VTEPS }, (_, i) => {
    const vtep = overlays.insertVtep(0, parseIp(`10.9.0.${i + 2}`)!);
    overlays.allowPeer(0, vtep, true);
    return vtep;
  });
  return { core, vteps };
}

/** Says where station `i` of `macs` is: `placeOf(i)`. */
export function placeStations(
  core: Core,
  macs: number,
  placeOf: (station: number) => number,
): void {
  for (let i = 0; i < macs; i++) {
    const entry = { mac: macOf(i), domain: 1, port: placeOf(i), kind: FdbKind.Static };
    if (core.fdbInsert(entry) !== Status.Ok) throw new Error(`station ${i}: no room`);
  }
}

/** First byte highest; all bytes differ between neighbours. */
function macOf(station: number): bigint {
  const mixed = Math.imul(station + 1, 0x9e3779b1) >>> 16;
  return (0x02n << 40n) | (BigInt(mixed) << 24n) | BigInt(station);
}

/** Batches of frames of one length, and the work on them. */
export class Images {
  private readonly images: Uint8Array[] = [];
  private readonly start: number;
  private next = 0;

  /** `frameOf(slot, random)` makes one frame; slot `i` came in at `portOf(i)`. */
  constructor(
    readonly core: Core,
    frameBytes: number,
    frameOf: (slot: number, random: Random) => Uint8Array,
    portOf: (slot: number) => number,
    private readonly batches = BATCHES,
  ) {
    const random = seededRandom(frameBytes);
    const end = HEADROOM_BYTES + frameBytes;
    const slotBytes = Math.ceil(end / SLOT_ALIGN_BYTES) * SLOT_ALIGN_BYTES;
    this.start = core.region(Region.Arena);
    for (let batch = 0; batch < batches; batch++) {
      const image = new Uint8Array(BATCH_PACKETS * slotBytes);
      for (let slot = 0; slot < BATCH_PACKETS; slot++) {
        image.set(frameOf(slot, random), slot * slotBytes + HEADROOM_BYTES);
      }
      this.images.push(image);
    }
    for (let slot = 0; slot < BATCH_PACKETS; slot++) {
      const rx = core.region(Region.Rx) + slot * RX_BYTES;
      core.view.setUint32(rx + Rx.Data, this.start + slot * slotBytes + HEADROOM_BYTES, true);
      core.view.setUint32(rx + Rx.Length, frameBytes, true);
      core.view.setUint16(rx + Rx.Port, portOf(slot), true);
    }
  }

  refresh(batches: number): void {
    for (let i = 0; i < batches; i++) this.writeNext();
  }

  work(batches: number): void {
    for (let i = 0; i < batches; i++) {
      this.writeNext();
      this.core.process(BATCH_PACKETS, nowMs());
    }
  }

  /** Every frame leaves once, and nothing else does. */
  expectAllSent(): void {
    const before = this.core.coreCounter(CoreCounter.Sent);
    this.work(this.batches);
    const sent = Number(this.core.coreCounter(CoreCounter.Sent) - before);
    const frames = this.batches * BATCH_PACKETS;
    if (sent === frames) return;
    throw new Error(`expected ${frames} frames sent, got ${sent}`);
  }

  private writeNext(): void {
    this.core.bytes.set(this.images[this.next]!, this.start);
    this.next = (this.next + 1) % this.batches;
  }
}

/** Reports the time a packet of the work on `images`, which all must be sent. */
export function reportImages(report: Report, macs: number, images: Images, note: string): void {
  const whole = `${LOCAL_PORTS} ports, ${VTEPS} VTEPs, one VNI, ${note}`;
  reportWork(report, `macs=${macs}`, images, whole);
}

/** Likewise, of any case. */
export function reportWork(report: Report, name: string, images: Images, note: string): void {
  images.expectAllSent();
  reportDifference(report, {
    case: name,
    packets: CHUNK_BATCHES * BATCH_PACKETS,
    refresh: () => images.refresh(CHUNK_BATCHES),
    work: () => images.work(CHUNK_BATCHES),
    note,
  });
}

/** UDP over IPv4 in 64 bytes to station `to`, from a random flow. */
export function innerFrame(from: bigint, to: number, random: Random): Buffer {
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.writeUIntBE(Number(macOf(to)), 0, 6);
  frame.writeUIntBE(Number(from), 6, 6);
  frame.writeUInt16BE(0x0800, 12);
  writeIpv4(frame, 14, FRAME_BYTES - 14, 0x0a000000 | random(1 << 20), 0x0b000000 | to);
  frame.writeUInt16BE(random(65536), 34);
  frame.writeUInt16BE(80, 36);
  frame.writeUInt16BE(FRAME_BYTES - 34, 38);
  return frame;
}

/** `inner` as VTEP number `vtep` sends it, in its 50 bytes of headers. */
export function outerFrame(inner: Buffer, vtep: number, random: Random): Buffer {
  const frame = Buffer.alloc(OUTER_BYTES + inner.length);
  inner.copy(frame, OUTER_BYTES);
  frame.writeUInt16BE(0x0800, 12);
  writeIpv4(frame, 14, frame.length - 14, VTEP_NET | (2 + vtep), OURS);
  frame.writeUInt16BE(FIRST_SOURCE_PORT + random(SOURCE_PORTS), 34);
  frame.writeUInt16BE(UDP_PORT, 36);
  frame.writeUInt16BE(frame.length - 34, 38);
  frame.writeUInt8(0x08, 42);
  frame.writeUInt32BE(VNI << 8, 46);
  return frame;
}

export function writeIpv4(
  frame: Buffer,
  at: number,
  bytes: number,
  from: number,
  to: number,
): void {
  frame.writeUInt8(0x45, at);
  frame.writeUInt16BE(bytes, at + 2);
  frame.writeUInt8(64, at + 8);
  frame.writeUInt8(17, at + 9);
  frame.writeUInt32BE(from, at + 12);
  frame.writeUInt32BE(to, at + 16);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += frame.readUInt16BE(at + i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  frame.writeUInt16BE(~sum & 0xffff, at + 10);
}

/** A station behind local port `port`. */
export function localMac(port: number): bigint {
  return 0x02ff00000000n | BigInt(port);
}

/** A station at VTEP `vtep`, counted from 0. */
export function remoteMac(vtep: number): bigint {
  return 0x02fe00000000n | BigInt(vtep);
}

/** Says that `remoteMac(vtep)` is at the VTEP of that number in the core. */
export function placeRemote(core: Core, vtep: number, index: number): void {
  const port = core.overlays.placeOf(index);
  const entry = { mac: remoteMac(vtep), domain: 1, port, kind: FdbKind.Static };
  if (core.fdbInsert(entry) !== Status.Ok) throw new Error(`VTEP ${vtep}: no room`);
}
