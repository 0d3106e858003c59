/** Overlays over simulated underlays: the walk W4, super frames, LANs, path MTU, bad weather. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Vnet } from '../../assembly/abi.js';
import { parseIp } from '../../src/frame/address.js';
import { frameFromWords } from '../../src/frame/words.js';
import { type Impairments, Simulation, summaryOf } from '../../src/simulate/index.js';
import { eth, hex } from '../support/frame.js';
import { seededRandom } from '../support/random.js';
import { randomFrame } from '../support/random-frame.js';
import { MS, addStation, expectConserved, runAudited, switchOf } from '../support/simulation.js';
import { GSO_TCP4, GSO_UDP, offloadOf } from '../support/virtio.js';

/** Ethernet, IPv4, UDP and VXLAN. */
const OUTER_BYTES = 50;
const ROUNDS = 8;
const macOf = (host: number): string => `02:00:00:00:00:0${host}`;

interface HostOptions {
  kind?: 'udp' | 'packet';
  offload?: boolean;
  /** Further keys of the overlay. */
  overlay?: string;
  /** Addresses and neighbours of all others are configured. */
  isKnown?: boolean;
}

/** Host `number` of `hosts`: a port c, and an underlay port u with address 192.168.0.number. */
function tunnelHost(number: number, hosts: number, options: HostOptions = {}) {
  const { kind = 'udp', offload = true, overlay = '', isKnown = true } = options;
  const others = Array.from({ length: hosts }, (_, i) => i + 1).filter(i => i !== number);
  const fdb = others.map(i => `{ mac: '${macOf(i)}', dst: 192.168.0.${i} }`);
  const neighbours = others.map(i => `{ ip: 10.0.0.${i}, mac: '${macOf(i)}' }`);
  const known = isKnown ? `fdb: [${fdb.join()}]\n    neighbours: [${neighbours.join()}]` : '';
  const device = kind === 'packet' ? ', interface: eth0' : '';
  return switchOf(`
ports:
  c: { kind: memory, segment: web, offload: ${offload} }
  u: { kind: ${kind}, offload: ${offload}${device} }
underlays:
  fabric: { port: u, addresses: [192.168.0.${number}/24] }
segments:
  web:
    overlay:
      vni: 4097
      underlay: fabric
      peers: [${others.map(i => `192.168.0.${i}`).join()}]
      ${overlay}
    ${known}`);
}

/** Hosts h1 to hN on one link; stations s1 to sN, but for those left out, at their ports. */
function fabric(
  hosts: number,
  options: HostOptions = {},
  bad: Partial<Impairments> = {},
  seed = 1,
) {
  const simulation = new Simulation({ record: true, seed });
  const names = Array.from({ length: hosts }, (_, i) => i + 1);
  for (const i of names) simulation.addHost(`h${i}`, tunnelHost(i, hosts, options));
  simulation.connect(
    'fabric',
    names.map(i => `h${i}.u`),
    { delayNs: MS, ...bad },
  );
  return simulation;
}

function withStations(simulation: Simulation): Simulation {
  [...simulation.hosts.keys()].forEach((host, i) => {
    addStation(simulation, `s${i + 1}`, i + 1);
    simulation.connect(`cable${i + 1}`, [`${host}.c`, `s${i + 1}`]);
  });
  return simulation;
}

function ping(
  simulation: Simulation,
  from: string,
  to: string,
  more: { sizeBytes?: number; count?: number } = {},
) {
  const { sizeBytes = 56, count = 10 } = more;
  const flow = { from: simulation.stations.get(from)!, to: parseIp(to)!, sizeBytes, df: true };
  const name = `${from} ${to} ${simulation.pings.size}`;
  // Packet ports need a moment to find their next hops.
  const atNs = simulation.nowNs + 100 * MS;
  return simulation.addPing(name, { ...flow, atNs, count, intervalNs: 100 * MS });
}

test('overlay: W4, the question is answered at home and the frame crosses as it is', () => {
  const simulation = fabric(2);
  simulation.inject(
    'h1.c',
    frameFromWords(`eth ${macOf(1)}→ff:ff:ff:ff:ff:ff arp 10.0.0.1→10.0.0.2`),
  );
  runAudited(simulation);
  const [answer] = simulation.sentBy('h1.c');
  assert.is(
    hex(answer!.bytes.subarray(0, 28)),
    '020000000001' + '020000000002' + '0806' + '0001080006040002' + '020000000002',
  );
  assert.equal(simulation.sentBy('h1.u'), []);

  const inner = eth(1, 2).ipv4('10.0.0.1', '10.0.0.2').udp(7, 8).payload(100).bytes();
  simulation.inject('h1.c', inner);
  runAudited(simulation);
  const [outer, ...more] = simulation.sentBy('h1.u').map(({ bytes }) => Buffer.from(bytes));
  assert.equal(more, []);
  assert.is(outer!.toString('hex', 0, 14), `${'00'.repeat(12)}0800`);
  assert.equal([outer!.readUInt8(22), outer!.toString('hex', 26, 34)], [64, 'c0a80001c0a80002']);
  const [from, to, length, checksum] = [34, 36, 38, 40].map(at => outer!.readUInt16BE(at));
  assert.ok(from! >= 49152);
  assert.equal([to, length, checksum], [4789, 16 + inner.length, 0]);
  assert.is(outer!.toString('hex', 42, OUTER_BYTES), '0800000000100100');
  assert.is(outer!.toString('hex', OUTER_BYTES), hex(inner));
  assert.equal(
    simulation.sentBy('h2.c').map(({ bytes }) => hex(bytes)),
    [hex(inner)],
  );
});

