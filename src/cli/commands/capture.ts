/** `sluice capture`: frames of a running switch as they pass. */
import { Command } from 'commander';
import type { ApiClient, CaptureLine } from '../../api/client.js';
import type { FrameView } from '../../api/views.js';
import { compileFilter } from '../../capture/filter.js';
import { summarize } from '../../frame/dissect.js';
import { CaptureFile } from '../capture-file.js';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { printJsonLine, printLine } from '../output.js';
import { positiveNumber, wholeNumber } from '../parse.js';

interface Options extends ClientOptions {
  write?: string;
  count?: number;
  snap?: number;
}

const DROPS = 'drops';
const NS_PER_MS = 1_000_000n;
const NS_DIGITS = 9;
const NS_PER_SEC = 1_000_000_000n;
const SECONDS_END = -5; // of an ISO time, before the milliseconds

const HELP = `
A port shows what it received and sent; "drops" shows what any port dropped, and why.
The filter is a part of tcpdump's language:
  ether host|src|dst MAC, broadcast, multicast, vlan [N]
  arp, ip, ip6, icmp, icmp6, tcp, udp
  [src|dst] host IP, src IP, dst IP, [src|dst] port N
  and, or, not, ( )
Tags are looked through: port 80 finds tagged frames too.

Examples:
  sluice capture web
  sluice capture web -c 10 'tcp port 80 and not host 10.0.0.1'
  sluice capture web -w web.pcapng
  sluice capture drops --json`;

export function captureCommand(): Command {
  return withClientOptions(new Command('capture'))
    .description('show or save frames as they pass')
    .argument('<port>', 'name of a port, or "drops"')
    .argument('[filter...]', 'which frames; default: all')
    .option('-w, --write <file>', 'write pcapng; - is standard output')
    .option('-c, --count <n>', 'end after so many frames', positiveNumber)
    .option('--snap <bytes>', 'keep so many bytes of a frame', wholeNumber)
    .addHelpText('after', HELP)
    .action(capture);
}

async function capture(port: string, words: string[], options: Options): Promise<void> {
  const filter = words.join(' ');
  compileFilter(filter); // a wrong one is a usage error, whatever the switch says
  const client = connectTo(options);
  const place = port === DROPS ? { drops: 1 } : { port };
  const lines = client.capture({ ...place, filter, snapBytes: options.snap });
  const sink = options.write === undefined ? undefined : await openFile(client, options.write);
  const totals = { frames: 0, lostFrames: 0 };
  const interrupted = new Promise<undefined>(resolve => {
    process.once('SIGINT', () => resolve(undefined));
    process.once('SIGTERM', () => resolve(undefined));
  });
  try {
    while (totals.frames < (options.count ?? Infinity)) {
      const next = await Promise.race([lines.next(), interrupted]);
      if (next === undefined || next.done) break;
      take(next.value, totals, frame => show(frame, sink, options.json ?? false));
    }
  } finally {
    sink?.close();
  }
  summarise(totals);
  // Ends the request even while it waits for a frame.
  process.exit();
}

async function openFile(client: ApiClient, path: string): Promise<CaptureFile> {
  const ports = await client.ports();
  return new CaptureFile(
    path,
    ports.map(port => port.name),
  );
}

function take(
  line: CaptureLine,
  totals: { frames: number; lostFrames: number },
  onFrame: (frame: FrameView) => void,
): void {
  if (!('data' in line)) {
    totals.lostFrames += line.lostFrames;
    return;
  }
  totals.frames++;
  onFrame(line);
}

function show(frame: FrameView, sink: CaptureFile | undefined, json: boolean): void {
  if (sink !== undefined) return sink.write(frame);
  if (json) return printJsonLine(frame);
  const { port, direction, reason } = frame;
  const what = direction === 'drop' ? `drop ${reason}` : direction;
  const bytes = Buffer.from(frame.data, 'base64');
  printLine(`${timeText(BigInt(frame.stampNs))} ${port ?? '?'} ${what} ${summarize(bytes)}`);
}

function summarise({ frames, lostFrames }: { frames: number; lostFrames: number }): void {
  const lost = lostFrames > 0 ? `, ${lostFrames} lost` : '';
  process.stderr.write(`${frames} frames captured${lost}\n`);
}

/** `2026-01-02T03:04:05.123456789Z`. */
function timeText(stampNs: bigint): string {
  const seconds = new Date(Number(stampNs / NS_PER_MS)).toISOString().slice(0, SECONDS_END);
  const fraction = (stampNs % NS_PER_SEC).toString().padStart(NS_DIGITS, '0');
  return `${seconds}.${fraction}Z`;
}
