/** Exit codes that scripts can trust; `sluice --help` prints them. */
export enum ExitCode {
  Ok = 0,
  /** A difference, or the answer is no. */
  Difference = 1,
  /** The command line or the configuration is wrong; nothing was done. */
  Usage = 2,
  /** It was tried, and failed. */
  Failure = 3,
}
