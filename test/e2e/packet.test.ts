/** Interfaces as ports, on a virtual cable with a port at each end. Needs root. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  HEADROOM_BYTES,
  MAX_FRAME_BYTES,
  RxFlag,
  SLOT_ALIGN_BYTES,
  TxFlag,
  VNET_BYTES,
} from '../../assembly/abi.js';
import { errorName } from '../../src/port/addon.js';
import { openPacket } from '../../src/port/packet.js';
import { eth } from '../support/frame.js';
import { GSO_TCP4, GSO_UDP, NEEDS_CHECKSUM, offloadOf, readVirtio } from '../support/virtio.js';
import {
  ARENA,
  CURSOR,
  MEMORY_BYTES,
  READY,
  type Received,
  Rig,
  run,
  TX,
  whyNot,
} from './tap-rig.js';

const ETHERTYPE_TEST = 0x88b5; // IEEE 802 local experimental ethertype 1
const FRAMES = 150; // more than one system call brings
const OFFLOADED = RxFlag.Offload | RxFlag.Checked;

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: test/e2e/packet (${reason})`);

/** Runs with a namespace of its own and ports 0 and 1 at the ends of a cable. */
function cableTest(name: string, body: (rig: Rig) => void): void {
  if (reason !== undefined) return;
  test(name, () => {
    const rig = new Rig('pkt');
    try {
      rig.cable('v0', 'v1');
      for (const port of [0, 1]) rig.openPacket(port, `v${port}`);
      body(rig);
    } finally {
      rig.close();
    }
  });
}

/** A broadcast frame of an ethertype that no stack answers, `number` behind it. */
function testFrame(length: number, number = 0, tags: readonly number[] = []): Uint8Array {
  const frame = new Uint8Array(length).map((_, i) => i + number);
  const type = [ETHERTYPE_TEST >> 8, ETHERTYPE_TEST & 255];
  frame.set([255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, ...tags, ...type]);
  return frame;
}

/** Sends frames from port 0, with what is said of them; returns how many were refused. */
function send(rig: Rig, frames: readonly Uint8Array[], header?: Uint8Array): number {
  let data = ARENA + HEADROOM_BYTES;
  frames.forEach((frame, i) => {
    rig.bytes.set(frame, data);
    if (header !== undefined) rig.bytes.set(header, data - VNET_BYTES);
    const flags = header === undefined ? 0 : TxFlag.Offload;
    rig.describe(i, { data, length: frame.length, port: 0, flags });
    data += frame.length + VNET_BYTES;
  });
  return rig.io.txBurst(TX, frames.length);
}

/** The next frames of port 1. */
function received(rig: Rig, count: number): Received[] {
  return rig.receiveAll(1, count, () => true);
}

cableTest('packet: says MAC and MTU of the interface', rig => {
  run('ip', '-n', rig.netns, 'link', 'set', 'v1', 'address', '02:00:00:00:00:99', 'mtu', '1400');
  const { facts } = rig.openPacket(2, 'v1');
  assert.equal(facts, { mac: '02:00:00:00:00:99', mtuBytes: 1400 });
});

cableTest('packet: an interface that is not there or no Ethernet is refused by name', rig => {
  const { netns } = rig;
  assert.throws(
    () => openPacket({ interface: 'v7', netns }),
    /^SIOCGIFHWADDR v7: ENODEV$|^SIOCGIFINDEX v7: ENODEV$/,
  );
  run('ip', '-n', netns, 'tuntap', 'add', 'dev', 'tun0', 'mode', 'tun');
  const wanted = /^bind tun0 \(not an Ethernet interface\): EPROTOTYPE$/;
  assert.throws(() => openPacket({ interface: 'tun0', netns }), wanted);
});

cableTest('packet: frames arrive whole, in order, in slots of their own', rig => {
  const frames = Array.from({ length: FRAMES }, (_, i) => testFrame(60 + i * 9, i));
  assert.is(send(rig, frames), 0);
  assert.equal(rig.receive(0), []); // what it sends it does not see
  let end = ARENA;
  const seen = received(rig, FRAMES);
  assert.is(seen.length, FRAMES);
  seen.forEach((frame, i) => {
    assert.equal(rig.frame(frame), frames[i]);
    assert.ok(frame.data >= end + HEADROOM_BYTES, 'headroom');
    assert.is(frame.data % SLOT_ALIGN_BYTES, 0);
    end = frame.data + frame.length;
  });
  assert.ok(end - ARENA < FRAMES * 2048, 'short frames lie together');
  assert.is(rig.view.getUint32(CURSOR, true), end);
  assert.equal(rig.receive(1), []);
});

cableTest('packet: a burst stops where descriptors or room for 64 KiB end', rig => {
  assert.is(
    send(
      rig,
      [60, 61, 62].map(length => testFrame(length)),
    ),
    0,
  );
  const room = ARENA + HEADROOM_BYTES + MAX_FRAME_BYTES;
  rig.io.wait(READY, 4, -1, 0);
  rig.view.setUint32(CURSOR, ARENA, true);
  assert.is(rig.io.rxBurst(1, 0, 64, CURSOR, room - 1), 0);
  assert.is(rig.io.rxBurst(1, 0, 64, CURSOR, room), 1);
  assert.is(rig.view.getUint32(CURSOR, true), ARENA + HEADROOM_BYTES + 60);
  assert.is((rig.receive(1, 1) as Received[]).length, 1);
  assert.is(received(rig, 1)[0]!.length, 62);
});

