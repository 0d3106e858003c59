import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Capacity, STORM_MOST_PER_SEC } from '../../assembly/abi.js';
import { ConfigError } from '../../src/config/config-error.js';
import { loadConfig, parseConfig } from '../../src/config/load.js';
import { packagePath } from '../../src/package-path.js';

const SMALL = `
name: demo
ports:
  p1: { kind: memory, segment: lan }
  p2: { segment: lan, netns: red }
segments:
  lan:
`;

/** The lines of the error that `text` gives. */
function problems(text: string): string[] {
  try {
    parseConfig(text, 'net.yaml');
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).message.split('\n');
  }
  return [];
}

test('load: defaults are filled in', () => {
  const config = parseConfig(SMALL, 'net.yaml');
  assert.is(config.name, 'demo');
  assert.is(config.capacities.FdbEntries, 65536);
  const [memory, tap] = config.ports;
  assert.is(memory!.mtuBytes, 0);
  assert.is(memory!.offload, false);
  assert.is(tap!.kind, 'tap');
  assert.is(tap!.mtuBytes, 1500);
  assert.is(tap!.offload, true);
  assert.is(tap!.device, 'p2');
  assert.is(config.segments[0]!.ageSec, 300);
});

test('load: packet and udp ports take offloads, and no MTU of their own', () => {
  const text = `ports:
  e: { kind: packet, interface: eth0, netns: red, segment: lan }
  u: { kind: udp, netns: blue }
segments: { lan: }`;
  const [packet, udp] = parseConfig(text, 'net.yaml').ports;
  assert.equal([packet!.interface, packet!.netns, packet!.mtuBytes], ['eth0', 'red', 0]);
  assert.equal([udp!.interface, udp!.netns, udp!.mtuBytes], [undefined, 'blue', 0]);
  assert.equal([packet!.offload, udp!.offload], [true, true]);
});

test('load: a port has the keys of its kind', () => {
  const text = `ports:
  a: { kind: packet, device: eth0 }
  b: { kind: tap, interface: eth0 }
  c: { kind: udp, segment: lan, mac: "02:00:00:00:00:01" }
segments: { lan: }`;
  assert.equal(problems(text), [
    'ports.a.device: expected only on ports of kind tap, got it on kind packet',
    'ports.a.interface: expected the name of an interface, got nothing',
    'ports.b.interface: expected only on ports of kind packet, got it on kind tap',
    'ports.c.mac: expected only on ports of kind tap, got it on kind udp',
    "ports.c.segment: expected none on kind udp, whose frames are an underlay's, got lan",
  ]);
});

test('load: an interface is that of one port', () => {
  const text = `ports:
  a: { kind: packet, interface: eth0 }
  b: { kind: packet, interface: eth0, netns: red }
  c: { kind: packet, interface: eth0, netns: red }`;
  assert.equal(problems(text), [
    'ports.c.interface: expected a device of its own, got eth0 of ports.b',
  ]);
});

test('load: the name of the switch is by default that of the file', () => {
  assert.is(parseConfig('', '/etc/sluice/net.yaml').name, 'net');
});

test('load: a file that is not there is named', () => {
  assert.throws(() => loadConfig('/nowhere/net.yaml'), /\/nowhere\/net.yaml: .*got ENOENT/);
});

test('load: a syntax error names file, line and column', () => {
  assert.match(problems('ports:\n  p1: {kind: tap\n')[0]!, /^net.yaml:\d+:\d+: /);
});

test('load: a key that comes twice is named, but for merges', () => {
  assert.equal(problems('segments:\n  lan:\n  web:\n  lan:\n'), [
    'net.yaml:4:3: duplicated mapping key',
  ]);
  const merged = 'x-a: &a { up: true }\nx-b: &b { kind: memory }\nports: { p: { <<: *a, <<: *b } }';
  assert.equal(problems(merged), []);
});

test('load: an anchor may be used many times', () => {
  const uses = Array.from({ length: 1000 }, (_, i) => `s${i}: *lan`).join(', ');
  const text = `x-lan: &lan { ageSec: 7 }\nsegments: { ${uses} }`;
  const { segments } = parseConfig(text, 'net.yaml');
  assert.is(segments.length, 1000);
  assert.is(segments[999]!.ageSec, 7);
  const level = (name: string, of: string): string =>
    `x-${name}: &${name} [${Array.from({ length: 10 }, () => of).join(', ')}]`;
  const names = [...'abcdefgh'];
  const bomb = names.map((name, i) => level(name, i === 0 ? '1' : `*${names[i - 1]}`)).join('\n');
  assert.match(
    problems(bomb)[0]!,
    /^net.yaml: expected aliases of at most 262144 values, got more/,
  );
});

