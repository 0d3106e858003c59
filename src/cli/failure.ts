/** What errors say to the user, and to the caller's script. */
import { CommanderError } from 'commander';
import { ApiError } from '../api/api-error.js';
import { FilterError } from '../capture/filter.js';
import { ConfigError, type Problem } from '../config/config-error.js';
import { ExitCode } from './exit.js';

const NOT_FOUND = 404;
const BAD_REQUEST = 400;

export function exitCodeOf(error: Error): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Ok : ExitCode.Usage;
  if (error instanceof ConfigError || error instanceof FilterError) return ExitCode.Usage;
  if (!(error instanceof ApiError)) return ExitCode.Failure;
  if (error.status === NOT_FOUND) return ExitCode.Difference;
  return error.status === BAD_REQUEST ? ExitCode.Usage : ExitCode.Failure;
}

export function linesOf(error: Error): string[] {
  const isList = error instanceof ConfigError || error instanceof ApiError;
  const problems = isList ? error.problems : undefined;
  return problems === undefined ? [error.message] : problems.map(problemLine);
}

/** `net.yaml:12:7: ports.p1.vlan.vid: expected 1..4094, got 5000`. */
export function problemLine({ path, problem, place }: Problem): string {
  const where = place === path ? [place] : [place, path];
  return [...where, problem].filter(part => part !== undefined && part !== '').join(': ');
}
