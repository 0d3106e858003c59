/** Ports of kind udp at both ends of a virtual cable: what arrives, and what is open. */
import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADROOM_BYTES, RxFlag } from '../../assembly/abi.js';
import { closeHandle } from '../../src/port/addon.js';
import { openUdp } from '../../src/port/udp.js';
import { GSO_UDP, readVirtio } from '../support/virtio.js';
import { ARENA, run } from './tap-rig.js';
import { FAMILIES, PORT, V4, datagram, modesTest, rigTest } from './udp-cases.js';
import { LEFT, RIGHT, VXLAN, frameOf, payloadOf } from './udp-rig.js';

modesTest('a datagram arrives as the frame that was sent', rig => {
  const sent = FAMILIES.flatMap(ends => [
    datagram({ ...ends, tos: 0xb9, ttl: 7, payload: payloadOf(1400) }),
    datagram({ ...ends, fromPort: 65535, payload: payloadOf(1) }),
    datagram({ ...ends, fromPort: PORT + 1, payload: payloadOf(0) }),
  ]);
  for (const one of sent) rig.put(frameOf(one));
  assert.equal(rig.send(), [0, 0, 0, 0, 0, 0]);
  const received = rig.received(RIGHT, sent.length);
  assert.is(received.length, sent.length);
  const frames = received.map(frame => rig.rig.frame(frame));
  for (const one of sent) {
    const wanted = Buffer.from(frameOf(one));
    assert.ok(
      frames.some(frame => wanted.equals(frame)),
      `${one.from} ${one.fromPort}`,
    );
  }
  let end = ARENA;
  for (const { data, length, flags } of received) {
    assert.ok(data >= end + HEADROOM_BYTES, 'headroom');
    assert.is(flags, RxFlag.Checked);
    end = data + length;
  }
});

modesTest('a super frame crosses whole, and says how long its datagrams are', rig => {
  for (const ends of FAMILIES) {
    const frame = frameOf(datagram({ ...ends, payload: payloadOf(40 * 1400 + 700) }));
    rig.put(frame, 1400);
    assert.equal(rig.send(), [0]);
    const [received, ...more] = rig.received(RIGHT, 1);
    assert.equal(more, []);
    assert.equal(rig.rig.frame(received!), frame);
    assert.is(received!.flags, RxFlag.Offload | RxFlag.Checked);
    const said = readVirtio(rig.rig.vnet(received!));
    const headers = frame.length - (40 * 1400 + 700);
    assert.equal([said.gsoType, said.gsoBytes, said.headerBytes], [GSO_UDP, 1400, headers]);
    assert.equal([said.checksumStart, said.checksumOffset], [headers - 8, 6]);
  }
});

modesTest('a super frame of one datagram is a datagram', rig => {
  rig.put(frameOf(datagram({ payload: payloadOf(1400) })), 1400);
  assert.equal(rig.send(), [0]);
  const [received] = rig.received(RIGHT, 1);
  assert.equal([received!.length, received!.flags], [1442, RxFlag.Checked]);
});

modesTest('datagrams and super frames of a flow keep their order', rig => {
  const kinds = [0, 0, 1, 0, 1, 1, 0, 0, 0, 1];
  kinds.forEach((kind, number) => {
    const payload = payloadOf(kind === 0 ? 1200 : 12000, number);
    rig.put(frameOf(datagram({ payload })), kind * 1200);
  });
  assert.ok(rig.send().every(mark => mark === 0));
  const numbers = rig.frames(RIGHT, kinds.length).map(frame => frame[42]);
  assert.equal(
    numbers,
    kinds.map((_, number) => number),
  );
});

rigTest('udp: many datagrams come in order, together in the arena', rig => {
  rig.openBoth('raw');
  for (let i = 0; i < 200; i++) rig.put(frameOf(datagram({ payload: payloadOf(60, i) })));
  assert.ok(rig.send().every(mark => mark === 0));
  const received = rig.received(RIGHT, 200);
  assert.equal(
    received.map(({ data }) => rig.rig.bytes[data + 42]),
    Array.from({ length: 200 }, (_, i) => i),
  );
  const { data, length } = received.at(-1)!;
  assert.ok(data + length - ARENA < 200 * 512);
});

rigTest('udp: ports and addresses change without losing what waits', rig => {
  rig.join();
  const left = { netns: rig.left, addresses: ['10.0.1.1'], udpPorts: [VXLAN] };
  const right = { netns: rig.right, addresses: ['10.0.1.2'], udpPorts: [VXLAN] };
  rig.open(LEFT, 'raw', left);
  const before = rig.open(RIGHT, 'raw', right);
  rig.put(frameOf(datagram()));
  assert.equal(rig.send(), [0]);
  const after = rig.open(RIGHT, 'raw', { ...right, udpPorts: [VXLAN, 8472] }, before);
  rig.put(frameOf(datagram({ toPort: 8472 })));
  assert.equal(rig.send(), [0]);
  const ports = rig.frames(RIGHT, 2).map(frame => Buffer.from(frame).readUInt16BE(36));
  assert.equal(ports.sort(), [VXLAN, 8472]);
  const last = openUdp({ ...right, udpPorts: [8472] }, after);
  assert.is(after.handles.length - last.handles.length, 1);
  assert.ok(last.handles.every(handle => after.handles.includes(handle)));
});

