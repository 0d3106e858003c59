/**
 * First packets of UDP flows, translated to one address of whose 28232 source ports nine in
 * ten are in use towards the same server: rules, routing, the search for a free port, the
 * flow itself. They die of age, untimed, between two rounds.
 */
import { BATCH_PACKETS } from '../assembly/abi.js';
import { FlowProfile, FlowTimer } from '../assembly/zone-abi.js';
import type { Core } from '../src/core.js';
import { seededRandom } from './support/stations.js';
import {
  FirstPackets,
  HOSTS,
  INSIDE_MAC,
  INSIDE_PORTS,
  OUTSIDE_PORT,
  SERVER_NET,
  hostIp,
  hostMac,
  makeRouter,
  put,
  sentFrames,
  udpAnswer,
  udpFrame,
} from './support/zone.js';
import type { Report, Workload } from './support/workload.js';

const FIRST_PORT = 32768;
const PORTS = 28232;
const USED = Math.floor(PORTS * 0.9);
const NEW_FLOWS = 1024;
const NS_PER_MICRO = 1000;
const SERVER_PORT = 80;
const LONG_MS = 432000000;
/** Flows that last longer, and are answered, are streams. */
const STREAM_MS = 2001;
const RULES = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j SNAT --to-source 203.0.113.1
COMMIT
`;

export const workload: Workload = {
  about: 'first packets of flows, source translated, nine in ten ports in use',
  run(report) {
    snat(report);
  },
};

/** Streams, which stay: of host 0, at every port but the last tenth. */
function occupy(core: Core, flowOf: (port: number) => { port: number; frame: Buffer }): void {
  core.zones.setTimer(FlowProfile.Linux, FlowTimer.Udp, LONG_MS);
  core.zones.setTimer(FlowProfile.Linux, FlowTimer.UdpStream, LONG_MS);
  let atMs = core.nowMs;
  for (let first = 0; first < USED; first += BATCH_PACKETS) {
    const count = Math.min(BATCH_PACKETS, USED - first);
    const inputs = Array.from({ length: count }, (_, i) => flowOf(FIRST_PORT + first + i));
    put(core, inputs, atMs);
    const answers = sentFrames(core, count).map(udpAnswer);
    put(
      core,
      answers.map(frame => ({ port: OUTSIDE_PORT, frame })),
      atMs,
    );
    atMs += STREAM_MS;
    put(core, inputs, atMs);
    sentFrames(core, count);
  }
}

function snat(report: Report): void {
  const core = makeRouter(1 << 17, RULES);
  const server = [SERVER_NET, SERVER_PORT] as const;
  const flow = (host: number, port: number): { port: number; frame: Buffer } => ({
    port: host % INSIDE_PORTS,
    frame: udpFrame(INSIDE_MAC, hostMac(host), [hostIp(host), port], server),
  });
  occupy(core, port => flow(0, port));
  const random = seededRandom(NEW_FLOWS);
  const used = new Set<string>();
  const frames: { port: number; frame: Buffer }[] = [];
  while (frames.length < NEW_FLOWS) {
    const host = 1 + random(HOSTS - 1);
    const port = FIRST_PORT + random(USED);
    if (used.has(`${host}:${port}`)) continue;
    used.add(`${host}:${port}`);
    frames.push(flow(host, port));
  }
  const packets = new FirstPackets(core, frames);
  packets.expectNew();
  const note = `one address, ${USED} of ${PORTS} ports in use towards the server`;
  const figures = packets.figures();
  report.row('ns/packet', 'snat', figures, note);
  report.row(
    'M/s',
    'snat rate',
    figures.map(ns => NS_PER_MICRO / ns),
    note,
  );
}