cableTest('packet: VLAN tags stay in the frame, priority and protocol too', rig => {
  const tags = [
    [0x81, 0x00, 0xe0, 0x07],
    [0x88, 0xa8, 0x1f, 0xff, 0x81, 0x00, 0x20, 0x05],
  ];
  const frames = tags.map((tag, i) => testFrame(80, i, tag));
  assert.is(send(rig, frames), 0);
  const seen = received(rig, 2);
  assert.equal(
    seen.map(frame => rig.frame(frame)),
    frames,
  );
  let end = ARENA;
  for (const { data, length } of seen) {
    assert.ok(data >= end + HEADROOM_BYTES, 'headroom');
    end = data + length;
  }
});

cableTest('packet: what is said of a partial checksum counts from behind the tag', rig => {
  const frame = eth().vlan(7).ipv4('10.0.0.1', '10.0.0.2').udp(1, 2).payload('partial').partial();
  assert.is(send(rig, [frame.bytes()], offloadOf(frame, true)), 0);
  const [seen] = received(rig, 1);
  assert.equal(rig.frame(seen!), frame.bytes());
  assert.is(seen!.flags, OFFLOADED);
  const said = readVirtio(rig.vnet(seen!));
  assert.equal([said.flags, said.checksumStart], [NEEDS_CHECKSUM, frame.l4At]);
});

for (const [name, gsoType] of [
  ['TCP', GSO_TCP4],
  ['UDP', GSO_UDP],
] as const) {
  cableTest(`packet: a ${name} segmentation request of 60000 bytes crosses whole`, rig => {
    const isUdp = gsoType === GSO_UDP;
    const ip = eth().ipv4('10.0.0.1', '10.0.0.2');
    const layer4 = isUdp ? ip.udp(1, 2) : ip.tcp(1, 2);
    const frame = layer4.payload(new Uint8Array(60000).map((_, i) => i)).partial();
    assert.is(send(rig, [frame.bytes()], offloadOf(frame, isUdp, gsoType, 1200)), 0);
    const [seen] = received(rig, 1);
    assert.equal(rig.frame(seen!), frame.bytes());
    assert.is(seen!.flags, OFFLOADED);
    const said = readVirtio(rig.vnet(seen!));
    assert.equal([said.gsoType, said.gsoBytes], [gsoType, 1200]);
  });
}

cableTest('packet: a frame over the MTU is refused, those around it are sent', rig => {
  assert.is(
    send(
      rig,
      [60, 1519, 61].map(length => testFrame(length)),
    ),
    1,
  );
  assert.equal(
    [0, 1, 2].map(i => rig.txFlags(i)),
    [0, TxFlag.Refused, 0],
  );
  assert.equal(
    received(rig, 2).map(({ length }) => length),
    [60, 61],
  );
});

cableTest('packet: a descriptor outside the memory is refused, the others are sent', rig => {
  send(rig, []);
  const data = rig.place(testFrame(60));
  rig.describe(0, { data: MEMORY_BYTES - 59, length: 60, port: 0, flags: 0 });
  rig.describe(1, { data: VNET_BYTES - 1, length: 60, port: 0, flags: TxFlag.Offload });
  rig.describe(2, { data, length: 60, port: 0, flags: 0 });
  assert.is(rig.io.txBurst(TX, 3), 2);
  assert.equal(
    received(rig, 1).map(({ length }) => length),
    [60],
  );
});

cableTest('packet: set down it reads empty and refuses, and works again when up', rig => {
  const set = (state: string): string => run('ip', '-n', rig.netns, 'link', 'set', 'v0', state);
  set('down');
  rig.io.wait(READY, 4, 0, 0);
  assert.equal([rig.receive(0), rig.receive(1)], [[], []]);
  assert.is(send(rig, [testFrame(60)]), 1);
  assert.is(rig.txFlags(0), TxFlag.Refused | TxFlag.Gone);
  set('up');
  assert.is(send(rig, [testFrame(60)]), 0);
  assert.is(received(rig, 1).length, 1);
});

cableTest('packet: deleted after it was set down, it is gone, and other ports go on', rig => {
  rig.open(2);
  run('ip', '-n', rig.netns, 'link', 'set', 'v0', 'down');
  while (rig.io.wait(READY, 4, 0, 0) > 0) for (const port of [0, 1]) rig.receive(port);
  run('ip', '-n', rig.netns, 'link', 'del', 'v0');
  assert.is(rig.io.wait(READY, 4, -1, 0), 2);
  for (const port of [0, 1]) assert.is(errorName(rig.receive(port) as number), 'ENODEV');
  const data = rig.place(testFrame(60));
  [0, 2].forEach((port, i) => rig.describe(i, { data, length: 60, port, flags: 0 }));
  assert.is(rig.io.txBurst(TX, 2), 1);
  assert.equal([rig.txFlags(0), rig.txFlags(1)], [TxFlag.Refused | TxFlag.Gone, 0]);
  for (const port of [0, 1]) rig.io.unbindPort(port);
  assert.is(rig.io.wait(READY, 4, 0, 0), 0);
});

test.run();
