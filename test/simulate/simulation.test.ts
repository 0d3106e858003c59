import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Region, Rx, RxFlag } from '../../assembly/abi.js';
import { parseIp } from '../../src/frame/address.js';
import {
  type Impairments,
  type SimFrame,
  Simulation,
  audit,
  summaryOf,
} from '../../src/simulate/index.js';
import { eth, hex } from '../support/frame.js';
import { MS, addStation, plainSwitch, runAudited, switchOf } from '../support/simulation.js';
import { GSO_TCP4, offloadOf, readVirtio, virtio } from '../support/virtio.js';

const BAD: Partial<Impairments> = {
  delayNs: MS,
  jitterNs: MS / 2,
  lossPercent: 2,
  duplicatePercent: 2,
  reorderPercent: 2,
  partitions: [{ fromNs: 300 * MS, toNs: 400 * MS, ends: [] }],
};
const BRIDGE = `segments: { lan: { vlanAware: true } }
ports:
  ten: { kind: memory, segment: lan, vlan: { mode: access, vid: 10 } }
  twenty: { kind: memory, segment: lan, vlan: { mode: access, vid: 20 } }
  left: { kind: memory, segment: lan, vlan: { mode: trunk, allowed: '10,20' } }
  right: { kind: memory, segment: lan, vlan: { mode: trunk, allowed: '10,20' } }`;

/** Three switches in a row, with a station in each VLAN at both far ends. */
function campus(options: ConstructorParameters<typeof Simulation>[0], bad = BAD): Simulation {
  const simulation = new Simulation(options);
  const config = switchOf(BRIDGE);
  for (const name of ['a', 'b', 'c']) simulation.addHost(name, config);
  simulation.connect('ab', ['a.right', 'b.left'], bad);
  simulation.connect('bc', ['b.right', 'c.left'], bad);
  const places = ['a.ten', 'c.ten', 'a.twenty', 'c.twenty'];
  places.forEach((port, i) => {
    addStation(simulation, `s${i + 1}`, i + 1);
    simulation.connect(`cable${i + 1}`, [port, `s${i + 1}`]);
  });
  return simulation;
}

function stream(simulation: Simulation, from: string, to: string, count = 1000) {
  const [sender, receiver] = [from, to].map(name => simulation.stations.get(name)!);
  const flow = { from: sender!, receiver: receiver!, to: receiver!.ips[0]!, df: true };
  const schedule = { atNs: 0, count, intervalNs: MS };
  const udpPort = 6000 + simulation.streams.size;
  return simulation.addStream(`${from}-${to}`, { ...flow, ...schedule, sizeBytes: 200, udpPort });
}

test('simulation: streams cross three switches, each in its VLAN, and nothing else', () => {
  const simulation = campus({}, {});
  const [ten, twenty] = [stream(simulation, 's1', 's2'), stream(simulation, 's4', 's3')];
  const across = stream(simulation, 's1', 's4', 3);
  runAudited(simulation);
  for (const { counts } of [ten, twenty]) {
    assert.equal([counts.sent, counts.received, counts.lost], [1000, 1000, 0]);
    assert.equal([counts.duplicated, counts.reordered], [0, 0]);
  }
  assert.is(across.counts.received, 0);
  assert.is(simulation.stations.get('s1')!.neighbours.unresolved, 3);
  for (const { malformed } of simulation.stations.values()) assert.is(malformed, 0);
});

test('simulation: a stream reports what bad links did to it', () => {
  const simulation = campus({});
  const { counts } = run(simulation, stream(simulation, 's1', 's2', 2000));
  const lost = ['ab', 'bc'].flatMap(name => {
    const link = simulation.links.get(name)!;
    return link.paths.filter(({ from }) => from.name.endsWith('right')).map(path => path.counts);
  });
  assert.ok(counts.lost > 0 && counts.duplicated > 0 && counts.reordered > 0);
  assert.is(counts.sent, counts.received + counts.lost);
  const gone = lost.reduce((sum, { lost }) => sum + lost.loss + lost.partition, 0);
  const twice = lost.reduce((sum, { duplicated }) => sum + duplicated, 0);
  assert.ok(counts.lost <= gone, `${counts.lost} lost, links lost ${gone}`);
  assert.ok(counts.duplicated <= twice + 1);
});

