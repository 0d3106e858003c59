/** Ports of kind udp at both ends of a virtual cable. Needs root. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADROOM_BYTES, RxFlag, TxFlag } from '../../assembly/abi.js';
import { closeHandle } from '../../src/port/addon.js';
import { openUdp } from '../../src/port/udp.js';
import { GSO_TCP4, GSO_UDP, readVirtio } from '../support/virtio.js';
import { ARENA, run, whyNot } from './tap-rig.js';
import {
  type Datagram,
  LEFT,
  MODES,
  type Mode,
  RIGHT,
  UdpRig,
  VXLAN,
  WIRE,
  frameOf,
  payloadOf,
  sourcePort,
} from './udp-rig.js';

const { Refused } = TxFlag;
const V4 = { from: '10.0.1.1', to: '10.0.1.2' };
const V6 = { from: 'fd00:1::1', to: 'fd00:1::2' };
const FAMILIES = [V4, V6];
const PORT = 50000;

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: test/e2e/udp (${reason})`);

function rigTest(name: string, body: (rig: UdpRig) => void | Promise<void>): void {
  if (reason !== undefined) return;
  test(name, async () => {
    const rig = new UdpRig('udp');
    try {
      await body(rig);
    } finally {
      rig.close();
    }
  });
}

/** With ports at both ends, for each way of sending. */
function modesTest(name: string, body: (rig: UdpRig, mode: Mode) => void | Promise<void>): void {
  for (const mode of MODES) {
    rigTest(`udp, ${mode}: ${name}`, async rig => {
      rig.openBoth(mode);
      await body(rig, mode);
    });
  }
}

function datagram(more: Partial<Datagram> = {}): Datagram {
  return { ...V4, fromPort: PORT, payload: payloadOf(100), ...more };
}

/** A frame as seen on the wire, without what the network has chosen: MACs and IPv4 id. */
function onWire(frame: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(frame);
  bytes.fill(0, 0, 12);
  if (bytes[12] === 8) bytes.fill(0, 18, 20).fill(0, 24, 26);
  return bytes;
}

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

modesTest('headers on the wire are those of the frame', rig => {
  rig.rig.openPacket(WIRE, 'v1', rig.right);
  for (const ends of FAMILIES) {
    for (const isDontFragment of [false, true]) {
      const frame = frameOf(datagram({ ...ends, tos: 0x2e, ttl: 3, isDontFragment }));
      rig.put(frame);
      assert.equal(rig.send(), [0]);
      const [seen] = rig.frames(WIRE, 1, PORT);
      assert.equal(onWire(seen!), onWire(frame));
    }
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

modesTest('source ports are kept, more of them than there are sockets', rig => {
  const ports = Array.from({ length: 300 }, (_, i) => PORT + ((i * 7) % 300));
  for (let first = 0; first < ports.length; first += 100) {
    const some = ports.slice(first, first + 100);
    for (const fromPort of some) rig.put(frameOf(datagram({ fromPort })));
    assert.ok(rig.send().every(mark => mark === 0));
    assert.equal(rig.frames(RIGHT, 100).map(sourcePort), some);
  }
  // The first of them has been given up meanwhile.
  rig.put(frameOf(datagram({ fromPort: ports[0]! })));
  assert.equal(rig.send(), [0]);
  assert.equal(rig.frames(RIGHT, 1).map(sourcePort), [ports[0]]);
});

modesTest('a datagram may leave by the port that receives', async rig => {
  rig.put(frameOf(datagram({ fromPort: VXLAN })));
  rig.put(frameOf(datagram({ fromPort: VXLAN, payload: payloadOf(3000) })), 1000);
  assert.equal(rig.send(), [0, 0]);
  assert.equal(rig.frames(RIGHT, 2).map(sourcePort), [VXLAN, VXLAN]);
});

modesTest('over the MTU of the interface nothing is sent, nothing cut into fragments', rig => {
  rig.rig.openPacket(WIRE, 'v1', rig.right);
  for (const ends of FAMILIES) {
    for (const isDontFragment of [false, true]) {
      const [fits, longer] = ends === V4 ? [1472, 1473] : [1452, 1453];
      rig.put(frameOf(datagram({ ...ends, isDontFragment, payload: payloadOf(longer) })));
      rig.put(frameOf(datagram({ ...ends, isDontFragment, payload: payloadOf(9000) })), longer);
      rig.put(frameOf(datagram({ ...ends, isDontFragment, payload: payloadOf(fits) })));
      assert.equal(rig.send(), [Refused, Refused, 0]);
      const lengths = rig.received(WIRE, 1, PORT).map(({ length }) => length);
      assert.equal(lengths, [1514]);
    }
  }
});

modesTest('what is no datagram of a family that is there is refused', rig => {
  const good = frameOf(datagram());
  const changed = (at: number, value: number): Uint8Array => {
    const frame = Uint8Array.from(good);
    frame[at] = value;
    return frame;
  };
  rig.put(good.subarray(0, 41));
  rig.put(changed(12, 0x81)); // ethertype
  rig.put(changed(14, 0x46)); // IPv4 with options
  rig.put(changed(20, 0x20)); // a fragment
  rig.put(changed(23, 6)); // TCP
  rig.put(good, 1000, GSO_TCP4);
  rig.put(good.subarray(0, 0));
  rig.put(frameOf(datagram({ ...V6 })).subarray(0, 61));
  rig.put(good);
  assert.equal(rig.send(), [...Array<number>(8).fill(Refused), 0]);
  assert.equal(rig.frames(RIGHT, 1), [good]);
});

modesTest('an unset checksum stays unset, over IPv4, and a wanted one is there', (rig, mode) => {
  rig.rig.openPacket(WIRE, 'v1', rig.right);
  rig.put(frameOf(datagram()));
  rig.put(frameOf(datagram({ checksum: 0x1234 })));
  rig.put(frameOf(datagram()));
  assert.equal(rig.send(), [0, 0, 0]);
  const sums = rig.frames(WIRE, 3, PORT).map(frame => Buffer.from(frame).readUInt16BE(40));
  // A raw packet has the checksum it was given; a socket makes its own.
  assert.equal([sums[0], sums[2]], [0, 0]);
  assert.ok(mode === 'raw' ? sums[1] === 0x1234 : sums[1] !== 0);
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

rigTest(
  'udp, plain: a port that another program has is stood in for by its neighbour',
  async rig => {
    rig.openBoth('plain');
    const source = `const socket = require('dgram').createSocket('udp4');
    socket.bind(${PORT}, '10.0.1.1', () => console.log('bound'));`;
    const child = spawn('ip', ['netns', 'exec', rig.left, process.execPath, '-e', source]);
    await once(child.stdout, 'data');
    for (const fromPort of [PORT, PORT + 2, PORT]) rig.put(frameOf(datagram({ fromPort })));
    assert.equal(rig.send(), [0, 0, 0]);
    assert.equal(rig.frames(RIGHT, 3).map(sourcePort), [PORT ^ 1, PORT + 2, PORT ^ 1]);
    child.kill();
  },
);

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