test('load: a file is one document, without an alias in what it stands for', () => {
  assert.equal(problems('ports: {}\n---\nports: {}'), ['net.yaml: expected one document, got 2']);
  assert.equal(problems('ports: &a { p: *a }'), [
    'net.yaml: expected aliases of at most 262144 values, got more',
  ]);
});

test('load: a file that is no mapping is refused', () => {
  assert.equal(problems('- 1'), ['expected a mapping, got [1]']);
});

test('load: a value out of range names path, expected and got', () => {
  const text = `
segments: { lan: { vlanAware: true } }
ports: { p1: { kind: memory, segment: lan, vlan: { mode: access, vid: 5000 } } }`;
  assert.equal(problems(text), ['ports.p1.vlan.vid: expected 1..4094, got 5000']);
});

test('load: the place of a problem is its line and column', () => {
  try {
    parseConfig('ports:\n  p1:\n    mtuBytes: 20\n', 'net.yaml');
    assert.unreachable();
  } catch (error) {
    const [problem] = (error as ConfigError).problems;
    assert.is(problem!.place, 'net.yaml:3:15');
    assert.is(problem!.problem, 'expected 68..65535 bytes, got 20');
  }
});

test('load: an unknown key is refused with the nearest known one', () => {
  const [line] = problems('ports: { p1: { kind: memory, segmnet: lan } }');
  assert.match(line!, /^ports.p1.segmnet: expected one of kind, segment, /);
  assert.match(line!, /got the unknown key "segmnet" \(did you mean segment\?\)$/);
});

test('load: all problems are reported at once', () => {
  const lines = problems('seed: -1\nports: { p1: { up: 3, kind: tun } }');
  assert.equal(lines, [
    'seed: expected 0..9007199254740991, got -1',
    'ports.p1.kind: expected tap, packet, udp, pcap or memory, got "tun"',
    'ports.p1.up: expected true or false, got 3',
  ]);
});

test('load: a key that is missing is named', () => {
  const text = 'segments: { lan: { fdb: [{ port: p1 }] } }';
  assert.equal(problems(text), [
    'segments.lan.fdb[0].mac: expected six bytes like 02:42:ac:11:00:02, got nothing',
  ]);
});

test('load: a bad name is refused', () => {
  const [line] = problems('ports: { "p 1": { kind: memory } }');
  assert.match(line!, /^ports.p 1: expected a name of 1..63 letters.*, got "p 1"$/);
});

test('load: a segment that does not exist is named with the nearest one', () => {
  const text = 'segments: { lan: }\nports: { p1: { kind: memory, segment: lam } }';
  assert.equal(problems(text), [
    'ports.p1.segment: expected one of lan, got "lam" (did you mean lan?)',
  ]);
});

test('load: VLAN keys must fit the mode and the segment', () => {
  const text = `
segments: { plain: , aware: { vlanAware: true } }
ports:
  a: { kind: memory, segment: plain, vlan: { mode: access, vid: 1 } }
  b: { kind: memory, segment: aware }
  c: { kind: memory, segment: aware, vlan: { mode: access, native: 3 } }
  d: { kind: memory, segment: aware, vlan: { mode: trunk, vid: 3, nativeTagged: true } }
  e: { kind: memory, segment: aware, vlan: { mode: trunk, allowed: 10-5 } }
  f: { kind: memory, segment: aware, vlan: { mode: trunk, allowed: [x] } }`;
  const syntax = problems(text);
  assert.is(syntax.length, 1);
  assert.match(syntax[0]!, /^ports.f.vlan.allowed: expected all, or VLANs.*, got \["x"\]$/);
  const lines = problems(text.replace('[x]', 'all'));
  assert.equal(lines, [
    'ports.a.vlan: expected none, as the segment is not VLAN aware, got mode access',
    'ports.b.vlan: expected a VLAN mode, as the segment is VLAN aware, got nothing',
    'ports.c.vlan.vid: expected 1..4094, got nothing',
    'ports.c.vlan.native: expected only with mode trunk, got it with mode access',
    'ports.d.vlan.vid: expected only with mode access or tunnel, got it with mode trunk ' +
      '(did you mean native?)',
    'ports.d.vlan.nativeTagged: expected only with a native VLAN, got it without',
    'ports.e.vlan.allowed: expected all, or VLANs 1..4094 as numbers and ranges, got "10-5"',
  ]);
});

