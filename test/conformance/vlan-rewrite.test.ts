/**
 * Conformance cases of area A2, VLAN: tag rewriting of a sub-interface, there and back.
 * Port 1 is the sub-interface, port 2 a plain port.
 */
import { test } from 'uvu';
import { expectSent } from '../support/expect.js';
import { Frame, eth } from '../support/frame.js';
import { TestSwitch } from '../support/test-switch.js';

type Tag = [tpid: number, vid: number];
type Options = Parameters<TestSwitch['port']>[1];
const Q = 0x8100;
const AD = 0x88a8;
const HOST = 1;
const PEER = 2;

const identity = ([tpid, vid]: Tag) => ((tpid << 16) | vid) >>> 0;
const OUTER_200_INNER_100: Tag[] = [
  [AD, 200],
  [Q, 100],
];
const TWO_TAGS: Options = {
  MatchTags: 2,
  MatchOuter: identity([AD, 200]),
  MatchInner: identity([Q, 100]),
};
const ONE_TAG: Options = { MatchTags: 1, MatchOuter: identity([Q, 200]) };

interface Case {
  id: string;
  match: Options;
  from: Tag[];
  rewrite: Options;
  to: Tag[];
}

const pushOf = (...tags: Tag[]): Options => ({
  PushTags: tags.length,
  ...(tags[0] && { PushOuter: identity(tags[0]) }),
  ...(tags[1] && { PushInner: identity(tags[1]) }),
});

const twoTags = (id: string, rewrite: Options, to: Tag[]): Case => ({
  id,
  match: TWO_TAGS,
  from: OUTER_200_INNER_100,
  rewrite,
  to,
});
const oneTag = (id: string, rewrite: Options, to: Tag[]): Case => ({
  id,
  match: ONE_TAG,
  from: [[Q, 200]],
  rewrite,
  to,
});

const CASES: Case[] = [
  twoTags('VL-A19 pop 1', { PopTags: 1 }, [[Q, 100]]),
  twoTags('VL-A19 pop 2', { PopTags: 2 }, []),
  twoTags('VL-A20 push 1 ad 300', pushOf([AD, 300]), [[AD, 300], ...OUTER_200_INNER_100]),
  twoTags('VL-A20 push 1 q 300', pushOf([Q, 300]), [[Q, 300], ...OUTER_200_INNER_100]),
  twoTags('VL-A21 translate 1-1 ad 300', { PopTags: 1, ...pushOf([AD, 300]) }, [
    [AD, 300],
    [Q, 100],
  ]),
  twoTags('VL-A21 translate 2-1 q 300', { PopTags: 2, ...pushOf([Q, 300]) }, [[Q, 300]]),
  twoTags('VL-A21 translate 2-2', { PopTags: 2, ...pushOf([AD, 400], [Q, 300]) }, [
    [AD, 400],
    [Q, 300],
  ]),
  oneTag('VL-A22 pop 1', { PopTags: 1 }, []),
  oneTag('VL-A22 translate 1-1 ad 300', { PopTags: 1, ...pushOf([AD, 300]) }, [[AD, 300]]),
  oneTag('VL-A22 translate 1-2', { PopTags: 1, ...pushOf([AD, 400], [Q, 300]) }, [
    [AD, 400],
    [Q, 300],
  ]),
];

function stacked(frame: Frame, tags: Tag[], bytes: number): Frame {
  for (const [tpid, vid] of tags) frame.vlan(vid, { tpid });
  return frame.payload(bytes);
}

/** Payload bytes of frames of 64, 512, 1518 and 9018 bytes. */
const PAYLOADS = [64, 512, 1518, 9018].map(bytes => bytes - 14 - 8);

for (const { id, match, from, rewrite, to } of CASES) {
  const created = () => TestSwitch.create({ ports: 2 }).port(1, { ...match, ...rewrite });

  test(`${id}: the way in`, () => {
    for (const bytes of PAYLOADS) {
      const out = stacked(eth(HOST), to, bytes);
      expectSent(created().inject(1, stacked(eth(HOST), from, bytes)), [2], out);
    }
  });

  test(`VL-A23 of ${id}: the way back restores the stack`, () => {
    for (const bytes of PAYLOADS) {
      const bridge = created();
      bridge.inject(1, stacked(eth(HOST), from, bytes));
      const back = stacked(eth(PEER, '02:00:00:00:00:01'), to, bytes);
      const restored = stacked(eth(PEER, '02:00:00:00:00:01'), from, bytes);
      expectSent(bridge.inject(2, back), [1], restored);
    }
  });
}

test.run();
