/**
 * The command line. A command is a file in commands/ and a line in `COMMANDS`; it returns
 * by setting `process.exitCode` and fails by throwing. What an error means for the exit
 * code is decided here.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { packagePath } from '../package-path.js';
import { captureCommand } from './commands/capture.js';
import { checkCommand } from './commands/check.js';
import { completionCommand } from './commands/completion.js';
import { ctCommand } from './commands/ct.js';
import { dropsCommand } from './commands/drops.js';
import { explainCommand } from './commands/explain.js';
import { fdbCommand } from './commands/fdb.js';
import { fwCommand } from './commands/fw.js';
import { lbCommand } from './commands/lb.js';
import { monitorCommand } from './commands/monitor.js';
import { neighCommand } from './commands/neigh.js';
import { portCommand } from './commands/port.js';
import { replayCommand } from './commands/replay.js';
import { routeCommand } from './commands/route.js';
import { runCommand } from './commands/run.js';
import { segmentCommand } from './commands/segment.js';
import { simulateCommand } from './commands/simulate.js';
import { statsCommand } from './commands/stats.js';
import { vlanCommand } from './commands/vlan.js';
import { vtepCommand } from './commands/vtep.js';
import { zoneCommand } from './commands/zone.js';
import { ExitCode } from './exit.js';
import { exitCodeOf, linesOf } from './failure.js';

/** In the order of the help. */
const COMMANDS: (() => Command)[] = [
  runCommand,
  checkCommand,
  replayCommand,
  explainCommand,
  simulateCommand,
  portCommand,
  segmentCommand,
  vlanCommand,
  fdbCommand,
  neighCommand,
  vtepCommand,
  zoneCommand,
  routeCommand,
  ctCommand,
  fwCommand,
  lbCommand,
  statsCommand,
  dropsCommand,
  captureCommand,
  monitorCommand,
  () => completionCommand(buildProgram),
];

const HELP = `
Exit codes:
  0  done
  1  a difference, or the answer is no (no such entry, port or segment)
  2  the command line or the configuration is wrong; nothing was done
  3  it was tried, and failed

Commands that talk to a running switch find its control socket by --socket, by
$SLUICE_SOCKET, or in /run/sluice if there is only one.

Examples:
  sluice check net.yaml
  sluice run -c net.yaml
  sluice port show
  sluice fdb show --port web
  sluice capture web -w web.pcapng 'tcp port 80'`;

export function buildProgram(): Command {
  const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as {
    version: string;
  };
  const program = new Command('sluice')
    .description('a userspace packet dataplane for container networks')
    .version(version)
    // Options behind a command are its own: lb has some, and so have its commands.
    .enablePositionalOptions()
    .addHelpText('after', HELP);
  for (const make of COMMANDS) program.addCommand(make());
  throwInsteadOfExit(program);
  return program;
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}

/** `argv` as of `process`. Sets `process.exitCode`. */
export async function runCli(argv: readonly string[]): Promise<void> {
  // A reader such as `head` has seen enough: that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? ExitCode.Ok : ExitCode.Failure);
  });
  try {
    await buildProgram().parseAsync(argv);
  } catch (error) {
    // Commander has said what it had to say.
    if (!(error instanceof CommanderError)) {
      for (const line of linesOf(error as Error)) process.stderr.write(`sluice: ${line}\n`);
    }
    process.exitCode = exitCodeOf(error as Error);
  }
}
