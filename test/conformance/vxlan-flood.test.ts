/**
 * Conformance cases of area A3, VXLAN, frames to many: head-end replication, learning and
 * split horizon (VX-A21 to VX-A26). Counts are of ten frames each.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BROADCAST, type Frame, eth, hex, macNumber } from '../support/frame.js';
import {
  LOCAL,
  type NamedSent,
  OverlaySwitch,
  SMALL,
  UNDERLAY,
  VNI,
  expectAllClean,
  hostMac,
} from '../support/overlay-switch.js';
import { openTunnel } from '../support/outer.js';

const R1 = '192.0.2.34';
const R2 = '192.0.2.50';
const UNREACHABLE = '198.51.100.1';

const UNKNOWN = 'de:ad:be:ef:13:37';

interface Host {
  address?: string;
  peers: readonly string[];
  overlay?: string;
  fdb?: readonly string[];
}

/** Ports h1 and h2 in one VNI, at an address of 192.0.2.0/24. */
function host({ address = '192.0.2.33', peers, overlay = '', fdb = [] }: Host): string {
  return `${SMALL}
ports:
  h1: { kind: memory, segment: web }
  h2: { kind: memory, segment: web }
  ${UNDERLAY}: { kind: memory }
underlays:
  fabric: { port: ${UNDERLAY}, addresses: [${address}/24], gateways: [192.0.2.1] }
segments:
  web:
    overlay: { vni: ${VNI}, underlay: fabric, peers: [${peers.join(', ')}], bum: replicate${overlay} }
    fdb: [${fdb.join(', ')}]
`;
}

/** Where a frame went: `h2`, or the tunnel end. Its bytes must be those of `frame`. */
function placeOf({ port, bytes }: NamedSent, frame: Frame): string {
  if (port !== UNDERLAY) {
    assert.is(hex(bytes), hex(frame.bytes()));
    return port;
  }
  const outer = openTunnel(bytes);
  assert.is(hex(outer.inner), hex(frame.bytes()));
  assert.is(outer.vni, VNI);
  return outer.destination;
}

/** How many of ten frames each place got. */
function tenTimes(to: OverlaySwitch, frame: Frame): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < 10; i++) {
    for (const sent of to.inject('h1', frame).sent) {
      const place = placeOf(sent, frame);
      counts[place] = (counts[place] ?? 0) + 1;
    }
  }
  return counts;
}

test('VX-A21: unknown unicast goes ten times to each remote and to the local host', () => {
  const to = OverlaySwitch.create(host({ peers: [R1, R2] }));
  const frame = eth(LOCAL, UNKNOWN).payload(46);
  assert.equal(tenTimes(to, frame), { [R1]: 10, [R2]: 10, h2: 10 });
});

test('VX-A21: each copy is a unicast packet of its own, broadcast and multicast too', () => {
  const to = OverlaySwitch.create(host({ peers: [R1, R2] }));
  for (const destination of [BROADCAST, '01:00:5e:01:02:03', '33:33:00:00:00:01']) {
    const { sent } = to.inject('h1', eth(LOCAL, destination).payload(46));
    const copies = sent
      .filter(({ port }) => port === UNDERLAY)
      .map(({ bytes }) => openTunnel(bytes));
    assert.equal(
      copies.map(outer => [outer.destination, outer.destinationMac]),
      [R1, R2].map(ip => [ip, hostMac(ip)]),
    );
  }
});

test('VX-A22: an unreachable third remote takes nothing from the others, nor adds to them', () => {
  const to = OverlaySwitch.create(host({ peers: [R1, R2, UNREACHABLE] }), { isConnected: false });
  to.connect(ip => ip !== '192.0.2.1');
  const frame = eth(LOCAL, UNKNOWN).payload(46);
  const counts: Record<string, number> = {};
  let refused = 0;
  for (let i = 0; i < 10; i++) {
    const { sent, dropped } = to.inject('h1', frame);
    for (const one of sent) {
      if (Buffer.from(one.bytes).readUInt16BE(12) === 0x0806) continue;
      const place = placeOf(one, frame);
      counts[place] = (counts[place] ?? 0) + 1;
    }
    refused += dropped.filter(({ reason }) => reason === 'NoNextHop').length;
  }
  assert.equal(counts, { [R1]: 10, [R2]: 10, h2: 10 });
  assert.is(refused, 10);
});

test('VX-A23: configured addresses get theirs alone', () => {
  const [r1, r2, h2] = ['02:00:00:00:00:a1', '02:00:00:00:00:a2', '02:00:00:00:00:b2'];
  const fdb = [
    `{ mac: '${r1}', dst: ${R1} }`,
    `{ mac: '${r2}', dst: ${R2} }`,
    `{ mac: '${h2}', port: h2 }`,
  ];
  const to = OverlaySwitch.create(host({ peers: [R1, R2], fdb }));
  assert.equal(tenTimes(to, eth(LOCAL, r1).payload(46)), { [R1]: 10 });
  assert.equal(tenTimes(to, eth(LOCAL, r2).payload(46)), { [R2]: 10 });
  assert.equal(tenTimes(to, eth(LOCAL, h2).payload(46)), { h2: 10 });
});

