import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RX_BYTES, Tx, TX_BYTES, TxFlag } from '../../assembly/abi.js';
import {
  closeHandle,
  createPortIo,
  errorName,
  isAddonAvailable,
  openWake,
  wake,
} from '../../src/port/addon.js';
import type { PortIo } from '../../src/port/port.js';
import { isTapAvailable, openTap } from '../../src/port/tap.js';

const MEMORY_BYTES = 1 << 20;
const CURSOR = MEMORY_BYTES - 4;

const availability = isTapAvailable();
const built = isAddonAvailable();

test('tap: what is missing is one line with the remedy', () => {
  if (availability.ok) return;
  assert.match(availability.missing, /^[^\n]+: [^\n]+$/);
});

/** A test of what works without a device, and so without root. */
function addonTest(name: string, body: () => void): void {
  if (built.ok) test(name, body);
  else console.log(`skipped: ${name} (${built.missing})`);
}

function withIo(body: (io: PortIo, memory: DataView, wakeHandle: number) => void): void {
  const wakeHandle = openWake();
  try {
    const io = createPortIo(wakeHandle);
    const bytes = new Uint8Array(MEMORY_BYTES);
    io.attach(bytes);
    body(io, new DataView(bytes.buffer), wakeHandle);
  } finally {
    closeHandle(wakeHandle);
  }
}

addonTest('tap: a burst without attached memory is an error', () => {
  const wakeHandle = openWake();
  assert.throws(() => createPortIo(wakeHandle).txBurst(0, 1), /attach/);
  closeHandle(wakeHandle);
});

addonTest('tap: memory that went away since it was attached is an error', () => {
  withIo(io => {
    const memory = new Uint8Array(64);
    io.attach(memory);
    assert.is(io.txBurst(0, 0), 0);
    structuredClone(memory.buffer, { transfer: [memory.buffer] }); // as when WASM memory grows
    assert.throws(() => io.txBurst(0, 0), /grown/);
  });
});

addonTest('tap: ranges that leave the memory are a RangeError', () => {
  withIo(io => {
    const refused: (() => void)[] = [
      () => io.txBurst(MEMORY_BYTES - TX_BYTES, 2),
      () => io.txBurst(0, 0xffffffff),
      () => io.rxBurst(0, MEMORY_BYTES - RX_BYTES + 1, 1, 0, MEMORY_BYTES),
      () => io.rxBurst(0, 0, 1, MEMORY_BYTES - 3, MEMORY_BYTES),
      () => io.rxBurst(0, 0, 1, 0, MEMORY_BYTES + 1),
      () => io.wait(MEMORY_BYTES - 4, 2, 0, 0),
      () => io.wait(2, 1, 0, 0),
    ];
    for (const call of refused) assert.throws(call, /outside the memory|unaligned/);
  });
});

addonTest('tap: an unbound port receives EBADF and refuses each frame', () => {
  withIo((io, memory) => {
    assert.is(errorName(io.rxBurst(7, 0, 1, CURSOR, MEMORY_BYTES)), 'EBADF');
    for (const at of [0, TX_BYTES]) memory.setUint16(at + Tx.Port, 7, true);
    assert.is(io.txBurst(0, 2), 2);
    assert.is(memory.getUint16(TX_BYTES + Tx.Flags, true), TxFlag.Refused | TxFlag.Gone);
  });
});

addonTest('tap: only a handle of the right kind is bound, woken or closed', () => {
  withIo((io, _memory, wakeHandle) => {
    assert.throws(() => io.bindPort(0, [wakeHandle]), /bindPort port 0: EBADF/);
    assert.throws(() => createPortIo(0), /PortIo wake 0: EBADF/);
    assert.throws(() => wake(0), /wake 0: EBADF/);
    assert.throws(() => closeHandle(0), /close 0: EBADF/);
  });
});

addonTest('tap: a wake-up before the wait ends it at once, and only once', () => {
  withIo((io, _memory, wakeHandle) => {
    wake(wakeHandle);
    wake(wakeHandle);
    assert.is(io.wait(0, 1, -1, 0), 0);
    assert.is(io.wait(0, 1, 1, 0), 0);
  });
});

addonTest('tap: bad options are refused with what was expected', () => {
  const offload = false;
  assert.throws(() => openTap({ name: 'x', offload, mac: '02:42' }), /mac: expected six bytes/);
  assert.throws(() => openTap({ name: '', offload }), /TUNSETIFF : EINVAL/);
  assert.throws(() => openTap({ name: 'x'.repeat(16), offload }), /ENAMETOOLONG/);
});

addonTest('tap: a failed call is an error with code, errno and syscall', () => {
  try {
    openTap({ name: 'x', offload: false, netns: 'slu-nat-none' });
    assert.unreachable();
  } catch (error) {
    const { message, code, errno, syscall } = error as NodeJS.ErrnoException;
    assert.is(message, 'open /var/run/netns/slu-nat-none: ENOENT');
    assert.equal({ code, errno, syscall }, { code: 'ENOENT', errno: -2, syscall: 'open' });
  }
});

test.run();
