/** Rules of zones over the API, as texts of iptables-save. */
import { changeRules, liveRuleSet } from '../config/live-rules.js';
import type { Plan } from '../config/plan.js';
import type { PlannedZone } from '../config/plan-zones.js';
import type { Family } from '../rules/model.js';
import { printRules } from '../rules/print.js';
import type { Switch } from '../switch.js';
import { ApiError } from './api-error.js';
import { zoneNamed } from './names.js';
import type { ApiRequest, Body } from './request.js';

export interface RulesView {
  zone: string;
  family: Family;
  /** Text of `iptables-save -c`. */
  text: string;
}

export interface RulesResult {
  zone: string;
  family: Family;
  /** Rules of the family in the zone, after the change. */
  rules: number;
  /** False: it was only tried. */
  changed: boolean;
}

const MOST_TEXT_BYTES = 64 << 20;

/** One family of one zone, with counters as of one moment. */
export async function showRules(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery('zone', 'family');
  const family = familyOf(request.text('family'));
  const live = await target.liveRules();
  const zone = zoneOf({ zones: live.zones }, request.text('zone'));
  const set = liveRuleSet(live, zone, family);
  const view: RulesView = { zone: zone.name, family, text: printRules(set, { counters: true }) };
  request.json(view);
}

/** As `iptables-restore`: all tables of the text or, when anything is wrong, none. */
export async function restoreRules(target: Switch, request: ApiRequest): Promise<void> {
  const body = await request.bodyOf(
    MOST_TEXT_BYTES,
    ...['zone', 'family', 'text', 'file', 'noflush', 'counters', 'test'],
  );
  const { text, file = 'text' } = body;
  if (typeof text !== 'string') throw new ApiError(400, 'text: expected rules, got none');
  if (typeof file !== 'string') throw new ApiError(400, 'file: expected a name');
  const family = familyOf(body['family']);
  const [noflush, counters, test] = [
    flagOf(body, 'noflush'),
    flagOf(body, 'counters'),
    flagOf(body, 'test'),
  ];
  const name = body['zone'];
  let result: RulesResult | undefined;
  await target.changeRules(live => {
    const zone = zoneOf({ zones: live.zones }, name);
    const change = { zone, family, text, file, noflush, counters };
    const changed = changeRules(live, change, target.plan.capacities);
    const own = changed.zones.rules.rules.filter(
      rule => rule.zone === zone.index && rule.family === family,
    );
    result = { zone: zone.name, family, rules: own.length, changed: !test };
    return test ? undefined : changed;
  });
  request.json(result);
}

function familyOf(value: unknown): Family {
  if (value === undefined || value === 'ipv4') return 'ipv4';
  if (value === 'ipv6') return 'ipv6';
  throw new ApiError(400, `family: expected ipv4 or ipv6, got ${String(value)}`);
}

export function flagOf(body: Body, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw new ApiError(400, `${name}: expected true or false, got ${String(value)}`);
}

/** The zone of that name; without a name the only one there is. */
export function zoneOf(plan: Pick<Plan, 'zones'>, name: unknown): PlannedZone {
  const { zones } = plan.zones;
  if (name === undefined && zones.length === 1) return zones[0]!;
  if (typeof name === 'string') return zoneNamed(plan, name);
  const names = zones.length === 0 ? 'none is configured' : zones.map(zone => zone.name).join(', ');
  throw new ApiError(400, `zone: expected a name (${names}), got ${String(name ?? 'nothing')}`);
}