function run<T>(simulation: Simulation, flow: T): T {
  runAudited(simulation);
  return flow;
}

/** Everything that happened, as one number. */
function historyOf(seed: number): string {
  const hash = createHash('sha256');
  const simulation = campus({
    seed,
    onEvent: ({ kind, atNs, where, frame, reason }) => {
      hash.update(`${kind} ${atNs} ${where} ${reason} ${hex(frame.bytes)}\n`);
    },
  });
  for (const [from, to] of ['12', '21', '34', '43']) stream(simulation, `s${from}`, `s${to}`);
  runAudited(simulation);
  hash.update(JSON.stringify(summaryOf(simulation)));
  return hash.digest('hex');
}

test('simulation: two runs of one seed are the same to the byte, another seed is not', () => {
  assert.is(historyOf(1), historyOf(1));
  assert.is.not(historyOf(1), historyOf(2));
});

test('simulation: pings are answered again as soon as a partition heals', () => {
  const partitions = [{ fromNs: 1500 * MS, toNs: 4500 * MS, ends: [] }];
  const simulation = campus({}, { partitions });
  const from = simulation.stations.get('s1')!;
  const flow = { from, sizeBytes: 56, df: true, atNs: 0, count: 10, intervalNs: 1000 * MS };
  const trains = ['10.0.0.2', 'fd00::2'].map(to =>
    simulation.addPing(to, { ...flow, to: parseIp(to)! }),
  );
  runAudited(simulation);
  for (const { counts } of trains) {
    assert.equal([counts.sent, counts.received, counts.lost, counts.duplicated], [10, 7, 3, 0]);
    assert.ok(counts.rtt.leastMs! > 0 && counts.rtt.leastMs! <= counts.rtt.mostMs!);
  }
});

test('simulation: too long an echo request is answered by the router of the link', () => {
  const simulation = campus({}, { mtuBytes: 1000, tooBig: 'icmp' });
  const from = simulation.stations.get('s1')!;
  const flow = { from, df: true, atNs: 0, count: 5, intervalNs: MS };
  for (const [text, headers] of [
    ['10.0.0.2', 28],
    ['fd00::2', 48],
  ] as const) {
    const to = parseIp(text)!;
    const fits = simulation.addPing(`${text} fits`, { ...flow, to, sizeBytes: 1000 - headers });
    const long = simulation.addPing(`${text} long`, { ...flow, to, sizeBytes: 1001 - headers });
    runAudited(simulation);
    assert.equal([fits.counts.received, long.counts.received], [5, 0]);
  }
  assert.is(from.tooBig, 10);
  assert.is(from.malformed, 0);
  assert.is(simulation.links.get('ab')!.counts.lost.tooBig, 10);
});

test('simulation: a loop of trunks floods until the links are cut', () => {
  const simulation = new Simulation();
  simulation.addHost('a', plainSwitch(3));
  simulation.addHost('b', plainSwitch(3));
  const cut = { partitions: [{ fromNs: 10 * MS, toNs: Infinity, ends: [] }] };
  simulation.connect('one', ['a.p1', 'b.p1'], { delayNs: MS, ...cut });
  simulation.connect('two', ['a.p2', 'b.p2'], { delayNs: MS, ...cut });
  simulation.inject('a.p3', eth(1).bytes());
  runAudited(simulation);
  const links = [...simulation.links.values()].map(({ counts }) => counts.delivered);
  assert.equal(links, [10, 10]);
  assert.throws(() => {
    const endless = new Simulation();
    endless.addHost('a', plainSwitch(3));
    endless.connect('self', ['a.p1', 'a.p2']);
    endless.inject('a.p3', eth(1).bytes());
    endless.runUntilIdle(10000);
  }, /not idle after 10000 events/);
});

test('simulation: a super frame crosses a link whole when both sides take offloads', () => {
  const { arrived } = superFrame(true);
  assert.is(arrived.length, 1);
  const { bytes, virtio: header } = arrived[0]!;
  assert.is(hex(bytes), hex(SUPER.bytes()));
  assert.equal(readVirtio(header!), readVirtio(HEADER));
});

test('simulation: a super frame is cut before a link when the port takes no offloads', () => {
  const { arrived, crossed } = superFrame(false);
  assert.is(crossed, 4);
  assert.is(arrived.length, 4);
  for (const { bytes, virtio } of arrived) {
    assert.ok(bytes.length <= SUPER.headerBytes + 1000);
    assert.is(virtio, undefined);
  }
});

