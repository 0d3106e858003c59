/**
 * Suppression of neighbour questions: what is none, or is spoilt, or announces. None of it
 * is answered, and frames pass as they came. Ports are those of suppress.test.ts.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SegmentCounter } from '../../../assembly/abi.js';
import { expectDropped, expectSent } from '../../support/expect.js';
import { BROADCAST, type Frame, eth, hex } from '../../support/frame.js';
import {
  type ArpFields,
  type NdFields,
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
  IT,
  ITS_IP,
  ITS_IP6,
  ME,
  MY_IP,
  MY_IP6,
  ND_ASKED,
  QUESTIONS,
  suppressing,
  terminating,
} from '../../support/neighbour-rig.js';
import { seededRandom } from '../../support/random.js';
import { TestSwitch } from '../../support/test-switch.js';

const random = seededRandom('suppress');

const answered = (bridge: TestSwitch): number =>
  Number(bridge.core.segmentCounter(0, SegmentCounter.Answered));

test('suppress: each length short of the whole message is flooded as it came', () => {
  for (const make of [suppressing, terminating]) {
    for (const [question] of QUESTIONS) {
      const whole = question.bytes();
      for (let length = 14; length < whole.length; length++) {
        const short = whole.slice(0, length);
        expectSent(make().inject(1, short), [2, 3], short);
      }
    }
  }
});

const KNOWN: Pick<ArpFields, 'sender' | 'target'> = { sender: [ME, MY_IP], target: [0, ITS_IP] };

/** ARP that is neither question nor announcement: flooded. */
const OTHER_ARP: Record<string, ArpFields> = {
  'another hardware type': { ...KNOWN, hardware: 6 },
  'another protocol': { ...KNOWN, protocol: 0x86dd },
  'other lengths': { ...KNOWN, lengths: 0x0606 },
  'a reply': { ...KNOWN, operation: 2 },
  'a reverse request': { ...KNOWN, operation: 3 },
  'operation 0': { ...KNOWN, operation: 0 },
  'a group as sender': { ...KNOWN, sender: [BROADCAST, MY_IP] },
  'no sender': { ...KNOWN, sender: ['00:00:00:00:00:00', MY_IP] },
  'a sender of a group IP': { ...KNOWN, sender: [ME, '224.0.0.1'] },
  'a sender of the loopback': { ...KNOWN, sender: [ME, '127.0.0.1'] },
  'a group as target': { ...KNOWN, target: [0, '224.0.0.5'] },
  'the loopback as target': { ...KNOWN, target: [0, '127.0.0.1'] },
};

for (const [what, fields] of Object.entries(OTHER_ARP)) {
  test(`suppress: ARP with ${what} is flooded as it came`, () => {
    const frame = eth(ME).type(0x0806).payload(arp(fields));
    for (const make of [suppressing, terminating]) {
      const bridge = make();
      know(bridge, fields.target[1], IT);
      expectSent(bridge.inject(1, frame), [2, 3], frame);
    }
  });
}

const short = (bytes: number): Uint8Array =>
  Buffer.concat([linkOption(1, ME), Buffer.alloc(bytes)]);

/** Solicitations that no station would take: flooded. */
const OTHER_ND: Record<string, Partial<NdFields>> = {
  'a wrong checksum': { wrong: 1 },
  'another hop limit': { hopLimit: 254 },
  'another protocol': { nextHeader: 17 },
  'an extension header': { nextHeader: 0 },
  'another type': { type: 133 },
  'another code': { code: 1 },
  'another group': { destination: 'ff02::1' },
  "another target's group": { destination: solicitedNode('fd00::3').ip },
  'a group as source': { source: 'ff02::1' },
  'a group as target': { target: 'ff02::2', destination: solicitedNode('ff02::2').ip },
  'an empty option': { options: Buffer.alloc(8) },
  'an option cut off': { options: Uint8Array.of(14, 2, 0, 0, 0, 0, 0, 0) },
  'three bytes of an option': { options: short(3) },
  'a group as asker': { options: linkOption(1, BROADCAST) },
};

for (const [what, changes] of Object.entries(OTHER_ND)) {
  test(`suppress: a solicitation with ${what} is flooded as it came`, () => {
    const frame = solicitation(ME, MY_IP6, ITS_IP6, changes);
    for (const make of [suppressing, terminating]) {
      expectSent(make().inject(1, frame), [2, 3], frame);
    }
  });
}

