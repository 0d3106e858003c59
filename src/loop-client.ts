/** The control thread's end of the loop: requests out, replies and events in. */
import { once } from 'node:events';
import {
  MessageChannel,
  type MessagePort,
  Worker,
  receiveMessageOnPort,
} from 'node:worker_threads';
import { ConfigError } from './config/config-error.js';
import type { Plan } from './config/plan.js';
import {
  type CapturedFrame,
  type FromLoop,
  type LoopEvent,
  type LoopStart,
  type Reply,
  type Request,
  type Results,
  Signal,
  type ToLoop,
} from './loop-messages.js';
import { costOf } from './loop-taps.js';

const WORD_BYTES = 4;

interface Pending {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

export interface LoopClientOptions {
  plan: Plan;
  seed: bigint;
  spinUs: number;
  /** Absent where there are no devices. */
  wake?: { handle: number; wake: (handle: number) => void };
  onEvent: (event: LoopEvent) => void;
  /** The thread ended without being asked to. */
  onFailure: (error: Error) => void;
}

export class LoopClient {
  private readonly signal = new Int32Array(new SharedArrayBuffer(Signal.Count * WORD_BYTES));
  private readonly pending = new Map<number, Pending>();
  private readonly worker: Worker;
  private readonly port: MessagePort;
  private nextId = 1;
  private isStopping = false;

  constructor(private readonly options: LoopClientOptions) {
    const { port1, port2 } = new MessageChannel();
    const { plan, seed, spinUs, wake } = options;
    const start: LoopStart = {
      plan,
      seed,
      spinUs,
      signal: this.signal.buffer as SharedArrayBuffer,
      ...(wake !== undefined && { wakeHandle: wake.handle }),
    };
    this.port = port1;
    this.port.on('message', (message: FromLoop) => this.receive(message));
    this.worker = new Worker(new URL('./loop-worker.js', import.meta.url), {
      workerData: { start, port: port2 },
      transferList: [port2],
    });
    this.worker.on('error', error => this.fail(error as Error));
    this.worker.on('exit', () => {
      this.receiveRest();
      this.fail(new Error('the packet loop has ended'));
    });
  }

  /** Asks the loop, which answers between two batches. */
  ask<Kind extends Request['kind']>(
    request: Extract<Request, { kind: Kind }>,
  ): Promise<Results[Kind]> {
    if (this.isStopping) return Promise.reject(new Error('the packet loop is ending'));
    this.isStopping = request.kind === 'stop';
    const id = this.nextId++;
    const answer = new Promise<Results[Kind]>((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (value: never) => void, reject });
    });
    const message: ToLoop = { id, request };
    this.port.postMessage(message);
    this.wake();
    return answer;
  }

  private wake(): void {
    Atomics.store(this.signal, Signal.Requests, 1);
    Atomics.notify(this.signal, Signal.Requests);
    const { wake } = this.options;
    wake?.wake(wake.handle);
  }

  /** Frames from a `captured` event have been dealt with: there is room for others. */
  release(frames: readonly CapturedFrame[]): void {
    const cost = frames.reduce((sum, frame) => sum + costOf(frame), 0);
    Atomics.sub(this.signal, Signal.CapturedBytes, cost);
  }

  /** Events from a `told` event have been dealt with. */
  releaseEvents(count: number): void {
    Atomics.sub(this.signal, Signal.WaitingEvents, count);
  }

  /** Records from a `journal` event have been dealt with. */
  releaseRecords(count: number): void {
    Atomics.sub(this.signal, Signal.WaitingRecords, count);
  }

  /** Waits until the thread is gone. After `ask({ kind: 'stop' })`. */
  async ended(): Promise<void> {
    if (this.worker.threadId !== -1) await once(this.worker, 'exit');
    this.port.close();
  }

  /** The end of a thread may be told before the last it has said. */
  private receiveRest(): void {
    for (let got; (got = receiveMessageOnPort(this.port)) !== undefined;) {
      this.receive(got.message as FromLoop);
    }
  }

  private receive(message: FromLoop): void {
    if (message.kind === 'reply' || message.kind === 'refused') this.settle(message);
    else this.options.onEvent(message);
  }

  private settle(reply: Reply): void {
    const pending = this.pending.get(reply.id);
    this.pending.delete(reply.id);
    if (reply.kind === 'reply') return pending?.resolve(reply.value as never);
    const { message, problems } = reply;
    const [first] = problems ?? [];
    const isConfig = first !== undefined;
    pending?.reject(
      isConfig ? new ConfigError(first.path, first.problem, problems) : new Error(message),
    );
  }

  private fail(error: Error): void {
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
    if (this.isStopping) return;
    this.isStopping = true;
    this.port.close();
    this.options.onFailure(error);
  }
}