test('load: VLAN sets are numbers, ranges and lists', () => {
  const text = `
segments: { aware: { vlanAware: true } }
ports:
  a: { kind: memory, segment: aware, vlan: { mode: trunk, allowed: "10,12-20", native: 11 } }
  b: { kind: memory, segment: aware, vlan: { mode: trunk, allowed: [30, "40-41", 31] } }
  c: { kind: memory, segment: aware, vlan: { mode: trunk } }`;
  const allowed = parseConfig(text, 'net.yaml').ports.map(port => port.vlan!.allowed);
  assert.equal(allowed, [
    [[10, 20]],
    [
      [30, 31],
      [40, 41],
    ],
    [[1, 4094]],
  ]);
});

test('load: FDB entries must name a port of the segment and a VLAN where there are any', () => {
  const text = `
segments:
  lan: { fdb: [
    { mac: "01:00:5e:00:00:01", port: p1 }, { mac: "02:00:00:00:00:01", port: p9 },
    { mac: "02:00:00:00:00:02", port: p2 }, { mac: "02:00:00:00:00:03" },
    { mac: "02:00:00:00:00:04", port: p1, vid: 3 }, { mac: "02:00:00:00:00:04", port: p1, vid: 3 },
    { mac: "02:00:00:00:00:05", kind: permanent } ] }
ports: { p1: { kind: memory, segment: lan }, p2: { kind: memory } }`;
  assert.equal(problems(text), [
    'segments.lan.fdb[0].mac: expected the address of one station, got 01:00:5e:00:00:01',
    'segments.lan.fdb[1].port: expected one of p1, p2, got "p9" (did you mean p1?)',
    'segments.lan.fdb[2].port: expected a port of segment lan, got p2',
    'segments.lan.fdb[3].port: expected a port, got nothing',
    'segments.lan.fdb[4].vid: expected none, as the segment is not VLAN aware, got 3',
    'segments.lan.fdb[5].mac: expected one entry an address, got 02:00:00:00:00:04 3',
    'segments.lan.fdb[5].vid: expected none, as the segment is not VLAN aware, got 3',
  ]);
});

test('load: devices are unique, short, and only of TAP ports', () => {
  const text = `
ports:
  a: { device: tap0 }
  b: { device: tap0 }
  a-port-with-a-long-name: {}
  c: { kind: pcap, netns: red }`;
  assert.equal(problems(text), [
    'ports.c.netns: expected only on ports of kind tap, packet, udp, got it on kind pcap',
    'ports.b.device: expected a device of its own, got tap0 of ports.a',
    'ports.a-port-with-a-long-name.device: expected at most 15 characters, ' +
      'got a-port-with-a-long-name',
  ]);
});

test('load: what does not fit the capacities is refused', () => {
  const text = `
capacities: { ports: 1, vlanSegments: 0, evictEntries: 10 }
segments: { a: { vlanAware: true }, b: { learnLimit: 11, limitPolicy: evictOldest } }
ports: { p1: { kind: memory }, p2: { kind: memory } }`;
  assert.equal(problems(text), [
    'ports: expected at most 1 ports (capacities.ports), got 2',
    'segments: expected at most 0 VLAN-aware segments (capacities.vlanSegments), got 1',
    'segments: expected at most 10 entries in segments that evict the oldest ' +
      '(capacities.evictEntries), got 11',
  ]);
});

test('load: a policy that evicts needs a limit', () => {
  assert.equal(problems('segments: { lan: { limitPolicy: evictOldest } }'), [
    'segments.lan.learnLimit: expected a limit, as limitPolicy is evictOldest, got 0',
  ]);
});

test('load: no more tags are taken off than are matched', () => {
  const text = 'ports: { p1: { kind: memory, tags: { match: ["802.1q 100"], pop: 2 } } }';
  assert.equal(problems(text), ['ports.p1.tags.pop: expected 0..1, got 2']);
});

test('load: anchors may stand under x- keys and be merged', () => {
  const text = `
x-host: &host { kind: memory, segment: lan }
segments: { lan: }
ports: { p1: { <<: *host, isolated: true } }`;
  const [port] = parseConfig(text, 'net.yaml').ports;
  assert.is(port!.segment, 'lan');
  assert.is(port!.isolated, true);
});

test('load: the schema knows the limits of the core', () => {
  const file = readFileSync(packagePath('schema/sluice.schema.json'), 'utf8');
  const { definitions } = JSON.parse(file) as { definitions: Record<string, never> };
  const { ratePerSec, capacities } = definitions as unknown as {
    ratePerSec: { maximum: number };
    capacities: { properties: Record<string, unknown> };
  };
  assert.is(ratePerSec.maximum, STORM_MOST_PER_SEC);
  const names = Object.keys(capacities.properties).map(name => name.toLowerCase());
  const known = Object.keys(Capacity).filter(name => /^[A-Z]/.test(name) && name !== 'Count');
  assert.equal(names.sort(), known.map(name => name.toLowerCase()).sort());
});

test.run();
