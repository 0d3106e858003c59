/** Zones in a plan: indexes, router ports, routes, sizes, compiled rules. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PortOption } from '../../assembly/abi.js';
import { FlowTimer, RouteKind } from '../../assembly/zone-abi.js';
import { ConfigError } from '../../src/config/config-error.js';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, planOf } from '../../src/config/plan.js';
import { ruleName } from '../../src/rules/rule-name.js';
import { namesOf } from '../../src/replay/prepare.js';

const RULES = String.raw`"*filter\n:FORWARD DROP [0:0]\n-A FORWARD -i docker0 -j ACCEPT\nCOMMIT\n"`;
const NET = `
ports:
  c1: { kind: memory, segment: lan }
  e0: { kind: memory, segment: wan, vlan: { mode: access, vid: 3 } }
segments:
  lan:
  wan: { vlanAware: true, vlanProtocol: 802.1ad }
zones:
  a:
    interfaces:
      docker0: { segment: lan, addresses: [10.0.0.1/16, 10.0.0.5/16, 'fd00::1/64'] }
      eth0: { segment: wan, vlan: 7, addresses: [192.168.0.2/24, 192.168.7.7/32] }
    routes: [{ to: default, via: 192.168.0.1 }, { to: 192.0.2.0/24, kind: prohibit }]
    neighbours: [{ ip: 192.168.0.1, mac: '02:00:00:00:00:01', interface: eth0 }]
    iptables: ${RULES}
  b:
    interfaces: { docker0: { segment: lan, addresses: [10.0.0.1/16], mac: '02:00:00:00:00:0b' } }
`;

function plan(text: string, previous?: Plan): Plan {
  return planOf(parseConfig(text, 'net.yaml'), previous);
}

test('plan: every interface has a router port in its segment', () => {
  const { ports, zones } = plan(NET);
  const routers = ports.filter(({ config }) => config.kind === 'router');
  assert.equal(
    routers.map(({ name, index, config }) => [name, index, config.segment]),
    [
      ['a.docker0', 2, 'lan'],
      ['a.eth0', 3, 'wan'],
      ['b.docker0', 4, 'lan'],
    ],
  );
  const { Learning, Flood, BroadcastFlood, MulticastFlood, Pvid } = PortOption;
  const flags = [Learning, Flood, BroadcastFlood, MulticastFlood, Pvid];
  assert.equal(
    routers.map(({ options }) => flags.map(flag => options[flag])),
    [
      [0, 0, 1, 1, 0],
      [0, 0, 1, 1, 7],
      [0, 0, 1, 1, 0],
    ],
  );
  assert.equal(
    zones.interfaces.map(({ name, index, zone, port, segment }) => [
      name,
      index,
      zone,
      port,
      segment,
    ]),
    [
      ['a.docker0', 0, 0, 2, 0],
      ['a.eth0', 1, 0, 3, 1],
      ['b.docker0', 2, 1, 4, 0],
    ],
  );
});

test('plan: a VLAN that only an interface is in has a domain', () => {
  const { zones, segments } = plan(NET);
  const wan = segments.find(({ name }) => name === 'wan')!;
  assert.equal(
    wan.domains.map(({ first, last }) => [first, last]),
    [
      [3, 3],
      [7, 7],
    ],
  );
  const eth0 = zones.interfaces[1]!;
  assert.is(eth0.domain, wan.domains[1]!.domain);
  assert.is(eth0.tpid, 0x88a8);
});

test('plan: subnets of interfaces are routes, each once, but not an address alone', () => {
  const { zones } = plan(NET);
  assert.equal(
    zones.routes.map(({ zone, to, kind, iface, via }) => [
      zone,
      `${to.ip}/${to.prefixBits}`,
      RouteKind[kind],
      iface,
      via,
    ]),
    [
      [0, '10.0.0.0/16', 'Link', 0, undefined],
      [0, 'fd00::/64', 'Link', 0, undefined],
      [0, '192.168.0.0/24', 'Link', 1, undefined],
      [0, '0.0.0.0/0', 'Via', 1, '192.168.0.1'],
      [0, '192.0.2.0/24', 'Prohibit', 0, undefined],
      [1, '10.0.0.0/16', 'Link', 2, undefined],
    ],
  );
  assert.equal(zones.neighbours, [{ iface: 1, ip: '192.168.0.1', mac: 0x020000000001n }]);
});

test('plan: indexes of zones, interfaces and ports stay across reloads', () => {
  const before = plan(NET);
  const text = NET.replace(
    'zones:',
    'zones:\n  aa: { interfaces: { x: { segment: lan, addresses: [10.1.0.1/16] } } }',
  );
  const after = plan(text, before);
  const indexes = (all: { name: string; index: number }[]): Record<string, number> =>
    Object.fromEntries(all.map(({ name, index }) => [name, index]));
  assert.equal(indexes(after.zones.zones), { a: 0, b: 1, aa: 2 });
  assert.equal(indexes(after.zones.interfaces), {
    'a.docker0': 0,
    'a.eth0': 1,
    'b.docker0': 2,
    'aa.x': 3,
  });
  assert.is(after.ports.find(({ name }) => name === 'aa.x')!.index, 5);
  const less = plan(NET.slice(0, NET.indexOf('  a:\n')) + NET.slice(NET.indexOf('  b:\n')), before);
  assert.equal(indexes(less.zones.zones), { b: 1 });
  assert.equal(indexes(less.zones.interfaces), { 'b.docker0': 2 });
});

test('plan: rules are compiled for the numbers that zones and interfaces have', () => {
  const before = plan(NET);
  const first = before.zones.rules;
  assert.equal(plan(NET, before).zones.rules.program, first.program);
  const moved = NET.replace(
    'zones:',
    'zones:\n  aa: { interfaces: { x: { segment: lan, addresses: [10.1.0.1/16] } } }',
  );
  const fresh = plan(moved).zones.rules;
  const kept = plan(moved, before).zones.rules;
  assert.equal(
    kept.rules.map(({ zone }) => zone),
    [0],
  );
  assert.equal(
    fresh.rules.map(({ zone }) => zone),
    [1],
  );
  assert.equal(kept.program, first.program);
  assert.not.equal(fresh.program, first.program);
});

test('plan: rules and policies have names', () => {
  const built = plan(NET);
  const { rules } = built.zones;
  const names = namesOf(built);
  assert.is(
    names.rule(0),
    'filter FORWARD rule 1 (zones.a.iptables:3): -A FORWARD -i docker0 -j ACCEPT',
  );
  assert.is(ruleName(rules, 0), 'filter FORWARD rule 1: -A FORWARD -i docker0 -j ACCEPT');
  const forward = rules.policies.findIndex(({ chain }) => chain === 'FORWARD');
  assert.is(names.rule(rules.rules.length + forward), 'filter FORWARD policy');
  assert.is(names.rule(99), 'rule 99');
  assert.equal([names.zone(1), names.zone(9)], ['b', 'zone 9']);
  assert.equal([names.iface(1), names.iface(9)], ['a.eth0', 'interface 9']);
});

test('plan: timers are those of the profile, but for what a zone says', () => {
  const { linux, strict } = plan(
    NET.replace('  b:\n', '  b:\n    conntrack: { timeoutsSec: { udp: 7 } }\n'),
  ).zones.timersSec;
  assert.equal([linux[FlowTimer.Udp], linux[FlowTimer.UdpStream]], [7, 120]);
  assert.is(strict[FlowTimer.Udp], 300);
});

const ZONE_SIZES = [
  'Zones',
  'Interfaces',
  'Routes',
  'Adjacencies',
  'Flows',
  'RuleBytes',
  'Rules',
  'Paths',
] as const;

function sizes(text: string): (number | undefined)[] {
  const { capacities } = plan(text);
  return ZONE_SIZES.map(name => capacities[name]);
}

test('plan: without zones nothing is sized for them', () => {
  assert.equal(sizes('segments: { lan: }'), [0, 0, 0, 0, 0, 0, 0, 0]);
});

test('plan: sizes of zones have room to grow, and those of the file are taken', () => {
  assert.equal(sizes(NET), [4, 16, 1024, 1024, 65536, 65536, 1024, 4096]);
  const said =
    'capacities: { zones: 2, interfaces: 3, routes: 6, adjacencies: 1, flows: 9, ruleBytes: 4096, rules: 11, paths: 12 }';
  assert.equal(sizes(`${said}\n${NET}`), [2, 3, 6, 1, 9, 4096, 11, 12]);
  assert.equal(sizes('capacities: { zones: 1 }'), [1, 16, 1024, 1024, 65536, 65536, 1024, 4096]);
  const rule = '-A FORWARD -s 10.0.0.1/32 -j ACCEPT\\n';
  const many = NET.replace('-A FORWARD', `${rule.repeat(3000)}-A FORWARD`);
  const [, , , , , bytes, rules] = sizes(many);
  assert.is(rules, 8192);
  const used = plan(many).zones.rules.program.length;
  assert.ok(bytes! >= 2 * used && bytes! < 4 * used, `${bytes} for ${used}`);
});

test('plan: what does not fit the sizes of the file or of a running switch is refused', () => {
  const refusal = (text: string, previous?: Plan): string => {
    try {
      plan(text, previous);
    } catch (error) {
      assert.instance(error, ConfigError);
      return (error as Error).message;
    }
    return '';
  };
  const small = (key: string, size: number): string =>
    refusal(`capacities: { ${key}: ${size} }\n${NET}`);
  assert.is(small('zones', 1), 'zones: expected at most 1 zones (capacities.zones), got 2');
  assert.is(
    small('interfaces', 2),
    'zones: expected at most 2 interfaces (capacities.interfaces), got 3',
  );
  assert.is(
    small('routes', 5),
    'zones: expected at most 5 routes, those to subnets of interfaces among them (capacities.routes), got 6',
  );
  assert.is(
    small('adjacencies', 0),
    'zones: expected at most 0 neighbours (capacities.adjacencies), got 1',
  );
  assert.match(
    small('ruleBytes', 64),
    /^zones: expected at most 64 bytes of rules \(capacities.ruleBytes\), got \d+$/,
  );
  assert.is(
    small('rules', 3),
    'zones: expected at most 3 rules and policies (capacities.rules), got 4',
  );
  assert.is(
    small('ports', 4),
    'ports: expected at most 4 ports, router ports among them (capacities.ports), got 5',
  );
  const none = plan('segments: { lan: }');
  const zone = 'segments: { lan: }\nzones: { host: }';
  assert.is(refusal(zone, none), 'zones: expected at most 0 zones (capacities.zones), got 1');
});

test.run();
