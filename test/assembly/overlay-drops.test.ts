/** Every drop reason of overlays, provoked. The type of SCENARIOS makes a new one a scenario. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop } from '../../assembly/abi.js';
import { eth } from '../support/frame.js';
import {
  PEER_2,
  STRANGER,
  TUNNEL,
  UNDERLAY,
  overlayRig,
  remote,
  vxlan,
  type OverlayDrop,
  type OverlayRig,
  type RigOptions,
} from '../support/overlay-rig.js';
import type { Input } from '../support/test-switch.js';
import { GSO_TCP4, NEEDS_CHECKSUM, virtio } from '../support/virtio.js';

interface Scenario {
  options?: RigOptions;
  /** Sets the rig up; the frame it returns is dropped for the reason. */
  input: (rig: OverlayRig) => Input;
  /** The port that gets the blame; else where it came in. */
  blames?: number;
}

const inner = () => eth(0x20, 1).ipv4('10.0.0.3', '10.0.0.2').udp(1, 2).payload('x');
const arriving = (frame: Input['frame']): Input => ({ port: UNDERLAY, frame });
/** The outer frame with one byte changed. */
const spoilt = (at: number, value: number): Input => {
  const bytes = vxlan(inner()).bytes();
  bytes[at] = value;
  return arriving(bytes);
};

const SCENARIOS: Record<OverlayDrop, Scenario> = {
  OuterMalformed: { input: () => spoilt(16, 0xff) },
  OuterChecksum: { input: () => spoilt(40, 0x55) },
  FragmentLost: {
    // More fragments, offset 0, the same header sum by way of the identification.
    input: () => {
      const bytes = vxlan(inner()).bytes();
      bytes[20] = 0x20;
      const sum = Buffer.from(bytes).readUInt16BE(24) - 0x2000;
      bytes[24] = sum >> 8;
      return arriving(bytes);
    },
  },
  NotOurAddress: { input: () => arriving(vxlan(inner(), { to: '10.9.0.9' })) },
  NoTunnelPort: { input: () => arriving(vxlan(inner(), { udpPort: 8472 })) },
  TunnelHeader: { input: () => arriving(vxlan(inner(), { header: '0000000000002a00' })) },
  TunnelReserved: {
    options: { overlay: { StrictFlags: 1 } },
    input: () => arriving(vxlan(inner(), { header: '0800000100002a00' })),
    blames: TUNNEL,
  },
  UnknownVni: { input: () => arriving(vxlan(inner(), { vni: 43 })) },
  UnknownVtep: { input: () => arriving(vxlan(inner(), { from: STRANGER })), blames: TUNNEL },
  WrongVtep: { input: () => arriving(vxlan(inner(), { from: PEER_2 })), blames: TUNNEL },
  OwnSource: {
    input: ({ bridge }) => {
      bridge.inject(1, eth(5));
      return arriving(vxlan(eth(5, 1)));
    },
    blames: TUNNEL,
  },
  InnerVlan: {
    options: { overlay: { InnerVlan: 2 } },
    input: () => arriving(vxlan(eth(0x20, 1).vlan(100).payload('x'))),
    blames: TUNNEL,
  },
  EcnCongestion: {
    input: () => {
      const bytes = vxlan(inner()).bytes();
      const sum = Buffer.from(bytes).readUInt16BE(24) - 3;
      bytes[15] = 3;
      bytes[24] = sum >> 8;
      bytes[25] = sum & 0xff;
      return arriving(bytes);
    },
    blames: TUNNEL,
  },
  SplitHorizon: {
    input: ({ bridge, peer2 }) => {
      remote(bridge, 0x30, peer2);
      return arriving(vxlan(eth(0x20, 0x30)));
    },
    blames: TUNNEL,
  },
  TooBig: {
    input: () => ({ port: 1, frame: eth(1, 0x20).payload(1451) }),
    blames: TUNNEL,
  },
  NoNextHop: {
    options: { isUdp: false },
    input: () => ({ port: 1, frame: eth(1, 0x20).payload('x') }),
    blames: TUNNEL,
  },
};

for (const [reason, { options = {}, input, blames }] of Object.entries(SCENARIOS)) {
  test(`drop: a frame is dropped as ${reason}, once, and its port is blamed`, () => {
    const rig = overlayRig(options);
    const provoking = input(rig);
    const blamed = blames ?? provoking.port;
    const before = rig.bridge.core.portDrops(blamed, Drop[reason as OverlayDrop]);
    const { dropped } = rig.bridge.batch([provoking]);
    assert.equal(dropped, [{ port: blamed, reason, origin: 0 }]);
    const after = rig.bridge.core.portDrops(blamed, Drop[reason as OverlayDrop]);
    assert.is(after - before, 1n);
  });
}

test('drop: an offloaded frame with other headers than it says is dropped as BadOffload', () => {
  const { bridge } = overlayRig();
  const offload = virtio({
    gsoType: GSO_TCP4,
    flags: NEEDS_CHECKSUM,
    gsoBytes: 100,
    checksumStart: 20,
    checksumOffset: 2,
  });
  const frame = eth(1, 0x20).ipv4('10.0.0.2', '10.0.0.3').udp(1, 2).payload(500);
  const { dropped } = bridge.batch([{ port: 1, frame, offload }]);
  assert.is(dropped[0]!.reason, 'BadOffload');
});

test.run();
