/** `sluice explain`: one packet's way, told by the code that decided it. */
import { Command, InvalidArgumentError } from 'commander';
import { ConfigError } from '../../config/config-error.js';
import { loadConfig } from '../../config/load.js';
import type { Core } from '../../core.js';
import { walkMermaid, walkText, whyNotText } from '../../explain/render.js';
import { type Walk, walkFrame } from '../../explain/walk.js';
import { type WhyNot, whyNot } from '../../explain/why-not.js';
import { WordsError, frameFromWords } from '../../frame/words.js';
import { inputsOf, namesOf, portNames, prepareCore } from '../../replay/prepare.js';
import { replay } from '../../replay/replay.js';
import { collect } from '../collect.js';
import { ExitCode } from '../exit.js';
import { type LivePlan, liveSwitch, liveZones } from '../live.js';

/** null: no rule refused the packet. */
type Told = Walk & { whyNot?: WhyNot | null };

interface Options {
  config?: string;
  socket?: string;
  in: string[];
  packet?: number;
  from?: string;
  json?: boolean;
  mermaid?: boolean;
  whyNot?: boolean;
}

const HELP = `
With --in and --packet the captures run up to that packet, counted from 1, so that it meets
the state it met then. With words it meets a switch that just started (-c) or a copy of the
state of a running one (--socket), which is not changed.

  eth SRC→DST [vlan VID[,PRIORITY]] [arp A→B | ipv4 A→B | ipv6 A→B]
      [udp P→P | tcp P→P [syn,ack,…] | icmp] [type N] [ttl N] [length BYTES]

--why-not names, for a packet that rules refuse, the rule or policy that decided, the rule that
comes closest to accepting it, and what of that one does not apply; for frames in words.

Examples:
  sluice explain -c net.yaml --in p1=traffic.pcapng --packet 7
  sluice explain -c net.yaml --from p1 'eth 02::1->02::2 vlan 10'
  sluice explain --socket /run/sluice/net.sock --from p1 \\
      'eth 02:00:00:00:00:01→02:00:00:00:00:02 ipv4 10.0.0.2→10.0.0.3 udp 1→2' --mermaid`;

export function explainCommand(): Command {
  return new Command('explain')
    .description('show every decision about one packet')
    .argument('[words...]', 'the frame, in words')
    .option('-c, --config <file>', 'configuration (YAML)')
    .option('--socket <path>', 'a running switch instead')
    .option('--in <port=file>', 'capture that comes in at a port; repeatable', collect, [])
    .option('--packet <n>', 'which packet of the captures, from 1', parsePacket)
    .option('--from <port>', 'where the frame in words comes in')
    .option('--json', 'print the walk as JSON')
    .option('--why-not', 'which rule refused it, and which came closest to let it pass')
    .option('--mermaid', 'print the walk as a Mermaid diagram')
    .addHelpText('after', HELP.replaceAll('02::1->02::2', '02:00:00:00:00:01->02:00:00:00:00:02'))
    .action(async (words: string[], options: Options) => {
      const walk =
        options.in.length > 0 ? await fromCapture(options) : await fromWords(words, options);
      process.stdout.write(`${render(walk, options)}\n`);
      process.exitCode = ExitCode.Ok;
    });
}

function parsePacket(text: string): number {
  const packet = Number(text);
  if (Number.isInteger(packet) && packet > 0) return packet;
  throw new InvalidArgumentError('Expected a number from 1.');
}

function render(walk: Told, options: Options): string {
  if (options.json) return JSON.stringify(walk);
  if (options.mermaid) return walkMermaid(walk);
  const { whyNot: why } = walk;
  return why === undefined ? walkText(walk) : `${walkText(walk)}\n\n${whyNotText(why)}`;
}

async function fromCapture(options: Options): Promise<Told> {
  if (options.whyNot) throw new ConfigError('--why-not', 'expected a frame in words, got --in');
  if (options.config === undefined)
    throw new ConfigError('-c', 'expected a configuration, got none');
  if (options.packet === undefined)
    throw new ConfigError('--packet', 'expected a number, got none');
  const { core, plan } = prepareCore(loadConfig(options.config), options.in.length);
  const inputs = inputsOf(plan, options.in);
  let walk: Walk | undefined;
  const names = namesOf(plan, core);
  const summary = await replay(core, {
    inputs,
    ports: portNames(plan),
    traced: { packet: options.packet, names, onWalk: found => (walk = found) },
  });
  if (walk !== undefined) return walk;
  throw new ConfigError('--packet', `expected 1..${summary.packets}, got ${options.packet}`);
}

async function fromWords(words: readonly string[], options: Options): Promise<Told> {
  const frame = frameOf(words.join(' '));
  const { core, plan } = await stateOf(options);
  const port = plan.ports.find(({ name }) => name === options.from);
  if (port === undefined) {
    const known = plan.ports.map(({ name }) => name).join(', ');
    throw new ConfigError('--from', `expected one of ${known}, got ${options.from ?? 'none'}`);
  }
  const [at, names] = [{ port: port.index, nowMs: core.nowMs }, namesOf(plan, core)];
  if (!options.whyNot) return walkFrame(core, frame, at, names);
  const zones = options.socket === undefined ? plan.zones : await liveZones(options.socket, plan);
  const why = whyNot(core, { frame, at, names, zones }) ?? null;
  return { ...walkFrame(core, frame, at, names), whyNot: why };
}

function frameOf(words: string): Uint8Array {
  try {
    return frameFromWords(words);
  } catch (error) {
    if (error instanceof WordsError) throw new ConfigError('frame', error.message);
    throw error;
  }
}

/** A core to try the frame on: a new one, or a copy of a running one. */
async function stateOf(options: Options): Promise<{ core: Core; plan: LivePlan }> {
  if (options.socket !== undefined) return liveSwitch(options.socket);
  if (options.config !== undefined) return prepareCore(loadConfig(options.config), 1);
  throw new ConfigError('explain', 'expected -c FILE or --socket PATH, got neither');
}
