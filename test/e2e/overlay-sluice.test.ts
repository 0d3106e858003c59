/** Two sluice processes, over sockets and over devices, of both kinds and families. */
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LiveSwitch } from '../support/live-switch.js';
import { faultsIn } from '../support/tshark.js';
import { SIDES, UNDERLAY_IP, UnderlayPair } from '../support/underlay-pair.js';
import {
  type EndOptions,
  INNER_IP,
  INNER_MAC,
  INNER_MTU,
  container,
  isThere,
  pairFor,
  ping,
  startEnd,
} from './overlay-rig.js';
import { expectTraffic, requestsOnUnderlay } from './overlay-traffic.js';
import { whyNot } from './run-rig.js';

const PREFIX = 'slu-vxs-';
const [LEFT, RIGHT] = SIDES.map(container) as [string, string];
const reason = whyNot();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const check = reason === undefined ? test : test.skip;

interface Ends {
  pair: UnderlayPair;
  left: LiveSwitch;
  right: LiveSwitch;
}

async function withEnds(options: EndOptions, use: (ends: Ends) => Promise<void>): Promise<void> {
  const pair = pairFor(PREFIX, options.kind, SIDES);
  try {
    const left = await startEnd(pair, 'left', options);
    const right = await startEnd(pair, 'right', options);
    await use({ pair, left, right });
  } finally {
    await pair.close();
  }
}

for (const [kind, isIpv6, encapsulation] of [
  ['udp', false, 'vxlan'],
  ['udp', true, 'vxlan'],
  ['packet', false, 'vxlan'],
  ['packet', true, 'vxlan'],
  ['udp', false, 'geneve'],
] as const) {
  const what = `${encapsulation}, ${kind}, IPv${isIpv6 ? 6 : 4}`;
  check(`overlay: two switches carry pings, TCP and UDP both ways, ${what}`, () =>
    withEnds({ kind, isIpv6, overlay: `encapsulation: ${encapsulation}` }, async ends => {
      const capture = await ends.pair.capture();
      const mtuBytes = INNER_MTU[isIpv6 ? 6 : 4];
      await expectTraffic(ends.pair, { left: LEFT, right: RIGHT, mtuBytes });
      const path = await capture.stop();
      assert.equal(faultsIn(path), []);
      assert.is(requestsOnUnderlay(path), 0, 'ARP of a known neighbour');
      for (const end of [ends.left, ends.right]) await expectBooks(end);
    }),
  );
}

/** Every frame had one fate. */
async function expectBooks(live: LiveSwitch): Promise<void> {
  const { core } = JSON.parse(await live.sluice('stats', '--json')) as {
    core: Record<'received' | 'copies' | 'sent' | 'dropped' | 'consumed', number>;
  };
  assert.ok(core.received > 0);
  assert.is(core.received + core.copies, core.sent + core.dropped + core.consumed);
}

check('overlay: a switch that was killed is back when it is started again', () =>
  withEnds({ kind: 'udp' }, async ({ pair, right }) => {
    await ping(pair, LEFT, INNER_IP.right);
    right.process.kill('SIGKILL');
    await right.stop();
    assert.is(await isThere(pair, LEFT, INNER_IP.right), false);
    await startEnd(pair, 'right', { kind: 'udp' });
    await ping(pair, LEFT, INNER_IP.right);
    await ping(pair, RIGHT, INNER_IP.left);
  }),
);

const MOVING_MAC = '02:42:0a:00:00:09';
const MOVING_IP = '10.0.0.9';

/** A port for a station that is now at one host, now at the other. */
function movingPort(pair: UnderlayPair, side: string): string {
  const netns = pair.netns(`m${side}`);
  return `m: { kind: tap, segment: web, netns: ${netns}, device: eth0, mac: '${MOVING_MAC}', mtuBytes: 1450 }`;
}

check('overlay: a station that moves is found where it speaks, when hosts learn', async () => {
  const pair = new UnderlayPair(PREFIX, { hosts: [LEFT, RIGHT, 'mleft', 'mright'] });
  try {
    const overlay = 'learning: true, bum: replicate';
    for (const side of SIDES) {
      await startEnd(pair, side, {
        kind: 'udp',
        overlay,
        isConfigured: false,
        ports: [movingPort(pair, side)],
      });
    }
    for (const side of ['right', 'left', 'right'] as const) {
      const [here, there] = side === 'left' ? ['mleft', 'mright'] : ['mright', 'mleft'];
      pair.ip(there, 'addr', 'flush', 'dev', 'eth0');
      pair.ip(there, 'link', 'set', 'eth0', 'down'); // nobody speaks for it any more
      pair.ip(here, 'link', 'set', 'eth0', 'up');
      pair.ip(here, 'addr', 'add', `${MOVING_IP}/24`, 'dev', 'eth0');
      await ping(pair, here, INNER_IP[side]); // it speaks where it is now
      await ping(pair, LEFT, MOVING_IP);
      await ping(pair, RIGHT, MOVING_IP);
    }
  } finally {
    await pair.close();
  }
});

check('overlay: a station that moves is found where the control plane says', async () => {
  const pair = new UnderlayPair(PREFIX, { hosts: [LEFT, RIGHT, 'mleft', 'mright'] });
  try {
    const options = (side: string): EndOptions => ({
      kind: 'udp',
      ports: [movingPort(pair, side)],
    });
    const left = await startEnd(pair, 'left', options('left'));
    await startEnd(pair, 'right', options('right'));
    for (const host of ['mleft', 'mright']) {
      pair.ip(host, 'addr', 'add', `${MOVING_IP}/24`, 'dev', 'eth0');
    }
    const at = ['dst', UNDERLAY_IP.right, 'segment', 'web'];
    await left.sluice('neigh', 'add', MOVING_IP, 'lladdr', MOVING_MAC, 'segment', 'web');
    await left.sluice('fdb', 'add', MOVING_MAC, ...at);
    await ping(pair, LEFT, MOVING_IP);
    assert.ok(received(pair, 'mright') > received(pair, 'mleft'), 'not at the right host');
    await left.sluice('fdb', 'del', MOVING_MAC, ...at);
    await left.sluice('fdb', 'add', MOVING_MAC, 'dev', 'm', 'segment', 'web');
    const before = received(pair, 'mright');
    await ping(pair, LEFT, MOVING_IP);
    assert.is(received(pair, 'mright'), before, 'still at the right host');
  } finally {
    await pair.close();
  }
});

/** Frames that the device of a host has received. */
function received(pair: UnderlayPair, host: string): number {
  return Number(pair.run(host, 'cat', '/sys/class/net/eth0/statistics/rx_packets'));
}

check('overlay: frames of unknown hosts are refused by name', () =>
  withEnds({ kind: 'udp' }, async ({ pair, left }) => {
    pair.ip('right', 'addr', 'add', '192.0.2.77/24', 'dev', 'u');
    const inner = `${'ffffffffffff'}${INNER_MAC.right.replaceAll(':', '')}88b5${'00'.repeat(46)}`;
    const source = `
      const socket = require('dgram').createSocket('udp4');
      const frame = Buffer.from('0800000000002a00${inner}', 'hex');
      socket.bind(50000, '192.0.2.77', () => {
        socket.send(frame, 4789, '${UNDERLAY_IP.left}', () => socket.close());
      });`;
    pair.run('right', process.execPath, '-e', source);
    for (let tries = 0; !(await left.sluice('drops')).includes('UnknownVtep'); tries++) {
      assert.ok(tries < 20, 'no drop as UnknownVtep');
      await sleep(100);
    }
  }),
);

test.run();
