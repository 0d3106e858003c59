/** Traffic of a topology file. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Problem } from '../config/config-error.js';
import { show } from '../config/schema.js';
import { parseIp } from '../frame/address.js';
import { WordsError, frameFromWords } from '../frame/words.js';
import type { Schedule } from './flows.js';
import { type LoadContext, checkEnd, listText } from './load-context.js';
import type { RawFlow, RawSchedule, RawTopology } from './raw.js';
import {
  type CaptureTraffic,
  type FlowTraffic,
  type FrameTraffic,
  type NamedStation,
  type StreamTraffic,
  type Topology,
  nsOf,
} from './topology.js';

const FIRST_UDP_PORT = 5001;

function scheduleOf({ atMs, count, intervalMs }: RawSchedule): Schedule {
  return { atNs: nsOf(atMs), count, intervalNs: nsOf(intervalMs) };
}

export function loadFrames(raw: RawTopology, context: LoadContext): FrameTraffic[] {
  return raw.frames.map((frames, index) => {
    const path = `frames[${index}]`;
    const { port, words } = frames;
    checkEnd(`${path}.port`, port, context);
    const bytes = frameOf(`${path}.words`, words, context.problems);
    return { port, bytes, ...scheduleOf(frames) };
  });
}

function frameOf(path: string, words: string, problems: Problem[]): Uint8Array {
  try {
    return frameFromWords(words);
  } catch (error) {
    if (!(error instanceof WordsError)) throw error;
    problems.push({ path, problem: error.message });
    return new Uint8Array();
  }
}

export function loadCaptures(raw: RawTopology, context: LoadContext): CaptureTraffic[] {
  return raw.captures.map(({ port, file, atMs }, index) => {
    const path = `captures[${index}]`;
    checkEnd(`${path}.port`, port, context);
    const whole = resolve(context.folder, file);
    if (!statSync(whole, { throwIfNoEntry: false })?.isFile()) {
      const problem = `expected a capture, got ${show(file)}, which is no file`;
      context.problems.push({ path: `${path}.file`, problem });
    }
    return { port, file: whole, atNs: nsOf(atMs) };
  });
}

export function loadFlows(
  raw: RawTopology,
  stations: readonly NamedStation[],
  problems: Problem[],
): Pick<Topology, 'pings' | 'streams'> {
  const known = new Map(stations.map(station => [station.name, station]));
  const pings = Object.entries(raw.pings).map(([name, ping]) =>
    loadFlow(`pings.${name}`, name, ping, { known, problems }),
  );
  const ports = new UdpPorts();
  for (const { to, udpPort } of Object.values(raw.streams)) ports.reserve(to, udpPort);
  const streams = Object.entries(raw.streams).map(([name, stream]): StreamTraffic => {
    const path = `streams.${name}`;
    const flow = loadFlow(path, name, stream, { known, problems });
    const { to: receiver, udpPort } = stream;
    if (udpPort !== undefined && ports.isTaken(receiver, udpPort)) {
      const problem = `expected a port of its own at ${receiver}, got ${udpPort}`;
      problems.push({ path: `${path}.udpPort`, problem });
    }
    return { ...flow, receiver, udpPort: udpPort ?? ports.free(receiver) };
  });
  return { pings, streams };
}

/** UDP ports of receivers. */
class UdpPorts {
  private readonly uses = new Map<string, number>();

  reserve(receiver: string, port: number | undefined): void {
    if (port === undefined) return;
    const key = `${receiver} ${port}`;
    this.uses.set(key, (this.uses.get(key) ?? 0) + 1);
  }

  isTaken(receiver: string, port: number): boolean {
    return (this.uses.get(`${receiver} ${port}`) ?? 0) > 1;
  }

  free(receiver: string): number {
    let port = FIRST_UDP_PORT;
    while (this.uses.has(`${receiver} ${port}`)) port++;
    this.reserve(receiver, port);
    return port;
  }
}

interface FlowContext {
  known: ReadonlyMap<string, NamedStation>;
  problems: Problem[];
}

function loadFlow(path: string, name: string, flow: RawFlow, context: FlowContext): FlowTraffic {
  const { from, sizeBytes, df } = flow;
  const sender = stationOf(`${path}.from`, from, context);
  const to = addressOf(path, flow, sender, context);
  return { name, from, to, sizeBytes, df, ...scheduleOf(flow) };
}

function stationOf(
  path: string,
  name: string,
  { known, problems }: FlowContext,
): NamedStation | undefined {
  const station = known.get(name);
  if (station === undefined) {
    const problem = `expected ${listText([...known.keys()])}, got ${show(name)}`;
    problems.push({ path, problem });
  }
  return station;
}

/** Where a flow goes: the address given, or the receiver's first of a family both have. */
function addressOf(
  path: string,
  { to, address }: RawFlow,
  sender: NamedStation | undefined,
  context: FlowContext,
): Uint8Array {
  const { problems } = context;
  const receiver = to === undefined ? undefined : stationOf(`${path}.to`, to, context);
  const none = new Uint8Array();
  if (to === undefined && address === undefined) {
    problems.push({ path: `${path}.to`, problem: 'expected a station or an address, got nothing' });
    return none;
  }
  if (sender === undefined || (to !== undefined && receiver === undefined)) return none;
  const isReachable = (ip: Uint8Array): boolean =>
    sender.ips.some(({ length }) => length === ip.length);
  if (address !== undefined) {
    const ip = parseIp(address);
    if (ip !== undefined && isReachable(ip)) return ip;
    const problem = `expected an IP address of a family that ${sender.name} has`;
    problems.push({ path: `${path}.address`, problem: `${problem}, got ${show(address)}` });
    return none;
  }
  const found = receiver!.ips.find(isReachable);
  if (found !== undefined) return found;
  const problem = `expected a station with an address of a family that ${sender.name} has`;
  problems.push({ path: `${path}.to`, problem: `${problem}, got ${to}` });
  return none;
}
