/** What waits for a neighbour: in order, within bounds, and never lost from the books. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop, RxFlag } from '../../../assembly/abi.js';
import { AdjacentRig, ROUTER, ROUTER_IP } from '../../support/adjacent-rig.js';
import { type Frame, eth, hex, mac } from '../../support/frame.js';
import { request } from '../../support/neighbour.js';
import { seededRandom } from '../../support/random.js';
import { virtio } from '../../support/virtio.js';

const random = seededRandom('adjacent-queue');
const IP = '10.0.0.2';
const MAC = '02:00:00:00:00:02';
const ASK = hex(request(ROUTER, ROUTER_IP, IP).bytes());
const POOL_BLOCKS = 1024;
const ETHERNET = 14;

const packet = (id: number, bytes = 20): Frame =>
  eth(9, ROUTER).ipv4('10.1.0.9', IP, { id }).udp(1, 2).payload(bytes);

/** As it leaves for its neighbour. */
function sentOn(frame: Frame): string {
  const bytes = frame.bytes();
  bytes.set(mac(MAC), 0);
  bytes.set(mac(ROUTER), 6);
  return hex(bytes);
}

test('adjacent-queue: what waits is sent in order once the neighbour is known', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  const frames = [1, 2, 3].map(id => packet(id, 700 * id));
  for (const frame of frames) assert.is(rig.queue(neighbour, frame), 'None');
  assert.equal(rig.sent(), [ASK], 'the first one asks at once');
  assert.equal(rig.read(neighbour)!.waiting, 3);
  assert.equal(rig.open(100).attend(), []);
  rig.confirm(neighbour, MAC);
  assert.not(rig.read(neighbour)!.isOpen, 'others go first');
  assert.equal(rig.open(100).attend(), frames.map(sentOn));
  assert.ok(rig.read(neighbour)!.isOpen);
  assert.is(rig.table.blocksLeft, POOL_BLOCKS);
  assert.is(rig.balance(3, 4), 0);
  rig.open(1).attend();
  assert.is(rig.table.listed, 0);
});

test('adjacent-queue: to a neighbour that only said where it is, sending is a use', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  rig.queue(neighbour, packet(1));
  rig.learn(neighbour, MAC);
  assert.is(rig.attend().length, 2);
  assert.is(rig.state(IP), 'Delay');
});

test('adjacent-queue: the virtio header waits along', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  const header = virtio({ flags: 1, gsoType: 1, gsoBytes: 1400, checksumStart: 34 });
  const large = packet(1, 64000);
  rig.queue(neighbour, large, header);
  rig.queue(neighbour, packet(2));
  const first = rig.take(neighbour)!;
  assert.equal([first.bytes, first.flags], [hex(large.bytes()), RxFlag.Offload]);
  assert.equal(first.vnet, Uint8Array.from(header));
  const second = rig.take(neighbour)!;
  assert.equal([second.bytes, second.flags], [hex(packet(2).bytes()), 0]);
  assert.is(rig.take(neighbour), undefined);
  assert.is(rig.table.blocksLeft, POOL_BLOCKS);
});

test('adjacent-queue: frames of every length around a block come out as they went in', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  const header = virtio({ flags: 1, checksumStart: 34, checksumOffset: 6 });
  for (const edge of [2032, 2032 + 2044, 2032 + 2 * 2044]) {
    for (let length = edge - 12; length <= edge + 2; length++) {
      const bytes = new Uint8Array(length).map(() => random(256));
      const offload = length % 2 === 0 ? header : undefined;
      rig.open().queue(neighbour, bytes, offload);
      assert.is(rig.take(neighbour)!.bytes, hex(bytes), `${length} bytes`);
      assert.is(rig.table.blocksLeft, POOL_BLOCKS, `${length} bytes`);
    }
  }
});

test('adjacent-queue: for the 102nd the oldest is given up, by name', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  for (let id = 0; id < 103; id++) assert.is(rig.queue(neighbour, packet(id)), 'None');
  assert.is(rig.read(neighbour)!.waiting, 101);
  assert.is(rig.drops(Drop.NeighbourQueueFull), 2);
  const dropped = rig.call('droppedCount');
  assert.is(dropped, 2, 'and shown');
  rig.confirm(neighbour, MAC);
  const sent = rig.open(1).attend();
  assert.is(sent.length, 101);
  assert.is(sent[0], sentOn(packet(2)));
  assert.is(rig.balance(103, 1 + 101), 0);
});

test('adjacent-queue: one neighbour takes 104 blocks, long frames push out short ones', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  for (let id = 0; id < 60; id++) rig.queue(neighbour, packet(id));
  for (let id = 60; id < 63; id++) assert.is(rig.queue(neighbour, packet(id, 65000)), 'None');
  // Three of 32 blocks leave room for eight of one.
  assert.is(rig.read(neighbour)!.waiting, 3 + 8);
  assert.is(POOL_BLOCKS - rig.table.blocksLeft, 104);
  assert.is(rig.take(neighbour)!.bytes, hex(packet(52).bytes()));
});

