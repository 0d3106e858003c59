/**
 * Starts a core with 4096 overlays of 16 peers each, and prints as JSON the seconds it took
 * from the configuration's text on, and the bytes of the process and of the core.
 */
import { applyPlan } from '../../src/config/apply.js';
import { parseConfig } from '../../src/config/load.js';
import { planOf } from '../../src/config/plan.js';
import { Core } from '../../src/core.js';

const OVERLAYS = 4096;
const PEERS = 16;
const FIRST_VNI = 4096;
const MS_PER_SEC = 1000;
const SEED = 0x5eedn;

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** A segment for each VNI, with an endpoint at its first peer. */
function textOf(): string {
  const peers = Array.from({ length: PEERS }, (_, i) => `192.168.0.${i + 2}`).join(', ');
  const lines = ['ports:', '  u0: { kind: memory }', 'underlays:'];
  lines.push('  fabric: { port: u0, addresses: [192.168.0.1/24] }', 'segments:');
  for (let i = 0; i < OVERLAYS; i++) {
    const mac = `'02:42:0a:00:${hex(i >> 8, 2)}:${hex(i & 0xff, 2)}'`;
    lines.push(`  n${i}:`);
    lines.push(`    overlay: { vni: ${FIRST_VNI + i}, underlay: fabric, peers: [${peers}] }`);
    lines.push(`    fdb: [{ mac: ${mac}, dst: 192.168.0.2 }]`);
    lines.push(`    neighbours: [{ ip: 10.0.0.2, mac: ${mac} }]`);
  }
  return lines.join('\n');
}

const text = textOf();
const began = performance.now();
const plan = planOf(parseConfig(text, 'overlays.yaml'));
const core = Core.create(plan.capacities, SEED);
applyPlan(core, plan);
const startSec = (performance.now() - began) / MS_PER_SEC;
const vteps = [...core.overlays.vteps()].length;
if (vteps !== PEERS) throw new Error(`expected ${PEERS} VTEPs, got ${vteps}`);
console.log(
  JSON.stringify({
    startSec,
    residentBytes: process.memoryUsage.rss(),
    coreBytes: core.bytes.length,
  }),
);
