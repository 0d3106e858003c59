/**
 * The kernel's router and ours side by side: the same rules, the same frames, and what comes
 * out must be the same, whichever ports the two choose where a port is not kept.
 */
import { isDeepStrictEqual } from 'node:util';
import { summarize } from '../../src/frame/dissect.js';
import { parseIp } from '../../src/frame/address.js';
import { InterfaceOption, ReversePath, ZoneOption } from '../../assembly/zone-abi.js';
import { Frame, hex, macNumber } from './frame.js';
import { type Came, KernelRouter, type Side } from './netfilter.js';
import { type Names, type Seen, portsOf, seen } from './netfilter-seen.js';
import { INSIDE, OUTSIDE, ZoneRig } from './zone-rig.js';

/**
 * Of the comparisons with a kernel, whose differences from ours are not all known: a seed that
 * passes is kept, so that a new difference is one that a change made. $SLUICE_SEED tries others.
 */
export const USUAL_SEED = 11;

export const LANES = ['kernel', 'ours'] as const;
export type Lane = (typeof LANES)[number];
export type Stimulus = Frame | Uint8Array;
export type { Side };

const PORTS = { in: INSIDE.port, out: OUTSIDE.port };
export const ROUTER_MAC = { in: INSIDE.mac, out: OUTSIDE.mac };
const OWN = [INSIDE, OUTSIDE].map(({ address }) => address.split('/')[0]!);
/** Who is where. The last octet of a MAC address is that of the IP address. */
export const HOSTS = {
  in: ['10.0.1.2', '10.0.1.3', '10.0.1.9'],
  out: ['203.0.113.2', '203.0.113.3', '203.0.113.254'],
} as const;
/** What is meant to differ, and why. `setAside` and the tests hold ours to it. */
export const DIFFERENCES = {
  'own id':
    'what a router says itself never has to be put together: DF and an id of 0 (RFC 6864 §4.1)',
  'quoted ttl':
    'errors quote the packet as it came in, not one hop less or with another TOS (RFC 1812 §4.3.2.7 allows both)',
  'exact numbers':
    'a SYN must be answered with the right acknowledgment and a reset be at the exact place, also where windows are not checked (RFC 5961 §3): the kernel, told not to check them, takes both as they come',
  'last end':
    'where windows are checked a reset right behind all that its sender has sent ends a connection, if that sender spoke last; the kernel asks that it be right behind the last segment, also if that was an old one',
  'said again':
    'segments of one end in a row that say nothing new are counted as sent again; the kernel counts those that are the same',
  rounded:
    'the largest window of an end is known to one part in 1024: what is beyond the window by just so much may pass',
  reopened:
    'a SYN of who called begins anew where a connection is over; the kernel passes some as part of the old one, which is then in the way of the answer',
  'same port':
    'a port that had to be changed is changed for that flow alone; the kernel tries it first for other flows of the same sender too',
  'cut checksum':
    'the checksum in a quote that ends behind it, but within the TCP header, follows the ports; the kernel leaves it',
  untranslated:
    'where a zone translates, what is invalid is dropped; the kernel lets it out with its private source, or answers it itself (conformance §2.12)',
  fragments:
    'what came in fragments and fits is sent whole, and cut as long as the way takes; the kernel sends the pieces it got (RFC 791 §3.2 allows both)',
  'own tos':
    'errors are of class CS6 and nothing else: bits of the old TOS are not taken over (RFC 2474)',
} as const;
const L2 = 14;
const OWN_TOS = 0xc0;
const SOURCE_AT = 12;
/** The pace of our time: its limits let a hundred ICMP errors a second pass (too-big.ts). */
const STEP_MS = 1;
const ERROR_STEP_MS = 10;
const WELL_KNOWN = 1024;
const REMEMBERED = 12;

export function macOf(ip: string): string {
  const octets = ip.split('.').map(part => Number(part).toString(16).padStart(2, '0'));
  return `02:00:${octets.join(':')}`;
}

export interface PairOptions {
  rules?: string;
  /** Destination, and the word of `ip route` for it. */
  routes?: readonly (readonly [to: string, kind: 'blackhole' | 'unreachable' | 'prohibit'])[];
  outsideMtuBytes?: number;
  /** Room for so many of ours. */
  flows?: number;
  /** false: TCP windows are checked. */
  liberal?: boolean;
  reversePath?: ReversePath;
}

export interface Answer {
  kernel: Came[];
  ours: Came[];
  /** Why ours dropped it. */
  dropped: string[];
}

/** Values of the kernel's rp_filter. */
const RP_FILTER = { [ReversePath.Off]: 0, [ReversePath.Strict]: 1, [ReversePath.Loose]: 2 };
const ROUTE_KINDS = { blackhole: 2, unreachable: 3, prohibit: 4 } as const; // RouteKind

