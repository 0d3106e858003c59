/** Zones in a core: packets go where the configuration says, before and after reloads. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Region } from '../../assembly/abi.js';
import { AdjacencyState } from '../../assembly/adjacency-abi.js';
import { RouteKind, ZoneCounter } from '../../assembly/zone-abi.js';
import { applyPlan } from '../../src/config/apply.js';
import { ConfigError } from '../../src/config/config-error.js';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, planOf } from '../../src/config/plan.js';
import { Core } from '../../src/core.js';
import { formatIp } from '../../src/frame/address.js';
import { summarize } from '../../src/frame/dissect.js';
import { macText } from '../../src/frame/mac.js';
import { expectSameBytes } from '../support/expect.js';
import { type Frame, eth } from '../support/frame.js';
import { reply, request } from '../support/neighbour.js';
import { TestSwitch } from '../support/test-switch.js';

const C2 = '02:42:0a:00:00:02';
const C3 = '02:42:0a:00:00:03';
const ROUTER = '02:00:00:00:00:01';
const BRIDGE = '02:42:0a:00:00:01';
const HOST = '02:42:c0:a8:00:02';
const MASQUERADE = '-A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE';

interface Parts {
  sizes?: string;
  docker0?: string;
  eth0?: string;
  routes?: string;
  zone?: string;
  nat?: readonly string[];
  filter?: readonly string[];
  rest?: string;
}

function net(parts: Parts = {}): string {
  const { docker0 = 'segment: lan, addresses: [10.0.0.1/16]', sizes = '', zone = '' } = parts;
  const { eth0 = 'segment: uplink, addresses: [192.168.0.2/24]', rest = '' } = parts;
  const { routes = '{ to: default, via: 192.168.0.1 }' } = parts;
  const { nat = [MASQUERADE], filter = [] } = parts;
  const rules = ['*nat', ...nat, 'COMMIT', '*filter', ...filter, 'COMMIT'];
  return `
capacities: { fdbEntries: 64, flows: 256 ${sizes} }
ports:
  c2: { kind: memory, segment: lan }
  e0: { kind: memory, segment: uplink }
segments: { lan: , uplink: , third: }
zones:
  host:
    interfaces: { docker0: { ${docker0} }, eth0: { ${eth0} } }
    routes: [${routes}]
    neighbours: [{ ip: 192.168.0.1, mac: '${ROUTER}', interface: eth0 }]
    ${zone}
    iptables: |
${rules.map(line => `      ${line}`).join('\n')}
${rest}`;
}

class Rig {
  plan: Plan;
  readonly core: Core;
  readonly bridge: TestSwitch;

  constructor(text: string) {
    this.plan = planOf(parseConfig(text, 'net.yaml'));
    this.core = Core.create(this.plan.capacities, 7n, 'test');
    applyPlan(this.core, this.plan);
    this.bridge = new TestSwitch(this.core, this.plan.capacities);
    this.inject('c2', request(C2, '10.0.0.2', '10.0.0.1'));
    this.inject('c2', reply(C2, '10.0.0.2', BRIDGE, '10.0.0.1'));
    this.inject('e0', reply(ROUTER, '192.168.0.1', HOST, '192.168.0.2'));
  }

  reload(text: string): this {
    const next = planOf(parseConfig(text, 'net.yaml'), this.plan);
    applyPlan(this.core, next, this.plan);
    this.plan = next;
    return this;
  }

  port(name: string): number {
    return this.plan.ports.find(port => port.name === name)!.index;
  }

  /** `PORT SUMMARY` of each frame that leaves, then drops. */
  inject(port: string, frame: Frame): string[] {
    const { sent, dropped } = this.bridge.inject(this.port(port), frame);
    const names = new Map(this.plan.ports.map(({ index, name }) => [index, name]));
    const out = sent.map(({ port: to, bytes }) => `${names.get(to)} ${summarize(bytes)}`);
    return [...out, ...dropped.map(({ reason }) => reason)];
  }

  /** A datagram of C2 to a far server. */
  send(destination = '93.184.216.34', to = BRIDGE): string[] {
    return this.inject('c2', eth(C2, to).ipv4('10.0.0.2', destination).udp(33920, 53));
  }

  /** Source that such a datagram leaves with, and its port. */
  translated(destination: string): string {
    const frame = eth(C2, BRIDGE).ipv4('10.0.0.2', destination).udp(33920, 53);
    const bytes = this.bridge.inject(this.port('c2'), frame).sent[0]!.bytes;
    const port = new DataView(bytes.buffer, bytes.byteOffset).getUint16(34);
    return `${formatIp(bytes.subarray(26, 30))}:${port}`;
  }

  flows(): string[] {
    return [...this.core.zones.flows()].map(
      ({ zone, original, reply: back }) =>
        `${zone} ${formatIp(original.source)} ${formatIp(back.destination)} ${original.packets}`,
    );
  }

  routes(): string[] {
    return [...this.core.zones.routes()]
      .map(({ zone, to, kind, iface, gateway }) => {
        const by = gateway === undefined ? '' : ` ${formatIp(gateway)}`;
        return `${zone} ${formatIp(to.ip)}/${to.bits} ${RouteKind[kind]} ${iface}${by}`;
      })
      .sort();
  }

  /** Packets of the rules of a chain, in their order. */
  counts(chain: string): number[] {
    const { rules } = this.plan.zones.rules;
    const counters = this.core.zones.ruleCounters(this.plan.zones.counterKeys.length);
    return rules.flatMap((rule, i) => (rule.chain === chain ? [Number(counters[i]!.packets)] : []));
  }

  fdb(): string[] {
    return [...this.core.fdbEntries()].map(({ mac, port }) => `${macText(mac)} ${port}`).sort();
  }

  /** All that is not a frame. */
  state(): Uint8Array {
    return this.core.snapshot().subarray(0, this.core.region(Region.Arena));
  }
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as Error).message;
  }
  return '';
}

