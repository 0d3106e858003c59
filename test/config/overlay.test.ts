/** Underlays and overlays in a configuration: defaults, and what is refused. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../src/config/config-error.js';
import type { OverlayConfig } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/load.js';
import { planOf } from '../../src/config/plan.js';

const UNDERLAY = 'port: u0, addresses: [192.168.0.2/24, "fd00:0::2/64"]';
const V4_ONLY = 'port: u0, addresses: [192.168.0.2/24]';

interface Parts {
  underlay?: string;
  overlay?: string;
  web?: string;
  more?: string;
}

/** A segment `web` with an overlay in the underlay `fabric`. */
function net({ underlay = UNDERLAY, overlay = '', web = '', more = '' }: Parts = {}): string {
  return `
underlays: { fabric: { ${underlay} } }
segments:
  web: { overlay: { vni: 4097, underlay: fabric ${overlay && `, ${overlay}`} } ${web && `, ${web}`} }
  ${more}
ports:
  c1: { kind: memory, segment: web }
  u0: { kind: udp }
  e0: { kind: packet, interface: eth0 }
  m0: { kind: memory }`;
}

function problems(text: string): string[] {
  try {
    planOf(parseConfig(text, 'net.yaml'));
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).message.split('\n');
  }
  return [];
}

function overlayOf(text: string): OverlayConfig {
  return parseConfig(text, 'net.yaml').segments[0]!.overlay!;
}

test('overlay: defaults are filled in', () => {
  const { underlays, segments } = parseConfig(net(), 'net.yaml');
  assert.equal(underlays, [
    {
      name: 'fabric',
      port: 'u0',
      mtuBytes: 1500,
      addresses: [
        { ip: '192.168.0.2', prefixBits: 24 },
        { ip: 'fd00::2', prefixBits: 64 },
      ],
      gateways: [],
      vteps: [],
    },
  ]);
  assert.equal(segments[0]!.overlay, {
    vni: 4097,
    underlay: 'fabric',
    encapsulation: 'vxlan',
    udpPort: 4789,
    peers: [],
    bum: 'drop',
    learning: false,
    ttl: 64,
    tos: 0,
    df: 'unset',
    udpChecksum: 'auto',
    strictFlags: false,
    innerVlan: 'pass',
    symmetricPorts: false,
    mssClamp: false,
    mtuBytes: 1430,
  });
  assert.is(segments[0]!.arpTermination, true);
  assert.is(overlayOf(net({ overlay: 'encapsulation: geneve' })).udpPort, 6081);
  const off = parseConfig(net({ web: 'arpTermination: false' }), 'net.yaml');
  assert.is(off.segments[0]!.arpTermination, false);
});

test('overlay: the inner MTU is what the families in use leave', () => {
  const mtu = (parts: Parts): number => overlayOf(net(parts)).mtuBytes;
  assert.is(mtu({ underlay: V4_ONLY }), 1450);
  assert.is(mtu({ overlay: 'peers: [192.168.0.3]' }), 1450);
  assert.is(mtu({ overlay: 'peers: [192.168.0.3, "fd00::3"]' }), 1430);
  assert.is(mtu({ underlay: `${V4_ONLY}, mtuBytes: 9000` }), 8950);
  assert.is(mtu({ overlay: 'mtuBytes: 1400' }), 1400);
  const fdb = 'fdb: [{ mac: "02:00:00:00:00:03", dst: "fd00::3" }]';
  assert.is(mtu({ overlay: 'peers: [192.168.0.3]', web: fdb }), 1430);
  assert.equal(problems(net({ underlay: V4_ONLY, overlay: 'mtuBytes: 1451' })), [
    'segments.web.overlay.mtuBytes: expected at most 1450, what underlay fabric leaves, got 1451',
  ]);
  assert.equal(problems(net({ underlay: `${V4_ONLY}, mtuBytes: 117` })), [
    'segments.web.overlay.underlay: expected one that leaves 68 bytes to inner packets, ' +
      'got underlay fabric, which leaves 67',
  ]);
});