export class Pair {
  private readonly names: Record<Lane, Names> = { kernel: new Map(), ours: new Map() };
  private readonly history: string[] = [];
  /** Stimuli, and how many of them came out somewhere. */
  readonly counts = { sent: 0, out: 0, named: 0, leaks: 0 };
  private translates = false;

  private constructor(
    readonly kernel: KernelRouter,
    readonly rig: ZoneRig,
  ) {}

  static async start(options: PairOptions): Promise<Pair> {
    const { rules, routes = [], outsideMtuBytes = 1500, liberal = true, flows = 1024 } = options;
    const { reversePath = ReversePath.Off } = options;
    const known = (side: Side) => HOSTS[side].map(ip => [ip, macOf(ip)] as const);
    const kernel = await KernelRouter.start({
      neighbours: { in: known('in'), out: known('out') },
      routes: routes.map(([to, kind]) => `${kind} ${to}`),
      mtuBytes: { out: outsideMtuBytes },
      liberal,
      reversePath: RP_FILTER[reversePath],
    });
    const rig = ZoneRig.router({ sizes: { Flows: flows } });
    rig.core.zones.configure(0, ZoneOption.Liberal, Number(liberal));
    rig.core.zones.configure(0, ZoneOption.ReversePath, reversePath);
    for (const side of ['in', 'out'] as const) {
      for (const [ip, mac] of known(side)) {
        rig.settle(PORTS[side], mac, ip);
        rig.core.zones.setNeighbour(rig.indexOf(side), parseIp(ip)!, macNumber(mac));
      }
    }
    rig.core.zones.configureInterface(
      rig.indexOf('out'),
      InterfaceOption.MtuBytes,
      outsideMtuBytes,
    );
    for (const [to, kind] of routes) rig.route(to, { kind: ROUTE_KINDS[kind] });
    const pair = new Pair(kernel, rig);
    if (rules !== undefined) pair.rules(rules);
    return pair;
  }

  /** Runs `use` with a pair, which is closed whatever happens. */
  static async with(options: PairOptions, use: (pair: Pair) => Promise<void>): Promise<void> {
    const pair = await Pair.start(options);
    try {
      await use(pair);
    } finally {
      await pair.kernel.close();
    }
  }

  rules(text: string): void {
    this.translates = text.includes('*nat');
    this.kernel.rules(text);
    this.rig.rules(text);
  }

  /** The frames out of both for a frame in; `stimulus` may depend on what a lane chose before. */
  async send(side: Side, stimulus: Stimulus | ((lane: Lane) => Stimulus)): Promise<Answer> {
    const [theirs, own] = LANES.map(lane => {
      const made = typeof stimulus === 'function' ? stimulus(lane) : stimulus;
      return made instanceof Frame ? made.bytes() : made;
    }) as [Uint8Array, Uint8Array];
    const kernel = await this.kernel.send(side, theirs);
    const { sent, dropped } = this.rig.send(PORTS[side], own);
    const ours = sent.map(({ port, bytes }): Came => ({ side: sideOf(port), bytes }));
    const hasError = ours.some(
      ({ bytes }) => bytes[23] === 1 && bytes[34]! !== 0 && bytes[34]! !== 8,
    );
    this.rig.bridge.nowMs += hasError ? ERROR_STEP_MS : STEP_MS;
    this.counts.sent++;
    if (kernel.length > 0) this.counts.out++;
    this.remember(`${side} ${summarize(own)}`);
    return { kernel, ours, dropped: dropped.map(({ reason }) => reason) };
  }

  /** As `send`, and both must have done the same. `what` is for the report of a failure. */
  async same(
    side: Side,
    stimulus: Stimulus | ((lane: Lane) => Stimulus),
    what = '',
  ): Promise<Answer> {
    const answer = await this.send(side, stimulus);
    this.compare(stimulus, answer, what);
    return answer;
  }

  /** Throws where the two did not do the same about what `send` sent. */
  compare(stimulus: Stimulus | ((lane: Lane) => Stimulus), answer: Answer, what = ''): void {
    const made = typeof stimulus === 'function' ? stimulus('kernel') : stimulus;
    const sent = made instanceof Frame ? made.bytes() : made;
    if (this.isLeak(answer, sent)) {
      this.counts.leaks++;
      return;
    }
    if (typeof stimulus !== 'function') this.name(sent, answer);
    const wanted = this.seenOf('kernel', answer.kernel, sent);
    const got = this.seenOf('ours', answer.ours, sent);
    setAside(wanted, got, sent);
    if (!isDeepStrictEqual(wanted, got)) throw new Error(this.report(what, answer, wanted, got));
  }

