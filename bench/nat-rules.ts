/**
 * The price of many rules: 10 000 published ports, which are two rules each, and 1 000 other
 * rules, against 10 rules. Established connections from inside as in `nat-64b`, and first
 * packets from outside to published ports. Both cores take turns, so a ratio is of one round.
 */
import { measureRounds } from './support/measure.js';
import { Images } from './support/overlay.js';
import { FRAME_BYTES } from './support/receive.js';
import { seededRandom } from './support/stations.js';
import {
  FirstPackets,
  GATEWAY_MAC,
  HOSTS,
  OUTSIDE_MAC,
  OUTSIDE_PORT,
  establish,
  flowFrame,
  hostIp,
  makeRouter,
  slotPort,
  udpFrame,
} from './support/zone.js';
import { medianOf, type Report, type Workload } from './support/workload.js';

const ROUTER_IP = 0xcb007101;
const FLOWS = 4096;
const NEW_FLOWS = 1024;
const CHUNK_BATCHES = 64;
const BATCH = 256;
const PORTS = 4;
const ACK = 0x10;
const FIRST_PUBLISHED = 20000;
const NS_PER_SEC = 1e9;

export const workload: Workload = {
  about: '10 000 published ports and 1 000 rules against 10 rules',
  run(report) {
    const few = rulesOf(3, 2);
    const many = rulesOf(10000, 1000);
    compare(report, 'established', [few, many].map(established));
    compareFirst(report, firstPackets(few, 3), firstPackets(many, 10000));
  },
};

/** What an engine writes for published ports, and `others` that a user wrote. */
function rulesOf(published: number, others: number): string {
  const numbers = Array.from({ length: published }, (_, i) => i);
  const ip = (i: number): string => hostIp(i % HOSTS).toString();
  const dotted = (i: number): string => dot(Number(ip(i)));
  return [
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD DROP [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':DOCKER - [0:0]',
    ':DOCKER-USER - [0:0]',
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A FORWARD -o docker0 -j DOCKER',
    '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
    ...numbers.map(
      i =>
        `-A DOCKER -d ${dotted(i)}/32 ! -i docker0 -o docker0 -p udp --dport ${inner(i)} -j ACCEPT`,
    ),
    ...Array.from(
      { length: others },
      (_, i) => `-A DOCKER-USER -s 198.18.${i >> 8}.${i & 255}/32 -j DROP`,
    ),
    'COMMIT',
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':INPUT ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    ':DOCKER - [0:0]',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE',
    ...numbers.map(
      i =>
        `-A DOCKER ! -i docker0 -p udp --dport ${FIRST_PUBLISHED + i} ` +
        `-j DNAT --to-destination ${dotted(i)}:${inner(i)}`,
    ),
    'COMMIT',
    '',
  ].join('\n');
}

function inner(i: number): number {
  return 1000 + Math.floor(i / HOSTS);
}

function dot(ip: number): string {
  return [ip >>> 24, (ip >>> 16) & 255, (ip >>> 8) & 255, ip & 255].join('.');
}

interface Side {
  packets: number;
  refresh(): void;
  work(): void;
}

function established(rules: string): Side {
  const core = makeRouter(FLOWS * 2, rules, SIZES);
  establish(core, FLOWS);
  const images = new Images(
    core,
    FRAME_BYTES,
    (slot, random) => flowFrame(random(FLOWS / PORTS) * PORTS + slotPort(slot), ACK),
    slotPort,
  );
  images.expectAllSent();
  return {
    packets: CHUNK_BATCHES * BATCH,
    refresh: () => images.refresh(CHUNK_BATCHES),
    work: () => images.work(CHUNK_BATCHES),
  };
}

function firstPackets(rules: string, published: number): FirstPackets {
  const core = makeRouter(FLOWS * 2, rules, SIZES);
  const random = seededRandom(published);
  const frames = Array.from({ length: NEW_FLOWS }, (_, i) => ({
    port: OUTSIDE_PORT,
    frame: udpFrame(
      OUTSIDE_MAC,
      GATEWAY_MAC,
      [0xc6336400 + random(200), 1024 + i],
      [ROUTER_IP, FIRST_PUBLISHED + random(published)],
    ),
  }));
  const packets = new FirstPackets(core, frames);
  packets.expectNew();
  return packets;
}

const TURNS = 7;
const SIZES = { Rules: 32768, Paths: 16384 };

function compare(report: Report, name: string, sides: Side[]): void {
  const parts = sides.flatMap((side, i) => [
    { name: `refresh ${i}`, run: () => side.refresh() },
    { name: `work ${i}`, run: () => side.work() },
  ]);
  const seconds = measureRounds(parts);
  const [few, many] = sides.map((side, i) =>
    seconds[2 * i + 1]!.map(
      (both, round) => ((both - seconds[2 * i]![round]!) * NS_PER_SEC) / side.packets,
    ),
  );
  report.row('ns/packet', `${name} 10 rules`, few!, 'whole pipeline');
  report.row('ns/packet', `${name} many rules`, many!, 'whole pipeline');
  const ratios = many!.map((ns, round) => ns / few![round]!);
  report.row('ratio', name, ratios, `many by few, median ${medianOf(ratios).toFixed(3)}`);
}

/** In turn, so that a ratio is of neighbours in time. */
function compareFirst(report: Report, few: FirstPackets, many: FirstPackets): void {
  const pairs = Array.from({ length: TURNS }, () => [few.figures(), many.figures()] as const);
  const of = (side: 0 | 1): number[] => pairs.map(pair => medianOf(pair[side]));
  report.row('ns/packet', 'first packet 10 rules', of(0), 'whole pipeline');
  report.row('ns/packet', 'first packet many rules', of(1), 'whole pipeline');
  const ratios = of(1).map((ns, turn) => ns / of(0)[turn]!);
  report.row('ratio', 'first packet', ratios, 'many by few');
}
