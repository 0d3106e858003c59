import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseIp } from '../../src/frame/address.js';
import { frameFromWords } from '../../src/frame/words.js';
import { type SentFrame, Simulation } from '../../src/simulate/index.js';
import type { Station } from '../../src/simulate/station.js';
import { isL4Valid, slowSum } from '../support/checksum.js';
import { eth, hex } from '../support/frame.js';
import { MS, addStation, runAudited } from '../support/simulation.js';
import { offloadOf } from '../support/virtio.js';

const SECOND_NS = 1000 * MS;

/** A station by itself, and what it sends when it gets a frame. */
function alone(vid = 0): {
  one: Station;
  ask: (frame: Uint8Array, virtio?: Uint8Array) => string[];
} {
  const simulation = new Simulation({ record: true });
  const one = addStation(simulation, 's', 1, vid);
  const ask = (bytes: Uint8Array, virtio?: Uint8Array): string[] => {
    simulation.inject('s', virtio === undefined ? { bytes } : { bytes, virtio });
    runAudited(simulation);
    return simulation.sentBy('s').map(({ bytes }) => hex(bytes));
  };
  return { one, ask };
}

/** Two stations on a wire, after the first pinged an address. */
function pinged(to: string, vids: [number, number] = [0, 0]) {
  const simulation = new Simulation({ record: true });
  const [one, two] = vids.map((vid, i) => addStation(simulation, `s${i + 1}`, i + 1, vid));
  simulation.connect('wire', ['s1', 's2']);
  const flow = { from: one!, to: parseIp(to)!, sizeBytes: 33, df: true };
  const train = simulation.addPing('p', { ...flow, atNs: 0, count: 2, intervalNs: MS });
  runAudited(simulation);
  const [asked, answered] = ['s1', 's2'].map(name => simulation.sentBy(name));
  return { one: one!, two: two!, train, asked: asked!, answered: answered! };
}

function expectSound({ bytes }: SentFrame, l3: number): void {
  const isIpv4 = bytes[l3]! >> 4 === 4;
  const l4 = bytes.subarray(l3 + (isIpv4 ? 20 : 40));
  if (isIpv4) {
    assert.is(slowSum(bytes.subarray(l3, l3 + 20)), 0xffff);
    assert.is(slowSum(l4), 0xffff);
  } else assert.ok(isL4Valid(bytes.subarray(l3 + 8, l3 + 40), 58, l4));
}

test('station: answers an ARP request for its address, and no other', () => {
  const { ask } = alone();
  const words = (ip: string): string =>
    `eth 02:00:00:00:00:09→ff:ff:ff:ff:ff:ff arp 10.0.0.9→${ip}`;
  const [answer = '', ...more] = ask(frameFromWords(words('10.0.0.1')));
  assert.equal(more, []);
  const header = '020000000009' + '020000000001' + '0806';
  const body = '0001080006040002' + '020000000001' + '0a000001' + '020000000009' + '0a000009';
  assert.is(answer, (header + body).padEnd(120, '0'));
  assert.equal(ask(frameFromWords(words('10.0.0.2'))), []);
});

test('station: asks who an address is once, then pings it, and the answers say the same', () => {
  for (const [to, questions] of [
    ['10.0.0.2', 'ffffffffffff'],
    ['fd00::2', '3333ff000002'],
  ] as const) {
    const { train, asked, answered } = pinged(to);
    assert.equal(
      asked.map(({ bytes }) => hex(bytes.subarray(0, 6))),
      [questions, '020000000002', '020000000002'],
    );
    assert.is(answered.length, 3); // who it is, and two echo replies
    for (const [i, reply] of answered.slice(1).entries()) {
      expectSound(asked[i + 1]!, 14);
      expectSound(reply, 14);
      // Behind type, code and checksum.
      const echo = to.includes(':') ? 14 + 44 : 14 + 24;
      assert.is(hex(reply.bytes.subarray(echo)), hex(asked[i + 1]!.bytes.subarray(echo)));
    }
    assert.equal([train.counts.sent, train.counts.received], [2, 2]);
  }
});