test('VX-A24: an address heard from a remote is sent there, until it is deleted', () => {
  const to = OverlaySwitch.create(host({ peers: [R1, R2], overlay: ', learning: true' }));
  const station = '02:00:00:00:00:aa';
  const arriving = eth(hostMac(R2), '02:42:c0:00:02:21')
    .ipv4(R2, '192.0.2.33')
    .udp(50000, 4789)
    .vxlan(VNI)
    .frame(eth(station, BROADCAST).payload(46));
  const { sent } = to.inject(UNDERLAY, arriving);
  assert.equal(
    sent.map(({ port }) => port),
    ['h1', 'h2'],
  );
  const frame = eth(LOCAL, station).payload(46);
  assert.equal(tenTimes(to, frame), { [R2]: 10 });
  const { domain } = [...to.core.fdbEntries()].find(({ mac }) => mac === macNumber(station))!;
  to.core.fdbRemove(macNumber(station), domain);
  assert.equal(tenTimes(to, frame), { [R1]: 10, [R2]: 10, h2: 10 });
});

test('VX-A24: without learning nothing is learned from a tunnel', () => {
  const to = OverlaySwitch.create(host({ peers: [R1, R2] }));
  const arriving = eth(hostMac(R2), '02:42:c0:00:02:21')
    .ipv4(R2, '192.0.2.33')
    .udp(50000, 4789)
    .vxlan(VNI)
    .frame(eth('02:00:00:00:00:aa', BROADCAST).payload(46));
  to.inject(UNDERLAY, arriving);
  assert.equal([...to.core.fdbEntries()], []);
});

/** Three hosts, each a peer of the others; frames on one underlay go to the others' ports. */
class Mesh {
  readonly addresses = ['192.0.2.11', '192.0.2.12', '192.0.2.13'];
  readonly hosts: OverlaySwitch[];

  constructor() {
    this.hosts = this.addresses.map(address => {
      const peers = this.addresses.filter(other => other !== address);
      return OverlaySwitch.create(host({ address, peers, overlay: ', learning: true' }), {
        isConnected: false,
      });
    });
    // Everybody's first requests, and the answers to them.
    this.hosts.forEach((to, from) => this.carry(from, to.wait(0).sent));
  }

  /** What a host sends reaches the others; returns frames by host and port, in order. */
  carry(from: number, sent: readonly NamedSent[]): string[] {
    const seen: string[] = [];
    for (const { port, bytes } of sent) {
      if (port !== UNDERLAY) {
        seen.push(`${from} ${port}`);
        continue;
      }
      seen.push(`${from} ${port}`);
      const others = this.hosts.map((_, i) => i).filter(other => other !== from);
      for (const other of others) {
        seen.push(...this.carry(other, this.hosts[other]!.inject(UNDERLAY, bytes).sent));
      }
    }
    return seen;
  }
}

test('VX-A25: in a full mesh nobody sends on what came from a tunnel', () => {
  const mesh = new Mesh();
  for (const destination of [BROADCAST, UNKNOWN, '33:33:00:00:00:05']) {
    const seen = mesh.carry(
      0,
      mesh.hosts[0]!.inject('h1', eth(LOCAL, destination).payload(46)).sent,
    );
    const counts = seen.reduce<Record<string, number>>(
      (all, place) => ({ ...all, [place]: (all[place] ?? 0) + 1 }),
      {},
    );
    assert.equal(counts, {
      '0 h2': 1,
      [`0 ${UNDERLAY}`]: 2,
      '1 h1': 1,
      '1 h2': 1,
      '2 h1': 1,
      '2 h2': 1,
    });
  }
});

test('VX-A25: what one host learned goes to it alone', () => {
  const mesh = new Mesh();
  mesh.carry(0, mesh.hosts[0]!.inject('h1', eth(LOCAL, BROADCAST).payload(46)).sent);
  const seen = mesh.carry(1, mesh.hosts[1]!.inject('h2', eth(9, LOCAL).payload(46)).sent);
  assert.equal(seen, [`1 ${UNDERLAY}`, '0 h1']);
});

test('VX-A26: one unknown unicast in a network of ten tunnels makes ten copies', () => {
  const peers = Array.from({ length: 10 }, (_, i) => `192.0.2.${100 + i}`);
  const to = OverlaySwitch.create(host({ peers }));
  const frame = eth(LOCAL, UNKNOWN).payload(46);
  const { sent, dropped } = to.inject('h1', frame);
  assert.equal(dropped, []);
  const places = sent.map(one => placeOf(one, frame)).filter(place => place !== 'h2');
  assert.equal(places, peers);
});

test('all: tshark finds nothing wrong with what was sent', () => expectAllClean());

test.run();