test('suppress: a solicitation whose lengths disagree is flooded as it came', () => {
  const good = ND_ASKED.bytes();
  for (const [at, value] of [
    [14, 0x40],
    [19, 23],
    [19, 33],
    [18, 0xff],
  ] as const) {
    const frame = Uint8Array.from(good);
    frame[at] = value;
    expectSent(terminating().inject(1, frame), [2, 3], frame);
  }
});

/** Nobody answers these, and ports with the flag do not hear them. */
const ANNOUNCED: Record<string, Frame> = {
  'an ARP probe': request(ME, '0.0.0.0', ITS_IP),
  'a gratuitous ARP request': request(ME, ITS_IP, ITS_IP),
  'a gratuitous ARP reply': eth(ME)
    .type(0x0806)
    .payload(arp({ operation: 2, sender: [ME, ITS_IP], target: [ME, ITS_IP] })),
  'a probe of IPv6': solicitation(ME, '::', ITS_IP6, { options: new Uint8Array() }),
  'an unsolicited advertisement': eth(ME, '33:33:00:00:00:01')
    .type(0x86dd)
    .payload(
      nd({
        type: 136,
        source: ITS_IP6,
        destination: 'ff02::1',
        target: ITS_IP6,
        flags: 0x20,
        options: linkOption(2, ME),
      }),
    ),
};

for (const [what, frame] of Object.entries(ANNOUNCED)) {
  test(`suppress: ${what} is not answered and kept from ports with the flag`, () => {
    expectSent(suppressing().inject(1, frame), [3], frame);
    expectDropped(suppressing().port(3, { Up: 0 }).inject(1, frame), 'NoTarget', 1);
    expectSent(terminating().inject(1, frame), [2, 3], frame);
    const flagged = terminating().port(1, { NeighbourSuppress: 1 });
    expectSent(flagged.port(2, { NeighbourSuppress: 1 }).inject(1, frame), [2, 3], frame);
  });
}

test('suppress: a solicited advertisement to a group is flooded', () => {
  const body = { source: ITS_IP6, destination: 'ff02::1', target: ITS_IP6 };
  const frame = eth(ME, '33:33:00:00:00:01')
    .type(0x86dd)
    .payload(nd({ ...body, type: 136, flags: 0x60, options: linkOption(2, ME) }));
  expectSent(suppressing().inject(1, frame), [2, 3], frame);
});

/** A random frame near a question: bytes changed, cut, or appended. */
function mutated(): Uint8Array {
  const bytes = QUESTIONS[random(2)]![0].bytes().slice();
  for (let i = random(3); i > 0; i--) bytes[6 + random(bytes.length - 6)] = random(256);
  bytes[6]! &= 0xfe;
  const cut = random(4) === 0 ? random(bytes.length - 14) : 0;
  return bytes.slice(0, bytes.length - cut);
}

test('suppress: whatever is asked, a reply is whole and for who asked', () => {
  const bridge = suppressing();
  for (let i = 0; i < 20000; i++) {
    const frame = mutated();
    const outcome = bridge.inject(1, frame);
    for (const { port, bytes } of outcome.sent) {
      if (port !== 1) assert.is(hex(bytes), hex(frame));
      else expectWholeReply(bytes);
    }
  }
  assert.ok(answered(bridge) > 100);
});

/** Rebuilds a reply from what it says to whom. */
function expectWholeReply(bytes: Uint8Array): void {
  const at = (from: number, to: number): string => hex(bytes.slice(from, to));
  const asker = at(0, 6).match(/../g)!.join(':');
  assert.is(at(6, 12), '020000000102');
  if (at(12, 14) === '0806') {
    const answer = reply(IT, ITS_IP, asker, bytes.slice(38, 42).join('.'));
    assert.is(hex(bytes), hex(answer.bytes()));
    return;
  }
  const ip = at(38, 54).match(/..../g)!.join(':');
  const answer = advertisement(IT, ITS_IP6, [asker, ip]);
  assert.is(hex(bytes), hex(answer.bytes()));
  assert.is(bytes[0]! & 1, 0, 'to a station');
}

test.run();
