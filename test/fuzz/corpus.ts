/** What the fuzzer feeds: captured frames, built ones, random bytes, virtio headers. */
import { eth, type Frame } from '../support/frame.js';
import { captureFrames } from '../support/pcap.js';
import { randomFrame } from '../support/random-frame.js';
import { HOSTS, PORTS, VIDS, pick, type Random } from '../support/random-switch.js';
import { sharedCaptures } from '../support/shared.js';
import type { Input } from '../support/test-switch.js';
import { GSO_TCP4, GSO_TCP6, GSO_UDP, offloadOf } from '../support/virtio.js';

const LONGEST_CAPTURED = 9000;
const VNET_BYTES = 10;
/** Values at which offsets and lengths tend to break. */
const EDGES = [0, 1, 2, 13, 14, 15, 16, 18, 34, 40, 54, 60, 1500, 9000, 65407, 65408, 65535];

/** Frames of every shared capture, shorter than a jumbo; none where there are no captures. */
export function loadCorpus(): Uint8Array[] {
  return sharedCaptures()
    .flatMap(({ path }) => captureFrames(path))
    .filter(({ length }) => length <= LONGEST_CAPTURED);
}

function mutated(random: Random, frame: Uint8Array): Uint8Array {
  const bytes = frame.slice(0, random(4) === 0 ? random(frame.length + 1) : undefined);
  if (bytes.length === 0) return bytes;
  for (let flips = random(6); flips > 0; flips--) {
    bytes[random(Math.min(bytes.length, 80))] = random(256);
  }
  return bytes;
}

/** Gives captured frames addresses the switch has seen, so that they are forwarded. */
function readdressed(random: Random, frame: Uint8Array): Uint8Array {
  if (frame.length < 12 || random(3) === 0) return frame;
  const bytes = frame.slice();
  const head = eth(1 + random(HOSTS), random(4) === 0 ? undefined : 1 + random(HOSTS)).bytes();
  bytes.set(head.subarray(0, 12));
  return bytes;
}

/** A TCP or UDP frame as a TAP gives it, and its virtio header. */
function offloaded(random: Random): { frame: Frame; offload: Uint8Array } {
  const [isUdp, isV6] = [random(2) === 0, random(2) === 0];
  const frame = eth(1 + random(HOSTS), random(3) === 0 ? undefined : 1 + random(HOSTS));
  for (let tags = random(3); tags > 0; tags--) frame.vlan(pick(random, VIDS));
  if (isV6) frame.ipv6('2001:db8::1', '2001:db8::2');
  else frame.ipv4('10.0.0.1', '10.0.0.2', { options: new Uint8Array(4 * random(3)) });
  if (isUdp) frame.udp(1000, 2000);
  else frame.tcp(1000, 2000, { flags: random(256), options: new Uint8Array(4 * random(5)) });
  const isGso = random(2) === 0;
  frame.payload(random(isGso ? 12000 : 1400)).partial();
  const gsoType = isUdp ? GSO_UDP : isV6 ? GSO_TCP6 : GSO_TCP4;
  const each = 1 + random(random(4) === 0 ? 20 : 1460);
  return { frame, offload: offloadOf(frame, isUdp, isGso ? gsoType : 0, isGso ? each : 0) };
}

function randomVirtio(random: Random): Uint8Array {
  const header = Buffer.alloc(VNET_BYTES);
  header[0] = random(4);
  header[1] = pick(random, [0, 0, GSO_TCP4, GSO_TCP6, GSO_UDP, 3, 0x81, random(256)]);
  for (let at = 2; at < VNET_BYTES; at += 2) {
    header.writeUInt16LE(random(3) === 0 ? random(65536) : pick(random, EDGES), at);
  }
  return header;
}

function randomBytes(random: Random): Uint8Array {
  return Uint8Array.from({ length: random(200) }, () => random(256));
}

function frameInput(random: Random, corpus: Uint8Array[]): Pick<Input, 'frame' | 'offload'> {
  const kind = random(100);
  if (kind < 20) {
    const { frame, offload } = offloaded(random);
    const bytes = frame.bytes();
    return { frame: random(5) === 0 ? mutated(random, bytes) : bytes, offload };
  }
  if (kind < 50 && corpus.length > 0) {
    return { frame: readdressed(random, mutated(random, pick(random, corpus))) };
  }
  return { frame: kind < 95 ? randomFrame(random) : randomBytes(random) };
}

export function randomInput(random: Random, corpus: Uint8Array[]): Input {
  const made = frameInput(random, corpus);
  const offload = random(6) === 0 ? randomVirtio(random) : made.offload;
  const port = random(60) === 0 ? random(65536) : 1 + random(PORTS);
  return {
    ...made,
    ...(offload && { offload }),
    port,
    tight: random(4) === 0,
    trace: random(5) === 0,
  };
}
