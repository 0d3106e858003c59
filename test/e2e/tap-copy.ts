/** A TCP transfer between two namespaces, each behind a TAP, that we forward. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { Vnet } from '../../assembly/abi.js';
import { errorName } from '../../src/port/addon.js';
import { READY, Rig, run, TX } from './tap-rig.js';

const COPY_BYTES = 1 << 20;
const SENDER = `require('net').connect(5001, '10.77.0.2').end(Buffer.alloc(${COPY_BYTES}))`;
const RECEIVER = `let bytes = 0;
  require('net')
    .createServer(socket => {
      socket.on('data', data => (bytes += data.length)).on('end', () => console.log(bytes));
    })
    .listen(5001, '0.0.0.0', () => console.log('listens'));`;

export interface Seen {
  length: number;
  flags: number;
  gsoType: number;
}

/** Forwards one burst from `port` to the other one. */
function forward(rig: Rig, port: number): Seen[] {
  const frames = rig.receive(port);
  if (typeof frames === 'number') throw new Error(`rxBurst: ${errorName(frames)}`);
  frames.forEach((frame, i) => rig.describe(i, { ...frame, port: 1 - port }));
  assert.is(rig.io.txBurst(TX, frames.length), 0);
  return frames.map(frame => ({ ...frame, gsoType: rig.vnet(frame)[Vnet.GsoType] }));
}

/** Sends COPY_BYTES from one namespace to another over TCP; returns the frames forwarded. */
export async function copyThroughTaps(rig: Rig, offload: boolean): Promise<Seen[]> {
  const peer = new Rig('peer');
  try {
    [rig, peer].forEach(({ netns }, port) => {
      rig.open(port, { netns, offload });
      run('ip', '-n', netns, 'addr', 'add', `10.77.0.${port + 1}/24`, 'dev', `tap${port}`);
    });
    const receiver = inNamespace(peer, RECEIVER);
    await once(receiver.stdout, 'data'); // it listens
    const sender = inNamespace(rig, SENDER);
    const received = once(receiver.stdout, 'data');
    let isDone = false;
    const done = received.finally(() => (isDone = true));
    const seen: Seen[] = [];
    while (!isDone) {
      const ready = rig.io.wait(READY, 2, 1, 0);
      for (let i = 0; i < ready; i++) {
        seen.push(...forward(rig, rig.view.getUint32(READY + i * 4, true)));
      }
      await setImmediate();
    }
    assert.is(Number(String((await done)[0])), COPY_BYTES);
    for (const child of [sender, receiver]) child.kill();
    return seen;
  } finally {
    peer.close();
  }
}

function inNamespace(rig: Rig, source: string): ChildProcessByStdio<null, Readable, null> {
  const words = ['netns', 'exec', rig.netns, process.execPath, '-e', source];
  return spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });
}