test('overlay: VNIs are numbers of 24 bits (VX-A32)', () => {
  const vni = (value: number): string[] => problems(net().replace('4097', String(value)));
  for (const good of [0, 1, 16777215]) assert.equal(vni(good), []);
  for (const bad of [16777216, -1]) {
    assert.equal(vni(bad), [`segments.web.overlay.vni: expected 0..16777215, got ${bad}`]);
  }
});

test('overlay: UDP ports are 1 to 65535', () => {
  const port = (value: number): string[] => problems(net({ overlay: `udpPort: ${value}` }));
  for (const good of [1, 1024, 8472, 65535]) assert.equal(port(good), []);
  for (const bad of [0, 65536]) {
    assert.equal(port(bad), [`segments.web.overlay.udpPort: expected 1..65535, got ${bad}`]);
  }
});

test('overlay: words and ranges of options are checked', () => {
  const path = 'segments.web.overlay';
  const cases: [key: string, bad: string, expected: string][] = [
    ['ttl', '0', '1..255 or inherit'],
    ['ttl', 'copy', '1..255 or inherit'],
    ['tos', '256', '0..255 or inherit'],
    ['df', 'copy', 'unset, set or inherit'],
    ['bum', 'flood', 'drop, replicate or multicast'],
    ['encapsulation', 'gre', 'vxlan or geneve'],
    ['udpChecksum', 'on', 'auto, always or never'],
    ['innerVlan', 'keep', 'pass, strip or drop'],
    ['learning', '2', 'true or false'],
    ['mtuBytes', '67', '68..65535 bytes'],
  ];
  for (const [key, bad, expected] of cases) {
    const got = /^\d/.test(bad) ? bad : `"${bad}"`;
    const line = `${path}.${key}: expected ${expected}, got ${got}`;
    assert.equal(problems(net({ overlay: `${key}: ${bad}` })), [line]);
  }
  assert.equal(overlayOf(net({ overlay: 'ttl: inherit, tos: inherit' })).ttl, 'inherit');
  const [unknown] = problems(net({ overlay: 'vnid: 1' }));
  assert.match(unknown!, /^segments.web.overlay.vnid: .*\(did you mean vni\?\)$/);
  const bare = net().replace('vni: 4097, underlay: fabric', 'learning: true');
  assert.equal(problems(bare), [
    `${path}.vni: expected 0..16777215, got nothing`,
    `${path}.underlay: expected a string, got nothing`,
  ]);
});

test('overlay: one network has one VNI, one UDP port one encapsulation', () => {
  const other = (rest: string): string[] =>
    problems(net({ more: `db: { overlay: { underlay: fabric, ${rest} } }` }));
  assert.equal(other('vni: 4097'), [
    'segments.db.overlay.vni: expected one of its own in underlay fabric at UDP port 4789, ' +
      'got 4097 of segments.web',
  ]);
  assert.equal(other('vni: 4097, udpPort: 8472'), []);
  assert.equal(other('vni: 4097, encapsulation: geneve'), []);
  assert.equal(other('vni: 7, encapsulation: geneve, udpPort: 4789'), [
    'segments.db.overlay.udpPort: expected a UDP port that carries geneve, got 4789, ' +
      'which carries vxlan of segments.web',
  ]);
});

test('overlay: an underlay has 16 UDP ports at the most', () => {
  const segments = (count: number): string =>
    Array.from(
      { length: count },
      (_, i) => `s${i}: { overlay: { vni: 1, underlay: fabric, udpPort: ${5000 + i} } }`,
    ).join('\n  ');
  assert.equal(problems(net({ more: segments(15) })), []);
  assert.equal(problems(net({ more: segments(17) })), [
    'segments.s15.overlay.udpPort: expected at most 16 UDP ports in underlay fabric, got more',
  ]);
});

test('overlay: not in a VLAN-aware segment, only in an underlay there is', () => {
  const aware = net({ web: 'vlanAware: true' }).replace('segment: web }', 'segment: db }');
  assert.equal(problems(aware.replace('ports:', '  db:\nports:')), [
    'segments.web.overlay: expected none, as the segment is VLAN aware, got an overlay',
  ]);
  assert.equal(problems(net().replace('underlay: fabric', 'underlay: farbic')), [
    'segments.web.overlay.underlay: expected one of fabric, got "farbic" (did you mean fabric?)',
  ]);
});

