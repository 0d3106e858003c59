/** Conformance cases of area A3, VXLAN, outer source ports: VX-A14 to VX-A16. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Frame, eth, hex } from '../support/frame.js';
import { request } from '../support/neighbour.js';
import {
  LOCAL,
  OverlaySwitch,
  PEER,
  REMOTE,
  expectAllClean,
  overlayYaml,
  sentTunnel,
} from '../support/overlay-switch.js';

const FIRST_PORT = 49152;
const PORTS = 65536 - FIRST_PORT;

/** Inner frames that differ in their UDP destination port alone. */
const KINDS: Record<string, (port: number, source?: number) => Frame> = {
  IPv4: (port, source = 20000) =>
    eth(LOCAL, REMOTE).ipv4('4.3.2.1', '1.2.3.4').udp(source, port).payload('x'),
  IPv6: (port, source = 20000) =>
    eth(LOCAL, REMOTE).ipv6('fd00::1', 'fd00::2').udp(source, port).payload('x'),
  'MPLS and IPv4': (port, source = 20000) => {
    const packet = eth().ipv4('4.3.2.1', '1.2.3.4').udp(source, port).payload('x').bytes();
    const label = Buffer.from('00064140', 'hex'); // label 100, bottom of the stack
    return eth(LOCAL, REMOTE)
      .type(0x8847)
      .payload(Buffer.concat([label, packet.subarray(14)]));
  },
};

for (const [kind, frameOf] of Object.entries(KINDS)) {
  test(`VX-A14: ten flows of ${kind} have different source ports, all in range`, () => {
    const to = OverlaySwitch.create(overlayYaml());
    const ports = Array.from({ length: 10 }, (_, i) =>
      sentTunnel(to.inject('p1', frameOf(10000 + i))),
    ).map(({ sourcePort }) => sourcePort);
    for (const port of ports) assert.ok(port >= FIRST_PORT, `${port}`);
    assert.ok(new Set(ports).size >= 9, ports.join());
  });
}

test('VX-A15: a thousand frames of one flow have one source port, and stay in order', () => {
  const to = OverlaySwitch.create(overlayYaml());
  const flow = (i: number) =>
    eth(LOCAL, REMOTE).ipv4('10.0.0.2', '10.0.0.3', { id: i }).udp(7, 8).payload(`${i}`);
  const opened = Array.from({ length: 10 }, (_, batch) =>
    to.batch(Array.from({ length: 100 }, (_, i) => ({ port: 'p1', frame: flow(batch * 100 + i) }))),
  ).flatMap(({ sent }) => sent.map(one => sentTunnel({ sent: [one], dropped: [] })));
  assert.is(new Set(opened.map(({ sourcePort }) => sourcePort)).size, 1);
  assert.equal(
    opened.map(({ inner }) => hex(inner)),
    Array.from({ length: 1000 }, (_, i) => hex(flow(i).bytes())),
  );
});

/** The 0.999 quantile of χ² with 63 degrees of freedom. */
const CHI_MOST = 103.44;
const BINS = 64;

test('VX-A15: source ports of 2000 flows are spread evenly', () => {
  const to = OverlaySwitch.create(overlayYaml());
  const counts = new Array<number>(BINS).fill(0);
  for (let flow = 0; flow < 2000; flow++) {
    const inner = eth(LOCAL, REMOTE)
      .ipv4(`10.0.${flow >> 8}.${flow & 0xff}`, '10.0.0.3')
      .udp(1024 + flow, 5300);
    const { sourcePort } = sentTunnel(to.inject('p1', inner));
    counts[Math.floor(((sourcePort - FIRST_PORT) * BINS) / PORTS)]!++;
  }
  const expected = 2000 / BINS;
  const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  console.log(`VX-A15: chi squared ${chi.toFixed(1)}, 63 degrees of freedom`);
  assert.ok(chi < CHI_MOST, `chi squared ${chi}`);
});

test('VX-A16: what is no IP has a source port by its addresses', () => {
  const to = OverlaySwitch.create(overlayYaml({ overlay: 'bum: replicate', peers: [PEER] }));
  const port = (frame: Frame) => sentTunnel({ ...to.inject('p1', frame), dropped: [] }).sourcePort;
  const kinds = [
    (from: string) => request(from, '10.0.0.2', '10.0.0.9'),
    (from: string) => eth(from, REMOTE).payload('local experiments'),
  ];
  for (const frameOf of kinds) {
    to.bridge.port(to.index('p2'), { Up: 0 });
    const seen = new Set<number>();
    for (let host = 1; host <= 20; host++) {
      const from = `02:00:00:00:01:${host.toString(16).padStart(2, '0')}`;
      const first = port(frameOf(from));
      assert.ok(first >= FIRST_PORT);
      assert.is(port(frameOf(from)), first);
      seen.add(first);
    }
    assert.ok(seen.size >= 19, `${seen.size} ports of 20 pairs`);
  }
});

test('all: tshark finds nothing wrong with what was sent', () => expectAllClean());

test.run();
