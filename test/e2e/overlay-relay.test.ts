/** Two switches with a relay between them that loses, doubles and reorders datagrams. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faultsIn } from '../support/tshark.js';
import { SIDES, UNDERLAY_DEVICE, UNDERLAY_IP, UnderlayPair } from '../support/underlay-pair.js';
import { INNER_IP, container, startEnd } from './overlay-rig.js';
import { expectCopy } from './overlay-traffic.js';
import { whyNot } from './run-rig.js';

const PREFIX = 'slu-vxr-';
const RELAY = fileURLToPath(new URL('lossy-relay.js', import.meta.url));
/** What each end takes for the other. */
const FOR_LEFT = '192.0.2.11';
const FOR_RIGHT = '192.0.2.12';
const reason = whyNot();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const check = reason === undefined ? test : test.skip;

interface Relay {
  /** Ends it; returns what it did. */
  stop(): Promise<Record<'carried' | 'lost' | 'doubled' | 'delayed', number>>;
}

/** It is on the left host, and has an address there for each end. */
async function startRelay(pair: UnderlayPair, seed: number): Promise<Relay> {
  for (const ip of [FOR_LEFT, FOR_RIGHT]) {
    pair.ip('left', 'addr', 'add', `${ip}/24`, 'dev', UNDERLAY_DEVICE);
  }
  const words = [String(seed), FOR_LEFT, UNDERLAY_IP.left, FOR_RIGHT, UNDERLAY_IP.right];
  const child = pair.spawn('left', process.execPath, RELAY, ...words);
  await once(child.stdout!, 'data');
  return {
    async stop() {
      const said = once(child.stdout!, 'data');
      child.stdin!.end();
      return JSON.parse(String((await said)[0])) as Awaited<ReturnType<Relay['stop']>>;
    },
  };
}

check('overlay: TCP completes through a relay that loses, doubles and reorders', async () => {
  const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 0x7fffffff);
  console.log(`lossy relay: SLUICE_SEED=${seed}`);
  const pair = new UnderlayPair(PREFIX, { hosts: SIDES.map(container) });
  try {
    const relay = await startRelay(pair, seed);
    await startEnd(pair, 'left', { kind: 'udp', peer: FOR_LEFT });
    await startEnd(pair, 'right', { kind: 'udp', peer: FOR_RIGHT });
    const capture = await pair.capture();
    await expectCopy(pair, container('left'), [container('right'), INNER_IP.right]);
    await expectCopy(pair, container('right'), [container('left'), INNER_IP.left]);
    assert.equal(faultsIn(await capture.stop()), []);
    const done = await relay.stop();
    console.log(`lossy relay: ${JSON.stringify(done)}`);
    for (const count of Object.values(done)) assert.ok(count > 0);
  } finally {
    await pair.close();
  }
});

test.run();
