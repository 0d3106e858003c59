/**
 * Suppression of neighbour questions: what is answered, by which bytes, and who hears the
 * question. Port 2 has the flag NeighbourSuppress; port 1 asks; port 3 is plain.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SegmentCounter, FdbKind, Region, SCRATCH_BYTES, Vnet } from '../../../assembly/abi.js';
import { expectDropped, expectSent, portsOf } from '../../support/expect.js';
import { type Frame, eth, hex, macNumber } from '../../support/frame.js';
import {
  advertisement,
  arp,
  know,
  linkOption,
  nd,
  reply,
  request,
  solicitation,
  solicitedNode,
} from '../../support/neighbour.js';
import {
  ARP_ANSWER,
  ARP_ASKED,
  IT,
  ITS_IP,
  ITS_IP6,
  ME,
  MY_IP,
  MY_IP6,
  ND_ANSWER,
  ND_ASKED,
  QUESTIONS,
  suppressing,
  terminating,
} from '../../support/neighbour-rig.js';
import { type Outcome, TestSwitch } from '../../support/test-switch.js';
import { NEEDS_CHECKSUM, virtio } from '../../support/virtio.js';

/** `PORT BYTES` of every frame sent, in order. */
const textOf = (outcome: Outcome): string[] =>
  outcome.sent.map(({ port, bytes }) => `${port} ${hex(bytes)}`);

/** The reply leaves by port 1, the question by port 3. */
function expectAnswered(outcome: Outcome, question: Frame, answer: Frame): void {
  const expected = [`1 ${hex(answer.bytes())}`, `3 ${hex(question.bytes())}`];
  assert.equal(textOf(outcome), expected);
  assert.equal(outcome.dropped, []);
}

const answered = (bridge: TestSwitch): number =>
  Number(bridge.core.segmentCounter(0, SegmentCounter.Answered));

/** Fills the memory that replies are made in with what must not show. */
function soil(bridge: TestSwitch): TestSwitch {
  const { core } = bridge;
  const copies = core.region(Region.Scratch) + SCRATCH_BYTES;
  core.bytes.fill(0xa5, copies, core.region(Region.Arena));
  return bridge;
}

test('suppress: a known target is answered in dirty memory, and asked where no flag is', () => {
  for (const [question, answer] of QUESTIONS) {
    const bridge = soil(suppressing());
    expectAnswered(bridge.inject(1, question), question, answer);
    assert.is(answered(bridge), 1);
  }
});

test('suppress: with nobody left to flood to, the reply is all there is', () => {
  for (const [question, answer] of QUESTIONS) {
    const bridge = suppressing().port(3, { Up: 0 });
    expectSent(bridge.inject(1, question), [1], answer);
  }
});

test('suppress: with termination the reply is all there is', () => {
  for (const [question, answer] of QUESTIONS) {
    for (const port of [1, 2, 3]) {
      expectSent(soil(terminating()).inject(port, question), [port], answer);
    }
  }
});

test('suppress: termination answers at ports with the flag too', () => {
  const bridge = terminating().port(1, { NeighbourSuppress: 1 });
  expectSent(bridge.inject(1, ARP_ASKED), [1], ARP_ANSWER);
});

test('suppress: without the flag on any port, and without termination, all is flooded', () => {
  const bridge = TestSwitch.create();
  know(bridge, ITS_IP, IT);
  for (const [question] of QUESTIONS) expectSent(bridge.inject(1, question), [2, 3], question);
});

test('suppress: a question from a port with the flag is flooded', () => {
  const bridge = suppressing();
  for (const [question] of QUESTIONS) expectSent(bridge.inject(2, question), [1, 3], question);
});

test('suppress: an unknown target, or one known in another domain, is flooded', () => {
  const bridge = TestSwitch.create({ segments: 2 }).port(2, { NeighbourSuppress: 1 });
  know(bridge, ITS_IP, IT, { domain: 2 });
  know(bridge, ITS_IP6, IT, { domain: 2 });
  for (const [question] of QUESTIONS) expectSent(bridge.inject(1, question), [2, 3], question);
  assert.is(answered(bridge), 0);
});

test('suppress: a neighbour that was removed is asked for again', () => {
  const bridge = suppressing();
  bridge.core.neighbours.flush(1);
  for (const [question] of QUESTIONS) expectSent(bridge.inject(1, question), [2, 3], question);
});