test('overlay: peers are other tunnel ends, each once, of a family we have', () => {
  const list = '[192.168.0.3, 192.168.0.2, 224.0.0.1, host, 192.168.0.3, "fd00::3"]';
  const path = (i: number): string => `segments.web.overlay.peers[${i}]`;
  assert.equal(problems(net({ underlay: V4_ONLY, overlay: `peers: ${list}` })), [
    `${path(1)}: expected another address than our own in underlay fabric, got 192.168.0.2`,
    `${path(2)}: expected the IP address of one tunnel end, got "224.0.0.1"`,
    `${path(3)}: expected the IP address of one tunnel end, got "host"`,
    `${path(4)}: expected each peer once, got 192.168.0.3`,
    `${path(5)}: expected an IPv4 address, as underlay fabric has no other, got fd00::3`,
  ]);
  assert.equal(problems(net({ overlay: 'peers: ["fd00::0002"]' })), [
    `${path(0)}: expected another address than our own in underlay fabric, got fd00::2`,
  ]);
});

test('overlay: a group is a multicast address, with bum multicast and only there', () => {
  const path = 'segments.web.overlay.group';
  const group = (words: string): string[] => problems(net({ underlay: V4_ONLY, overlay: words }));
  assert.equal(group('bum: multicast, group: 239.1.1.1'), []);
  assert.equal(group('bum: multicast'), [`${path}: expected a multicast IP address, got nothing`]);
  assert.equal(group('bum: replicate, group: 239.1.1.1'), [
    `${path}: expected only with bum multicast, got it with bum replicate`,
  ]);
  assert.equal(group('bum: multicast, group: 10.0.0.1'), [
    `${path}: expected a multicast IP address, got "10.0.0.1"`,
  ]);
  assert.equal(group('bum: multicast, group: "ff05::1"'), [
    `${path}: expected an IPv4 address, as underlay fabric has no other, got ff05::1`,
  ]);
});

test('overlay: an FDB entry is behind a port or a tunnel end', () => {
  const entry = (rest: string): string => `{ mac: "02:00:00:00:00:03", ${rest} }`;
  const fdb = (rest: string): string[] => problems(net({ web: `fdb: [${entry(rest)}]` }));
  const path = 'segments.web.fdb[0]';
  assert.equal(fdb('dst: 192.168.0.3'), []);
  assert.equal(fdb('dst: 192.168.0.3, port: c1'), [
    `${path}.port: expected either a port or a dst, got both`,
  ]);
  assert.equal(fdb('dst: 192.168.0.3, kind: permanent'), [
    `${path}.kind: expected static, as it is behind a tunnel end, got permanent`,
  ]);
  assert.equal(fdb('dst: 192.168.0.2'), [
    `${path}.dst: expected another address than our own in underlay fabric, got 192.168.0.2`,
  ]);
  const plain = `db: { fdb: [${entry('dst: 192.168.0.3')}] }`;
  assert.equal(problems(net({ more: plain })), [
    'segments.db.fdb[0].dst: expected only in a segment with an overlay, got 192.168.0.3',
  ]);
});

test('overlay: a port cannot have the name of a tunnel port', () => {
  assert.equal(problems(net().replace('m0:', 'vx-001001:')), [
    'ports.vx-001001: expected another name than that of the tunnel port of segments.web, ' +
      'got vx-001001',
  ]);
});

