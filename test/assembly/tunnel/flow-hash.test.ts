/** Outer source ports: in range, one a flow, spread evenly (cases VX-A14 to VX-A16). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AUTHENTICATION,
  HOP_OPTIONS,
  LONG_OPTIONS,
  MOBILITY,
  OPTIONS,
  ROUTING,
  extended,
  fragmentOf,
  plainIpv6,
  type Extension,
} from '../../support/extension.js';
import { Frame, eth, fromHex, mac } from '../../support/frame.js';
import { randomOf, seededRandom } from '../../support/random.js';
import { Unit } from '../../support/unit.js';

const random = seededRandom('flow-hash');
const FIRST_PORT = 49152;
const LAST_PORT = 65535;
const BINS = 64;
/** Chi squared of 63 degrees of freedom: p = 0.001, and p = 1e-9 where seeds are random. */
const LIKELY = 103.4;
const POSSIBLE = 156;
const V4 = ['10.0.0.1', '10.0.0.2'] as const;
const V6 = ['2001:db8::1', '2001:db8::2'] as const;

interface Options {
  seed?: [low: number, high: number];
  symmetric?: boolean;
}

const unit = Unit.create();

function portOf(frame: Frame | Uint8Array, options: Options = {}): number {
  const { seed = [1, 0], symmetric = false } = options;
  const bytes = frame instanceof Frame ? frame.bytes() : frame;
  unit.reset();
  const port = unit.call('flowPort', unit.place(bytes, 2), bytes.length, ...seed, +symmetric);
  assert.ok(port >= FIRST_PORT && port <= LAST_PORT, `port ${port}`);
  return port;
}

/** `bytes` with an MPLS stack in place of the ethertype. */
function mpls(bytes: Uint8Array, labels = 1): Uint8Array {
  const stack = Array.from({ length: labels }, (_, i) => [0, 1, i + 1 === labels ? 1 : 0, 64]);
  const macs = bytes.subarray(0, 12);
  return Buffer.concat([macs, fromHex('8847'), Uint8Array.from(stack.flat()), bytes.subarray(14)]);
}

function chiSquared(ports: Iterable<number>): number {
  const bins = new Array<number>(BINS).fill(0);
  let count = 0;
  for (const port of ports) {
    bins[Math.floor((port - FIRST_PORT) / ((LAST_PORT + 1 - FIRST_PORT) / BINS))]!++;
    count++;
  }
  const expected = count / BINS;
  return bins.reduce((sum, got) => sum + (got - expected) ** 2 / expected, 0);
}

/** Ways in which many flows differ. */
const FLOWS: Record<string, (i: number) => Frame> = {
  'source ports': i =>
    eth(1, 2)
      .ipv4(...V4)
      .tcp(1024 + i, 80),
  'destination ports': i =>
    eth(1, 2)
      .ipv4(...V4)
      .udp(5000, 1024 + i),
  'both ports': i =>
    eth(1, 2)
      .ipv4(...V4)
      .udp(1024 + i, 1024 + i),
  'last bytes of the source': i =>
    eth(1, 2)
      .ipv4(`10.1.${i >> 8}.${i & 255}`, V4[1])
      .tcp(1, 80),
  'first bytes of the target': i =>
    eth(1, 2)
      .ipv4(V4[0], `${1 + (i >> 8)}.${i & 255}.0.1`)
      .tcp(1, 80),
  'addresses without ports': i => eth(1, 2).ipv4(`10.1.${i >> 8}.${i & 255}`, V4[1]),
  'IPv6 source ports': i =>
    eth(1, 2)
      .ipv6(...V6)
      .tcp(1024 + i, 443),
  'IPv6 addresses': i =>
    eth(1, 2)
      .ipv6(`2001:db8::${i.toString(16)}`, V6[1])
      .tcp(1, 443),
  'IPv6 networks': i =>
    eth(1, 2)
      .ipv6(`2001:db8:${i.toString(16)}::1`, V6[1])
      .tcp(1, 443),
  'MAC addresses': i => eth(1 + i, 2).type(0x88b5),
  'target MAC addresses': i => eth(1, 2 + i).type(0x0806),
};

test('flow-hash: 2000 flows are spread evenly over the ports (VX-A15)', () => {
  for (const [name, flow] of Object.entries(FLOWS)) {
    const ports = Array.from({ length: 2000 }, (_, i) => portOf(flow(i)));
    assert.ok(chiSquared(ports) < LIKELY, `${name}: ${chiSquared(ports)}`);
  }
});