test('suppress: an owner behind a plain port answers itself, unheard by ports with the flag', () => {
  for (const [question] of QUESTIONS) {
    const bridge = suppressing();
    bridge.inject(3, eth(IT));
    expectSent(bridge.inject(1, question), [3], question);
  }
});

test('suppress: an owner behind a port with the flag is answered for', () => {
  const bridge = suppressing();
  bridge.inject(2, eth(IT));
  expectAnswered(bridge.inject(1, ARP_ASKED), ARP_ASKED, ARP_ANSWER);
});

test('suppress: a place that has aged out counts for nothing', () => {
  const bridge = suppressing();
  bridge.inject(3, eth(IT));
  bridge.nowMs += 400000;
  expectAnswered(bridge.inject(1, ARP_ASKED), ARP_ASKED, ARP_ANSWER);
});

test('suppress: an address of the switch itself is answered for', () => {
  const bridge = suppressing();
  const kind = FdbKind.Permanent;
  bridge.core.fdbInsert({ mac: macNumber(IT), domain: 1, port: bridge.capacities.Ports, kind });
  expectAnswered(bridge.inject(1, ARP_ASKED), ARP_ASKED, ARP_ANSWER);
});

test('suppress: a router is advertised as one', () => {
  const bridge = terminating();
  know(bridge, ITS_IP6, IT, { isRouter: true });
  const answer = advertisement(IT, ITS_IP6, [ME, MY_IP6], true);
  expectSent(bridge.inject(1, ND_ASKED), [1], answer);
});

test('suppress: the asker is who the message says, else who sent the frame', () => {
  const other = '02:00:00:00:01:09';
  const bytes = arp({ sender: [other, MY_IP], target: [0, ITS_IP] });
  const asked = eth(ME).type(0x0806).payload(bytes);
  expectSent(terminating().inject(1, asked), [1], reply(IT, ITS_IP, other, MY_IP));
  const group = solicitedNode(ITS_IP6);
  const body = { source: MY_IP6, destination: group.ip, target: ITS_IP6 };
  const from = (options?: Uint8Array): Frame =>
    eth(ME, group.mac)
      .type(0x86dd)
      .payload(nd({ ...body, options }));
  expectSent(terminating().inject(1, from()), [1], ND_ANSWER);
  const told = advertisement(IT, ITS_IP6, [other, MY_IP6]);
  expectSent(terminating().inject(1, from(linkOption(1, other))), [1], told);
  const behind = Buffer.concat([Uint8Array.of(14, 2), Buffer.alloc(14), linkOption(1, other)]);
  expectSent(terminating().inject(1, from(behind)), [1], told);
});

test('suppress: padding behind the message does not matter', () => {
  const padded = (frame: Frame): Uint8Array =>
    Buffer.concat([frame.bytes(), Buffer.alloc(30, 0xee)]);
  for (const [question, answer] of QUESTIONS) {
    expectSent(terminating().inject(1, padded(question)), [1], answer);
  }
});

test('suppress: a solicitation to one station is for that station', () => {
  const bytes = nd({ source: MY_IP6, destination: ITS_IP6, target: ITS_IP6 });
  const frame = eth(ME, IT).type(0x86dd).payload(bytes);
  expectSent(terminating().inject(1, frame), [2, 3], frame);
  const multicast = solicitation(ME, MY_IP6, ITS_IP6).bytes();
  multicast.set([2, 0, 0, 0, 1, 2]);
  expectSent(terminating().inject(1, multicast), [2, 3], multicast);
});

test('suppress: frames that are something else are flooded', () => {
  const udp = eth(ME, '33:33:00:00:00:01').ipv6(MY_IP6, 'ff02::1').udp(1, 2).payload(50);
  for (const frame of [eth(ME).ipv4(MY_IP, '10.0.0.255').udp(67, 68), udp, eth(ME)]) {
    expectSent(terminating().inject(1, frame), [2, 3], frame);
  }
});

test('suppress: a reply leaves in the form its port wants, with the priority of the question', () => {
  const bridge = TestSwitch.create().vlans(0, [10]).segment(0, { AnswerNeighbours: 1 });
  bridge.tagged(1, 10).untagged(2, 10).untagged(3, 10).port(2, { Pvid: 10 });
  bridge.port(3, { Pvid: 10, PriorityTags: 2 });
  know(bridge, ITS_IP, IT, { domain: 10 });
  know(bridge, ITS_IP6, IT, { domain: 10 });
  const tagged = { priority: 5 };
  const asked = (): Frame => request(ME, MY_IP, ITS_IP);
  const answer = (): Frame => reply(IT, ITS_IP, ME, MY_IP);
  expectSent(bridge.inject(1, asked().vlan(10, tagged)), [1], answer().vlan(10, tagged));
  expectSent(bridge.inject(2, asked()), [2], answer());
  expectSent(bridge.inject(3, asked()), [3], answer().vlan(0));
  const six = advertisement(IT, ITS_IP6, [ME, MY_IP6]).vlan(10);
  expectSent(bridge.inject(1, solicitation(ME, MY_IP6, ITS_IP6).vlan(10)), [1], six);
});

