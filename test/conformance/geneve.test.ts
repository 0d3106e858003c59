/** Geneve (RFC 8926) on the switch that the VXLAN cases run on. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Frame, eth, hex } from '../support/frame.js';
import {
  LOCAL,
  OverlaySwitch,
  PEER,
  PEER_6,
  REMOTE,
  REMOTE_6,
  UNDERLAY,
  VNI,
  expectAllClean,
  expectDrop,
  expectOut,
  overlayYaml,
  sentTunnel,
  stationAt,
  toUs,
  withHost,
} from '../support/overlay-switch.js';

const PORT = 6081;
const TUNNEL = 'gnv-00002a';
const GENEVE = overlayYaml({ overlay: 'encapsulation: geneve' });
const CONTROL = 0x80;
const CRITICAL = 0x40;
/** An option of class 0x0102, type 3, with four bytes; RFC 8926 §3.5. */
const OPTION = Uint8Array.of(0x01, 0x02, 0x03, 0x01, 0xde, 0xad, 0xbe, 0xef);

const innerFrom = (from: string): Frame =>
  eth(stationAt(from), LOCAL).ipv4('10.0.0.3', '10.0.0.2').udp(1000, 2000).payload('hello');
const geneve = (from = PEER): Frame => toUs({ from, udpPort: PORT });

for (const from of [PEER, PEER_6]) {
  test(`geneve: the inner frame comes out with every byte, options or not, from ${from}`, () => {
    const to = withHost(GENEVE);
    const inner = innerFrom(from);
    const all = new Uint8Array(252).fill(0);
    for (let at = 0; at < all.length; at += 4) all.set([0, 1, 2, 0], at); // 63 empty options
    for (const options of [new Uint8Array(), OPTION, all]) {
      const outer = geneve(from).geneve(VNI, { options }).frame(inner);
      expectOut(to.inject(UNDERLAY, outer), ['p1'], inner);
    }
  });
}

test('geneve: what is for the control plane, or critical and unknown, is dropped', () => {
  const to = withHost(GENEVE);
  for (const flags of [CONTROL, CRITICAL, CONTROL | CRITICAL]) {
    const outer = geneve().geneve(VNI, { flags, options: OPTION }).frame(innerFrom(PEER));
    expectDrop(to.inject(UNDERLAY, outer), 'TunnelHeader');
  }
});

test('geneve: another version, and what is no Ethernet frame, is dropped', () => {
  const to = withHost(GENEVE);
  for (const options of [{ version: 1 }, { version: 3 }, { protocol: 0x0800 }, { protocol: 0 }]) {
    const outer = geneve().geneve(VNI, options).frame(innerFrom(PEER));
    expectDrop(to.inject(UNDERLAY, outer), 'TunnelHeader');
  }
});

test('geneve: reserved bits are ignored, or dropped where the overlay is strict', () => {
  const odd = [{ reserved: 1 }, { reserved: 0x80 }, { flags: 1 }, { flags: 0x20 }];
  const lax = withHost(GENEVE);
  const strict = withHost(overlayYaml({ overlay: 'encapsulation: geneve, strictFlags: true' }));
  for (const options of odd) {
    const outer = geneve().geneve(VNI, options).frame(innerFrom(PEER));
    expectOut(lax.inject(UNDERLAY, outer), ['p1'], innerFrom(PEER));
    expectDrop(strict.inject(UNDERLAY, outer), 'TunnelReserved', TUNNEL);
  }
});

test('geneve: options that go beyond the datagram, and no frame, are dropped', () => {
  const to = withHost(GENEVE);
  const long = geneve()
    .geneve(VNI, { options: new Uint8Array(252) })
    .bytes();
  const cut = geneve().payload(long.slice(42, 42 + 100));
  expectDrop(to.inject(UNDERLAY, cut), 'TunnelHeader');
  for (let bytes = 0; bytes < 8; bytes++) {
    const short = geneve().payload(long.slice(42, 42 + bytes));
    expectDrop(to.inject(UNDERLAY, short), 'TunnelHeader');
  }
  expectDrop(to.inject(UNDERLAY, geneve().geneve(VNI).frame(new Uint8Array(13))), 'Runt', TUNNEL);
});

test('geneve: the VXLAN port of another overlay is another network', () => {
  const yaml = overlayYaml({
    overlay: 'encapsulation: geneve',
    ports: ['q1: { kind: memory, segment: db }'],
    segments: [`db:\n    overlay: { vni: ${VNI}, underlay: fabric, peers: [${PEER}] }`],
  });
  const to = OverlaySwitch.create(yaml);
  const inner = eth(REMOTE, 'ff:ff:ff:ff:ff:ff').payload(46);
  expectOut(to.inject(UNDERLAY, toUs().vxlan(VNI).frame(inner)), ['q1'], inner);
  expectOut(to.inject(UNDERLAY, geneve().geneve(VNI).frame(inner)), ['p1', 'p2'], inner);
});

for (const remote of [REMOTE, REMOTE_6]) {
  test(`geneve: a frame to ${remote} leaves behind eight bytes of header, itself unchanged`, () => {
    const to = withHost(GENEVE);
    const frame = eth(LOCAL, remote).ipv4('10.0.0.2', '10.0.0.3').udp(1, 2).payload('x');
    const outer = sentTunnel(to.inject('p1', frame), 'geneve');
    assert.is(outer.header, '0000655800002a00');
    assert.is(outer.udpPort, PORT);
    assert.ok(outer.sourcePort >= 49152);
    assert.is(outer.udpChecksum !== 0, remote === REMOTE_6);
    assert.is(hex(outer.inner), hex(frame.bytes()));
  });
}

test('all: tshark finds nothing wrong with what was sent', () => expectAllClean());

test.run();
