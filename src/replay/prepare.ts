/** From a configuration file to a core that is ready for captures. */
import { ConfigError } from '../config/config-error.js';
import { applyPlan } from '../config/apply.js';
import type { Config } from '../config/config.js';
import { type Plan, planOf } from '../config/plan.js';
import { Core } from '../core.js';
import type { Names } from '../explain/walk.js';
import { eachDomain } from '../config/plan-domains.js';
import { formatIp } from '../frame/address.js';
import type { CompiledPlace } from '../rules/compile.js';
import { ruleName } from '../rules/rule-name.js';
import { REPLAY_ARENA_BYTES, type ReplayInput } from './replay.js';

/** Of configurations that name none: every run of a replay is the same. */
const DEFAULT_SEED = 0x736c75696365n;

/** A configured core, with room for `inputs` captures. */
export function prepareCore(config: Config, inputs: number): { core: Core; plan: Plan } {
  const plan = planOf(config);
  return { core: coreOf(plan, inputs), plan };
}

/** A core as planned, with room for `inputs` captures. */
export function coreOf(plan: Plan, inputs: number): Core {
  const ArenaBytes = REPLAY_ARENA_BYTES * Math.max(1, inputs);
  const core = Core.create({ ...plan.capacities, ArenaBytes }, plan.seed ?? DEFAULT_SEED);
  applyPlan(core, plan);
  return core;
}

/** Inputs of `PORT=FILE` words; throws ConfigError for a port that is not configured. */
export function inputsOf(plan: Pick<Plan, 'ports'>, words: readonly string[]): ReplayInput[] {
  return words.map(word => {
    const at = word.indexOf('=');
    const name = word.slice(0, Math.max(at, 0));
    const port = plan.ports.find(port => port.name === name);
    if (at > 0 && port !== undefined) return { path: word.slice(at + 1), port: port.index };
    const known = plan.ports.map(port => port.name).join(', ');
    throw new ConfigError('--in', `expected PORT=FILE with a port of ${known}, got '${word}'`);
  });
}

/** Port names by index, holes where an index is free. */
export function portNames(plan: Pick<Plan, 'ports'>): (string | undefined)[] {
  const names: (string | undefined)[] = [];
  for (const port of plan.ports) names[port.index] = port.name;
  return Array.from(names);
}

/** What names are of. */
export type NamedPlan = Pick<Plan, 'ports' | 'segments' | 'capacities'> &
  Partial<Pick<Plan, 'zones'>>;

/** Names for walks; those of VTEPs are in the core. */
export function namesOf(plan: NamedPlan, core?: Core): Names {
  const { zones } = plan;
  const ports = portNames(plan);
  const domains = new Map<number, string>();
  for (const segment of plan.segments) {
    for (const [vid, domain] of eachDomain(segment.domains)) {
      domains.set(domain, vid === 0 ? segment.name : `${segment.name} vlan ${vid}`);
    }
  }
  const nobody = plan.capacities.Ports;
  const vtep = (index: number): string => {
    const ip = core?.overlays.vtep(index)?.ip;
    return ip === undefined ? `VTEP ${index}` : `VTEP ${formatIp(ip)}`;
  };
  const place = (index: number): string => {
    if (index > nobody) return vtep(index - nobody);
    return index === nobody ? 'no port' : `port ${index}`;
  };
  return {
    port: index => ports[index] ?? place(index),
    vtep,
    zone: index => nameOf(zones?.zones, index) ?? `zone ${index}`,
    iface: index => nameOf(zones?.interfaces, index) ?? `interface ${index}`,
    rule: counter =>
      (zones && ruleName(zones.rules, counter, place => ruleFile(zones, place))) ??
      `rule ${counter}`,
    service: index => serviceName(zones, index),
    backend: index => backendName(zones, index),
    domain: domain => domains.get(domain) ?? 'no domain',
  };
}

function serviceName(zones: Plan['zones'] | undefined, index: number): string {
  const found = zones?.services.find(service => service.index === index);
  return found?.name ?? `service ${index}`;
}

function backendName(zones: Plan['zones'] | undefined, index: number): string {
  for (const { backends } of zones?.services ?? []) {
    const found = backends.find(backend => backend.index === index);
    if (found !== undefined) return found.name;
  }
  return `backend ${index}`;
}

function nameOf(
  all: readonly { name: string; index: number }[] | undefined,
  index: number,
): string | undefined {
  return all?.find(one => one.index === index)?.name;
}

/** What the lines of a rule are lines of. */
function ruleFile({ zones }: Plan['zones'], place: CompiledPlace): string | undefined {
  const rules = zones.find(({ index }) => index === place.zone)?.config.rules;
  return rules?.find(({ set }) => set.family === place.family)?.file;
}