test('suppress: a question is flooded in every form after it was answered', () => {
  const bridge = TestSwitch.create({ ports: 4 }).vlans(0, [10]);
  for (const port of [1, 2, 3]) bridge.tagged(port, 10);
  bridge.untagged(4, 10).port(2, { NeighbourSuppress: 1 });
  know(bridge, ITS_IP, IT, { domain: 10 });
  const asked = request(ME, MY_IP, ITS_IP).vlan(10);
  const expected = [
    `1 ${hex(reply(IT, ITS_IP, ME, MY_IP).vlan(10).bytes())}`,
    `3 ${hex(asked.bytes())}`,
    `4 ${hex(ARP_ASKED.bytes())}`,
  ];
  for (const tight of [false, true]) {
    assert.equal(textOf(bridge.inject(1, asked, { tight })), expected);
  }
});

test('suppress: questions behind tags that are payload are payload', () => {
  const frame = request(ME, MY_IP, ITS_IP).vlan(10);
  expectSent(terminating().inject(1, frame), [2, 3], frame);
});

test('suppress: a reply goes through the tag rewriting of its port', () => {
  const bridge = terminating().port(1, { MatchTags: 1, MatchOuter: 0x8100000a, PopTags: 1 });
  const answer = reply(IT, ITS_IP, ME, MY_IP).vlan(10);
  expectSent(bridge.inject(1, request(ME, MY_IP, ITS_IP).vlan(10)), [1], answer);
});

test('suppress: a frame without room of its own is answered all the same', () => {
  for (const [question, answer] of QUESTIONS) {
    expectAnswered(suppressing().inject(1, question, { tight: true }), question, answer);
  }
});

test('suppress: many questions of one batch each get their answer', () => {
  const bridge = suppressing();
  const inputs = Array.from({ length: 256 }, (_, i) => ({
    port: 1,
    frame: QUESTIONS[i % 2]![0],
  }));
  const outcome = bridge.batch(inputs);
  outcome.sent.forEach(({ port, bytes, origin }) => {
    const [question, answer] = QUESTIONS[origin % 2]!;
    assert.is(hex(bytes), hex((port === 1 ? answer : question).bytes()));
  });
  assert.is(outcome.sent.length, 512);
  assert.is(answered(bridge), 256);
});

test('suppress: with no room for a reply the question is flooded to all', () => {
  const small = { capacities: { CopyBytes: 128 } };
  for (const option of [{ AnswerNeighbours: 1 }, {}]) {
    const bridge = TestSwitch.create(small).segment(0, option).port(2, { NeighbourSuppress: 1 });
    know(bridge, ITS_IP, IT);
    expectSent(bridge.inject(1, ARP_ASKED), [2, 3], ARP_ASKED);
    assert.is(answered(bridge), 0);
  }
});

test('suppress: a reply longer than the asking port takes is a named drop', () => {
  const bridge = terminating().port(1, { MtuBytes: 60 });
  expectDropped(bridge.inject(1, ND_ASKED), 'Oversize', 1);
});

test('suppress: a question over the storm limit is dropped, not answered', () => {
  const bridge = terminating().port(1, { StormBroadcastPerSec: 1 });
  expectSent(bridge.inject(1, ARP_ASKED), [1], ARP_ANSWER);
  expectDropped(bridge.inject(1, ARP_ASKED), 'StormBroadcast', 1);
});

test('suppress: a frame that a device was to complete is flooded', () => {
  const offload = virtio({ flags: NEEDS_CHECKSUM, checksumStart: 54, checksumOffset: 2 });
  const bridge = terminating().port(2, { Offload: 1 }).port(3, { Offload: 1 });
  const outcome = bridge.inject(1, ND_ASKED, { offload });
  assert.equal(portsOf(outcome), [2, 3]);
  assert.ok(outcome.sent.every(({ virtio }) => virtio![Vnet.Flags] === NEEDS_CHECKSUM));
});

test.run();
