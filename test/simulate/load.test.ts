import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, type Problem } from '../../src/config/config-error.js';
import { packagePath } from '../../src/package-path.js';
import { parseTopology, runTopology } from '../../src/simulate/index.js';
import { hex } from '../support/frame.js';

const FILE = packagePath('examples/test.yaml');
const TWO = `
hosts:
  a: &a { segments: { lan: }, ports: { p1: { kind: memory, segment: lan }, p2: { kind: memory, segment: lan } } }
  b: *a
`;

function problemsOf(text: string): string[] {
  try {
    parseTopology(text, FILE);
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).problems.map(lineOf);
  }
  return [];
}

function lineOf({ path, problem }: Problem): string {
  return `${path}: ${problem}`;
}

test('topology: what is not said has its default', () => {
  const topology = parseTopology(`${TWO}links: { l: { ends: [a.p1, b.p1] } }`, FILE);
  assert.equal([topology.seed, topology.untilNs, topology.pollNs], [1, 60e9, 0]);
  const { impairments } = topology.links[0]!;
  assert.equal(impairments, {
    delayNs: 10_000,
    jitterNs: 0,
    lossPercent: 0,
    duplicatePercent: 0,
    reorderPercent: 0,
    reorderNs: 1e6,
    mtuBytes: 0,
    tooBig: 'drop',
    routers: [],
    rateBitsPerSec: 0,
    queueBytes: 1 << 20,
    partitions: [],
  });
});

test('topology: everything that is said arrives, in nanoseconds, bits and bytes', () => {
  const topology = parseTopology(
    `${TWO}
seed: 9
seconds: 2.5
pollMs: 0.25
stations:
  s: { port: a.p2, mac: '02:00:00:00:00:01', addresses: [10.0.0.1], vid: 3 }
  t: { mac: '02:00:00:00:00:02', addresses: ['fd00::2', 10.0.0.2] }
links:
  l:
    ends: [a.p1, b.p1, t]
    delayMs: 1.5
    mtuBytes: 1400
    tooBig: icmp
    routers: [192.0.2.1]
    rateMbitPerSec: 10
    partitions: [{ fromMs: 1, toMs: 2, ends: [t] }]
frames: [{ port: b.p2, words: 'eth 02:00:00:00:00:09→02:00:00:00:00:01', atMs: 3, count: 2, intervalMs: 4 }]
pings: { p: { from: s, to: t } }
streams: { x: { from: s, to: t }, y: { from: s, to: t, udpPort: 5001 }, z: { from: t, to: s } }
expect: ['pings.p.received = 1']
`,
    FILE,
  );
  assert.equal([topology.seed, topology.untilNs, topology.pollNs], [9, 2.5e9, 250_000]);
  const { impairments } = topology.links[0]!;
  assert.equal([impairments.delayNs, impairments.rateBitsPerSec], [1_500_000, 1e7]);
  assert.equal(impairments.partitions, [{ fromNs: 1e6, toNs: 2e6, ends: ['t'] }]);
  const [{ port, bytes, ...schedule }] = topology.frames as [(typeof topology.frames)[number]];
  assert.equal(schedule, { atNs: 3e6, count: 2, intervalNs: 4e6 });
  assert.equal([port, hex(bytes.subarray(0, 12))], ['b.p2', '020000000001020000000009']);
  // The first address of a family that both have; UDP ports that nobody else has.
  assert.equal([...topology.pings[0]!.to], [10, 0, 0, 2]);
  assert.equal(
    topology.streams.map(({ udpPort }) => udpPort),
    [5002, 5001, 5001],
  );
});

test('topology: a host is a file, from the folder of the topology', () => {
  const { hosts } = parseTopology('hosts: { a: two-containers.yaml }', FILE);
  assert.equal(
    hosts[0]!.config.ports.map(({ name }) => name),
    ['web', 'db'],
  );
});

