/**
 * Every captured VXLAN and Geneve datagram taken apart and put together again: a switch at
 * its destination takes the frame out, one at its source puts it back, and both times the
 * inner frame has every byte. What is skipped is said, with the reason.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { slowChecksum, slowSum } from '../support/checksum.js';
import { hex } from '../support/frame.js';
import { OverlaySwitch, SMALL, UNDERLAY } from '../support/overlay-switch.js';
import { type Outer, openTunnel } from '../support/outer.js';
import { captureFrames } from '../support/pcap.js';
import { sharedCaptures } from '../support/shared.js';
import { runTool } from '../support/tools.js';
import { type Found, findTunnel } from '../support/tunnel-capture.js';
import { testWithShared } from '../support/with-shared.js';

const MANIFEST = 'pcaps/MANIFEST.json';
const MTU_BYTES = 65535;
const ETHERNET = 14;
const UDP = 17;
/** Of these not one datagram is for us: GPE without a frame, and longer than IP can say. */
const NOTHING_IN = [
  'vxlan/tcpdump__nsh-over-vxlan-gpe.pcap',
  'vxlan/tcpdump__bigtcp-ipv4-vxlan-ipv4.pcap',
];

/** One port behind one tunnel, from `own` to `peer`. */
function yamlOf({ outer, encapsulation }: Found, own: string, peer: string): string {
  const { vni, udpPort } = outer;
  const prefix = own.includes(':') ? 64 : 8;
  const network = `vni: ${vni}, udpPort: ${udpPort}, encapsulation: ${encapsulation}`;
  return `${SMALL}
ports: { p1: { kind: memory, segment: web, learning: false }, ${UNDERLAY}: { kind: memory } }
underlays:
  fabric:
    { port: ${UNDERLAY}, addresses: ['${own}/${prefix}'], mtuBytes: ${MTU_BYTES}${gateway(own, peer)} }
segments:
  web:
    overlay: { underlay: fabric, ${network}, peers: ['${peer}'], bum: replicate }
    arpTermination: false
`;
}

/** Peers of captures are behind all sorts of routers. */
function gateway(own: string, peer: string): string {
  const isNear = own.includes(':') || own.split('.')[0] === peer.split('.')[0];
  return isNear ? '' : `, gateways: ['${own.split('.').slice(0, 3).join('.')}.254']`;
}

/** Switches of one (source, destination, network), made when it is first met. */
class Pairs {
  private readonly made = new Map<string, [OverlaySwitch, OverlaySwitch]>();

  get(found: Found): [at: OverlaySwitch, from: OverlaySwitch] {
    const { source, destination, vni, udpPort } = found.outer;
    const key = [source, destination, vni, udpPort].join();
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const options = { isClean: false };
    const at = OverlaySwitch.create(yamlOf(found, destination, source), options);
    const from = OverlaySwitch.create(yamlOf(found, source, destination), options);
    this.made.set(key, [at, from]);
    return [at, from];
  }
}

/** Why a captured frame says nothing of us: it is not one that a switch may forward. */
function whyNot({ outer, encapsulation }: Found): string | undefined {
  if (outer.source === outer.destination) return 'from and to one address';
  const { inner } = outer;
  const flags = Buffer.from(outer.header, 'hex')[1]!;
  if (encapsulation === 'geneve' && (flags & 0x80) !== 0) return 'for the control plane';
  if (encapsulation === 'geneve' && (flags & 0x40) !== 0) return 'with options that are critical';
  if (inner.length < 14) return 'shorter than an Ethernet header inside';
  if ((inner[6]! & 1) !== 0 || hex(inner.slice(6, 12)) === '000000000000') return 'no inner source';
  if (hex(inner.slice(0, 6)) === hex(inner.slice(6, 12))) return 'from and to one station';
  return /^0180c200000./.test(hex(inner.slice(0, 6))) ? 'to a reserved group' : undefined;
}