test('apply: a packet of a container leaves the host translated', () => {
  const rig = new Rig(net());
  const [sent, ...others] = rig.send();
  assert.equal(others, []);
  const want = eth(HOST, ROUTER).ipv4('192.168.0.2', '93.184.216.34', { ttl: 63 });
  assert.is(sent, `e0 ${summarize(want.udp(33920, 53).bytes())}`);
});

test('apply: a reload without a change changes nothing of zones', () => {
  const rig = new Rig(net());
  rig.send();
  const scratch = rig.core.region(Region.Scratch);
  const before = rig.core.snapshot().subarray(0, scratch);
  expectSameBytes(rig.reload(net()).core.bytes.subarray(0, scratch), before);
});

test('apply: flows, addresses and counters of what stays outlive a reload', () => {
  const rig = new Rig(net());
  rig.send();
  const other = `  other: { interfaces: { x: { segment: third, addresses: [10.0.0.1/16] } } }`;
  rig.reload(net({ rest: other, filter: ['-A FORWARD -i docker0 -j ACCEPT'] }));
  rig.send();
  assert.equal(rig.flows(), ['0 10.0.0.2 192.168.0.2 2']);
  assert.equal([rig.counts('POSTROUTING'), rig.counts('FORWARD')], [[1], [1]]);
  const filter = ['-A FORWARD -s 10.9.0.0/16 -j DROP', '-A FORWARD -i docker0 -j ACCEPT'];
  rig.reload(net({ filter, rest: other }));
  assert.equal([rig.counts('POSTROUTING'), rig.counts('FORWARD')], [[1], [0, 1]]);
  rig.send();
  assert.equal([rig.flows(), rig.counts('FORWARD')], [['0 10.0.0.2 192.168.0.2 3'], [0, 2]]);
});

test('apply: of two rules that are the same each keeps its own count', () => {
  const rule = '-A FORWARD -i docker0';
  const rig = new Rig(net({ filter: [rule] }));
  rig.send();
  rig.reload(net({ filter: [rule, rule] }));
  assert.equal(rig.counts('FORWARD'), [1, 0]);
  rig.send();
  assert.equal(
    rig.reload(net({ filter: [rule, rule, '-A FORWARD'] })).counts('FORWARD'),
    [2, 1, 0],
  );
});

test('apply: changed rules are in force at once', () => {
  const rig = new Rig(net());
  assert.equal(rig.send().length, 1);
  rig.reload(net({ filter: ['-A FORWARD -d 93.184.216.34/32 -j DROP'] }));
  assert.equal(rig.send(), ['RuleDrop']);
  rig.reload(net());
  assert.match(rig.send()[0]!, /^e0 /);
});

