/** Underlays and overlays in a plan: indexes, tunnel ports, tunnel ends, sizes. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PortOption } from '../../assembly/abi.js';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, planOf } from '../../src/config/plan.js';
import { macText } from '../../src/frame/mac.js';

const NET = `
underlays:
  fabric:
    port: u0
    addresses: [192.168.0.2/24, 'fd00::2/64']
    vteps: [{ address: 192.168.0.4, mtuBytes: 1400 }]
segments:
  plain:
  web:
    overlay: { vni: 4097, underlay: fabric, peers: [192.168.0.3, 192.168.0.4], learning: true }
    fdb:
      - { mac: '02:42:0a:00:00:03', dst: 192.168.0.3 }
      - { mac: '02:42:0a:00:00:05', dst: 'fd00::5' }
      - { mac: '02:42:0a:00:00:02', port: c1 }
  db:
    overlay: { vni: 7, underlay: fabric, encapsulation: geneve, peers: [192.168.0.3],
      bum: multicast, group: 239.1.1.1 }
ports:
  c1: { kind: memory, segment: web }
  u0: { kind: udp }`;

function plan(text: string, previous?: Plan): Plan {
  return planOf(parseConfig(text, 'net.yaml'), previous);
}

test('plan: every overlay has a tunnel port in its segment', () => {
  const { ports, overlays, segments } = plan(NET);
  const tunnels = ports.filter(port => port.config.kind === 'tunnel');
  assert.equal(
    tunnels.map(({ name, index, config }) => [name, index, config.segment, config.learning]),
    [
      ['vx-001001', 2, 'web', true],
      ['gnv-000007', 3, 'db', false],
    ],
  );
  assert.equal(
    tunnels.map(({ options }) => options[PortOption.Segment]),
    [2, 3],
  );
  assert.equal(
    overlays.map(({ name, index, tunnelPort, underlay }) => [name, index, tunnelPort, underlay]),
    [
      ['web', 0, 2, 0],
      ['db', 1, 3, 0],
    ],
  );
  assert.equal(
    overlays.map(({ domain }) => domain),
    segments.slice(1).map(({ domains }) => domains[0]!.domain),
  );
});

test('plan: overlays of one VNI have tunnel ports named for their segments', () => {
  const two = NET.replace(
    'vni: 7, underlay: fabric, encapsulation: geneve',
    'vni: 4097, underlay: fabric, udpPort: 8472',
  );
  const names = plan(two).ports.map(({ name }) => name);
  assert.equal(names, ['c1', 'u0', 'vx-001001-web', 'vx-001001-db']);
});

test('plan: peers lie one behind the other; addresses add who may send', () => {
  const [web, db] = plan(NET).overlays;
  assert.equal([web!.peers, web!.peerStart], [['fabric 192.168.0.3', 'fabric 192.168.0.4'], 0]);
  assert.equal(web!.senders, ['fabric 192.168.0.3', 'fabric 192.168.0.4', 'fabric fd00::5']);
  assert.equal(
    [db!.peers, db!.peerStart, db!.group],
    [['fabric 192.168.0.3'], 2, 'fabric 239.1.1.1'],
  );
});

test('plan: every tunnel end is there once, with what is special about it', () => {
  assert.equal(
    plan(NET).vteps.map(({ key, mtuBytes }) => [key, mtuBytes]),
    [
      ['fabric 192.168.0.4', 1400],
      ['fabric 192.168.0.3', 0],
      ['fabric fd00::5', 0],
      ['fabric 239.1.1.1', 0],
    ],
  );
});

test('plan: an address behind a tunnel end names it', () => {
  const { fdb, capacities } = plan(NET);
  assert.equal(
    fdb.map(({ port, vtep }) => [port, vtep]),
    [
      [capacities.Ports, 'fabric 192.168.0.3'],
      [capacities.Ports, 'fabric fd00::5'],
      [0, undefined],
    ],
  );
});

test('plan: the port of an underlay knows where to listen', () => {
  const { ports } = plan(NET);
  assert.equal(
    ports.map(({ underlay }) => underlay),
    [
      undefined,
      {
        addresses: ['192.168.0.2', 'fd00::2'],
        udpPorts: [4789, 6081],
        groups: ['239.1.1.1'],
      },
      undefined,
      undefined,
    ],
  );
});

test('plan: who finds next hops, and our MAC, follow from the kind of port', () => {
  const underlay = (port: string, rest = ''): [boolean, string | undefined] => {
    const text = NET.replace('u0: { kind: udp }', `u0: { ${port} }`).replace(
      'port: u0',
      `port: u0${rest}`,
    );
    const { resolvesNextHops, mac } = plan(text).underlays[0]!;
    return [resolvesNextHops, mac === undefined ? undefined : macText(mac)];
  };
  const mac = '\n    mac: "02:00:00:00:00:09"';
  assert.equal(underlay('kind: udp'), [false, undefined]);
  assert.equal(underlay('kind: packet, interface: eth0'), [true, undefined]);
  assert.equal(underlay('kind: packet, interface: eth0', mac), [true, '02:00:00:00:00:09']);
  assert.equal(underlay('kind: memory'), [true, '02:42:c0:a8:00:02']);
  assert.equal(underlay('kind: pcap'), [true, '02:42:c0:a8:00:02']);
});

test('plan: indexes of underlays, overlays and tunnel ports stay across reloads', () => {
  const before = plan(NET);
  const text = NET.replace('  plain:\n', '  aaa: { overlay: { vni: 1, underlay: fabric } }\n');
  const after = plan(text, before);
  const indexes = (all: { name: string; index: number }[]): Record<string, number> =>
    Object.fromEntries(all.map(({ name, index }) => [name, index]));
  assert.equal(indexes(after.overlays), { web: 0, db: 1, aaa: 2 });
  assert.equal(indexes(after.ports), {
    c1: 0,
    u0: 1,
    'vx-001001': 2,
    'gnv-000007': 3,
    'vx-000001': 4,
  });
  assert.equal(indexes(after.underlays), { fabric: 0 });
});

test('plan: sizes that the file does not say have room to grow, and stay', () => {
  const many = (count: number): string =>
    Array.from({ length: count }, (_, i) => `s${i}:`).join(', ');
  const text = (count: number, rest = ''): string => `${rest}\nsegments: { ${many(count)} }`;
  const small = plan(text(10));
  assert.is(small.capacities.Segments, 128);
  assert.is(plan(text(100)).capacities.Segments, 256);
  assert.is(plan(text(100), small).capacities.Segments, 128);
  assert.throws(
    () => plan(text(129), small),
    /^segments: expected at most 128 segments \(capacities.segments\), got 129$/,
  );
  assert.throws(
    () => plan(text(10, 'capacities: { segments: 256 }'), small),
    /^capacities.segments: expected 128 as long as the switch runs \(restart it\), got 256$/,
  );
  const said = plan(text(10, 'capacities: { segments: 20 }'));
  assert.is(plan(text(10), said).capacities.Segments, 20);
});

test('plan: 4096 overlays of 16 peers each', () => {
  const each = (line: (i: number) => string): string =>
    Array.from({ length: 4096 }, (_, i) => line(i)).join('\n');
  const peers = Array.from({ length: 16 }, (_, i) => `10.255.1.${i + 1}`).join();
  const text = `
x-peers: &peers [${peers}]
underlays: { fabric: { port: u0, addresses: [10.255.0.1/16] } }
ports:
  u0: { kind: udp }
${each(i => `  c${i}: { kind: memory, segment: s${i} }`)}
segments:
${each(i => `  s${i}: { overlay: { vni: ${i}, underlay: fabric, peers: *peers } }`)}`;
  const { ports, overlays, vteps, capacities } = plan(text);
  assert.is(ports.length, 8193);
  assert.is(vteps.length, 16);
  assert.is(overlays.at(-1)!.peerStart, 4095 * 16);
  assert.is(overlays.at(-1)!.tunnelPort, 8192);
  assert.equal([capacities.Ports, capacities.Segments], [16384, 8192]);
});

test.run();
