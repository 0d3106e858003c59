/**
 * The peers that sluice is tested with, against each other: what fails here is theirs, or the
 * machine's.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addKernelVxlan } from '../support/kernel-vxlan.js';
import { Ovs } from '../support/ovs.js';
import {
  UNDERLAY_IP,
  UNDERLAY_IP6,
  UNDERLAY_DEVICE,
  UnderlayPair,
} from '../support/underlay-pair.js';
import { whyNot } from './run-rig.js';

const PREFIX = 'slu-vxp-';
const MACS = { left: '02:42:0a:00:00:01', right: '02:42:0a:00:00:02' };
const reason = whyNot();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const check = reason === undefined ? test : test.skip;
const checkOvs = reason === undefined && Ovs.isInstalled() ? test : test.skip;

function ping(pair: UnderlayPair): void {
  const words = ['ping', '-c', '3', '-i', '0.2', '-W', '5', '-M', 'do', '-s'];
  for (const bytes of [56, 1402]) pair.run('left', ...words, `${bytes}`, '10.0.0.2');
}

for (const isIpv6 of [false, true]) {
  check(`peers: two kernels over IPv${isIpv6 ? 6 : 4} ping each other`, async () => {
    const pair = new UnderlayPair(PREFIX);
    try {
      const capture = await pair.capture();
      addKernelVxlan(pair, {
        side: 'left',
        vni: 42,
        address: '10.0.0.1/24',
        mac: MACS.left,
        isIpv6,
      });
      addKernelVxlan(pair, {
        side: 'right',
        vni: 42,
        address: '10.0.0.2/24',
        mac: MACS.right,
        isIpv6,
      });
      ping(pair);
      assert.equal(await capture.faults(), []);
    } finally {
      await pair.close();
    }
  });

  checkOvs(
    `peers: Open vSwitch and a kernel over IPv${isIpv6 ? 6 : 4} ping each other`,
    async () => {
      const pair = new UnderlayPair(PREFIX, { addressed: ['left'] });
      try {
        const addresses = isIpv6 ? UNDERLAY_IP6 : UNDERLAY_IP;
        const ovs = await Ovs.start(pair.netns('right'));
        pair.onClose(() => ovs.stop());
        ovs.addUnderlay(UNDERLAY_DEVICE, [`${addresses.right}/${isIpv6 ? 64 : 24}`]);
        ovs.addTunnel('vxlan', addresses.left, 42);
        ovs.addHost('10.0.0.2/24', MACS.right, isIpv6 ? 1430 : 1450);
        addKernelVxlan(pair, {
          side: 'left',
          vni: 42,
          address: '10.0.0.1/24',
          mac: MACS.left,
          isIpv6,
        });
        ping(pair);
      } finally {
        await pair.close();
      }
    },
  );
}

checkOvs('peers: two Open vSwitches with Geneve ping each other', async () => {
  const pair = new UnderlayPair(PREFIX, { addressed: [] });
  try {
    for (const [side, other, own] of [
      ['left', 'right', '10.0.0.1/24'],
      ['right', 'left', '10.0.0.2/24'],
    ] as const) {
      const ovs = await Ovs.start(pair.netns(side));
      pair.onClose(() => ovs.stop());
      ovs.addUnderlay(UNDERLAY_DEVICE, [`${UNDERLAY_IP[side]}/24`]);
      ovs.addTunnel('geneve', UNDERLAY_IP[other], 42);
      ovs.addHost(own, MACS[side], 1450);
    }
    ping(pair);
  } finally {
    await pair.close();
  }
});

test.run();