test('apply: routes come, change and go', () => {
  const rig = new Rig(net());
  const links = ['0 10.0.0.0/16 Link 0', '0 192.168.0.0/24 Link 1'];
  assert.equal(rig.routes(), ['0 0.0.0.0/0 Via 1 192.168.0.1', ...links]);
  rig.reload(
    net({ routes: '{ to: default, via: 192.168.0.9 }, { to: 93.0.0.0/8, kind: blackhole }' }),
  );
  assert.equal(rig.routes(), [
    '0 0.0.0.0/0 Via 1 192.168.0.9',
    ...links,
    '0 93.0.0.0/8 Blackhole 0',
  ]);
  assert.equal(rig.send(), ['NoRoute']);
  rig.reload(net({ routes: '' }));
  assert.equal(rig.routes(), links);
});

test('apply: addresses come, change and go in their order', () => {
  const rig = new Rig(net());
  const eth0 = (addresses: string): string =>
    net({ eth0: `segment: uplink, mac: "${HOST}", addresses: [${addresses}]` });
  rig.reload(eth0('192.168.0.2/24, 192.168.0.7/24'));
  assert.is(rig.translated('93.0.0.1'), '192.168.0.2:33920');
  rig.reload(eth0('192.168.0.7/24, 192.168.0.2/24'));
  assert.is(rig.translated('93.0.0.2'), '192.168.0.7:33920');
  rig.reload(eth0('192.168.0.7/24'));
  const ask = (ip: string): number => rig.inject('e0', request(ROUTER, '192.168.0.1', ip)).length;
  assert.equal([ask('192.168.0.7'), ask('192.168.0.2')], [1, 0]);
});

test('apply: an interface with another MAC address is made anew, and its flows go on', () => {
  const rig = new Rig(net());
  rig.send();
  const mac = '02:00:00:00:00:42';
  rig.reload(net({ docker0: `segment: lan, addresses: [10.0.0.1/16], mac: "${mac}"` }));
  const routers = rig.fdb().filter(line => line.endsWith(` ${rig.port('host.docker0')}`));
  assert.equal(routers, [`${mac} 2`]);
  rig.inject('c2', request(C2, '10.0.0.2', '10.0.0.1'));
  assert.match(rig.send('93.184.216.34', mac)[0]!, /^e0 /);
  assert.equal(rig.flows(), ['0 10.0.0.2 192.168.0.2 2']);
});

test('apply: an interface moves to another segment', () => {
  const rig = new Rig(net());
  rig.reload(net({ docker0: 'segment: third, addresses: [10.0.0.1/16]' }));
  assert.equal(rig.send(), ['NoTarget']);
  rig.reload(net());
  rig.inject('c2', request(C2, '10.0.0.2', '10.0.0.1'));
  assert.match(rig.send()[0]!, /^e0 /);
});

test('apply: an interface in a VLAN is reached there', () => {
  const vlans = (vid: number): string =>
    net({ docker0: `segment: lan, vlan: ${vid}, addresses: [10.0.0.1/16]` })
      .replace('lan: ,', 'lan: { vlanAware: true },')
      .replace('segment: lan }', 'segment: lan, vlan: { mode: trunk, allowed: "10,20" } }');
  const rig = new Rig(vlans(10));
  const ask = (vid: number): string[] =>
    rig.inject(
      'c2',
      eth(C2, 'ff:ff:ff:ff:ff:ff')
        .vlan(vid)
        .type(0x0806)
        .payload(request(C2, '10.0.0.2', '10.0.0.1').bytes().subarray(14)),
    );
  assert.match(ask(10)[0]!, /^c2 .*vlan 10/);
  assert.equal(ask(20), ['NoTarget']);
  rig.reload(vlans(20));
  assert.match(ask(20)[0]!, /^c2 .*vlan 20/);
  assert.equal(ask(10), ['NoTarget']);
});

test('apply: a zone goes with its flows, and one that takes its index begins at zero', () => {
  const rig = new Rig(net());
  rig.send();
  const without = net().slice(0, net().indexOf('zones:'));
  rig.reload(without);
  assert.equal([rig.flows(), rig.routes()], [[], []]);
  assert.equal(rig.fdb(), [`${C2} ${rig.port('c2')}`, `${ROUTER} ${rig.port('e0')}`].sort());
  assert.equal(rig.send(), ['NoTarget']);
  rig.reload(net().replace('  host:', '  again:'));
  const { index } = rig.plan.zones.zones[0]!;
  assert.is(rig.core.zones.counter(index, ZoneCounter.Received), 0n);
  assert.match(rig.send()[0]!, /^e0 /);
  assert.equal(rig.counts('POSTROUTING'), [1]);
});

