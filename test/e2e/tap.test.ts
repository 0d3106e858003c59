/** Needs root: it makes TAP devices and network namespaces, and removes them again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADROOM_BYTES, MAX_FRAME_BYTES, RxFlag, TxFlag, VNET_BYTES } from '../../assembly/abi.js';
import { closeHandle, errorName, openWake, wake } from '../../src/port/addon.js';
import { openTap } from '../../src/port/tap.js';
import { copyThroughTaps } from './tap-copy.js';
import { ARENA, CURSOR, isLink, MEMORY_BYTES, READY, Rig, run, TX, whyNot } from './tap-rig.js';

const ADDON_MODULE = new URL('../../src/port/addon.js', import.meta.url).href;
const TAP_MODULE = new URL('../../src/port/tap.js', import.meta.url).href;
const ETHERTYPE_TEST = 0x88b5; // IEEE 802 local experimental ethertype 1
const GSO_TCPV4 = 1; // VIRTIO_NET_HDR_GSO_TCPV4
const TSO_FLAGS = RxFlag.Offload | RxFlag.Checked;
const BROADCAST = [255, 255, 255, 255, 255, 255];

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: test/e2e/tap (${reason})`);

/** Runs with a namespace of its own, which goes away whatever happens. */
function rigTest(name: string, body: (rig: Rig) => void | Promise<void>): void {
  if (reason !== undefined) return;
  test(name, async () => {
    const rig = new Rig('tap');
    try {
      await body(rig);
    } finally {
      rig.close();
    }
  });
}

/** A broadcast frame of an ethertype that no stack answers. */
function testFrame(length: number): Uint8Array {
  const frame = new Uint8Array(length).map((_, i) => i);
  frame.set([...BROADCAST, 2, 0, 0, 0, 0, 1, ETHERTYPE_TEST >> 8, ETHERTYPE_TEST & 255]);
  return frame;
}

