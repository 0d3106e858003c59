/**
 * First packets of UDP flows to a virtual IP with 64 backends, from clients of their own: rules,
 * the service, its scheduler, routing, the flow itself. They die of age, untimed, between two
 * rounds.
 */
import { VIP, VIP_PORT, makeBalancer } from './support/service.js';
import type { Report, Workload } from './support/workload.js';
import { FirstPackets, GATEWAY_MAC, OUTSIDE_MAC, OUTSIDE_PORT, udpFrame } from './support/zone.js';

const CLIENTS = 0xc6330000;
const NEW_FLOWS = 1024;
const FIRST_PORT = 20000;
const NS_PER_MICRO = 1000;

export const workload: Workload = {
  about: 'first packets of flows to a virtual IP with 64 backends',
  run(report) {
    for (const scheduler of ['mh', 'wlc'] as const) begin(report, scheduler);
  },
};

function begin(report: Report, scheduler: 'mh' | 'wlc'): void {
  const core = makeBalancer(1 << 17, scheduler);
  const frames = Array.from({ length: NEW_FLOWS }, (_, i) => ({
    port: OUTSIDE_PORT,
    frame: udpFrame(
      OUTSIDE_MAC,
      GATEWAY_MAC,
      [CLIENTS + i * 7, FIRST_PORT + (i % 977)],
      [VIP, VIP_PORT],
    ),
  }));
  const packets = new FirstPackets(core, frames);
  packets.expectNew();
  const note = '64 backends of equal weight, NAT, 2 filter rules';
  const figures = packets.figures();
  report.row('ns/packet', scheduler, figures, note);
  report.row(
    'M/s',
    `${scheduler} rate`,
    figures.map(ns => NS_PER_MICRO / ns),
    note,
  );
}