const MAC = "mac: '02:00:00:00:00:01'";
const WRONG: [text: string, problem: string][] = [
  ['{}', 'hosts: expected hosts by name, got nothing'],
  [
    'hosts: { a.b: {} }',
    'hosts.a.b: expected a name of 1..63 letters, digits and _- that begins with a letter or digit, got "a.b"',
  ],
  ['hosts: { a: 3 }', 'hosts.a: expected the path of a configuration, or a configuration, got 3'],
  [
    'hosts: { a: nowhere.yaml }',
    `hosts.a: ${packagePath('examples/nowhere.yaml')}: expected a configuration file, got ENOENT`,
  ],
  [
    'hosts: { a: { ports: { p: { up: 3 } } } }',
    'hosts.a.ports.p.up: expected true or false, got 3',
  ],
  [
    'hosts: { a: { ports: { p: { storm: { x: 1 } } } } }',
    'hosts.a.ports.p.storm.x: expected one of broadcastPerSec, multicastPerSec, unicastPerSec, got the unknown key "x"',
  ],
  [
    `${TWO}lniks: {}`,
    'lniks: expected one of seed, seconds, pollMs, hosts, stations, links, frames, captures, pings, streams, expect, got the unknown key "lniks" (did you mean links?)',
  ],
  [
    `${TWO}links: { l: { ends: [a.p1] } }`,
    'links.l.ends: expected a list of two ends or more, each once, got ["a.p1"]',
  ],
  [
    `${TWO}links: { l: { ends: [a.p1, b.p9] } }`,
    'links.l.ends[1]: expected one of a.p1, a.p2, b.p1, b.p2, got "b.p9"',
  ],
  [
    `${TWO}links: { l: { ends: [a.p1, b.p1] }, m: { ends: [b.p1, b.p2] } }`,
    'links.m.ends[0]: expected an end on no other link, got b.p1 of links.l.ends[1]',
  ],
  [
    `${TWO}links: { l: { ends: [a.p1, b.p1], lossPercent: 101 } }`,
    'links.l.lossPercent: expected 0..100 percent, got 101',
  ],
  [
    `${TWO}links: { l: { ends: [a.p1, b.p1], mtuBytes: 10 } }`,
    'links.l.mtuBytes: expected 68..65535 bytes, got 10',
  ],
  [
    `${TWO}links: { l: { ends: [a.p1, b.p1], routers: [x] } }`,
    'links.l.routers[0]: expected an IP address, got "x"',
  ],
  [
    `${TWO}links: { l: { ends: [a.p1, b.p1], partitions: [{ fromMs: 2, toMs: 2 }] } }`,
    'links.l.partitions[0].toMs: expected a time after 2, got 2',
  ],
  [
    `${TWO}links: { l: { ends: [a.p1, b.p1], partitions: [{ fromMs: 1, toMs: 2, ends: [a.p2] }] } }`,
    'links.l.partitions[0].ends[0]: expected one of a.p1, b.p1, got "a.p2"',
  ],
  [
    `${TWO}stations: { s: { } }`,
    'stations.s.mac: expected six bytes like 02:42:ac:11:00:02, got nothing',
  ],
  [
    `${TWO}stations: { s: { mac: '01:00:00:00:00:01' } }`,
    'stations.s.mac: expected the address of one station, got 01:00:00:00:00:01',
  ],
  [
    `${TWO}stations: { s: { ${MAC}, addresses: [10.0.0] } }`,
    'stations.s.addresses[0]: expected an IP address, got "10.0.0"',
  ],
  [
    `${TWO}stations: { s: { ${MAC}, port: a.p1 } }\nlinks: { l: { ends: [a.p1, b.p1] } }`,
    'links.l.ends[0]: expected an end on no other link, got a.p1 of stations.s.port',
  ],
  [
    `${TWO}stations: { s: { ${MAC}, port: a.p1 } }\nlinks: { s: { ends: [a.p2, b.p1] } }`,
    'links.s: expected a name of its own, got that of the cable of stations.s',
  ],
  [
    `${TWO}frames: [{ port: a.p1, words: 'ipv4 x' }]`,
    "frames[0].words: ipv4: expected an address of 4 bytes on each side of an arrow, got 'x'",
  ],
  [
    `${TWO}frames: [{ port: c.p1, words: 'eth 02:00:00:00:00:09→02:00:00:00:00:01' }]`,
    'frames[0].port: expected one of a.p1, a.p2, b.p1, b.p2, got "c.p1"',
  ],
  [
    `${TWO}captures: [{ port: a.p1, file: nowhere.pcap }]`,
    'captures[0].file: expected a capture, got "nowhere.pcap", which is no file',
  ],
  [
    `${TWO}pings: { p: { from: s, address: 10.0.0.1 } }`,
    'pings.p.from: expected a name, but there is none, got "s"',
  ],
  [
    `${TWO}stations: { s: { ${MAC} } }\npings: { p: { from: s } }`,
    'pings.p.to: expected a station or an address, got nothing',
  ],
  [
    `${TWO}stations: { s: { ${MAC} } }\npings: { p: { from: s, address: 10.0.0.1 } }`,
    'pings.p.address: expected an IP address of a family that s has, got "10.0.0.1"',
  ],
  [
    `${TWO}stations: { s: { ${MAC} }, t: { ${MAC} } }\nstreams: { p: { from: s, to: t } }`,
    'streams.p.to: expected a station with an address of a family that s has, got t',
  ],
  [
    `${TWO}expect: ['pings.x received']`,
    "expect[0]: expected a path, one of = != < <= > >= and a number, blanks between, got 'pings.x received'",
  ],
];

