/** `sluice run`: the live switch. */
import { once } from 'node:events';
import { Command } from 'commander';
import { ApiServer } from '../../api/server.js';
import { dropsView, statsView } from '../../api/views.js';
import { loadConfig } from '../../config/load.js';
import type { Plan } from '../../config/plan.js';
import type { RawCounters } from '../../loop-messages.js';
import { type PlanChange, Switch } from '../../switch.js';
import { defaultSocket } from '../connect.js';
import { ExitCode } from '../exit.js';
import { linesOf } from '../failure.js';
import { printJsonLine, printLine } from '../output.js';
import { wholeNumber } from '../parse.js';
import { statsText } from './stats.js';

interface Options {
  config: string;
  socket?: string;
  spinUs?: number;
  json?: boolean;
}

const HELP = `
Signals:
  SIGHUP            read the file again and change to it, all of it or nothing, without
                    losing a frame
  SIGTERM, SIGINT   end, with a summary; devices go with the process

The control socket is --socket, or what the file says, or /run/sluice/NAME.sock.
With --json every event is an object on a line of its own, the summary is the last.

Examples:
  sluice run -c net.yaml
  sluice run -c net.yaml --socket /tmp/net.sock --json
  kill -HUP $(pgrep -f 'sluice run')`;

export function runCommand(): Command {
  return new Command('run')
    .description('run the live switch')
    .requiredOption('-c, --config <file>', 'configuration (YAML)')
    .option('--socket <path>', 'control socket')
    .option('--spin-us <n>', 'poll so long after the last frame before sleeping', wholeNumber)
    .option('--json', 'print events as JSON')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
}

async function run(options: Options): Promise<ExitCode> {
  const config = loadConfig(options.config);
  const report = new Reporter(options.json ?? false);
  const ending = firstSignal();
  const made = await Switch.start(config, { spinUs: options.spinUs });
  const path = options.socket ?? config.control ?? defaultSocket(config.name);
  const reload = (): Promise<PlanChange> =>
    made.reload(running => loadConfig(options.config, running));
  let api: ApiServer;
  try {
    api = await ApiServer.listen(path, { target: made, reload });
  } catch (error) {
    await made.stop();
    throw error;
  }
  report.follow(made);
  const failed = once(made, 'failed').then(([error]) => error as Error);
  const onHangup = (): void => void reload().catch(error => report.refused(error as Error));
  process.on('SIGHUP', onHangup);
  report.started(made.plan, path);
  const end = await Promise.race([ending, failed]);
  process.off('SIGHUP', onHangup);
  await api.close();
  if (end instanceof Error) throw end;
  report.ended(end, made.plan, await made.stop());
  return ExitCode.Ok;
}

/** Installed before anything starts, so that none is missed; a second signal kills. */
function firstSignal(): Promise<string> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
    // Without a handler the signal would end a switch that is just starting.
    process.on('SIGHUP', () => undefined);
  });
}

/** What happens, as lines. */
class Reporter {
  constructor(private readonly json: boolean) {}

  private say(event: string, text: string, details: object): void {
    const time = new Date().toISOString();
    if (this.json) printJsonLine({ time, event, ...details });
    else printLine(`${time} ${text}`);
  }

  follow(made: Switch): void {
    made.on('gone', (port, error) => {
      this.say('gone', `port ${port} is gone (${error}); the others go on`, { port, error });
    });
    made.on('reloaded', change => {
      const parts = Object.entries(change)
        .filter(([, names]) => names.length > 0)
        .map(([what, names]) => `${what} ${(names as string[]).join(', ')}`);
      this.say('reloaded', `reloaded${parts.map(part => `; ${part}`).join('')}`, { change });
    });
  }

  started(plan: Plan, socket: string): void {
    const { name, ports, segments } = plan;
    const text = `${name} runs: ${ports.length} ports, ${segments.length} segments, ${socket}`;
    this.say('started', text, { name, socket, pid: process.pid });
  }

  refused(error: Error): void {
    const lines = linesOf(error);
    const text = ['reload refused, nothing changed:', ...lines].join('\n  ');
    this.say('refused', text, { problems: lines });
  }

  ended(signal: string, plan: Plan, counters: RawCounters): void {
    const stats = statsView(plan, counters);
    const drops = dropsView(plan, counters);
    const reasons = Object.entries(drops.total).map(([reason, count]) => `${reason} ${count}`);
    const text = `ended by ${signal}\n\n${statsText(stats)}`;
    const more = reasons.length === 0 ? '' : `\ndropped: ${reasons.join(', ')}`;
    this.say('ended', `${text}${more}`, { signal, stats, drops });
  }
}