test('underlay: its port exists, carries packets, and is nobody else’s', () => {
  const port = (name: string): string[] =>
    problems(net({ underlay: UNDERLAY.replace('u0', name) }));
  for (const good of ['u0', 'e0', 'm0']) assert.equal(port(good), []);
  assert.equal(port('u9'), [
    'underlays.fabric.port: expected one of c1, u0, e0, m0, got "u9" (did you mean u0?)',
  ]);
  assert.equal(port('c1'), [
    'underlays.fabric.port: expected a port without a segment, got c1 of segment web',
  ]);
  assert.equal(problems(net().replace('{ kind: udp }', '{ kind: tap }')), [
    'underlays.fabric.port: expected a port of kind udp or packet, got u0 of kind tap',
  ]);
  const twice = net().replace('} }\nsegments', `}, other: { ${V4_ONLY} } }\nsegments`);
  assert.equal(problems(twice), [
    'underlays.other.port: expected a port of its own, got u0 of underlays.fabric',
  ]);
});

test('underlay: addresses, gateways and MTU must fit together', () => {
  const path = 'underlays.fabric';
  const underlay = (words: string): string[] => problems(net({ underlay: words }));
  const at = (addresses: string, rest = ''): string[] =>
    underlay(`port: e0, addresses: [${addresses}] ${rest}`);
  const expected = 'expected an IP address with its prefix, like 192.168.0.2/24, got';
  for (const bad of ['192.168.0.2/33', '192.168.0.2/x', '192.168.0/24', '224.0.0.1/4', '::1/128']) {
    assert.equal(at(`"${bad}"`), [`${path}.addresses[0]: ${expected} "${bad}"`]);
  }
  assert.equal(at('192.168.0.2/24, 10.0.0.2/8'), [
    `${path}.addresses[1]: expected one of each family at most, got 10.0.0.2 after 192.168.0.2`,
  ]);
  const [none] = at('');
  assert.is(
    none,
    `${path}.addresses: expected a list of 1..2 addresses like 192.168.0.2/24, got []`,
  );
  assert.equal(at('192.168.0.2/24', ', gateways: [192.168.0.1]'), []);
  assert.equal(at('192.168.0.2/24', ', gateways: ["fd00::1"]'), [
    `${path}.gateways[0]: expected an IPv4 address, as underlay fabric has no other, got fd00::1`,
  ]);
  assert.equal(at('"fd00::2/64"', ', mtuBytes: 1279'), [
    `${path}.mtuBytes: expected 1280..65535 bytes, as there is an IPv6 address, got 1279`,
  ]);
  assert.equal(at('192.168.0.2/24', ', mtuBytes: 67'), [
    `${path}.mtuBytes: expected 68..65535 bytes, got 67`,
  ]);
  assert.equal(at('192.168.0.2/24', ', mac: "01:00:5e:00:00:01"'), [
    `${path}.mac: expected the address of one station, got 01:00:5e:00:00:01`,
  ]);
  assert.equal(underlay(`${V4_ONLY}, gateways: [192.168.0.1], mac: "02:00:00:00:00:01"`), [
    `${path}.gateways: expected none, as the port is of kind udp, got ["192.168.0.1"]`,
    `${path}.mac: expected none, as the port is of kind udp, got 02:00:00:00:00:01`,
  ]);
  const [unknown] = underlay(`${V4_ONLY}, adresses: []`);
  assert.match(unknown!, /^underlays.fabric.adresses: .*\(did you mean addresses\?\)$/);
});

test('underlay: what is special about a tunnel end is said once', () => {
  const vteps = (list: string): string[] =>
    problems(net({ underlay: `${UNDERLAY}, vteps: [${list}]` }));
  const path = (i: number): string => `underlays.fabric.vteps[${i}]`;
  assert.equal(vteps('{ address: 192.168.0.3, mtuBytes: 1400 }'), []);
  assert.equal(vteps('{ address: 192.168.0.3 }, { address: 192.168.0.3 }, { address: x }'), [
    `${path(1)}.address: expected one entry an address, got 192.168.0.3`,
    `${path(2)}.address: expected the IP address of one tunnel end, got "x"`,
  ]);
  assert.equal(
    vteps('{ address: 192.168.0.3, mtuBytes: 1501 }, { address: "fd00::3", mtuBytes: 128 }'),
    [
      `${path(0)}.mtuBytes: expected at most 1500, the underlay's, got 1501`,
      `${path(1)}.mtuBytes: expected 1280..65535 bytes, as there is an IPv6 address, got 128`,
    ],
  );
});

test.run();