/** The frame with the UDP checksum that its device would have put in: none. */
function resummed(frame: Uint8Array, { ipHeaderBytes, source }: Outer): Uint8Array {
  const bytes = Buffer.from(frame);
  const udp = ETHERNET + ipHeaderBytes;
  bytes.writeUInt16BE(0, udp + 6);
  if (!source.includes(':')) return Uint8Array.from(bytes);
  const length = bytes.readUInt16BE(udp + 4);
  const pseudo = slowSum(
    Uint8Array.of(0, UDP, length >> 8, length),
    slowSum(bytes.subarray(22, 54)),
  );
  bytes.writeUInt16BE(slowChecksum(bytes.subarray(udp), pseudo), udp + 6);
  return Uint8Array.from(bytes);
}

function expectRoundTrip(pairs: Pairs, found: Found, what: string): void {
  const { outer, frame, encapsulation } = found;
  const [at, from] = pairs.get(found);
  if (found.isWrong) {
    assert.equal(
      at.inject(UNDERLAY, frame).dropped.map(({ reason }) => reason),
      ['OuterChecksum'],
      what,
    );
  }
  const inside = at.inject(UNDERLAY, found.isWrong ? resummed(frame, outer) : frame);
  assert.equal(
    inside.sent.map(({ port, bytes }) => ({ port, bytes: hex(bytes) })),
    [{ port: 'p1', bytes: hex(outer.inner) }],
    `${what}: ${inside.dropped.map(({ reason }) => reason).join()}`,
  );
  const again = from.inject('p1', outer.inner);
  assert.equal(
    again.dropped.map(({ reason }) => reason),
    [],
    what,
  );
  assert.is(again.sent.length, 1, what);
  expectSame(openTunnel(again.sent[0]!.bytes, encapsulation), outer, what);
}

function expectSame(ours: Outer, theirs: Outer, what: string): void {
  const { source, destination, udpPort, vni } = theirs;
  assert.equal(
    { source: ours.source, destination: ours.destination, udpPort: ours.udpPort, vni: ours.vni },
    { source, destination, udpPort, vni },
    what,
  );
  assert.is(hex(ours.inner), hex(theirs.inner), what);
}

/** How many frames tshark takes for tunnels, if it is there. */
function tsharkCount(path: string): number | undefined {
  const filter = 'vxlan || geneve || udp.port == 4789';
  return runTool('tshark', ['-n', '-r', path, '-Y', filter, '-T', 'fields', '-e', 'frame.number'])
    ?.split('\n')
    .filter(line => line !== '').length;
}

function roundTrips(file: string, path: string): Map<string, number> {
  const pairs = new Pairs();
  const counts = new Map<string, number>();
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  captureFrames(path).forEach((frame, index) => {
    const found = findTunnel(frame);
    const skipped = typeof found === 'string' ? found : whyNot(found);
    if (skipped !== undefined) return count(`skipped, ${skipped}`);
    expectRoundTrip(pairs, found as Found, `${file} frame ${index + 1}`);
    if ((found as Found).isWrong) count('of them with a UDP checksum that is wrong');
    count('taken apart and put together');
  });
  return counts;
}

for (const group of ['vxlan', 'othertunnel']) {
  testWithShared(MANIFEST, `captures of ${group}: inner frames survive both ways`, () => {
    let done = 0;
    for (const { file, path } of sharedCaptures().filter(each =>
      each.file.startsWith(`${group}/`),
    )) {
      const counts = roundTrips(file, path);
      const good = counts.get('taken apart and put together') ?? 0;
      done += good;
      if (group === 'othertunnel' && good === 0) continue;
      const said = [...counts].map(([what, number]) => `${number} ${what}`).join('; ');
      console.log(`${file}: ${said} (tshark: ${tsharkCount(path) ?? '?'})`);
      if (group === 'vxlan') assert.is(good > 0, !NOTHING_IN.includes(file), file);
    }
    assert.ok(done > 0);
  });
}

test.run();