test('adjacent-queue: a neighbour for which the pool has no block left refuses', () => {
  const rig = AdjacentRig.create({ rows: 64 });
  const others = Array.from({ length: 16 }, (_, i) => rig.to(`10.0.0.${100 + i}`));
  for (const other of others) {
    for (let id = 0; id < 64; id++) assert.is(rig.queue(other, packet(id)), 'None');
  }
  assert.is(rig.table.blocksLeft, 0);
  const late = rig.to(IP);
  assert.is(rig.queue(late, packet(1)), 'NeighbourQueueFull');
  assert.is(rig.read(late)!.waiting, 0);
  assert.is(rig.queue(others[0]!, packet(64)), 'None', 'its own oldest makes room');
  assert.is(rig.read(others[0]!)!.waiting, 64);
  assert.is(rig.take(others[0]!)!.bytes, hex(packet(1).bytes()));
});

test('adjacent-queue: what waits for one that does not answer is dropped by name', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  for (let id = 0; id < 5; id++) rig.queue(neighbour, packet(id));
  assert.equal(rig.seconds(2), [ASK, ASK]);
  assert.equal(rig.open(1000).attend(), []);
  assert.is(rig.state(IP), 'Failed');
  assert.is(rig.drops(Drop.NeighbourFailed), 5);
  assert.is(rig.call('droppedCount'), 5, 'and shown');
  assert.is(rig.table.blocksLeft, POOL_BLOCKS);
  assert.is(rig.balance(5, 3), 0);
});

test('adjacent-queue: one that failed is asked again, a second later, for a packet', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  rig.attend();
  rig.seconds(3);
  assert.is(rig.state(IP), 'Failed');
  rig.open(999);
  assert.is(rig.queue(neighbour, packet(1)), 'NeighbourFailed');
  assert.equal(rig.sent(), []);
  rig.open(1);
  assert.is(rig.queue(neighbour, packet(2)), 'None');
  assert.equal(rig.sent(), [ASK]);
  assert.is(rig.state(IP), 'Incomplete');
});

test('adjacent-queue: a batch with little room sends what fits, the next ones the rest', () => {
  const rig = AdjacentRig.create({ copyBytes: 8192 });
  const neighbour = rig.to(IP);
  const frames = Array.from({ length: 12 }, (_, id) => packet(id, 1400));
  for (const frame of frames) rig.queue(neighbour, frame);
  rig.confirm(neighbour, MAC);
  const sent: string[][] = [];
  while (!rig.read(neighbour)!.isOpen) sent.push(rig.open(1).attend());
  assert.ok(sent.length >= 3 && sent.every(({ length }) => length > 0));
  assert.equal(sent.flat(), frames.map(sentOn));
});

test('adjacent-queue: without room a frame given up is still counted', () => {
  const rig = AdjacentRig.create({ copyBytes: 256 });
  const neighbour = rig.to(IP);
  for (let id = 0; id < 102; id++) rig.queue(neighbour, packet(id, 1400));
  assert.is(rig.drops(Drop.NeighbourQueueFull), 1);
  assert.is(rig.call('droppedCount'), 0);
  assert.is(rig.balance(102, 1), 0);
});

test('adjacent-queue: what waits for a neighbour that is removed is counted', () => {
  const rig = AdjacentRig.create();
  rig.queue(rig.to(IP), packet(1));
  rig.queue(rig.to('fd00::2'), packet(2));
  rig.remove(IP);
  rig.flush();
  assert.is(rig.drops(Drop.NeighbourFailed), 2);
  assert.equal([rig.table.blocksLeft, rig.table.used], [POOL_BLOCKS, 0]);
  rig.seconds(5);
  assert.is(rig.table.listed, 0);
});

test('adjacent-queue: one that is removed while others wait is not mixed up with the next', () => {
  const rig = AdjacentRig.create({ rows: 1 });
  const first = rig.to(IP);
  rig.queue(first, packet(1));
  rig.remove(IP);
  assert.is(rig.to('10.0.0.3'), 0, 'the row is in the list yet');
  rig.seconds(1);
  const second = rig.to('10.0.0.3');
  assert.is(rig.read(second)!.waiting, 0);
  rig.confirm(second, 3);
  assert.equal(rig.seconds(5), []);
});

test('adjacent-queue: random traffic leaves no block and no packet behind', () => {
  const rig = AdjacentRig.create({ rows: 16 });
  const started = rig.sent().length;
  let received = 0;
  let refused = 0;
  let sent = started;
  for (let i = 0; i < 3000; i++) {
    const neighbour = rig.to(`10.0.0.${2 + random(8)}`);
    const what = random(20);
    if (what < 14) {
      received++;
      const length = random(10) === 0 ? random(60000) : random(1500);
      if (rig.queue(neighbour, packet(i, length)) !== 'None') refused++;
    } else if (what < 16) rig.confirm(neighbour, MAC);
    else if (what < 17) rig.learn(neighbour, 3);
    else {
      rig.attend();
      sent += rig.core.sent().length;
      rig.open(random(3) * 400);
    }
  }
  for (let i = 0; i < 10; i++) {
    sent += rig.attend().length;
    rig.open(1000);
  }
  assert.is(rig.balance(received - refused, sent), 0);
  assert.is(rig.table.blocksLeft, POOL_BLOCKS);
});

test('adjacent-queue: the bytes of a packet before its Ethernet header are not kept', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  rig.queue(neighbour, packet(1), virtio({ flags: 1 }));
  rig.take(neighbour);
  rig.open(1).queue(neighbour, packet(2));
  const taken = rig.take(neighbour)!;
  assert.is(taken.flags, 0);
  assert.is(taken.bytes.length, 2 * (ETHERNET + 48));
});

test.run();
