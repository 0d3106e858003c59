/**
 * The thread that owns the core and the ports. It never yields to its event loop: it turns
 * the packet loop and, when the shared word says so, reads requests. Messages it posts are
 * delivered all the same.
 */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Core } from './core.js';
import { Loop } from './loop.js';
import { LoopControl } from './loop-control.js';
import { type FromLoop, type LoopStart, Signal, type ToLoop } from './loop-messages.js';
import { LoopEvents } from './loop-events.js';
import { LoopJournal } from './loop-journal.js';
import { LoopTaps } from './loop-taps.js';
import { createPortIo } from './port/addon.js';
import { MemoryIo } from './port/memory.js';
import { MixedIo } from './port/mixed.js';
import type { PortIo } from './port/port.js';

/** Longest sleep: the pace of ageing while no frame comes. */
const IDLE_MS = 1000;

interface Inputs {
  io: PortIo;
  memory: MemoryIo;
  bindMemoryPort: (port: number) => void;
}

function openInputs(wakeHandle: number | undefined, signal: Int32Array): Inputs {
  if (wakeHandle === undefined) {
    const memory = new MemoryIo({ sentFrames: 0, signal });
    return { io: memory, memory, bindMemoryPort: port => memory.bindPort(port) };
  }
  const memory = new MemoryIo({ sentFrames: 0 });
  const mixed = new MixedIo(createPortIo(wakeHandle), memory);
  return { io: mixed, memory, bindMemoryPort: port => mixed.bindMemoryPort(port) };
}

function main({ start, port }: { start: LoopStart; port: MessagePort }): void {
  const signal = new Int32Array(start.signal);
  const post = (message: FromLoop): void => port.postMessage(message);
  const inputs = openInputs(start.wakeHandle, signal);
  const core = Core.create(start.plan.capacities, start.seed);
  const taps = new LoopTaps(core, signal, post);
  const events = new LoopEvents(core, signal, post);
  const nowMs = (): number => Math.floor(performance.now()) >>> 0;
  const journal = new LoopJournal(core, signal, nowMs, post);
  const loop = new Loop({
    core,
    io: inputs.io,
    spinUs: start.spinUs,
    nowMs,
    onGone: (index, errno) => {
      control.markGone(index);
      post({ kind: 'gone', port: index, errno });
    },
  });
  const control = new LoopControl({ core, loop, taps, events, journal, ...inputs });
  while (!control.isStopped) {
    loop.turn(IDLE_MS);
    if (Atomics.exchange(signal, Signal.Requests, 0) === 0) continue;
    for (let got; (got = receiveMessageOnPort(port)) !== undefined;) {
      const { id, request } = got.message as ToLoop;
      post(control.answer(id, request));
    }
  }
  port.close();
}

main(workerData as { start: LoopStart; port: MessagePort });
