/** Neighbours in a configuration: what is refused, what is planned, what a reload changes. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PortOption, Region, SegmentCounter, SegmentOption } from '../../assembly/abi.js';
import { applyPlan } from '../../src/config/apply.js';
import { ConfigError } from '../../src/config/config-error.js';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, planOf } from '../../src/config/plan.js';
import { Core } from '../../src/core.js';
import { walkFrame } from '../../src/explain/walk.js';
import { formatIp } from '../../src/frame/address.js';
import { frameFromWords } from '../../src/frame/words.js';
import { namesOf } from '../../src/replay/prepare.js';
import { expectSameBytes } from '../support/expect.js';
import type { Frame } from '../support/frame.js';
import { solicitation } from '../support/neighbour.js';

const MAC = '"02:00:00:00:00:02"';

function lan(neighbours: string, rest = ''): string {
  return `
segments: { lan: { neighbours: [${neighbours}] ${rest} } }
ports:
  p0: { kind: memory, segment: lan }
  p1: { kind: memory, segment: lan, neighbourSuppress: true }
  p2: { kind: memory, segment: lan }`;
}

function aware(neighbours: string, allowed = '10,20'): string {
  return `
segments: { lan: { vlanAware: true, neighbours: [${neighbours}] } }
ports:
  p0: { kind: memory, segment: lan, vlan: { mode: trunk, allowed: "${allowed}" } }`;
}

const planText = (text: string, previous?: Plan): Plan =>
  planOf(parseConfig(text, 'net.yaml'), previous);

function problems(text: string): string[] {
  try {
    planText(text);
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).message.split('\n');
  }
  return [];
}

/** A core and the plan it has. */
class Rig {
  plan: Plan;
  readonly core: Core;

  constructor(text: string) {
    this.plan = planText(text);
    this.core = Core.create(this.plan.capacities, 7n, 'test');
    applyPlan(this.core, this.plan);
  }

  reload(text: string): this {
    const next = planText(text, this.plan);
    applyPlan(this.core, next, this.plan);
    this.plan = next;
    return this;
  }

  get neighbours(): string[] {
    return [...this.core.neighbours.entries()]
      .map(({ ip, domain, mac, isRouter }) => {
        const text = `${formatIp(ip)} ${domain} ${mac.toString(16)}`;
        return isRouter ? `${text} router` : text;
      })
      .sort();
  }
}

test('neighbours: an entry names one station, once, and a VLAN where there are any', () => {
  const entry = (ip: string, rest = ''): string => `{ ip: "${ip}", mac: ${MAC} ${rest} }`;
  const path = (i: number): string => `segments.lan.neighbours[${i}]`;
  const bad = ['10.0.0', '0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', '::', '::1'];
  bad.push('ff02::1', 'fe80::1%eth0', 'host');
  assert.equal(
    problems(lan(bad.map(ip => entry(ip)).join())),
    bad.map((ip, i) => `${path(i)}.ip: expected the IP address of one station, got "${ip}"`),
  );
  const twice = [entry('fd00::2'), entry('fd00:0::2'), entry('10.0.0.2', ', vid: 3')];
  twice.push('{ ip: 10.0.0.3, mac: "01:00:5e:00:00:01" }');
  assert.equal(problems(lan(twice.join())), [
    `${path(1)}.ip: expected one entry an address, got fd00::2 0`,
    `${path(2)}.vid: expected none, as the segment is not VLAN aware, got 3`,
    `${path(3)}.mac: expected the address of one station, got 01:00:5e:00:00:01`,
  ]);
  assert.equal(problems(lan(`{ mac: ${MAC} }`)), [
    `${path(0)}.ip: expected the IP address of one station, got nothing`,
  ]);
});

test('neighbours: one in a VLAN that no port carries is refused', () => {
  assert.equal(problems(aware(`{ ip: 10.0.0.2, mac: ${MAC}, vid: 30 }`)), [
    'segments.lan.neighbours[0].vid: expected a VLAN of one of its ports, got 30',
  ]);
});

test('neighbours: more than the capacity is refused', () => {
  const two = `{ ip: 10.0.0.2, mac: ${MAC} }, { ip: 10.0.0.3, mac: ${MAC} }`;
  assert.equal(problems(`capacities: { neighbours: 1 }${lan(two)}`), [
    'segments: expected at most 1 neighbours (capacities.neighbours), got 2',
  ]);
});

test('neighbours: the capacity is 1024 unless said, and fixed', () => {
  const before = planText(lan(''));
  assert.is(before.capacities.Neighbours, 1024);
  assert.throws(
    () => planText(`capacities: { neighbours: 65536 }${lan('')}`, before),
    /^capacities.neighbours: expected 1024 as long as the switch runs/,
  );
});

test('neighbours: options of ports and segments reach the plan', () => {
  const plan = planText(lan('', ', arpTermination: true'));
  const flags = plan.ports.map(({ options }) => options[PortOption.NeighbourSuppress]);
  assert.equal(flags, [0, 1, 0]);
  assert.is(plan.segments[0]!.options[SegmentOption.AnswerNeighbours], 1);
  assert.is(planText(lan('')).segments[0]!.options[SegmentOption.AnswerNeighbours], 0);
});

