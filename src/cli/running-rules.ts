/** The rules of a zone of a running switch, for commands. */
import type { Command } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { withAllTables } from '../config/live-rules.js';
import { nearest } from '../config/nearest.js';
import { parseRules } from '../rules/apply.js';
import type { Family, RuleSet, RuleTable } from '../rules/model.js';
import { TABLE_NAMES } from '../rules/tables.js';
import { type ClientOptions, connectTo, withClientOptions } from './connect.js';
import { ExitCode } from './exit.js';

export interface ZoneOptions extends ClientOptions {
  zone?: string;
  /** `-6`. */
  6?: boolean;
}

/** Options of all of these commands. */
export function withZoneOptions(command: Command): Command {
  return withClientOptions(
    command
      .option('--zone <name>', 'zone; default: the only one')
      .option('-6', 'rules of IPv6 (default: of IPv4)'),
  );
}

export function familyOf(options: ZoneOptions): Family {
  return options[6] === true ? 'ipv6' : 'ipv4';
}

/** The rules of a running switch, with their counters. */
export async function runningRules(options: ZoneOptions): Promise<{ zone: string; set: RuleSet }> {
  const family = familyOf(options);
  const { zone, text } = await connectTo(options).rules({ zone: options.zone, family });
  return { zone, set: parseRules({ text, family, file: `rules of zone ${zone}` }) };
}

/** Throws a usage error for a table that cannot be. */
export function tableNamed(set: RuleSet, name: string): RuleTable {
  const found = withAllTables(set).find(table => table.name === name);
  if (found !== undefined) return found;
  const meant = nearest(name, TABLE_NAMES);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  throw new ConfigError('-t', `expected one of ${TABLE_NAMES.join(', ')}, got ${name}${hint}`);
}

/** The answer is no, in the words of iptables. */
export function refuse(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = ExitCode.Difference;
}