modesTest('a datagram to a group reaches its members, and not the sender', (rig, mode) => {
  const groups = ['239.1.1.1', 'ff05::1:2'];
  [rig.left, rig.right].forEach((netns, port) => {
    const addresses = [`10.0.1.${port + 1}`, `fd00:1::${port + 1}`];
    rig.open(port, mode, { netns, addresses, udpPorts: [8472], groups });
  });
  const sent = FAMILIES.flatMap(({ from }, i) =>
    [0, 1000].map(segmentBytes => {
      const payload = payloadOf(100 + segmentBytes * 2);
      const frame = frameOf(datagram({ from, to: groups[i]!, toPort: 8472, payload }));
      rig.put(frame, segmentBytes);
      return frame;
    }),
  );
  assert.equal(rig.send(), [0, 0, 0, 0]);
  const seen = rig.frames(RIGHT, 4).map(frame => Buffer.from(frame).toString('hex'));
  assert.equal(seen.sort(), sent.map(frame => Buffer.from(frame).toString('hex')).sort());
  assert.equal(rig.rig.receive(LEFT), []);
});

rigTest('udp: an address that is not ours, or taken, is an error with its name', rig => {
  rig.join();
  const options = { netns: rig.left, addresses: ['10.0.1.1', '10.0.1.9'], udpPorts: [VXLAN] };
  const isOpen = (): boolean =>
    run('ip', 'netns', 'exec', rig.left, 'ss', '-Hlnu').includes(`:${VXLAN}`);
  assert.throws(() => openUdp(options), /^bind 10.0.1.9:4789: EADDRNOTAVAIL$/);
  assert.not(isOpen());
  const first = openUdp({ ...options, addresses: ['10.0.1.1'] });
  assert.ok(isOpen());
  assert.throws(() => openUdp({ ...options, addresses: ['10.0.1.1'] }), /EADDRINUSE$/);
  assert.throws(() => openUdp({ ...options, addresses: ['10.0.1'] }), /^bind 10.0.1: EINVAL$/);
  first.handles.forEach(closeHandle);
});

rigTest('udp: without any right it sends to itself and hears of errors', async rig => {
  rig.join();
  const [addon, udp] = ['addon', 'udp'].map(name =>
    JSON.stringify(new URL(`../../src/port/${name}.js`, import.meta.url).href),
  );
  const hex = Buffer.from(frameOf(datagram({ to: V4.from }))).toString('hex');
  const source = `
    import { createPortIo, openWake } from ${addon};
    import { openUdp } from ${udp};
    const io = createPortIo(openWake());
    const bytes = new Uint8Array(1 << 20);
    const view = new DataView(bytes.buffer);
    io.attach(bytes);
    const { handles } = openUdp({ addresses: ['10.0.1.1'], udpPorts: [${VXLAN}] });
    io.bindPort(0, handles);
    const frame = Buffer.from('${hex}', 'hex');
    const send = target => {
      frame.writeUInt16BE(target, 36);
      bytes.set(frame, 8192);
      view.setUint32(0, 8192, true);
      view.setUint32(4, frame.length, true);
      const refused = io.txBurst(0, 1);
      io.wait(4096, 8, 1000, 0);
      view.setUint32(64, 65536, true);
      const count = io.rxBurst(0, 128, 8, 64, 1 << 20);
      const [data, length] = [view.getUint32(128, true), view.getUint32(132, true)];
      const received = Buffer.from(bytes.subarray(data, data + length)).toString('hex');
      return { refused, count, received };
    };
    console.log(JSON.stringify([handles.length, send(${VXLAN}), send(9999)]));`;
  const words = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const node = [process.execPath, '--input-type=module', '-e', source];
  const child = spawnSync('ip', ['netns', 'exec', rig.left, ...words, ...node], {
    encoding: 'utf8',
  });
  assert.is(child.stderr, '');
  const [handles, own, error] = JSON.parse(child.stdout) as [
    number,
    { refused: number; count: number; received: string },
    { refused: number; count: number; received: string },
  ];
  assert.is(handles, 1);
  assert.equal(own, { refused: 0, count: 1, received: hex });
  assert.equal([error.refused, error.count], [0, 1]);
  const icmp = Buffer.from(error.received, 'hex').subarray(34);
  assert.equal(
    [icmp[0], icmp[1], icmp.readUInt16BE(28), icmp.readUInt16BE(30)],
    [3, 3, PORT, 9999],
  );
});

test.run();
