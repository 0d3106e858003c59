import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RX_BYTES, Rx, TX_BYTES, Tx, TxFlag } from '../../assembly/abi.js';
import { MemoryIo } from '../../src/port/memory.js';
import { MixedIo } from '../../src/port/mixed.js';

const CURSOR = 0;
const READY = 64;
const RX = 1024;
const TX = 8192;
const ARENA = 65536;
const BYTES = 1 << 20;

class Rig {
  readonly bytes = new Uint8Array(BYTES);
  readonly view = new DataView(this.bytes.buffer);

  constructor() {
    this.view.setUint32(CURSOR, ARENA, true);
  }

  /** Writes a send descriptor of 4 bytes of data. */
  describe(index: number, port: number, byte: number): void {
    const at = TX + index * TX_BYTES;
    const data = ARENA + index * 64;
    this.bytes.fill(byte, data, data + 4);
    this.view.setUint32(at + Tx.Data, data, true);
    this.view.setUint32(at + Tx.Length, 4, true);
    this.view.setUint16(at + Tx.Port, port, true);
  }

  isRefused(index: number): boolean {
    return (this.view.getUint16(TX + index * TX_BYTES + Tx.Flags, true) & TxFlag.Refused) !== 0;
  }
}

function memoryOf(rig: Rig, ports: number[], sentFrames = 10): MemoryIo {
  const io = new MemoryIo({ sentFrames });
  io.attach(rig.bytes);
  for (const port of ports) io.bindPort(port);
  return io;
}

test('memory: a burst describes frames that lie in the arena', () => {
  const rig = new Rig();
  const io = memoryOf(rig, [3]);
  io.inject(3, Uint8Array.of(1, 2, 3));
  io.inject(3, Uint8Array.of(4));
  assert.is(io.wait(READY, 8, 0, 0), 1);
  assert.is(rig.view.getUint32(READY, true), 3);
  assert.is(io.rxBurst(3, RX, 8, CURSOR, BYTES), 2);
  const second = RX + RX_BYTES;
  const data = rig.view.getUint32(second + Rx.Data, true);
  assert.is(rig.bytes[data], 4);
  assert.is(data % 64, 0);
  assert.is(rig.view.getUint16(second + Rx.Port, true), 3);
  assert.is(io.rxBurst(3, RX, 8, CURSOR, BYTES), 0);
});

test('memory: a burst ends where the arena has no room for a frame of any size', () => {
  const rig = new Rig();
  const io = memoryOf(rig, [0]);
  io.inject(0, Uint8Array.of(1));
  assert.is(io.rxBurst(0, RX, 8, CURSOR, ARENA + 60000), 0);
  assert.is(io.isReady, true);
});

test('memory: what does not fit the queue, or has no port, is marked as refused', () => {
  const rig = new Rig();
  const io = memoryOf(rig, [0], 1);
  rig.describe(0, 0, 7);
  rig.describe(1, 0, 8);
  rig.describe(2, 5, 9);
  assert.is(io.txBurst(TX, 3), 2);
  assert.equal(
    [0, 1, 2].map(index => rig.isRefused(index)),
    [false, true, true],
  );
  assert.equal(io.take(0), [Uint8Array.of(7, 7, 7, 7)]);
});

test('memory: nothing can be put into a port that is not there', () => {
  assert.is(memoryOf(new Rig(), []).inject(0, Uint8Array.of(1)), false);
});

test('mixed: descriptors go to the side that has their port, ready ports come from both', () => {
  const rig = new Rig();
  const devices = memoryOf(rig, [1]);
  const memory = new MemoryIo({ sentFrames: 10 });
  const io = new MixedIo(devices, memory);
  io.attach(rig.bytes);
  io.bindMemoryPort(2);
  rig.describe(0, 1, 1);
  rig.describe(1, 2, 2);
  rig.describe(2, 9, 3);
  assert.is(io.txBurst(TX, 3), 1);
  assert.is(devices.take(1)[0]![0], 1);
  assert.is(memory.take(2)[0]![0], 2);
  devices.inject(1, Uint8Array.of(1));
  memory.inject(2, Uint8Array.of(2));
  assert.is(io.wait(READY, 8, 0, 0), 2);
  assert.is(io.rxBurst(1, RX, 8, CURSOR, BYTES), 1);
  assert.is(io.rxBurst(2, RX, 8, CURSOR, BYTES), 1);
  io.unbindPort(2);
  assert.is(memory.has(2), false);
});

test.run();
