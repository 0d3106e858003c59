/** One thing that is wrong with a configuration. */
export interface Problem {
  /** `ports.p1.vlan.vid`, `segments.lan.fdb[0].mac`; '' for the file as a whole. */
  path: string;
  /** `expected 1..4094, got 5000`. */
  problem: string;
  /** Where in which file: `net.yaml:12:7`; absent for what did not come from a file. */
  place?: string;
}

/** A configuration that cannot be used. Nothing has been changed. */
export class ConfigError extends Error {
  /** `problems`: all that is wrong, in the order found, if it is more than one thing. */
  constructor(
    path: string,
    problem: string,
    readonly problems: readonly Problem[] = [{ path, problem }],
  ) {
    super(problems.map(lineOf).join('\n'));
    this.name = 'ConfigError';
  }

  /** Throws all problems as one error, if there are any. */
  static throwIfAny(problems: readonly Problem[]): void {
    const [first] = problems;
    if (first !== undefined) throw new ConfigError(first.path, first.problem, problems);
  }
}

function lineOf({ path, problem }: Problem): string {
  return path === '' ? problem : `${path}: ${problem}`;
}
