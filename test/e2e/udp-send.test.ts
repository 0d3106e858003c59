/** How ports of kind udp send: headers, source ports, limits. Needs root. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TxFlag } from '../../assembly/abi.js';
import { GSO_TCP4 } from '../support/virtio.js';
import { FAMILIES, PORT, V4, V6, datagram, modesTest, rigTest } from './udp-cases.js';
import { RIGHT, VXLAN, WIRE, frameOf, payloadOf, sourcePort } from './udp-rig.js';

const { Refused } = TxFlag;

/** A frame as seen on the wire, without what the network has chosen: MACs and IPv4 id. */
function onWire(frame: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(frame);
  bytes.fill(0, 0, 12);
  if (bytes[12] === 8) bytes.fill(0, 18, 20).fill(0, 24, 26);
  return bytes;
}

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

test.run();
