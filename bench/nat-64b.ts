/**
 * 64-byte segments of established TCP connections, masqueraded: the whole of the pipeline,
 * from the frame inside to the frame outside, learning, rules' and flows' counters on, routed
 * flows in random order.
 */
import { Images, reportWork } from './support/overlay.js';
import { FRAME_BYTES } from './support/receive.js';
import { MASQUERADE, establish, flowFrame, makeRouter, slotPort } from './support/zone.js';
import type { Report, Workload } from './support/workload.js';

const ACK = 0x10;
const PORTS = 4;

export const workload: Workload = {
  about: 'established masqueraded TCP, 64-byte segments, whole pipeline',
  run(report) {
    for (const flows of [1024, 65536, 1000000]) translate(report, flows);
  },
};

function translate(report: Report, flows: number): void {
  const core = makeRouter(Math.ceil(flows * 1.1), MASQUERADE);
  establish(core, flows);
  const images = new Images(
    core,
    FRAME_BYTES,
    // A host is behind the port of its number's last bits, so is its connection.
    (slot, random) => flowFrame(random(flows / PORTS) * PORTS + slotPort(slot), ACK),
    slotPort,
    flows > 100000 ? 2048 : 256,
  );
  reportWork(report, `flows=${flows}`, images, 'one zone, 64 hosts, 64 servers, 2 filter rules');
}