test('station: a neighbour solicitation and its answer are sound, with hop limit 255', () => {
  const { asked, answered } = pinged('fd00::2');
  const [solicitation, advertisement] = [asked[0]!, answered[0]!];
  for (const frame of [solicitation, advertisement]) {
    expectSound(frame, 14);
    assert.is(frame.bytes[21], 255);
  }
  const target = 'fd000000000000000000000000000002';
  assert.is(hex(solicitation.bytes.subarray(38, 54)), 'ff0200000000000000000001ff000002');
  assert.is(hex(solicitation.bytes.subarray(62)), `${target}0101020000000001`);
  assert.is(hex(advertisement.bytes.subarray(58)), `60000000${target}0201020000000002`);
});

test('station: tags are put on, and only frames with them are its own', () => {
  const same = pinged('10.0.0.2', [7, 7]);
  assert.is(same.train.counts.received, 2);
  assert.is(hex(same.asked[0]!.bytes.subarray(12, 18)), '810000070806');
  const other = pinged('10.0.0.2', [7, 0]);
  assert.is(other.train.counts.received, 0);
  assert.is(other.two.foreign, other.asked.length);
});

test('station: asks three times, a second apart, then gives up what waited', () => {
  const { one, asked, train } = pinged('10.0.0.9');
  assert.equal(
    asked.map(({ atNs }) => atNs),
    [0, SECOND_NS, 2 * SECOND_NS],
  );
  assert.is(one.neighbours.unresolved, 2);
  assert.equal([train.counts.sent, train.counts.lost], [2, 2]);
});

test('station: a wrong checksum or length is malformed, and is not answered', () => {
  const { one, ask } = alone();
  const sound = frameFromWords(
    'eth 02:00:00:00:00:09→02:00:00:00:00:01 ipv4 10.0.0.9→10.0.0.1 icmp length 90',
  );
  const flips = [14 + 8, 14 + 20 + 12]; // TTL, payload
  for (const [i, at] of flips.entries()) {
    const broken = Buffer.from(sound);
    broken[at]! ^= 1;
    assert.equal(ask(broken), []);
    assert.is(one.malformed, i + 1);
  }
  const udp = eth(9, 1).ipv4('10.0.0.9', '10.0.0.1').udp(1, 2).payload(20).bytes();
  const short = Buffer.from(udp);
  short.writeUInt16BE(27, 38);
  ask(short);
  assert.is(one.malformed, 3);
  ask(udp);
  assert.is(one.malformed, 3);
});

test('station: a checksum that is left to it is not wrong', () => {
  const { one, ask } = alone();
  const frame = eth(9, 1).ipv4('10.0.0.9', '10.0.0.1').udp(1, 2).payload(20).partial();
  ask(frame.bytes(), offloadOf(frame, true));
  assert.is(one.malformed, 0);
  ask(frame.bytes());
  assert.is(one.malformed, 1);
});

test('station: UDP without a checksum is right over IPv4 and wrong over IPv6', () => {
  const { one, ask } = alone();
  const frames = [
    eth(9, 1).ipv4('10.0.0.9', '10.0.0.1').udp(1, 2).payload(20),
    eth(9, 1).ipv6('fd00::9', 'fd00::1').udp(1, 2).payload(20),
  ].map(frame => {
    const bytes = Buffer.from(frame.bytes());
    bytes.writeUInt16BE(0, frame.l4At + 6);
    return bytes;
  });
  ask(frames[0]!);
  assert.is(one.malformed, 0);
  ask(frames[1]!);
  assert.is(one.malformed, 1);
});

test('station: what is for another MAC address is foreign', () => {
  const { one, ask } = alone();
  ask(eth(9, 2).ipv4('10.0.0.9', '10.0.0.1').udp(1, 2).bytes());
  assert.equal([one.received, one.foreign], [1, 1]);
});

test.run();
