/**
 * 64-byte frames between access ports and trunk ports of a VLAN-aware segment, four VLANs:
 * a tag is put on from access to trunk and taken off on the way back.
 */
import {
  BATCH_PACKETS,
  CoreCounter,
  PortOption,
  SegmentCounter,
  SegmentOption,
  VlanMember,
} from '../assembly/abi.js';
import type { Core } from '../src/core.js';
import { reportDifference } from './support/measure.js';
import { Receive, makeCore } from './support/receive.js';
import { ADDRESS_WORDS, TAGGED_WORDS, makeTemplate, seededRandom } from './support/stations.js';
import type { Report, Workload } from './support/workload.js';

const VLANS = 4;
const FIRST_VID = 10;
/** Ports 0 to 3 are access ports of a VLAN each, 4 to 7 trunks of all. */
const PORTS = 2 * VLANS;
const STATIONS = 2048;
const CHUNK_BATCHES = 128;
const TEMPLATE_BATCHES = 256;

export const workload: Workload = {
  about: 'VLAN tags put on and taken off',
  run(report) {
    const core = vlanCore();
    // Both ways before either is timed, so that everybody is known.
    for (const open of [openPush, openPop]) open(core).work(TEMPLATE_BATCHES);
    measure(report, core, 'push', openPush(core));
    measure(report, core, 'pop', openPop(core));
  },
};

function vlanCore(): Core {
  const core = makeCore(PORTS, { FdbEntries: STATIONS });
  core.configureSegment(0, SegmentOption.VlanAware, 1);
  for (let vlan = 0; vlan < VLANS; vlan++) {
    const vid = FIRST_VID + vlan;
    core.configureVlanDomain(0, vid, 1 + vlan);
    core.configurePort(vlan, PortOption.Pvid, vid);
    core.configureVlan(vlan, vid, VlanMember.Untagged);
    for (let trunk = VLANS; trunk < PORTS; trunk++) {
      core.configureVlan(trunk, vid, VlanMember.Tagged);
    }
  }
  return core;
}

const random = seededRandom(STATIONS);

/** VLAN of a station behind a trunk; behind an access port it is the port's. */
function trunkVlan(station: number): number {
  return Math.floor(station / PORTS) % VLANS;
}

function anyoneBehind(port: number): number {
  return random(STATIONS / PORTS) * PORTS + port;
}

function openPush(core: Core): Receive {
  const accessPort = (slot: number): number => Math.floor((slot * VLANS) / BATCH_PACKETS);
  const template = makeTemplate(TEMPLATE_BATCHES, ADDRESS_WORDS, slot => {
    const vlan = accessPort(slot);
    const row = random(STATIONS / PORTS / VLANS) * VLANS + vlan;
    const destination = row * PORTS + VLANS + random(VLANS);
    return { source: anyoneBehind(vlan), destination, vid: 0 };
  });
  return new Receive(core, template, ADDRESS_WORDS, accessPort);
}

function openPop(core: Core): Receive {
  const trunkPort = (slot: number): number => VLANS + Math.floor((slot * VLANS) / BATCH_PACKETS);
  const template = makeTemplate(TEMPLATE_BATCHES, TAGGED_WORDS, slot => {
    const source = anyoneBehind(trunkPort(slot));
    const vlan = trunkVlan(source);
    return { source, destination: anyoneBehind(vlan), vid: FIRST_VID + vlan };
  });
  return new Receive(core, template, TAGGED_WORDS, trunkPort);
}

function measure(report: Report, core: Core, name: string, receive: Receive): void {
  expectKnown(core, receive);
  reportDifference(report, {
    case: name,
    packets: CHUNK_BATCHES * BATCH_PACKETS,
    refresh: () => receive.refresh(CHUNK_BATCHES),
    work: () => receive.work(CHUNK_BATCHES),
    note: `${STATIONS} MACs, ${VLANS} VLANs, ${VLANS} access and ${PORTS - VLANS} trunk ports`,
  });
}

function expectKnown(core: Core, receive: Receive): void {
  const flooded = core.segmentCounter(0, SegmentCounter.Flooded);
  const dropped = core.coreCounter(CoreCounter.Dropped);
  receive.work(receive.batches);
  if (core.segmentCounter(0, SegmentCounter.Flooded) !== flooded) throw new Error('flooded');
  if (core.coreCounter(CoreCounter.Dropped) !== dropped) throw new Error('dropped');
}