for (const offload of [true, false]) {
  test(`overlay: what TCP leaves to offloads arrives ${offload ? 'whole' : 'in segments'}`, () => {
    // The outer checksum too is left to offloads, or right.
    const simulation = fabric(2, { offload, overlay: 'udpChecksum: always' });
    const frame = eth(1, 2).ipv4('10.0.0.1', '10.0.0.2').tcp(7, 8).payload(7300).partial();
    simulation.inject('h1.c', {
      bytes: frame.bytes(),
      virtio: offloadOf(frame, false, GSO_TCP4, 1000),
    });
    runAudited(simulation);
    const outer = simulation.sentBy('h1.u');
    assert.equal(
      outer.map(({ virtio }) => virtio?.[Vnet.GsoType]),
      offload ? [GSO_UDP] : new Array(8).fill(undefined),
    );
    const arrived = simulation.sentBy('h2.c');
    assert.is(arrived.length, offload ? 1 : 8);
    const payload = arrived.map(({ bytes }) => hex(bytes.subarray(frame.headerBytes))).join('');
    assert.is(payload, hex(frame.bytes().subarray(frame.headerBytes)));
  });
}

test('overlay: on a LAN of udp ports a datagram goes to the host it is for, and nowhere else', () => {
  const simulation = withStations(fabric(3));
  const trains = [ping(simulation, 's1', '10.0.0.2'), ping(simulation, 's3', '10.0.0.1')];
  runAudited(simulation);
  for (const { counts } of trains) assert.equal([counts.received, counts.lost], [10, 0]);
  const { copies, unclaimed, delivered } = simulation.links.get('fabric')!.counts;
  assert.equal([copies, unclaimed, delivered], [0, 0, 40]);
  assert.equal(
    Object.values(summaryOf(simulation).hosts).map(({ dropped }) => dropped),
    [0, 0, 0],
  );
});

for (const kind of ['udp', 'packet'] as const) {
  test(`overlay: hosts on ${kind} ports that know nothing flood, learn, and reach each other`, () => {
    const overlay = 'bum: replicate, learning: true'.replace(', ', '\n      ');
    const simulation = withStations(fabric(3, { kind, overlay, isKnown: false }));
    const trains = ['10.0.0.2', '10.0.0.3', 'fd00::2'].map(to => ping(simulation, 's1', to));
    runAudited(simulation);
    for (const { counts } of trains) assert.equal([counts.received, counts.duplicated], [10, 0]);
    for (const { malformed } of simulation.stations.values()) assert.is(malformed, 0);
  });
}

test('overlay: a path that takes less is learned of from its router, and told to the sender', () => {
  const routers = [parseIp('192.168.0.254')!];
  const narrow = { mtuBytes: 1400, tooBig: 'icmp' as const, routers };
  const simulation = withStations(fabric(2, { kind: 'packet', overlay: 'df: set' }, narrow));
  const sender = simulation.stations.get('s1')!;
  const fits = ping(simulation, 's1', '10.0.0.2', { sizeBytes: 1400 - 50 - 28 });
  const long = ping(simulation, 's1', '10.0.0.2', { sizeBytes: 1400 - 50 - 27 });
  runAudited(simulation);
  assert.equal([fits.counts.received, long.counts.received], [10, 0]);
  // The first one finds out; of the others the sender is told at once.
  const { lost, answers } = simulation.links.get('fabric')!.counts;
  assert.equal([lost.tooBig, answers], [1, 1]);
  assert.is(sender.tooBig, 9);
  assert.is(sender.malformed, 0);
});

test('overlay: a partition heals', () => {
  const partitions = [{ fromNs: 250 * MS, toNs: 650 * MS, ends: [] }];
  const simulation = withStations(fabric(2, { kind: 'packet' }, { partitions }));
  const train = ping(simulation, 's1', '10.0.0.2');
  runAudited(simulation);
  assert.equal([train.counts.received, train.counts.lost], [6, 4]);
});

test('overlay: whatever underlays do, no frame is lost track of', () => {
  const random = seededRandom('simulate overlays');
  let delivered = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const options: HostOptions = {
      kind: random(2) === 0 ? 'udp' : 'packet',
      offload: random(2) === 0,
      isKnown: random(2) === 0,
      overlay: random(2) === 0 ? '' : 'bum: replicate\n      learning: true',
    };
    const simulation = withStations(
      fabric(
        2 + random(3),
        options,
        {
          lossPercent: random(30),
          duplicatePercent: random(20),
          reorderPercent: random(20),
          mtuBytes: random(2) * (600 + random(900)),
          tooBig: random(2) === 0 ? 'drop' : 'icmp',
          partitions: [{ fromNs: 300 * MS, toNs: 400 * MS, ends: random(2) === 0 ? [] : ['h1.u'] }],
        },
        round,
      ),
    );
    const hosts = [...simulation.hosts.keys()];
    for (const to of [2, 1])
      ping(simulation, `s${3 - to}`, `10.0.0.${to}`, { sizeBytes: 8 + random(1400) });
    for (let i = 0; i < 200; i++) {
      const port = `${hosts[random(hosts.length)]}.${random(4) === 0 ? 'u' : 'c'}`;
      simulation.inject(port, randomFrame(random), random(1000 * MS));
    }
    while (!simulation.runUntil(2000 * MS, 500)) expectConserved(simulation);
    expectConserved(simulation);
    delivered += simulation.links.get('fabric')!.counts.delivered;
  }
  assert.ok(delivered > ROUNDS * 10, `${delivered} delivered`);
});

test.run();
