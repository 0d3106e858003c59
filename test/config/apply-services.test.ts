/** Services in a core: numbers, flows and counters over reloads, and tables without room. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Region } from '../../assembly/abi.js';
import { applyPlan } from '../../src/config/apply.js';
import { ConfigError } from '../../src/config/config-error.js';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, planOf } from '../../src/config/plan.js';
import type { PlannedService } from '../../src/config/plan-services.js';
import { Core } from '../../src/core.js';
import { expectSameBytes } from '../support/expect.js';
import { eth } from '../support/frame.js';
import { TestSwitch } from '../support/test-switch.js';

const CLIENT = '02:00:00:00:00:01';
const OUTSIDE = '02:42:c0:a8:00:02';
const SYN = 0x02;
const SIZES = 'services: 4, backends: 4, serviceKeys: 6, balanceBytes: 33792';

/** These services, as the file has them. */
function net(services: Record<string, string>, sizes = SIZES): string {
  const entries = Object.entries(services).map(([name, words]) => `      ${name}: { ${words} }`);
  return `
capacities: { fdbEntries: 64, flows: 256, ${sizes} }
ports: { b: { kind: memory, segment: lan }, e: { kind: memory, segment: up } }
segments: { lan: , up: }
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: [10.0.0.1/16] }
      eth0: { segment: up, addresses: [192.168.0.2/24] }
    neighbours:
      - { ip: 192.168.0.1, mac: '${CLIENT}', interface: eth0 }
      - { ip: 10.0.0.2, mac: '02:42:0a:00:00:02', interface: docker0 }
      - { ip: 10.0.0.3, mac: '02:42:0a:00:00:03', interface: docker0 }
      - { ip: 10.0.0.4, mac: '02:42:0a:00:00:04', interface: docker0 }
    services:
${entries.join('\n')}
`;
}

const of = (vip: number, hosts: readonly number[], more = ''): string =>
  `vip: 192.168.0.${vip}, ports: ['80'], backends: ` +
  `[${hosts.map(n => `{ address: 10.0.0.${n} }`).join(', ')}]${more}`;

class Rig {
  plan: Plan;
  readonly core: Core;
  readonly bridge: TestSwitch;

  constructor(text: string) {
    this.plan = planOf(parseConfig(text, 'net.yaml'));
    this.core = Core.create(this.plan.capacities, 7n, 'test');
    applyPlan(this.core, this.plan);
    this.bridge = new TestSwitch(this.core, this.plan.capacities);
  }

  reload(text: string): this {
    const next = planOf(parseConfig(text, 'net.yaml'), this.plan);
    applyPlan(this.core, next, this.plan);
    this.plan = next;
    return this;
  }

  /** A SYN; returns the MAC address of who gets it, undefined: nobody. */
  open(port: number, vip = 80): string | undefined {
    const frame = eth(CLIENT, OUTSIDE)
      .ipv4('192.168.0.1', `192.168.0.${vip}`)
      .tcp(port, 80, { flags: SYN, sequence: 1 });
    const e = this.plan.ports.find(({ name }) => name === 'e')!.index;
    const [sent] = this.bridge.inject(e, frame).sent.filter(({ port: out }) => out !== e);
    return sent && Buffer.from(sent.bytes.subarray(0, 6)).toString('hex').slice(-2);
  }

  service(vip = 80): PlannedService {
    return this.plan.zones.services.find(({ name }) => name.includes(`.${vip}:`))!;
  }

  /** Connections now of each backend, by address. */
  connections(vip = 80): [string, number][] {
    this.core.services.fold();
    return this.service(vip).backends.map(({ name, index }) => {
      const { active, inactive } = this.core.services.counts(index)!;
      return [name, active + inactive];
    });
  }

  get state(): Uint8Array {
    return this.core.bytes.slice(0, this.core.region(Region.Arena));
  }
}

