/** Networks and published ports of a zone: features §3, BR-24, walk W2. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyPlan } from '../../src/config/apply.js';
import { ConfigError } from '../../src/config/config-error.js';
import { parseConfig } from '../../src/config/load.js';
import { planOf } from '../../src/config/plan.js';
import { Core } from '../../src/core.js';
import { type Walk, walkFrame } from '../../src/explain/walk.js';
import { packagePath } from '../../src/package-path.js';
import { namesOf } from '../../src/replay/prepare.js';
import { type Frame, eth, hex } from '../support/frame.js';

const EXAMPLE = readFileSync(packagePath('examples/publish.yaml'), 'utf8');
const [WEB, FRONT] = ['02:42:0a:00:00:02', '02:42:0a:00:00:01'];
const [HOST, ROUTER] = ['02:42:c0:a8:00:02', '02:00:00:00:00:01'];
const SYN = { flags: 2 };

class Rig {
  plan = planOf(parseConfig(EXAMPLE, 'publish.yaml'));
  readonly core = Core.create(this.plan.capacities, 7n);
  private nowMs = 1000;

  constructor() {
    applyPlan(this.core, this.plan);
  }

  reload(text: string): void {
    const next = planOf(parseConfig(text, 'publish.yaml'), this.plan);
    applyPlan(this.core, next, this.plan);
    this.plan = next;
  }

  walk(name: string, frame: Frame): Walk {
    const { index } = this.plan.ports.find(port => port.name === name)!;
    const at = { port: index, nowMs: this.nowMs++ };
    return walkFrame(this.core, frame.bytes(), at, namesOf(this.plan, this.core));
  }

  ask(port: number, to = '192.168.0.2'): Walk {
    const ip = eth(ROUTER, HOST).ipv4('203.0.113.9', to);
    return this.walk('eth0', ip.tcp(41000, port, SYN));
  }
}

function problems(from: string, to: string): string[] {
  assert.ok(EXAMPLE.includes(from));
  try {
    planOf(parseConfig(EXAMPLE.replace(from, to), 'publish.yaml'));
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).message.split('\n');
  }
  return [];
}

test('publish: W2, a port and a range lead to the container', () => {
  const rig = new Rig();
  for (const [host, container] of [
    [5000, 80],
    [8042, 8042],
  ] as const) {
    const walk = rig.ask(host);
    assert.is(walk.verdict, 'sent to web');
    const want = eth(FRONT, WEB).ipv4('203.0.113.9', '10.0.0.2', { ttl: 63 });
    assert.is(walk.out[0]!.hex, hex(want.tcp(41000, container, SYN).bytes()));
  }
});

test('publish: other networks, direct routes and loopback ports are closed', () => {
  const rig = new Rig();
  const across = eth(WEB, FRONT).ipv4('10.0.0.2', '10.1.0.2').tcp(41000, 5432, SYN);
  for (const walk of [rig.walk('web', across), rig.ask(80, '10.0.0.2')]) {
    assert.is(walk.out.length, 0);
    assert.ok(walk.steps.some(({ text }) => text.includes('-j DROP')));
  }
  assert.ok(rig.ask(5432).out.every(({ summary }) => !summary.includes('10.1.0.2')));
  const own = rig.plan.zones.interfaces.map(({ config }) => config.inspect);
  assert.equal(own, [false, true, false]);
});

test('publish: flows end with the port, PP-9, and stay with another', () => {
  const rig = new Rig();
  rig.ask(5000);
  rig.ask(8001);
  assert.is([...rig.core.zones.flows()].length, 2);
  rig.reload(EXAMPLE.replace("'192.168.0.2:5000:80', ", ''));
  assert.equal(
    [...rig.core.zones.flows()].map(({ original }) => original.destinationPort),
    [8001],
  );
  assert.is.not(rig.ask(5000).verdict, 'sent to web');
  rig.reload(EXAMPLE.replace(/- \{ ip: 10.0.0.2, network.*/, ''));
  assert.equal(
    [...rig.core.zones.flows()].filter(({ original }) => original.destinationPort === 8001),
    [],
  );
});

test('publish: what cannot be bound is refused with its path', () => {
  const at = 'zones.host.publish[1].ports[0]';
  assert.equal(problems('127.0.0.1:5432', '192.168.0.2:5000'), [
    `${at}: Bind for 192.168.0.2:5000 failed: port is already allocated`,
  ]);
  assert.equal(problems('127.0.0.1:5432', '192.168.0.9:5432'), [
    `${at}: expected an address of the zone, got 192.168.0.9`,
  ]);
  assert.equal(problems('ip: 10.1.0.2, network', 'ip: 10.0.0.3, network'), [
    "zones.host.publish[1].ip: expected a container's address in docker1, got 10.0.0.3",
  ]);
  assert.equal(
    problems(
      '    publish:',
      '    iptables: "*filter\\n-A INPUT -j DROP\\nCOMMIT\\n"\n    publish:',
    ),
    [
      'zones.host.iptables: expected DOCKER-USER of filter and chains it calls, beside networks, got chain INPUT of filter',
    ],
  );
});

test.run();