test('simulation: only a partial checksum is vouched for', () => {
  const simulation = new Simulation();
  const { core } = simulation.addHost('a', plainSwitch(2));
  const flagsOf = (frame: SimFrame): number => {
    simulation.inject('a.p1', frame);
    runAudited(simulation);
    return core.view.getUint16(core.region(Region.Rx) + Rx.Flags, true);
  };
  const bytes = SUPER.bytes();
  assert.is(flagsOf({ bytes, virtio: HEADER }), RxFlag.Offload | RxFlag.Checked);
  assert.is(flagsOf({ bytes, virtio: virtio({}) }), RxFlag.Offload);
  assert.is(flagsOf({ bytes }), 0);
});

const SUPER = eth(1, 2).ipv4('10.0.0.1', '10.0.0.2').tcp(1, 2).payload(3500).partial();
const HEADER = offloadOf(SUPER, false, GSO_TCP4, 1000);

function superFrame(offload: boolean) {
  const simulation = new Simulation({ record: true });
  const config = plainSwitch(2, `offload: ${offload}`);
  for (const name of ['a', 'b']) simulation.addHost(name, config);
  const link = simulation.connect('wire', ['a.p2', 'b.p1']);
  simulation.inject('a.p1', { bytes: SUPER.bytes(), virtio: HEADER });
  runAudited(simulation);
  return { arrived: simulation.sentBy('b.p2'), crossed: link.counts.delivered };
}

test('simulation: hosts that poll take what came meanwhile in one go, and lose nothing', () => {
  const simulation = campus({ pollNs: 5 * MS }, {});
  const { counts } = run(simulation, stream(simulation, 's1', 's2'));
  assert.is(counts.received, 1000);
  // Five datagrams come to every poll of each of the three hosts: far fewer events.
  const quick = campus({}, {});
  run(quick, stream(quick, 's1', 's2'));
  assert.ok(simulation.events.taken < quick.events.taken - 2000);
});

test('simulation: a frame that is put in is counted, and what leaves is kept with its time', () => {
  const simulation = new Simulation({ record: true });
  simulation.addHost('a', plainSwitch(3));
  const frame = eth(1, 2).payload(40).bytes();
  simulation.inject('a.p1', frame, 7 * MS);
  runAudited(simulation);
  for (const port of ['a.p2', 'a.p3']) {
    assert.equal(simulation.sentBy(port), [{ bytes: frame, atNs: 7 * MS }]);
    assert.equal(simulation.sentBy(port), []);
  }
  assert.equal(simulation.sentBy('a.p1'), []);
  assert.throws(() => simulation.sentBy('a.p4'), /no port or station a.p4/);
});

test('simulation: steps take one event each', () => {
  const simulation = new Simulation({ record: true });
  simulation.addHost('a', plainSwitch(2));
  simulation.inject('a.p1', eth(1, 2).bytes());
  assert.ok(simulation.step()); // the frame comes
  assert.equal(simulation.sentBy('a.p2').length, 0);
  assert.ok(simulation.step()); // the host looks
  assert.equal(simulation.sentBy('a.p2').length, 1);
  assert.not.ok(simulation.step());
});

test('simulation: an end is on one link', () => {
  const simulation = new Simulation();
  simulation.addHost('a', plainSwitch(3));
  simulation.connect('one', ['a.p1', 'a.p2']);
  assert.throws(
    () => simulation.connect('two', ['a.p2', 'a.p3']),
    /two: a.p2 is on a link already/,
  );
  assert.throws(
    () => simulation.connect('two', ['a.p3', 'a.p3']),
    /two: a.p3 is on a link already/,
  );
});

test('audit: says which counters contradict each other', () => {
  const simulation = campus({}, {});
  stream(simulation, 's1', 's2', 10);
  runAudited(simulation);
  simulation.hosts.get('a')!.ports.get('right')!.sent++;
  simulation.links.get('bc')!.paths[0]!.counts.delivered--;
  assert.equal(
    audit(simulation).map(text => text.split(':')[0]),
    [
      'a',
      'a.right',
      'bc b.right>c.left',
      'bc',
      'ends sent = links took',
      'links delivered = ends received',
    ],
  );
});

test.run();