test('flow-hash: they are with any seed, in both modes', () => {
  const names = Object.keys(FLOWS);
  for (let i = 0; i < 60; i++) {
    const name = names[i % names.length]!;
    const seed: [number, number] = i < 12 ? [i, 0] : [random(0xffffffff), random(0xffffffff)];
    const symmetric = random(2) === 0;
    const flow = FLOWS[name]!;
    const ports = Array.from({ length: 2000 }, (_, n) => portOf(flow(n), { seed, symmetric }));
    assert.ok(chiSquared(ports) < POSSIBLE, `${name}, seed ${seed}: ${chiSquared(ports)}`);
  }
});

test('flow-hash: 10000 flows use nearly as many ports as chance would', () => {
  const draw = randomOf(7);
  const ports = new Set<number>();
  for (let i = 0; i < 10000; i++) {
    const [a, b] = [draw(1 << 16), draw(1 << 16)];
    ports.add(
      portOf(
        eth(1, 2)
          .ipv4(`10.0.${a >> 8}.${a & 255}`, V4[1])
          .tcp(b, 80),
      ),
    );
  }
  const chance = 16384 * (1 - (1 - 1 / 16384) ** 10000);
  assert.ok(Math.abs(ports.size - chance) < 250, `${ports.size} of ${chance}`);
});

test('flow-hash: ten inner destination ports give nine ports or more (VX-A14)', () => {
  const kinds: Record<string, (port: number) => Uint8Array> = {
    ipv4: port =>
      eth(1, 2)
        .ipv4(...V4)
        .udp(20000, port)
        .payload(100)
        .bytes(),
    ipv6: port =>
      eth(1, 2)
        .ipv6(...V6)
        .udp(20000, port)
        .payload(100)
        .bytes(),
    mpls: port =>
      mpls(
        eth(1, 2)
          .ipv4(...V4)
          .udp(20000, port)
          .payload(100)
          .bytes(),
      ),
  };
  for (const [name, frameOf] of Object.entries(kinds)) {
    const ports = new Set(Array.from({ length: 10 }, (_, i) => portOf(frameOf(10000 + i))));
    assert.ok(ports.size >= 9, `${name}: ${ports.size}`);
  }
});

test('flow-hash: one flow has one port, whatever its packets are otherwise', () => {
  const flow = (): Frame =>
    eth(1, 2)
      .ipv4(...V4)
      .tcp(1000, 80);
  const port = portOf(flow());
  for (let i = 0; i < 1000; i++) {
    const frame = eth(1 + random(9), 2).ipv4(...V4, { id: random(65536) });
    frame.tcp(1000, 80, { sequence: random(1 << 30), flags: random(64) });
    assert.is(portOf(frame.payload(random(1400))), port);
  }
  assert.is(
    portOf(
      eth(1, 2)
        .vlan(7)
        .ipv4(...V4)
        .tcp(1000, 80),
    ),
    port,
  );
  const service = eth(1, 2).vlan(9, { tpid: 0x88a8 }).vlan(7);
  assert.is(portOf(service.ipv4(...V4).tcp(1000, 80)), port);
  const options = new Uint8Array(8).fill(1);
  assert.is(
    portOf(
      eth(1, 2)
        .ipv4(...V4, { options })
        .tcp(1000, 80),
    ),
    port,
  );
  assert.is.not(
    portOf(
      eth(1, 2)
        .ipv4(...V4)
        .udp(1000, 80),
    ),
    port,
  );
  assert.is.not(portOf(flow(), { seed: [2, 0] }), port);
});

test('flow-hash: IPv6 extension headers are passed over, up to eight', () => {
  const port = portOf(plainIpv6());
  for (const chain of [
    [HOP_OPTIONS],
    [HOP_OPTIONS, LONG_OPTIONS, ROUTING, AUTHENTICATION],
    [MOBILITY, fragmentOf(0, 0)],
    new Array<Extension>(7).fill(OPTIONS),
  ]) {
    assert.is(portOf(extended(plainIpv6(), chain)), port);
  }
  const many = new Array<Extension>(9).fill(OPTIONS);
  assert.is.not(portOf(extended(plainIpv6(), many)), port);
});

test('flow-hash: all fragments of a flow have one port, that of no ports', () => {
  const ipv4 = (fragment: number, port: number): Uint8Array => {
    const bytes = eth(1, 2)
      .ipv4(...V4)
      .udp(port, 80)
      .payload(40)
      .bytes();
    bytes.set([fragment >> 8, fragment & 0xff], 20);
    return bytes;
  };
  const first = portOf(ipv4(0x2000, 1000));
  for (const fragment of [0x2000, 0x2001, 0x00b9, 0x3fff, 0x0001]) {
    assert.is(portOf(ipv4(fragment, 1000 + random(1000))), first);
  }
  assert.is(portOf(ipv4(0x4000, 1000)), portOf(ipv4(0, 1000))); // DF
  assert.is.not(portOf(ipv4(0, 1000)), first);
  const parts = [
    [0, 1],
    [1, 1],
    [99, 0],
    [0x1fff, 0],
  ] as const;
  const ports = parts.map(([offset, more]) =>
    portOf(extended(plainIpv6(), [fragmentOf(offset, more)])),
  );
  assert.is(new Set(ports).size, 1);
});

