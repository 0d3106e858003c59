/** Traffic over a lane, and what it came to. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { type Lane, SERVER_ADDRESS, type Tools } from './lanes.js';

/** What iperf3 needs of a lane: namespaces, and how to run a command in one. */
export interface End {
  readonly client: string;
  readonly server: string;
  readonly hosts: { exec(host: string, ...command: readonly string[]): Promise<string> };
}

const TCP_SECONDS = 2;
/** The first part of a stream, while it finds its speed, does not count. */
const OMIT_SECONDS = 0.5;
const UDP_SECONDS = 1;
const DATAGRAM_BYTES = 1400;
const TRIPS = 5000;
const TRIES = 50;
const RETRY_MS = 100;

interface IperfResult {
  error?: string;
  end: {
    sum_received?: { bits_per_second: number };
    sum?: { packets: number; lost_packets: number; seconds: number };
  };
}

/** Bits a second of one TCP stream. */
export async function tcpStream(lane: End): Promise<number> {
  const args = ['-t', String(TCP_SECONDS), '-O', String(OMIT_SECONDS)];
  const { end } = await iperf(lane, args);
  return end.sum_received!.bits_per_second;
}

/** Datagrams sent and lost at a rate. */
export async function udpAt(lane: Lane, perSec: number): Promise<{ sent: number; lost: number }> {
  const bits = perSec * DATAGRAM_BYTES * 8;
  const size = ['-l', String(DATAGRAM_BYTES), '-w', '2M', '-t', String(UDP_SECONDS)];
  const { end } = await iperf(lane, ['-u', '-b', String(Math.round(bits)), ...size]);
  return { sent: end.sum!.packets, lost: end.sum!.lost_packets };
}

/** One iperf3 run with a server of its own. */
async function iperf(lane: End, args: readonly string[]): Promise<IperfResult> {
  const server = inNetns(lane.server, 'iperf3', '-s', '-1', '-B', SERVER_ADDRESS);
  try {
    for (let tries = TRIES; ; tries--) {
      const result = await client(lane, args);
      if (result.error === undefined) return result;
      if (tries === 0) throw new Error(`iperf3: ${result.error}`);
      await pause(RETRY_MS);
    }
  } finally {
    server.kill('SIGTERM');
  }
}

async function client(lane: End, args: readonly string[]): Promise<IperfResult> {
  try {
    const json = await lane.hosts.exec(lane.client, 'iperf3', '-c', SERVER_ADDRESS, '-J', ...args);
    return JSON.parse(json) as IperfResult;
  } catch (error) {
    return JSON.parse((error as { stdout?: string }).stdout || '{"error":"failed"}') as IperfResult;
  }
}

/** Median round trip in nanoseconds. */
export async function roundTrip(lane: Lane, tools: Tools): Promise<number> {
  const program = tools.path('ping-pong');
  const server = inNetns(lane.server, program, 'server', SERVER_ADDRESS);
  try {
    await pause(RETRY_MS);
    return Number(
      await lane.hosts.exec(lane.client, program, 'client', SERVER_ADDRESS, `${TRIPS}`),
    );
  } finally {
    server.kill('SIGTERM');
  }
}

/** Per cent of a core that a process takes while nothing is sent. */
export async function idleCpu(pid: number, seconds: number): Promise<number> {
  const ticksPerSec = Number(execFileSync('getconf', ['CLK_TCK']));
  const before = ticksOf(pid);
  await pause(seconds * 1000);
  return (100 * (ticksOf(pid) - before)) / ticksPerSec / seconds;
}

/** User and system time of all threads, in clock ticks. */
function ticksOf(pid: number): number {
  let ticks = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    // The name, in parentheses, may hold anything; utime and stime are 12 and 13 behind it.
    const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks;
}

/** A program in a namespace; `ip netns exec` becomes it, so a signal reaches it. */
function inNetns(netns: string, ...command: readonly string[]): ChildProcess {
  return spawn('ip', ['netns', 'exec', netns, ...command], { stdio: 'ignore' });
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