test('a reload keeps numbers, flows and counters of what stays', () => {
  const roomy = SIZES.replace('backends: 4', 'backends: 16');
  const rig = new Rig(net({ w: of(80, [2, 3]), x: of(81, [2]) }, roomy));
  assert.equal(
    [1, 2, 3, 4].map(port => rig.open(port)),
    ['02', '03', '02', '03'],
  );
  const { index, backends } = rig.service();
  rig.reload(net({ y: of(82, [4]), w: of(80, [4, 3]) }, roomy));
  const now = rig.service();
  assert.is(now.index, index);
  assert.is(now.backends[1]!.index, backends[1]!.index);
  assert.not.equal(now.backends[0]!.index, backends[0]!.index);
  assert.equal(rig.connections(), [
    ['10.0.0.4:80', 0],
    ['10.0.0.3:80', 2],
  ]);
  assert.is(rig.open(2), '03', 'the connection goes on');
  assert.is(rig.open(9, 82), '04');
  assert.is(rig.open(9, 81), undefined, 'there is no such address any more');
  const { connections, refused } = rig.core.services.sums(now.index);
  assert.equal([connections, refused], [2n, 0n], 'of the backend that is gone');
});

test('weights, schedulers and persistence change without a new number', () => {
  const rig = new Rig(net({ w: of(80, [2, 3]) }));
  rig.open(1);
  const before = rig.service();
  const more = ', scheduler: mh, persistence: { timeoutSec: 9 }';
  rig.reload(net({ w: of(80, [2, 3], more).replace('10.0.0.2', '10.0.0.2, weight: 0') }));
  assert.equal(
    rig.service().backends.map(backend => backend.index),
    before.backends.map(backend => backend.index),
  );
  assert.equal(
    [2, 3, 4, 5].map(port => rig.open(port)),
    ['03', '03', '03', '03'],
  );
  assert.is(rig.open(1), '02', 'it drains');
});

test('all numbers taken: a backend takes over that of one that goes', () => {
  const cases: Record<string, string>[] = [
    { w: of(80, [4, 3]), x: of(81, [2, 3]) },
    { w: of(80, [2, 3]), x: of(81, [2, 4]) },
    { x: of(81, [2, 3, 4]), w: of(80, [3]) },
    { x: of(81, [2]), y: of(82, [2, 3, 4]) },
  ];
  for (const after of cases) {
    const rig = new Rig(net({ w: of(80, [2, 3]), x: of(81, [2, 3]) }));
    rig.open(1);
    rig.open(2);
    rig.reload(net(after));
    for (const vip of Object.values(after).map(words => Number(words.slice(15, 17)))) {
      const hosts = rig.service(vip).backends.map(({ name }) => `0${name.slice(7, 8)}`);
      const got = new Set([0, 1, 2, 3, 4, 5].map(port => rig.open(10 * vip + port, vip)));
      assert.equal([...got].sort(), hosts.sort(), `${vip} of ${JSON.stringify(after)}`);
    }
  }
});

test('where a table has no room the core is as it was', () => {
  const rig = new Rig(net({ w: of(80, [2, 3]) }));
  rig.open(1);
  const cases: [Record<string, string>, RegExp][] = [
    [
      { w: of(80, [2, 3], ', scheduler: mh, tableSlots: 8191'), x: of(81, [2], ', scheduler: mh') },
      /^zones\.host\.services: expected room for its backends and lookup table .*balanceBytes is 33792/,
    ],
  ];
  for (const [services, message] of cases) {
    const state = rig.state;
    assert.throws(
      () => rig.reload(net(services)),
      (error: Error) => error instanceof ConfigError && message.test(error.message),
    );
    expectSameBytes(rig.state, state);
  }
  for (const [services, message] of [
    [
      { w: of(80, [2, 3, 4]), x: of(81, [2, 3]) },
      /at most 4 backends \(capacities.backends\), got 5/,
    ],
    [{ w: of(80, []).replace("'80'", '80-86') }, /at most 6 addresses and ports of services/],
  ] as const) {
    assert.throws(() => rig.reload(net(services)), message);
  }
  assert.is(rig.open(1), '02');
  assert.is(rig.open(2), '03');
});

test.run();