test('flow-hash: in symmetric mode both directions have one port, else not', () => {
  let same = 0;
  for (let i = 0; i < 300; i++) {
    const [a, b] = [`10.0.0.${1 + random(250)}`, `10.0.1.${1 + random(250)}`];
    const [x, y] = [random(65536), random(65536)];
    const v6 = random(2) === 0;
    const way = (m: number, n: number, s: string, d: string, sp: number, dp: number): Frame => {
      const frame = eth(m, n);
      const pair = [s, d].map(ip => (v6 ? `2001:db8::${ip.split('.')[3]}` : ip));
      return (v6 ? frame.ipv6(pair[0]!, pair[1]!) : frame.ipv4(s, d)).tcp(sp, dp);
    };
    const out = way(1, 2, a, b, x, y);
    const back = way(2, 1, b, a, y, x);
    assert.is(portOf(out, { symmetric: true }), portOf(back, { symmetric: true }));
    if (portOf(out) === portOf(back)) same++;
    const crossed = way(1, 2, a, b, y, x);
    if (portOf(out, { symmetric: true }) === portOf(crossed, { symmetric: true })) same++;
  }
  assert.ok(same < 6, `${same} of 600 alike`);
});

test('flow-hash: what is no IP has a port of its MAC addresses and type (VX-A16)', () => {
  const frames = [eth(1, 2).type(0x0806).payload(28), eth(1, 2).type(0x88b5).payload(60)];
  const ports = frames.map(frame => portOf(frame));
  assert.equal(
    [...frames, ...frames].map(frame => portOf(frame)),
    [...ports, ...ports],
  );
  assert.is.not(ports[0], ports[1]);
  assert.is(portOf(eth(1, 2).type(0x0806).payload(9)), ports[0]);
  const reverse = (frame: Frame): number => portOf(frame, { symmetric: true });
  assert.is(reverse(eth(1, 2).type(0x0806)), reverse(eth(2, 1).type(0x0806)));
  const seen = new Set(Array.from({ length: 100 }, (_, i) => portOf(eth(1 + i, 2).type(0x0806))));
  assert.ok(seen.size > 90);
});

test('flow-hash: MPLS is passed over up to eight labels; behind it must be IP', () => {
  const inner = (port: number): Uint8Array =>
    eth(1, 2)
      .ipv4(...V4)
      .udp(port, 80)
      .bytes();
  const port = portOf(inner(1000));
  for (let labels = 1; labels <= 8; labels++) assert.is(portOf(mpls(inner(1000), labels)), port);
  const six = eth(1, 2)
    .ipv6(...V6)
    .tcp(1, 2);
  assert.is(portOf(mpls(six.bytes(), 2)), portOf(six));
  const macs = portOf(mpls(eth(1, 2).payload(60).bytes()));
  assert.is(portOf(mpls(inner(1000), 9)), macs);
  assert.is(portOf(mpls(inner(1001), 9)), macs);
});

test('flow-hash: a frame cut anywhere, and any bytes, give a port and read nothing behind', () => {
  const whole = [
    eth(1, 2)
      .vlan(5)
      .ipv4(...V4)
      .tcp(1000, 80)
      .bytes(),
    eth(1, 2)
      .vlan(5)
      .vlan(6)
      .vlan(7)
      .ipv4(...V4)
      .tcp(1000, 80)
      .bytes(),
    extended(plainIpv6(), [LONG_OPTIONS, fragmentOf(0, 0), AUTHENTICATION]),
    mpls(
      eth(1, 2)
        .ipv6(...V6)
        .udp(1, 2)
        .bytes(),
      5,
    ),
  ];
  for (const bytes of whole) {
    for (let length = 14; length <= bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const port = portOf(cut);
      const at = unit.place(Buffer.concat([cut, mac('ff:ff:ff:ff:ff:ff'), new Uint8Array(80)]));
      assert.is(unit.call('flowPort', at, length, 1, 0, 0), port, `cut at ${length}`);
    }
  }
  for (let i = 0; i < 3000; i++) {
    const bytes = Uint8Array.from({ length: 14 + random(90) }, () => random(256));
    bytes.set(fromHex(['0800', '86dd', '8847', '8100'][random(4)]!), 12);
    if (random(2) === 0) bytes[14] = [0x45, 0x4f, 0x60, 0x41][random(4)]!;
    portOf(bytes);
  }
});

test.run();
