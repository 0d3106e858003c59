/** A copy of a running switch: its state to try things on, its plan for the names. */
import { ApiClient } from '../api/client.js';
import type { Plan, ZonesPlan } from '../config/plan.js';
import { Core } from '../core.js';
import { parseRules } from '../rules/apply.js';

/** The parts of a plan whose names and indexes survive JSON, which has no 64-bit numbers. */
export type LivePlan = Pick<Plan, 'ports' | 'segments' | 'capacities' | 'zones'>;

/** What happens to the copy does not happen to the switch. */
export async function liveSwitch(socketPath: string): Promise<{ core: Core; plan: LivePlan }> {
  const client = new ApiClient(socketPath);
  const plan = (await client.plan()) as LivePlan;
  return { core: Core.restore(await client.snapshot()), plan };
}

/** Its zones with their rule sets, whose bytes and numbers JSON has as text. */
export async function liveZones(socketPath: string, { zones }: LivePlan): Promise<ZonesPlan> {
  const client = new ApiClient(socketPath);
  const read = zones.zones.map(async zone => {
    const rules = zone.config.rules.map(async ({ set: { family }, file }) => {
      const { text } = await client.rules({ zone: zone.name, family });
      return { set: parseRules({ text, family, file }), file };
    });
    return { ...zone, config: { ...zone.config, rules: await Promise.all(rules) } };
  });
  return { ...zones, zones: await Promise.all(read) };
}