for (const [text, problem] of WRONG) {
  test(`topology: ${problem.replace(/, got .*/, '')}`, () => {
    assert.equal(problemsOf(text), [problem]);
  });
}

test('topology: two streams to one station have ports of their own', () => {
  const stations = `stations: { s: { ${MAC}, addresses: [10.0.0.1] }, t: { ${MAC}, addresses: [10.0.0.2] } }`;
  const stream = '{ from: s, to: t, udpPort: 7 }';
  const problem = 'expected a port of its own at t, got 7';
  assert.equal(problemsOf(`${TWO}${stations}\nstreams: { x: ${stream}, y: ${stream} }`), [
    `streams.x.udpPort: ${problem}`,
    `streams.y.udpPort: ${problem}`,
  ]);
});

test('topology: problems say where in the file they are', () => {
  try {
    parseTopology('hosts:\n  a:\n    ports:\n      p: { kind: memroy }\nseed: -1\n', 'net.yaml');
    assert.unreachable();
  } catch (error) {
    const places = (error as ConfigError).problems.map(({ place }) => place);
    assert.equal(places, ['net.yaml:5:7']);
  }
  try {
    parseTopology('hosts:\n  a:\n    ports:\n      p: { kind: memroy }\n', 'net.yaml');
    assert.unreachable();
  } catch (error) {
    assert.is((error as ConfigError).problems[0]!.place, 'net.yaml:4:18');
  }
});

async function runProblem(expectation: string): Promise<string> {
  const topology = parseTopology(`${TWO}expect: ['${expectation}']`, FILE);
  try {
    await runTopology(topology);
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).message;
  }
  return '';
}

test('topology: an expectation about nothing that is printed is refused', async () => {
  const known =
    'expect[0]: expected one of seed, simulatedMs, events, hosts, stations, links, pings, streams';
  assert.is(await runProblem('host.a.sent = 0'), `${known}, got 'host.a.sent'`);
  assert.is(
    await runProblem('hosts.c.sent = 0'),
    "expect[0]: expected one of hosts.a, hosts.b, got 'hosts.c.sent'",
  );
  assert.match(await runProblem('hosts.a.drops.Typo = 0'), /got 'hosts.a.drops.Typo'/);
  assert.match(await runProblem('hosts.a = 0'), /expected a number: one of hosts.a.received/);
});

test('topology: expectations are judged, about drops that did not happen too', async () => {
  const expect = ['hosts.a.drops.BadSource = 0', 'hosts.a.ports.p1.sent > 0', 'events >= 0'];
  const topology = parseTopology(`${TWO}expect: ${JSON.stringify(expect)}`, FILE);
  const { expectations, broken } = await runTopology(topology);
  assert.equal(
    expectations.map(({ holds, got }) => [holds, got]),
    [
      [true, 0],
      [false, 0],
      [true, 0],
    ],
  );
  assert.equal(broken, []);
});

test.run();
