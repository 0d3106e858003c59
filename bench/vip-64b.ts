/**
 * 64-byte segments of established TCP connections to a virtual IP, from clients outside to one
 * of 64 backends inside, addresses and ports rewritten: the whole of the pipeline, counters of
 * rules, flows and backends on, flows in random order.
 */
import { BATCH_PACKETS } from '../assembly/abi.js';
import type { Core } from '../src/core.js';
import { Images, reportWork } from './support/overlay.js';
import { FRAME_BYTES } from './support/receive.js';
import { VIP, VIP_PORT, makeBalancer } from './support/service.js';
import type { Report, Workload } from './support/workload.js';
import {
  ACK,
  GATEWAY_MAC,
  HOSTS,
  INSIDE_MAC,
  OUTSIDE_MAC,
  OUTSIDE_PORT,
  SYN,
  hostIp,
  hostMac,
  hostPort,
  put,
  sentFrames,
  tcpFrame,
} from './support/zone.js';

const CLIENTS = 0xc6336400;
/** Connections of one client. */
const CLIENT_PORTS = 16;
const FIRST_PORT = 1024;

export const workload: Workload = {
  about: 'established TCP to a virtual IP, 64-byte segments, whole pipeline',
  run(report) {
    for (const flows of [1024, 65536]) lead(report, flows);
  },
};

function lead(report: Report, flows: number): void {
  const core = makeBalancer(Math.ceil(flows * 1.1), 'rr');
  for (let first = 0; first < flows; first += BATCH_PACKETS) establish(core, first, flows);
  const images = new Images(
    core,
    FRAME_BYTES,
    (_, random) => clientFrame(random(flows), ACK),
    () => OUTSIDE_PORT,
    256,
  );
  reportWork(report, `flows=${flows}`, images, '64 backends, rr, NAT, 2 filter rules');
}

function establish(core: Core, first: number, flows: number): void {
  const numbers = Array.from(
    { length: Math.min(BATCH_PACKETS, flows - first) },
    (_, i) => first + i,
  );
  const fromClients = (flags: number): Buffer[] => {
    put(
      core,
      numbers.map(flow => ({ port: OUTSIDE_PORT, frame: clientFrame(flow, flags) })),
    );
    return sentFrames(core, numbers.length);
  };
  put(core, fromClients(SYN).map(answerOf));
  sentFrames(core, numbers.length);
  fromClients(ACK);
}

function clientFrame(flow: number, flags: number): Buffer {
  const client = CLIENTS + Math.floor(flow / CLIENT_PORTS);
  const port = FIRST_PORT + (flow % CLIENT_PORTS);
  return tcpFrame(OUTSIDE_MAC, GATEWAY_MAC, [client, port], [VIP, VIP_PORT], flags);
}

/** The backend's SYN and acknowledgment. */
function answerOf(syn: Buffer): { port: number; frame: Buffer } {
  const host = syn.readUInt32BE(30) - hostIp(0);
  if (host < 0 || host >= HOSTS) throw new Error(`bench: led to host ${host}`);
  const from = [syn.readUInt32BE(30), syn.readUInt16BE(36)] as const;
  const to = [syn.readUInt32BE(26), syn.readUInt16BE(34)] as const;
  return { port: hostPort(host), frame: tcpFrame(INSIDE_MAC, hostMac(host), from, to, SYN | ACK) };
}