test('apply: forwarding, ports and timers are those of the file', () => {
  const rig = new Rig(net({ zone: 'nat: { portSelect: sequential, ports: 100-200 }' }));
  assert.is(rig.translated('93.0.0.9'), '192.168.0.2:100');
  rig.reload(net({ zone: 'nat: { portSelect: sequential, ports: 5000-5001 }' }));
  assert.is(rig.translated('93.0.0.1'), '192.168.0.2:5000');
  rig.reload(net({ zone: 'forwarding: false' }));
  assert.equal(rig.send('93.0.0.2'), ['NotForwarded']);
  rig.reload(net({ zone: 'conntrack: { timeoutsSec: { udp: 5 } }' }));
  rig.core.zones.flushFlows();
  rig.send();
  const left = (): number[] => [...rig.core.zones.flows()].map(({ leftMs }) => leftMs);
  assert.equal(left(), [5000]);
  rig.reload(net());
  assert.equal(left(), [30000]);
});

test('apply: a configured neighbour is not asked for, and goes', () => {
  const rig = new Rig(net());
  const known = (): string[] =>
    [...rig.core.zones.neighbours()].flatMap(one =>
      one.state === AdjacencyState.Permanent ? [formatIp(one.ip)] : [],
    );
  assert.equal(known(), ['192.168.0.1']);
  const none = net().replace(/neighbours: .*/, '');
  assert.equal(rig.reload(none) && known(), []);
  assert.equal(rig.reload(net()) && known(), ['192.168.0.1']);
});

test('apply: a core without room is put back as it was', () => {
  const rig = new Rig(net({ sizes: ', routes: 3' }));
  rig.send();
  for (let i = 0; rig.fdb().length < 60 && i < 500; i++) {
    const source = `02:00:00:01:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;
    rig.inject('c2', eth(source, 'ff:ff:ff:ff:ff:ff').type(0x9999).payload('x'));
  }
  const before = rig.state();
  const many = Array.from(
    { length: 200 },
    (_, i) => `x${i}: { segment: third, mac: "02:00:00:00:01:${i.toString(16).padStart(2, '0')}" }`,
  );
  const full = refusal(() =>
    rig.reload(
      net({ sizes: ', routes: 3', rest: `  other: { interfaces: { ${many.slice(0, 14)} } }` }),
    ),
  );
  assert.match(
    full,
    /^zones.other.interfaces.x\d+: expected room for its MAC address \(capacities.fdbEntries is 64\), got a full table$/,
  );
  expectSameBytes(rig.core.bytes.subarray(0, before.length), before);
  assert.match(rig.send()[0]!, /^e0 /);
});

test('apply zones: endpoint mapping, and who may send to what is mapped', () => {
  const rig = new Rig(net({ zone: 'nat: { mapping: endpoint, filtering: endpoint }' }));
  rig.send();
  const stranger = eth(ROUTER, HOST).ipv4('198.51.100.7', '192.168.0.2').udp(9999, 33920);
  assert.match(rig.inject('e0', stranger)[0]!, /^c2 .*> 10\.0\.0\.2:33920 udp/);
  rig.reload(net({ zone: 'nat: { mapping: endpoint }' }));
  const other = eth(ROUTER, HOST).ipv4('198.51.100.8', '192.168.0.2').udp(9999, 33920);
  assert.not.match(rig.inject('e0', other).join(), /10\.0\.0\.2/);
});

test('apply zones: inspection comes and goes with a reload', () => {
  const filter = ['-A FORWARD -i docker0 -o docker0 -j DROP'];
  const rest = '  c3: { kind: memory, segment: lan }';
  const text = (inspect: boolean): string =>
    net({ filter, docker0: `segment: lan, addresses: [10.0.0.1/16], inspect: ${inspect}` }).replace(
      'segments:',
      `${rest}\nsegments:`,
    );
  const rig = new Rig(text(true));
  rig.inject('c3', request(C3, '10.0.0.3', '10.0.0.1'));
  assert.equal(rig.send('10.0.0.3', C3), ['RuleDrop']);
  rig.reload(text(false));
  assert.match(rig.send('10.0.0.3', C3)[0]!, /^c3 /);
});

test.run();
