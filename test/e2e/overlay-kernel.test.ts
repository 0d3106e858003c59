/** sluice and a VXLAN device of the kernel, over IPv4 and IPv6, by sockets and by the device. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { VXLAN_DEVICE, addKernelVxlan } from '../support/kernel-vxlan.js';
import { faultsIn } from '../support/tshark.js';
import type { UnderlayPair } from '../support/underlay-pair.js';
import {
  type EndOptions,
  INNER_IP,
  INNER_MAC,
  INNER_MTU,
  VNI,
  container,
  isThere,
  pairFor,
  ping,
  startEnd,
} from './overlay-rig.js';
import { expectCopy, expectTraffic, requestsOnUnderlay } from './overlay-traffic.js';
import { whyNot } from './run-rig.js';

const PREFIX = 'slu-vxk-';
const LEFT = container('left');
const reason = whyNot();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const check = reason === undefined ? test : test.skip;

function addPeer(pair: UnderlayPair, isIpv6: boolean): void {
  const address = `${INNER_IP.right}/24`;
  addKernelVxlan(pair, { side: 'right', vni: VNI, address, mac: INNER_MAC.right, isIpv6 });
}

async function withKernel(
  options: EndOptions,
  use: (pair: UnderlayPair) => Promise<void>,
): Promise<void> {
  const pair = pairFor(PREFIX, options.kind, ['left']);
  try {
    addPeer(pair, options.isIpv6 ?? false);
    await startEnd(pair, 'left', options);
    await use(pair);
  } finally {
    await pair.close();
  }
}

for (const kind of ['udp', 'packet'] as const) {
  for (const isIpv6 of [false, true]) {
    const what = `${kind}, IPv${isIpv6 ? 6 : 4}`;
    check(`VX-A30: pings, TCP and UDP to a kernel and back, ${what}`, () =>
      withKernel({ kind, isIpv6 }, async pair => {
        const capture = await pair.capture();
        const mtuBytes = INNER_MTU[isIpv6 ? 6 : 4];
        await expectTraffic(pair, { left: LEFT, right: 'right', mtuBytes });
        const path = await capture.stop();
        assert.equal(faultsIn(path), []);
        assert.is(requestsOnUnderlay(path), 0, 'ARP of a known neighbour');
      }),
    );
  }

  check(`VX-A30: ten megabytes to a kernel and back arrive to the last byte, ${kind}`, () =>
    withKernel({ kind }, async pair => {
      await expectCopy(pair, LEFT, ['right', INNER_IP.right]);
      await expectCopy(pair, 'right', [LEFT, INNER_IP.left]);
    }),
  );

  check(`overlay: too long for a kernel is answered, ${kind}`, () =>
    withKernel({ kind, mtuBytes: 1500 }, async pair => {
      const words = ['ping', '-c', '2', '-i', '0.3', '-W', '1', '-M', 'do', '-s', '1472'];
      const said = await pair.exec(LEFT, ...words, INNER_IP.right).then(
        () => 'answered',
        (error: { stdout: string }) => error.stdout,
      );
      assert.match(said, /mtu ?= ?1450/);
      assert.match(pair.run(LEFT, 'ip', 'route', 'get', INNER_IP.right), /mtu 1450/);
      for (const bytes of ['1600', '3200']) {
        const fragments = ['-c', '3', '-i', '0.05', '-W', '5', '-s', bytes, INNER_IP.right];
        await pair.exec(LEFT, 'ping', ...fragments); // the sender cuts them to fit
      }
    }),
  );
}

check('overlay: a kernel that is gone is back when it is back', () =>
  withKernel({ kind: 'udp' }, async pair => {
    await ping(pair, LEFT, INNER_IP.right);
    pair.ip('right', 'link', 'del', VXLAN_DEVICE);
    assert.is(await isThere(pair, LEFT, INNER_IP.right), false);
    addPeer(pair, false);
    await ping(pair, LEFT, INNER_IP.right);
  }),
);

test.run();