test('neighbours: they come, change and go with reloads', () => {
  const first = `{ ip: 10.0.0.2, mac: ${MAC} }`;
  const second = `{ ip: "fd00::2", mac: ${MAC}, router: true }`;
  const rig = new Rig(lan(first));
  assert.equal(rig.neighbours, ['10.0.0.2 1 20000000002']);
  rig.reload(lan(`${first}, ${second}`));
  assert.equal(rig.neighbours, ['10.0.0.2 1 20000000002', 'fd00::2 1 20000000002 router']);
  rig.reload(lan(`${first.replace('00:02"', '00:03"')}, ${second.replace('true', 'false')}`));
  assert.equal(rig.neighbours, ['10.0.0.2 1 20000000003', 'fd00::2 1 20000000002']);
  rig.reload(lan(second));
  assert.equal(rig.neighbours, ['fd00::2 1 20000000002 router']);
  assert.equal(rig.reload(lan('')).neighbours, []);
});

test('neighbours: each VLAN has its own, and loses them with its ports', () => {
  const entry = (vid: number): string => `{ ip: 10.0.0.2, mac: ${MAC}, vid: ${vid} }`;
  const rig = new Rig(aware(`${entry(10)}, ${entry(20)}`));
  assert.equal(rig.neighbours, ['10.0.0.2 1 20000000002', '10.0.0.2 2 20000000002']);
  rig.reload(aware(entry(10), '10'));
  assert.equal(rig.neighbours, ['10.0.0.2 1 20000000002']);
  rig.reload(lan(`{ ip: 10.0.0.2, mac: ${MAC} }`));
  assert.is(rig.neighbours.length, 1);
  assert.is.not(rig.neighbours[0], '10.0.0.2 1 20000000002');
});

test('neighbours: a reload without a change changes nothing', () => {
  const text = lan(`{ ip: 10.0.0.2, mac: ${MAC} }, { ip: "fd00::2", mac: ${MAC} }`);
  const rig = new Rig(text);
  const scratch = rig.core.region(Region.Scratch);
  const before = rig.core.snapshot().subarray(0, scratch);
  expectSameBytes(rig.reload(text).core.bytes.subarray(0, scratch), before);
});

test('neighbours: when the table is full nothing is applied', () => {
  const text = (n: number): string =>
    lan(Array.from({ length: n }, (_, i) => `{ ip: 10.0.0.${i + 1}, mac: ${MAC} }`).join());
  const rig = new Rig(`capacities: { neighbours: 4 }${text(2)}`);
  // Somebody else has taken two places.
  for (const last of [8, 9]) {
    const ip = Uint8Array.of(10, 0, 0, last);
    rig.core.neighbours.insert({ ip, domain: 1, mac: 2n << 40n, isRouter: false });
  }
  const arena = rig.core.region(Region.Arena);
  const before = rig.core.snapshot().subarray(0, arena);
  assert.throws(
    () => rig.reload(`capacities: { neighbours: 4 }${text(3)}`),
    /^segments.lan.neighbours: expected room for 10.0.0.3 \(capacities.neighbours is 4\), got a full/,
  );
  expectSameBytes(rig.core.bytes.subarray(0, arena), before);
});

/** What the walk of a frame from p0 says of neighbours, and its verdict. */
function walk(rig: Rig, what: string | Frame): string[] {
  const at = { port: 0, nowMs: 1 };
  const frame = typeof what === 'string' ? frameFromWords(what) : what.bytes();
  const { steps, verdict } = walkFrame(rig.core, frame, at, namesOf(rig.plan));
  const said = steps.filter(({ text }) => /^neighbour|suppress/.test(text));
  return [...said.map(({ text }) => text), verdict];
}

const ASKED = 'eth 02:00:00:00:00:01→ff:ff:ff:ff:ff:ff arp 10.0.0.1→10.0.0.2';
const SKIPPED = 'not to p1: it suppresses questions about neighbours';

test('neighbours: a walk says who answers, and which ports do not hear of it', () => {
  const rig = new Rig(lan(`{ ip: 10.0.0.2, mac: ${MAC} }`));
  assert.equal(walk(rig, ASKED), [
    'neighbour 10.0.0.2: answered here with 02:00:00:00:00:02',
    SKIPPED,
    'sent to p0, p2',
  ]);
  assert.is(rig.core.segmentCounter(0, SegmentCounter.Answered), 1n);
  rig.core.fdbInsert({ mac: 0x020000000002n, domain: 1, port: 2, kind: 1 });
  assert.equal(walk(rig, ASKED), [
    'neighbour 10.0.0.2: at 02:00:00:00:00:02, which hears the question and answers itself',
    SKIPPED,
    'sent to p2',
  ]);
  assert.equal(walk(rig, ASKED.replace('10.0.0.2', '10.0.0.9')), [
    'neighbour 10.0.0.9: not known here, asked of everybody',
    'sent to p1, p2',
  ]);
  assert.equal(walk(rig, ASKED.replace('10.0.0.1', '0.0.0.0')), [
    'neighbour 10.0.0.2: announced or probed, kept from ports that suppress neighbours',
    SKIPPED,
    'sent to p2',
  ]);
});

test('neighbours: with termination a walk ends with the answer', () => {
  const rig = new Rig(lan(`{ ip: 10.0.0.2, mac: ${MAC} }`, ', arpTermination: true'));
  assert.equal(walk(rig, ASKED), [
    'neighbour 10.0.0.2: answered here with 02:00:00:00:00:02',
    'sent to p0',
  ]);
});

test('neighbours: a walk names addresses of IPv6 as well', () => {
  const rig = new Rig(lan(`{ ip: "fd00::2", mac: ${MAC} }`));
  const asked = solicitation('02:00:00:00:00:01', 'fd00::1', 'fd00::2');
  assert.equal(walk(rig, asked), [
    'neighbour fd00::2: answered here with 02:00:00:00:00:02',
    SKIPPED,
    'sent to p0, p2',
  ]);
});

test.run();
