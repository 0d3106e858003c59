/** A copy of a running switch: its state to try things on, its plan for the names. */
import { ApiClient } from '../api/client.js';
import type { Plan } from '../config/plan.js';
import { Core } from '../core.js';

/** The parts of a plan whose names and indexes survive JSON, which has no 64-bit numbers. */
export type LivePlan = Pick<Plan, 'ports' | 'segments' | 'capacities' | 'zones'>;

/** What happens to the copy does not happen to the switch. */
export async function liveSwitch(socketPath: string): Promise<{ core: Core; plan: LivePlan }> {
  const client = new ApiClient(socketPath);
  const plan = (await client.plan()) as LivePlan;
  return { core: Core.restore(await client.snapshot()), plan };
}
