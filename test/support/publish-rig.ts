/** The switch of examples/publish.yaml, changed as a test says, walked frame by frame. */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { applyPlan } from '../../src/config/apply.js';
import { ConfigError } from '../../src/config/config-error.js';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, planOf } from '../../src/config/plan.js';
import { Core } from '../../src/core.js';
import { type Walk, walkFrame } from '../../src/explain/walk.js';
import { packagePath } from '../../src/package-path.js';
import { namesOf } from '../../src/replay/prepare.js';
import type { PublishedPort } from '../../src/rules/publish.js';
import { printRules } from '../../src/rules/print.js';
import { type Frame, eth } from './frame.js';

export const EXAMPLE = readFileSync(packagePath('examples/publish.yaml'), 'utf8');
export const [WEB, FRONT] = ['02:42:0a:00:00:02', '02:42:0a:00:00:01'] as const;
export const [DB, BACK] = ['02:42:0a:01:00:02', '02:42:0a:01:00:01'] as const;
export const [HOST, ROUTER] = ['02:42:c0:a8:00:02', '02:00:00:00:00:01'] as const;
export const CLIENT = '203.0.113.9';
export const SYN = { flags: 2 };
/** The answer to such a SYN, of sequence number 1. */
export const SYN_ACK = { flags: 0x12, acknowledged: 2 };
const CLIENT_PORT = 41000;
const CALLING_PORT = 42000;

type Edits = readonly (readonly [from: string, to: string])[];

/** The example with some of its text replaced. */
export function edited(...edits: Edits): string {
  return edits.reduce((text, [from, to]) => {
    assert.ok(text.includes(from), from);
    return text.replace(from, to);
  }, EXAMPLE);
}

/** What is wrong with the example, edited. */
export function problems(...edits: Edits): string[] {
  try {
    planOf(parseConfig(edited(...edits), 'publish.yaml'));
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).problems.map(({ path, problem }) => `${path}: ${problem}`);
  }
  return [];
}

export class PublishRig {
  plan: Plan;
  readonly core: Core;
  private nowMs = 1000;

  constructor(...edits: Edits) {
    this.plan = planOf(parseConfig(edited(...edits), 'publish.yaml'));
    this.core = Core.create(this.plan.capacities, 7n);
    applyPlan(this.core, this.plan);
  }

  reload(...edits: Edits): this {
    const before = this.plan.zones.zones.map(({ config }) => config);
    const next = planOf(parseConfig(edited(...edits), 'publish.yaml', before), this.plan);
    applyPlan(this.core, next, this.plan);
    this.plan = next;
    return this;
  }

  walk(name: string, frame: Frame): Walk {
    const { index } = this.plan.ports.find(port => port.name === name)!;
    const at = { port: index, nowMs: this.nowMs++ };
    return walkFrame(this.core, frame.bytes(), at, namesOf(this.plan, this.core));
  }

  /** A SYN from outside. */
  ask(port: number, to = '192.168.0.2', from = CLIENT_PORT): Walk {
    return this.walk('eth0', eth(ROUTER, HOST).ipv4(CLIENT, to).tcp(from, port, SYN));
  }

  /** A SYN from the container in front, or from the one behind. */
  call(from: 'web' | 'db', to: string, port = 80): Walk {
    const [mac, gateway, ip] = from === 'web' ? [WEB, FRONT, '10.0.0.2'] : [DB, BACK, '10.1.0.2'];
    return this.walk(from, eth(mac, gateway).ipv4(ip, to).tcp(CALLING_PORT, port, SYN));
  }

  /** `CONTAINER:PORTS at HOST:PORTS`. */
  get published(): string[] {
    return this.zone.published.map(text);
  }

  get zone(): Plan['zones']['zones'][number]['config'] {
    return this.plan.zones.zones[0]!.config;
  }

  /** Rules of the zone, as `iptables-save` prints them. */
  rules(family: 'ipv4' | 'ipv6' = 'ipv4'): string {
    return printRules(this.zone.rules.find(({ set }) => set.family === family)!.set);
  }
}

function text({ containerIp, containerPorts, hostIp, hostPorts }: PublishedPort): string {
  const range = ({ first, last }: { first: number; last: number }): string =>
    first === last ? String(first) : `${first}-${last}`;
  const at = hostPorts === undefined ? 'itself' : `${hostIp}:${range(hostPorts)}`;
  return `${containerIp}:${range(containerPorts)} at ${at}`;
}

/** What rules decided about a packet, in their order: rules as `iptables-save` writes them. */
export function decisions({ steps }: Walk): string[] {
  return steps.flatMap(({ text }) => {
    const [, rule] = /: (-A .*): (?:Accept|Drop|Reject|Nat)$/.exec(text) ?? [];
    return rule === undefined ? [] : [rule];
  });
}

/** `PORT: SOURCE > DESTINATION` of what came out; else why nothing did, and by which rule. */
export function fate(walk: Walk): string {
  const [out] = walk.out;
  if (out !== undefined) {
    const ends = /ipv4 (\S+ > \S+) /.exec(out.summary)?.[1] ?? out.summary;
    return `${out.port}: ${ends}`;
  }
  const isByRule = walk.dropped.some(({ reason }) => reason === 'RuleDrop');
  return (isByRule ? decisions(walk).at(-1) : undefined) ?? walk.verdict;
}
