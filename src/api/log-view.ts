/** What LOG and NFLOG rules have logged, by name. */
import type { Plan } from '../config/plan.js';
import type { LoggedPacket } from '../journal-record.js';
import { logLine } from '../rules/log-line.js';

export interface LogView {
  event: 'log';
  timeSec: number;
  zone: string;
  /** `filter FORWARD 3`: table, chain, number in it. */
  rule: string;
  /** Of LOG, as of syslog(3); null: NFLOG. */
  level: number | null;
  /** Of NFLOG; else null. */
  group: number | null;
  prefix: string;
  /** As Linux writes it. */
  line: string;
}

const MS_PER_SEC = 1000;

/** Undefined: the rule is no more. */
export function logView({ zones }: Plan, logged: LoggedPacket): LogView | undefined {
  const compiled = zones.rules.rules[logged.rule];
  const target = compiled?.rule.target;
  if (compiled === undefined || (target?.kind !== 'log' && target?.kind !== 'nflog')) {
    return undefined;
  }
  const iface = (number: number): string =>
    zones.interfaces.find(({ index }) => index + 1 === number)?.config.name ?? '';
  const isLog = target.kind === 'log';
  const prefix = isLog ? target.options.prefix : target.prefix;
  const { mark, frame, packet } = logged;
  const names = { in: iface(logged.in), out: iface(logged.out) };
  const flags = isLog ? target.options.flags : [];
  return {
    event: 'log',
    timeSec: logged.atMs / MS_PER_SEC,
    zone: zones.zones.find(({ index }) => index === logged.zone)?.name ?? '',
    rule: `${compiled.table} ${compiled.chain} ${compiled.index + 1}`,
    level: isLog ? target.options.level : null,
    group: isLog ? null : target.group,
    prefix,
    line: logLine({ prefix, flags, ...names, mark, frame, packet }),
  };
}
