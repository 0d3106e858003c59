/** Zones in a configuration: defaults, and what is refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FlowTimer } from '../../assembly/zone-abi.js';
import { ConfigError } from '../../src/config/config-error.js';
import { loadConfig, parseConfig } from '../../src/config/load.js';
import { planOf } from '../../src/config/plan.js';
import type { ZoneConfig } from '../../src/config/zone-config.js';
import { TIMER_NAMES, timersSec } from '../../src/config/zone-timers.js';
import { macText } from '../../src/frame/mac.js';
import { packagePath } from '../../src/package-path.js';

interface Parts {
  zone?: string;
  docker0?: string;
  eth0?: string;
  more?: string;
  rest?: string;
}

/** A zone `host` with `docker0` in a plain segment and `eth0` in another. */
function net(parts: Parts = {}): string {
  const { zone = '', more = '', rest = '' } = parts;
  const { docker0 = 'segment: lan, addresses: [10.0.0.1/16]' } = parts;
  const { eth0 = 'segment: uplink, addresses: [192.168.0.2/24, "fd00:0::2/64"]' } = parts;
  return `
ports:
  c1: { kind: memory, segment: lan }
  e0: { kind: memory, segment: uplink }
segments:
  lan: { fdb: [{ mac: '02:00:00:00:00:99', port: c1 }] }
  uplink:
  tags: { vlanAware: true }
zones:
  host: { interfaces: { docker0: { ${docker0} }, eth0: { ${eth0} } ${more} } ${zone && `, ${zone}`} }
${rest}`;
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

function zoneOf(parts: Parts): ZoneConfig {
  return parseConfig(net(parts), 'net.yaml').zones[0]!;
}

/** That one thing is wrong with zones.host. */
function refused(parts: Parts, path: string, problem: string): void {
  assert.equal(problems(net(parts)), [`zones.host.${path}: ${problem}`]);
}

const ETH0 = 'interfaces.eth0';
const DOCKER0 = 'zones.host.interfaces.docker0';

test('zones: defaults are filled in', () => {
  const { interfaces, ...zone } = zoneOf({});
  assert.equal(zone, {
    name: 'host',
    forwarding: true,
    reversePath: 'off',
    routes: [],
    neighbours: [],
    conntrack: {
      profile: 'linux',
      loose: true,
      liberal: true,
      keepFlows: false,
      mostFlows: 0,
      timeoutsSec: {},
    },
    nat: {
      portSelect: 'preserve',
      mapping: 'addressAndPort',
      filtering: 'addressAndPort',
      firstPort: 32768,
      lastPort: 60999,
    },
    rules: [],
    published: [],
    containers: [],
    chosen: [],
    services: [],
    noBackend: 'reschedule',
  });
  assert.equal(interfaces[1], {
    name: 'eth0',
    segment: 'uplink',
    addresses: [
      { ip: '192.168.0.2', prefixBits: 24 },
      { ip: 'fd00::2', prefixBits: 64 },
    ],
    mac: 0x0242c0a80002n,
    mtuBytes: 1500,
    vlan: 0,
    inspect: false,
  });
});

test('zones: a zone may be empty', () => {
  assert.equal(problems('zones: { host: }'), []);
});

test('zones: a MAC address is made of the first address, IPv4 before IPv6', () => {
  const made = (eth0: string): string => macText(zoneOf({ eth0 }).interfaces[1]!.mac);
  assert.is(
    made('segment: uplink, addresses: ["fd00::a:b", 10.9.8.7/8]'.replace('b"', 'b/64"')),
    '02:42:0a:09:08:07',
  );
  assert.is(made('segment: uplink, addresses: ["fd00::a:b/64"]'), '02:42:00:0a:00:0b');
  assert.is(made('segment: uplink, mac: "02:00:00:00:00:07"'), '02:00:00:00:00:07');
});

test('zones: words and ranges are checked', () => {
  refused({ zone: 'forwarding: 2' }, 'forwarding', 'expected true or false, got 2');
  refused({ zone: 'reversePath: on' }, 'reversePath', 'expected off, loose or strict, got "on"');
  refused(
    { zone: 'conntrack: { profile: bsd }' },
    'conntrack.profile',
    'expected linux or strict, got "bsd"',
  );
  refused(
    { zone: 'conntrack: { mostFlows: -1 }' },
    'conntrack.mostFlows',
    'expected 0..16777216, got -1',
  );
  refused(
    { zone: 'conntrack: { timeoutsSec: { udp: 0 } }' },
    'conntrack.timeoutsSec.udp',
    'expected 1..2000000 seconds, got 0',
  );
  refused(
    { zone: 'nat: { portSelect: lowest }' },
    'nat.portSelect',
    'expected preserve, sequential or random, got "lowest"',
  );
  for (const bad of ['0-10', '20-10', '1-65536', '80', 'all', '1-2-3']) {
    refused(
      { zone: `nat: { ports: "${bad}" }` },
      'nat.ports',
      `expected a range of ports like 32768-60999, got "${bad}"`,
    );
  }
  assert.equal(zoneOf({ zone: 'nat: { ports: 1-65535 }' }).nat.lastPort, 65535);
  refused(
    { eth0: 'segment: uplink, addresses: [10.1.0.1/24], mtuBytes: 67' },
    `${ETH0}.mtuBytes`,
    'expected 68..65535 bytes, got 67',
  );
  const [problem] = problems(net({ zone: 'conntrack: { timeoutsSec: { tcpEstablish: 1 } }' }));
  assert.match(
    problem!,
    /^zones.host.conntrack.timeoutsSec.tcpEstablish: .*\(did you mean tcpEstablished\?\)$/,
  );
});

test('zones: names of interfaces are those a device may have', () => {
  const name =
    'expected a name of 1..15 letters, digits and _.- that begins with a letter or digit';
  for (const bad of ['a234567890123456', '-a', 'a/b']) {
    const more = `, "${bad}": { segment: lan, addresses: [10.5.0.1/16] }`;
    refused({ more }, `interfaces.${bad}`, `${name}, got "${bad}"`);
  }
});

test('zones: an interface is in a segment that is there', () => {
  refused({ eth0: 'addresses: []' }, `${ETH0}.segment`, 'expected a string, got nothing');
  refused(
    { eth0: 'segment: uplnk, mac: "02:00:00:00:00:01"' },
    `${ETH0}.segment`,
    'expected one of lan, uplink, tags, got "uplnk" (did you mean uplink?)',
  );
});

test('zones: a VLAN is there in a VLAN-aware segment and only there', () => {
  const at = (segment: string): Parts => ({ eth0: `${segment}, addresses: [192.168.0.2/24]` });
  refused(
    at('segment: tags'),
    `${ETH0}.vlan`,
    'expected a VLAN, as the segment is VLAN aware, got nothing',
  );
  refused(
    at('segment: lan, vlan: 5'),
    `${ETH0}.vlan`,
    'expected none, as the segment is not VLAN aware, got 5',
  );
  refused(at('segment: tags, vlan: 4095'), `${ETH0}.vlan`, 'expected 1..4094, got 4095');
  assert.equal(problems(net(at('segment: tags, vlan: 5'))), []);
});

test('zones: addresses are those of a station, with their prefix', () => {
  const like = 'expected an IP address with its prefix, like 10.0.0.1/16';
  for (const bad of [
    '10.1.0.1',
    '10.1.0.1/33',
    '10.1.0/24',
    '127.0.0.1/8',
    '224.0.0.1/4',
    '::1/128',
    'ff02::1/16',
  ]) {
    refused(
      { eth0: `segment: uplink, addresses: ["${bad}"], mac: "02:00:00:00:00:01"` },
      `${ETH0}.addresses[0]`,
      `${like}, got "${bad}"`,
    );
  }
  const nine = Array.from({ length: 9 }, (_, i) => `10.${i + 1}.0.1/16`);
  const [problem] = problems(net({ eth0: `segment: uplink, addresses: [${nine}]` }));
  assert.match(
    problem!,
    /^zones.host.interfaces.eth0.addresses: expected a list of 0..8 addresses/,
  );
  assert.equal(problems(net({ eth0: `segment: uplink, addresses: [${nine.slice(1)}]` })), []);
});

test('zones: link-local addresses may be on several interfaces, and are no routes', () => {
  const link = 'segment: uplink, addresses: ["2001:db8::1/64", "fe80::1/64"]';
  const text = net({
    eth0: link,
    docker0: 'segment: lan, addresses: ["fd00::1/64", "fe80::1/64"]',
  });
  assert.equal(problems(text), []);
  const { routes } = planOf(parseConfig(text, 'zones.yaml')).zones;
  const to = routes.map(route => `${route.to.ip}/${route.to.prefixBits}`);
  assert.equal(to.filter(prefix => prefix.startsWith('f')).sort(), ['fd00::/64']);
});

test('zones: an address is in a zone once, a subnet on one interface', () => {
  const eth0 = (address: string): Parts => ({ eth0: `segment: uplink, addresses: [${address}]` });
  refused(
    eth0('10.0.0.1/24'),
    `${ETH0}.addresses[0]`,
    `expected an address of its own, got 10.0.0.1 of ${DOCKER0}`,
  );
  refused(
    eth0('10.0.7.1/16'),
    `${ETH0}.addresses[0]`,
    `expected a subnet of its own, got 10.0.0.0/16 of ${DOCKER0}`,
  );
  refused(
    eth0('10.7.0.1/16, 10.7.0.1/16'),
    `${ETH0}.addresses[1]`,
    'expected an address of its own, got 10.7.0.1 of zones.host.interfaces.eth0',
  );
  assert.equal(problems(net(eth0('10.0.7.1/24, 10.0.7.2/24, 10.0.0.9/32'))), []);
  const other = `  other: { interfaces: { docker0: { segment: uplink, addresses: [10.0.0.1/16] } } }`;
  assert.equal(problems(net({ rest: other })), []);
});

test('zones: a MAC address is that of one station, its own in its segment', () => {
  const eth0 = (mac: string): Parts => ({
    eth0: `segment: lan, addresses: [10.1.0.1/24], mac: "${mac}"`,
  });
  refused(
    eth0('03:00:00:00:00:01'),
    `${ETH0}.mac`,
    'expected the address of one station, got 03:00:00:00:00:01',
  );
  refused(
    { eth0: 'segment: uplink' },
    `${ETH0}.mac`,
    'expected one, as there is no IP address, got nothing',
  );
  const own = 'expected an address of its own in segment lan';
  refused(eth0('02:42:0a:00:00:01'), `${ETH0}.mac`, `${own}, got 02:42:0a:00:00:01 of ${DOCKER0}`);
  refused(
    eth0('02:00:00:00:00:99'),
    `${ETH0}.mac`,
    `${own}, got 02:00:00:00:00:99 of segments.lan.fdb[0]`,
  );
});

test('zones: an MTU carries IPv6 where there is such an address', () => {
  const mtu = (address: string): string[] =>
    problems(net({ eth0: `segment: uplink, mtuBytes: 1279, addresses: [${address}]` }));
  assert.equal(mtu('10.1.0.1/24'), []);
  assert.equal(mtu('"fd00::1/64"'), [
    'zones.host.interfaces.eth0.mtuBytes: expected 1280..65535 bytes, as there is an IPv6 address, got 1279',
  ]);
});

function route(text: string): string[] {
  return problems(net({ zone: `routes: [{ ${text} }]` }));
}

test('zones: a route leaves by the interface in whose subnet its gateway is', () => {
  const routes = (text: string): ZoneConfig['routes'] =>
    zoneOf({ zone: `routes: [${text}]` }).routes;
  assert.equal(routes('{ to: default, via: 192.168.0.1 }, { to: default, via: "fd00::1" }'), [
    {
      to: { ip: '0.0.0.0', prefixBits: 0 },
      kind: 'unicast',
      via: '192.168.0.1',
      interface: 'eth0',
    },
    { to: { ip: '::', prefixBits: 0 }, kind: 'unicast', via: 'fd00::1', interface: 'eth0' },
  ]);
  assert.equal(
    routes('{ to: 10.9.0.0/16, interface: docker0 }, { to: 192.0.2.1, kind: blackhole }'),
    [
      { to: { ip: '10.9.0.0', prefixBits: 16 }, kind: 'unicast', interface: 'docker0' },
      { to: { ip: '192.0.2.1', prefixBits: 32 }, kind: 'blackhole' },
    ],
  );
  assert.equal(
    routes('{ to: "2001:db8::/32", via: "fe80::1", interface: docker0 }')[0]!.interface,
    'docker0',
  );
});

test('zones: of two subnets a gateway is in the longer one', () => {
  const eth0 = 'segment: uplink, addresses: [10.0.7.1/24]';
  const zone = 'routes: [{ to: 10.9.0.0/16, via: 10.0.7.9 }, { to: 10.8.0.0/16, via: 10.0.8.9 }]';
  const { routes } = zoneOf({ eth0, zone });
  assert.equal(
    routes.map(one => one.interface),
    ['eth0', 'docker0'],
  );
});

test('zones: what a route is to is a prefix, once', () => {
  const to = 'zones.host.routes[0].to';
  assert.equal(route('to: 10.9.0.1/16, interface: eth0'), [
    `${to}: expected 10.9.0.0/16, the prefix without bits of a host, got 10.9.0.1/16`,
  ]);
  assert.equal(route('to: all, interface: eth0'), [
    `${to}: expected a prefix like 10.9.0.0/16, or default, got "all"`,
  ]);
  assert.equal(route('to: default, interface: eth0'), [
    `${to}: expected 0.0.0.0/0 or ::/0, as there is no via, got default`,
  ]);
  assert.equal(route('to: 10.0.0.0/16, interface: eth0'), [
    `${to}: expected a prefix of its own, got 10.0.0.0/16, that of interface docker0`,
  ]);
  assert.equal(route('to: 10.9.0.0/16, interface: eth0 }, { to: 10.9.0.0/16, kind: prohibit'), [
    'zones.host.routes[1].to: expected a prefix of its own, got 10.9.0.0/16, that of zones.host.routes[0]',
  ]);
  assert.equal(route('via: 192.168.0.1'), [
    `${to}: expected a prefix like 10.9.0.0/16, or default, got nothing`,
  ]);
});

test('zones: a gateway is a station on the link, of the family of the prefix', () => {
  const via = 'zones.host.routes[0].via';
  const by = (gateway: string, more = ''): string[] =>
    route(`to: 10.9.0.0/16, via: "${gateway}" ${more}`);
  assert.equal(by('gw'), [`${via}: expected the IP address of a gateway, got "gw"`]);
  assert.equal(by('224.0.0.1'), [`${via}: expected the IP address of a gateway, got "224.0.0.1"`]);
  assert.equal(by('fd00::1'), [
    `${via}: expected an IPv4 address, as that of the prefix, got fd00::1`,
  ]);
  assert.equal(by('192.168.0.2'), [
    `${via}: expected another address than one of the zone's own, got 192.168.0.2`,
  ]);
  assert.equal(by('172.16.0.1'), [
    `${via}: expected an address on a subnet of an interface, got 172.16.0.1`,
  ]);
  assert.equal(by('192.168.0.1', ', interface: docker0'), [
    `${via}: expected an address on a subnet of docker0, got 192.168.0.1`,
  ]);
  assert.equal(route('to: default, via: gw'), [
    `${via}: expected the IP address of a gateway, got "gw"`,
  ]);
  assert.equal(route('to: "::/0", via: "fe80::1"'), [
    'zones.host.routes[0].interface: expected one, as fe80::1 is on every link, got nothing',
  ]);
});

test('zones: a route has what its kind needs and no more', () => {
  const at = 'zones.host.routes[0]';
  assert.equal(route('to: 10.9.0.0/16'), [`${at}: expected via, an interface or a kind, got none`]);
  assert.equal(route('to: 10.9.0.0/16, kind: blackhole, via: 192.168.0.1'), [
    `${at}.via: expected none with kind blackhole, got "192.168.0.1"`,
  ]);
  assert.equal(route('to: 10.9.0.0/16, kind: prohibit, interface: eth0'), [
    `${at}.interface: expected none with kind prohibit, got "eth0"`,
  ]);
  assert.equal(route('to: 10.9.0.0/16, kind: nat'), [
    `${at}.kind: expected unicast, blackhole, unreachable or prohibit, got "nat"`,
  ]);
  assert.equal(route('to: 10.9.0.0/16, interface: eth1'), [
    `${at}.interface: expected one of docker0, eth0, got "eth1" (did you mean eth0?)`,
  ]);
});

test('zones: a neighbour is a station on the link of its interface, once', () => {
  const at = 'zones.host.neighbours[0]';
  const neighbour = (ip: string, rest = 'interface: eth0', mac = '02:00:00:00:00:01'): string[] =>
    problems(net({ zone: `neighbours: [{ ip: "${ip}", mac: "${mac}", ${rest} }]` }));
  assert.equal(neighbour('192.168.0.1'), []);
  assert.equal(neighbour('fe80::1'), []);
  assert.equal(neighbour('x'), [`${at}.ip: expected the IP address of one station, got "x"`]);
  assert.equal(neighbour('192.168.0.2'), [
    `${at}.ip: expected another address than one of the zone's own, got 192.168.0.2`,
  ]);
  assert.equal(neighbour('10.0.0.2'), [
    `${at}.ip: expected an address on a subnet of eth0, got 10.0.0.2`,
  ]);
  assert.equal(neighbour('10.0.0.2', 'interface: eth9'), [
    `${at}.interface: expected one of docker0, eth0, got "eth9" (did you mean eth0?)`,
  ]);
  assert.equal(neighbour('192.168.0.1', 'interface: eth0', 'ff:ff:ff:ff:ff:ff'), [
    `${at}.mac: expected the address of one station, got ff:ff:ff:ff:ff:ff`,
  ]);
  const twice = `interface: eth0 }, { ip: 192.168.0.1, mac: "02:00:00:00:00:02", interface: eth0`;
  assert.equal(neighbour('192.168.0.1', twice), [
    'zones.host.neighbours[1].ip: expected one entry an address, got 192.168.0.1',
  ]);
});

test('zones: the port of an interface has a name of its own', () => {
  const port = net().replace('ports:', 'ports:\n  host.eth0: { kind: memory }');
  assert.equal(problems(port), [
    'zones.host.interfaces.eth0: expected another name, as its port would be host.eth0, got that of ports.host.eth0',
  ]);
  const rest = '  host.eth0: { interfaces: { a: { segment: lan, addresses: [10.3.0.1/16] } } }';
  const more = ', eth0.a: { segment: lan, addresses: [10.2.0.1/16] }';
  assert.equal(problems(net({ more, rest })), [
    'zones.host.eth0.interfaces.a: expected another name, as its port would be host.eth0.a, got that of zones.host.interfaces.eth0.a',
  ]);
});

test('zones: zones of one profile agree about timers', () => {
  const zone = 'conntrack: { timeoutsSec: { udp: 40 } }';
  const other = (seconds: number, profile: string): string =>
    `  other: { conntrack: { profile: ${profile}, timeoutsSec: { udp: ${seconds} } } }`;
  assert.equal(problems(net({ zone, rest: other(40, 'linux') })), []);
  assert.equal(problems(net({ zone, rest: other(50, 'strict') })), []);
  assert.equal(problems(net({ zone, rest: other(50, 'linux') })), [
    'zones.other.conntrack.timeoutsSec.udp: expected 40, as in zones.host, which has the profile linux too, got 50',
  ]);
});

test('zones: timers have the names and defaults of the core', () => {
  assert.is(TIMER_NAMES.length, FlowTimer.Count);
  assert.is(TIMER_NAMES[FlowTimer.TcpEstablished], 'tcpEstablished');
  const source = readFileSync(packagePath('assembly/table/flow-timers.ts'), 'utf8');
  for (const [profile, name] of [
    ['linux', 'LINUX_SEC'],
    ['strict', 'STRICT_SEC'],
  ] as const) {
    const numbers = new RegExp(`${name}[^\\[]*\\[([^\\]]*)\\]`).exec(source)![1]!;
    assert.equal(timersSec(profile, {}), numbers.match(/\d+/g)!.map(Number), profile);
  }
  const { definitions } = JSON.parse(
    readFileSync(packagePath('schema/sluice.schema.json'), 'utf8'),
  );
  assert.equal(Object.keys(definitions.timeouts.properties), [...TIMER_NAMES]);
});

test('zones: rules in the file itself are told of by their path, line and column', () => {
  const zone = 'iptables: "*filter\\n-A FORWARD -j NOWHERE\\nCOMMIT\\n"';
  const [problem] = problems(net({ zone }));
  assert.match(problem!, /^zones.host.iptables:2:15: expected .*NOWHERE/);
});

test('zones: rule files are found beside the configuration and told of by line and column', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
  try {
    const file = join(folder, 'net.yaml');
    const load = (): string[] => {
      try {
        return [String(loadConfig(file).zones[0]!.rules.length)];
      } catch (error) {
        return (error as Error).message.split('\n');
      }
    };
    writeFileSync(file, net({ zone: 'iptables: rules.v4, ip6tables: rules.v6' }));
    const missing = (key: string, name: string): string =>
      `zones.host.${key}: expected a file of iptables-save, got ENOENT of ${join(folder, name)}`;
    assert.equal(load(), [missing('iptables', 'rules.v4'), missing('ip6tables', 'rules.v6')]);
    writeFileSync(join(folder, 'rules.v4'), '*filter\n-A FORWARD -i docker0 -j ACCEPT\nCOMMIT\n');
    writeFileSync(
      join(folder, 'rules.v6'),
      '*filter\n-A FORWARD -s 10.0.0.0/8 -j ACCEPT\nCOMMIT\n',
    );
    assert.match(load()[0]!, new RegExp(`^${join(folder, 'rules.v6')}:2:\\d+: expected `));
    writeFileSync(join(folder, 'rules.v6'), '*filter\nCOMMIT\n');
    assert.equal(load(), ['2']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('zones: what cannot be compiled is told of with its chain and place', () => {
  const rule = '-A FORWARD -m bpf --bytecode "1,255 0 0 0" -j DROP';
  const lines = ['*filter', rule, 'COMMIT'].map(line => `      ${line}\n`);
  try {
    parseConfig(`zones:\n  host:\n    iptables: |\n${lines.join('')}`, 'net.yaml');
  } catch (error) {
    const { message, problems: found } = error as ConfigError;
    const start = /^zones.host.iptables.filter.FORWARD\[0\]: expected what this version can/;
    assert.match(message, start);
    assert.is(found[0]!.place, 'zones.host.iptables:2:1');
    return;
  }
  assert.unreachable();
});

test.run();