  /** DIFFERENCES, 'untranslated': the kernel let it out as it came in, ours took it for invalid. */
  private isLeak({ kernel, ours, dropped }: Answer, sent: Uint8Array): boolean {
    if (!this.translates || ours.length > 0 || dropped[0] !== 'Invalid') return false;
    const [came] = kernel;
    if (kernel.length !== 1 || came === undefined) return false;
    const behind = (bytes: Uint8Array): Uint8Array => bytes.subarray(L2 + SOURCE_AT);
    const [was, is] = [portsOf(sent), portsOf(came.bytes)];
    const isRefused =
      was !== undefined && is?.destination === was.source && is.source === was.destination;
    if (isRefused && OWN.includes(is.source)) return true; // a reset, by the router itself
    return Buffer.compare(behind(came.bytes), behind(sent)) === 0;
  }

  /** Names the ports that both chose in place of the sender's. */
  private name(sent: Uint8Array, { kernel, ours }: Answer): void {
    const was = portsOf(sent);
    if (was === undefined || kernel.length !== 1 || ours.length !== 1) return;
    const [theirs, own] = [portsOf(kernel[0]!.bytes), portsOf(ours[0]!.bytes)];
    if (theirs?.id !== was.id || own?.id !== was.id || theirs.source !== own.source) return;
    if (theirs.sourcePort === was.sourcePort || own.sourcePort === was.sourcePort) return;
    const isLow = (port: number): boolean => port < WELL_KNOWN;
    if (was.protocol !== 1 && isLow(theirs.sourcePort) !== isLow(own.sourcePort)) return;
    if (own.sourcePort === 0) return;
    const name = `of ${was.source}:${was.sourcePort} to ${was.destination}:${was.destinationPort}`;
    if (!this.names.kernel.has(`${was.protocol}:${theirs.sourcePort}`)) this.counts.named++;
    this.names.kernel.set(`${was.protocol}:${theirs.sourcePort}`, name);
    this.names.ours.set(`${was.protocol}:${own.sourcePort}`, name);
  }

  /** Whether one of the two took a port in place of a sender's: only there is it in use. */
  hasChosen(protocol: number, port: number): boolean {
    const { kernel, ours } = this.names;
    return [kernel, ours].some(names => names.has(`${protocol}:${port}`));
  }

  private seenOf(lane: Lane, came: readonly Came[], sent: Uint8Array): Seen[] {
    const id = Buffer.from(sent).readUInt16BE(18);
    return (['in', 'out'] as const).flatMap(side =>
      came
        .filter(one => one.side === side)
        .map(({ bytes }) => ({ side, ...seen(bytes, this.names[lane], id) })),
    );
  }

  private remember(line: string): void {
    this.history.push(line);
    if (this.history.length > REMEMBERED) this.history.shift();
  }

  private report(what: string, answer: Answer, wanted: Seen[], got: Seen[]): string {
    const frames = (came: readonly Came[]): string[] =>
      came.map(({ side, bytes }) => `  ${side} ${summarize(bytes)} ${hex(bytes)}`);
    const keys = [...new Set([...wanted, ...got].flatMap(Object.keys))];
    const differ: string[] = keys.filter(
      key =>
        !isDeepStrictEqual(
          wanted.map(s => s[key]),
          got.map(s => s[key]),
        ),
    );
    return [
      `kernel and sluice differ ${what}`,
      'sent, the last one is what they differ about:',
      ...this.history.map(line => `  ${line}`),
      'kernel:',
      ...frames(answer.kernel),
      `sluice: ${answer.dropped.join(' ')}`,
      ...frames(answer.ours),
      ...differ.map(
        key =>
          `${key}: kernel ${JSON.stringify(wanted.map(s => s[key]))}, sluice ${JSON.stringify(got.map(s => s[key]))}`,
      ),
    ].join('\n');
  }
}

/**
 * Takes out what is meant to differ in the packets that the routers make themselves, once ours
 * is as it is meant to be: DIFFERENCES.
 */
function setAside(wanted: Seen[], got: Seen[], sent: Uint8Array): void {
  got.forEach((own, i) => {
    const theirs = wanted[i];
    if (theirs === undefined || own['id'] !== 'none' || own['fragment'] !== '4000') return;
    for (const each of [theirs, own]) {
      delete each['id'];
      delete each['fragment'];
    }
    const [quote, theirQuote] = [own['quote'], theirs['quote']] as (Seen | undefined)[];
    if (quote === undefined || theirQuote === undefined || own['tos'] !== OWN_TOS) return;
    theirs['tos'] = OWN_TOS;
    if (quote['ttl'] !== sent[L2 + 8] || quote['tos'] !== sent[L2 + 1]) return;
    theirQuote['ttl'] = quote['ttl'];
    theirQuote['tos'] = quote['tos'];
  });
}

function sideOf(port: number): Side {
  return port === PORTS.in ? 'in' : 'out';
}
