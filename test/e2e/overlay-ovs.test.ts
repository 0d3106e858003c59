/** sluice and a tunnel port of Open vSwitch, with VXLAN and with Geneve. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Ovs } from '../support/ovs.js';
import { faultsIn } from '../support/tshark.js';
import {
  UNDERLAY_DEVICE,
  UNDERLAY_IP,
  UNDERLAY_IP6,
  UnderlayPair,
} from '../support/underlay-pair.js';
import {
  type EndOptions,
  INNER_IP,
  INNER_MAC,
  INNER_MTU,
  VNI,
  container,
  startEnd,
} from './overlay-rig.js';
import { expectTraffic, requestsOnUnderlay } from './overlay-traffic.js';
import { whyNot } from './run-rig.js';

const PREFIX = 'slu-vxo-';
const LEFT = container('left');
const missing = Ovs.isInstalled() ? undefined : 'Open vSwitch: apt-get install openvswitch-switch';
const reason = whyNot() ?? missing;
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const check = reason === undefined ? test : test.skip;

async function withOvs(
  type: 'vxlan' | 'geneve',
  options: EndOptions,
  use: (pair: UnderlayPair) => Promise<void>,
): Promise<void> {
  const { kind, isIpv6 = false } = options;
  const addressed = kind === 'udp' ? (['left'] as const) : [];
  const pair = new UnderlayPair(PREFIX, { hosts: [LEFT], addressed });
  try {
    const addresses = isIpv6 ? UNDERLAY_IP6 : UNDERLAY_IP;
    const ovs = await Ovs.start(pair.netns('right'));
    pair.onClose(() => ovs.stop());
    ovs.addUnderlay(UNDERLAY_DEVICE, [`${addresses.right}/${isIpv6 ? 64 : 24}`]);
    ovs.addTunnel(type, addresses.left, VNI);
    ovs.addHost(`${INNER_IP.right}/24`, INNER_MAC.right, INNER_MTU[isIpv6 ? 6 : 4]);
    await startEnd(pair, 'left', { ...options, overlay: `encapsulation: ${type}` });
    await use(pair);
  } finally {
    await pair.close();
  }
}

for (const [type, kind, isIpv6] of [
  ['vxlan', 'udp', false],
  ['vxlan', 'packet', false],
  ['vxlan', 'udp', true],
  ['geneve', 'udp', false],
  ['geneve', 'packet', true],
] as const) {
  check(`overlay: ${type} to Open vSwitch and back, ${kind}, IPv${isIpv6 ? 6 : 4}`, () =>
    withOvs(type, { kind, isIpv6 }, async pair => {
      const capture = await pair.capture('left');
      const mtuBytes = INNER_MTU[isIpv6 ? 6 : 4];
      await expectTraffic(pair, { left: LEFT, right: 'right', mtuBytes });
      const path = await capture.stop();
      assert.equal(faultsIn(path), []);
      assert.is(requestsOnUnderlay(path), 0, 'ARP of a known neighbour');
    }),
  );
}

test.run();