/** Adds a bridge over taps 0 and 1 inside the namespace: what one is sent the other reads. */
function bridge(rig: Rig): void {
  run('ip', '-n', rig.netns, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0');
  for (const tap of ['tap0', 'tap1'])
    run('ip', '-n', rig.netns, 'link', 'set', tap, 'master', 'br0');
  run('ip', '-n', rig.netns, 'link', 'set', 'br0', 'up');
}

rigTest('tap: opens in a namespace by name, up, with MTU and MAC', rig => {
  const tap = rig.open(0, { mtuBytes: 1400, mac: '02:42:ac:11:00:02' });
  assert.is(tap.name, 'tap0');
  const link = run('ip', '-n', rig.netns, 'link', 'show', 'tap0');
  assert.match(link, new RegExp(`^${tap.ifindex}: tap0: <[A-Z,_]*\\bUP\\b.* mtu 1400 `));
  assert.match(link, '02:42:ac:11:00:02');
});

rigTest('tap: opens in a namespace by path and keeps a name that is taken here', async rig => {
  const child = spawn('ip', ['netns', 'exec', rig.netns, 'sh', '-c', 'echo && exec cat']);
  await once(child.stdout, 'data'); // it is inside
  rig.open(0, { netns: `/proc/${child.pid}/ns/net`, name: 'lo2' });
  rig.open(1, { netns: `/var/run/netns/${rig.netns}`, name: 'tap%d' });
  child.kill();
  assert.ok(isLink('lo2', rig.netns) && isLink('tap0', rig.netns));
  assert.not(isLink('lo2'));
});

rigTest('tap: a name in use is an error that names call, device and errno', rig => {
  rig.open(0);
  assert.throws(() => rig.open(1, { name: 'tap0' }), /^RTM_SETLINK tap0: EEXIST$/);
  assert.throws(() => openTap({ name: 'lo', offload: false }), /^TUNSETIFF lo: EEXIST$/);
  assert.throws(() => rig.open(1, { mtuBytes: 1 }), /^SIOCSIFMTU tap1: EINVAL$/);
  assert.not(isLink('tap1', rig.netns));
});

rigTest('tap: a name already open here is EBUSY', () => {
  const tap = openTap({ name: 'slunat%d', offload: false });
  try {
    assert.throws(() => openTap({ name: tap.name, offload: false }), new RegExp('EBUSY'));
  } finally {
    closeHandle(tap.handle);
  }
});

rigTest('tap: frames arrive whole, in order, at aligned slots', rig => {
  for (const port of [0, 1]) rig.open(port);
  bridge(rig);
  const lengths = [60, 1514, 61];
  lengths.forEach((length, i) => {
    rig.bytes.set(testFrame(length), ARENA + i * 2048);
    rig.describe(i, { data: ARENA + i * 2048, length, port: 0, flags: 0 });
  });
  assert.is(rig.io.txBurst(TX, 3), 0);
  assert.is(rig.io.wait(READY, 4, -1, 0), 1);
  assert.is(rig.view.getUint32(READY, true), 1);

  const frames = rig.receive(1);
  assert.ok(Array.isArray(frames));
  const data = [128, 320, 1984].map(offset => ARENA + offset); // each 128 into its 64-byte slot
  const expected = lengths.map((length, i) => ({ data: data[i], length, port: 1, flags: 0 }));
  assert.equal(frames, expected);
  for (const frame of frames) assert.equal(rig.frame(frame), testFrame(frame.length));
  assert.equal(rig.receive(1), []);
});

rigTest('tap: a burst stops where the arena cannot hold 64 KiB more', rig => {
  for (const port of [0, 1]) rig.open(port);
  bridge(rig);
  const data = rig.place(testFrame(60));
  for (const i of [0, 1]) rig.describe(i, { data, length: 60, port: 0, flags: 0 });
  assert.is(rig.io.txBurst(TX, 2), 0);
  const room = ARENA + HEADROOM_BYTES + MAX_FRAME_BYTES;
  rig.view.setUint32(CURSOR, ARENA, true);
  assert.is(rig.io.rxBurst(1, 0, 64, CURSOR, room - 1), 0);
  assert.is(rig.io.rxBurst(1, 0, 64, CURSOR, room), 1);
  assert.is(rig.view.getUint32(CURSOR, true), ARENA + HEADROOM_BYTES + 60);
  assert.is(rig.io.rxBurst(1, 0, 64, CURSOR, room), 0);
});

rigTest('tap: with offload, TCP crosses as segmentation requests', async rig => {
  const seen = await copyThroughTaps(rig, true);
  assert.ok(seen.some(({ gsoType, flags }) => gsoType === GSO_TCPV4 && flags === TSO_FLAGS));
  assert.ok(seen.some(({ length }) => length > 1514));
});

rigTest('tap: without offload, TCP crosses as whole packets', async rig => {
  const seen = await copyThroughTaps(rig, false);
  assert.ok(seen.every(({ gsoType, flags, length }) => !gsoType && !flags && length <= 1514));
});

rigTest('tap: a descriptor outside the memory is refused, the others are sent', rig => {
  for (const port of [0, 1]) rig.open(port);
  bridge(rig);
  const data = rig.place(testFrame(60));
  const offload = TxFlag.Offload;
  rig.describe(0, { data: MEMORY_BYTES - 59, length: 60, port: 0, flags: 0 });
  rig.describe(1, { data: 0xffffffff, length: 0xffffffff, port: 0, flags: 0 });
  rig.describe(2, { data: VNET_BYTES - 1, length: 60, port: 0, flags: offload });
  rig.describe(3, { data, length: 70000, port: 0, flags: 0 });
  rig.describe(4, { data, length: 60, port: 9, flags: 0 });
  rig.describe(5, { data, length: 60, port: 0, flags: 0 });
  assert.is(rig.io.txBurst(TX, 6), 5);
  const refused = TxFlag.Refused;
  const flags = [0, 1, 2, 3, 4, 5].map(i => rig.txFlags(i));
  assert.equal(flags, [refused, refused, refused | offload, refused, refused | TxFlag.Gone, 0]);
  assert.is(rig.receiveUntil(1, () => true).length, 60);
});

rigTest('tap: a device set down reads empty and refuses, and works again when up', rig => {
  rig.open(0);
  const data = rig.place(testFrame(60));
  rig.describe(0, { data, length: 60, port: 0, flags: 0 });
  run('ip', '-n', rig.netns, 'link', 'set', 'tap0', 'down');
  assert.equal(rig.receive(0), []);
  assert.is(rig.io.txBurst(TX, 1), 1);
  assert.is(rig.txFlags(0), TxFlag.Refused | TxFlag.Gone);
  run('ip', '-n', rig.netns, 'link', 'set', 'tap0', 'up');
  rig.describe(0, { data, length: 60, port: 0, flags: 0 });
  assert.is(rig.io.txBurst(TX, 1), 0);
});

rigTest('tap: a vanished device is reported and does not stop the other ports', rig => {
  const gone = rig.open(0);
  rig.open(1);
  const data = rig.place(testFrame(60));
  run('ip', '-n', rig.netns, 'link', 'del', 'tap0');
  assert.is(rig.io.wait(READY, 4, -1, 0), 1);
  assert.is(rig.view.getUint32(READY, true), 0);
  assert.is(errorName(rig.receive(0) as number), 'EBADFD');
  for (const port of [0, 1]) rig.describe(port, { data, length: 60, port, flags: 0 });
  assert.is(rig.io.txBurst(TX, 2), 1);
  assert.equal([rig.txFlags(0), rig.txFlags(1)], [TxFlag.Refused | TxFlag.Gone, 0]);
  rig.closeTap(0, gone);
  assert.is(rig.io.wait(READY, 4, 0, 0), 0);
});

rigTest('tap: a full queue refuses frames after a bounded number of tries', rig => {
  rig.open(0, { sendBufferBytes: 4096 });
  const ip = (...words: string[]) => run('ip', '-n', rig.netns, ...words);
  ip('link', 'add', 'slow', 'type', 'veth', 'peer', 'name', 'end');
  ip('link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0');
  for (const link of ['tap0', 'slow']) ip('link', 'set', link, 'master', 'br0');
  for (const link of ['br0', 'slow', 'end']) ip('link', 'set', link, 'up');
  // 8 bit/s: after the first burst, frames stay in the queue and count against the device.
  const shape = ['root', 'tbf', 'rate', '8bit', 'burst', '1600', 'limit', '1000000'];
  run('tc', '-n', rig.netns, 'qdisc', 'add', 'dev', 'slow', ...shape);
  const frame = testFrame(1000);
  frame[0] = 2; // unicast: a bridge sends copies of a broadcast, which no longer count
  const data = rig.place(frame);
  for (let i = 0; i < 64; i++) rig.describe(i, { data, length: 1000, port: 0, flags: 0 });
  const refused = rig.io.txBurst(TX, 64);
  assert.ok(refused > 32 && refused < 64, `${refused} refused`);
  assert.is(rig.txFlags(0), 0);
  assert.is(rig.txFlags(63), TxFlag.Refused);
});

rigTest('tap: the main thread wakes a worker that waits', async () => {
  const wakeHandle = openWake();
  const source = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.module).then(({ createPortIo }) => {
      const io = createPortIo(workerData.wakeHandle);
      io.attach(new Uint8Array(64));
      parentPort.postMessage('waits');
      parentPort.postMessage(io.wait(0, 1, -1, 50));
    });`;
  const workerData = { module: ADDON_MODULE, wakeHandle };
  const worker = new Worker(source, { eval: true, workerData });
  assert.equal(await once(worker, 'message'), ['waits']);
  wake(wakeHandle);
  assert.equal(await once(worker, 'message'), [0]);
  await worker.terminate();
  closeHandle(wakeHandle);
});

rigTest('tap: the device lives until its handle is closed and no port is bound', rig => {
  const tap = rig.open(0);
  rig.io.unbindPort(0);
  assert.ok(isLink('tap0', rig.netns));
  rig.closeTap(0, tap);
  assert.not(isLink('tap0', rig.netns));
});

rigTest('tap: a killed process leaves no device behind', async rig => {
  const options = { name: 'tap9', netns: rig.netns, offload: true };
  const source = `import(${JSON.stringify(TAP_MODULE)}).then(({ openTap }) => {
    openTap(${JSON.stringify(options)});
    console.log('open');
    setInterval(() => {}, 1000);
  });`;
  const child = spawn(process.execPath, ['-e', source]);
  await once(child.stdout, 'data');
  assert.ok(isLink('tap9', rig.netns));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.not(isLink('tap9', rig.netns));
});

test.run();
