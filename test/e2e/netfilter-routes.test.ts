/**
 * Fragments, narrow ways, last hops, routes that lead nowhere, reverse paths and hairpins: what
 * the kernel's router sends for each packet, and ours.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ReversePath } from '../../assembly/zone-abi.js';
import { slowChecksum, slowSum } from '../support/checksum.js';
import { fragment, piecesAt } from '../support/fragment.js';
import { type Frame, eth } from '../support/frame.js';
import { type Came, whyNoNetfilter } from '../support/netfilter.js';
import { type Answer, Pair, ROUTER_MAC, type Side, macOf } from '../support/netfilter-pair.js';
import { saveText } from '../support/zone-rig.js';

const reason = whyNoNetfilter();
if (reason !== undefined) console.log(`skipped: netfilter: ${reason}`);
const check = reason === undefined ? test : test.skip;

const [INSIDE, OUTSIDE] = ['10.0.1.2', '203.0.113.2'];
const ROUTER = '203.0.113.1';
const NAT = saveText('nat', [
  '-A PREROUTING -d 203.0.113.1 -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.1.3:53',
  '-A PREROUTING -d 203.0.113.1 -p udp -m udp --dport 5353 -j DNAT --to-destination 10.0.1.3:53',
  '-A POSTROUTING -s 10.0.1.0/24 -o out -j MASQUERADE',
  '-A POSTROUTING -s 10.0.1.3 -d 10.0.1.3 -j MASQUERADE',
]);
const PAYLOAD = 1200;
const CUTS = [256, 512, 1000];
let id = 0x1000;

function from(
  side: Side,
  to: string,
  more: { source?: string; ttl?: number; isDf?: boolean } = {},
): Frame {
  const { source = side === 'in' ? INSIDE : OUTSIDE, ...rest } = more;
  return eth(macOf(source), ROUTER_MAC[side]).ipv4(source, to, { id: ++id, ...rest });
}

/** Frames that came out of the kernel's router. */
const came = ({ kernel }: Answer): number => kernel.length;

const [L2, HEADER] = [14, 20];

/**
 * The datagram that fragments make, which have to be all of it, one behind the other; or what came
 * as it is. DIFFERENCES: a router may cut as it likes (RFC 791 §3.2): the kernel sends the
 * pieces that it got, ours the longest that the way takes.
 */
function together(came: readonly Came[]): Came[] {
  const word = ({ bytes }: Came): number => Buffer.from(bytes).readUInt16BE(L2 + 6) & 0x3fff;
  if (came.length < 2) return [...came];
  const pieces = [...came].sort((a, b) => (word(a) & 0x1fff) - (word(b) & 0x1fff));
  let next = 0;
  for (const piece of pieces) {
    const isLast = piece === pieces.at(-1);
    assert.is(word(piece), (isLast ? 0 : 0x2000) | (next / 8), 'place of a fragment');
    assert.equal(piece.bytes.subarray(0, L2 + 2), pieces[0]!.bytes.subarray(0, L2 + 2));
    assert.equal(piece.bytes.subarray(L2 + 4, L2 + 6), pieces[0]!.bytes.subarray(L2 + 4, L2 + 6));
    assert.is(slowSum(piece.bytes.subarray(L2, L2 + HEADER)), 0xffff, 'header of a fragment');
    next += piece.bytes.length - L2 - HEADER;
  }
  const head = Buffer.from(pieces[0]!.bytes.subarray(0, L2 + HEADER));
  head.writeUInt16BE(HEADER + next, L2 + 2);
  head.writeUInt16BE(0, L2 + 6);
  head.writeUInt16BE(0, L2 + 10);
  head.writeUInt16BE(slowChecksum(head.subarray(L2)), L2 + 10);
  const rest = pieces.map(({ bytes }) => bytes.subarray(L2 + HEADER));
  return [{ side: pieces[0]!.side, bytes: Buffer.concat([head, ...rest]) }];
}

/** Fragments of a datagram in some order; frames out for each. */
async function inPieces(
  pair: Pair,
  whole: Frame,
  order: readonly number[],
  what: string,
): Promise<number[]> {
  const bytes = whole.bytes();
  const pieces = piecesAt(bytes.length - L2 - HEADER, CUTS);
  const own = ++id & 0xffff;
  const out: number[] = [];
  for (const i of order) {
    const part = fragment(bytes, pieces[i]!, { id: own });
    const { kernel, ours, dropped } = await pair.send('in', part);
    const answer = { kernel: together(kernel), ours: together(ours), dropped };
    pair.compare(part, answer, `${what}: piece ${i}`);
    out.push(ours.length);
  }
  return out;
}

const ORDERS: Record<string, readonly number[]> = {
  'in order': [0, 1, 2, 3],
  reversed: [3, 2, 1, 0],
  'from the middle': [2, 0, 3, 1],
  'one of them twice': [0, 1, 1, 2, 3],
  'one missing': [0, 1, 3],
};

check('netfilter: fragments wait for one another, are translated, and leave in fragments', () =>
  Pair.with({ rules: NAT, outsideMtuBytes: 700 }, async pair => {
    let port = 20000;
    for (const [what, order] of Object.entries(ORDERS)) {
      const whole = from('in', OUTSIDE).udp(port++, 53).payload(PAYLOAD);
      const out = await inPieces(pair, whole, order, what);
      const isWhole = what !== 'one missing';
      assert.equal(
        out.slice(0, -1).some(count => count > 0),
        false,
        what,
      );
      assert.is(out.at(-1)! > 1, isWhole, what);
    }
  }),
);

check('netfilter: where the way is wide, what came in fragments leaves as it may', () =>
  Pair.with({ rules: NAT }, async pair => {
    const whole = from('in', OUTSIDE).udp(20000, 53).payload(PAYLOAD);
    const out = await inPieces(pair, whole, [0, 1, 2, 3], 'wide');
    assert.ok(out.at(-1)! > 0);
  }),
);

check('netfilter: fragments that overlap come out of neither', () =>
  Pair.with({ rules: NAT }, async pair => {
    const bytes = from('in', OUTSIDE).udp(20000, 53).payload(PAYLOAD).bytes();
    const pieces = [
      { offset: 0, length: 512 },
      { offset: 256, length: 512 },
      { offset: 768, length: bytes.length - 34 - 768 },
    ];
    const own = ++id & 0xffff;
    for (const piece of pieces) {
      const answer = await pair.same('in', fragment(bytes, piece, { id: own }), 'overlap');
      assert.is(came(answer), 0);
    }
  }),
);

check('netfilter: what may not be cut is answered with the MTU, what may is cut', () =>
  Pair.with({ rules: NAT, outsideMtuBytes: 700 }, async pair => {
    for (const [i, length] of [672, 673, 1200].entries()) {
      for (const isDf of [false, true]) {
        const frame = from('in', OUTSIDE, { isDf }).udp(21000 + 2 * i + Number(isDf), 53);
        const answer = await pair.same('in', frame.payload(length), `${length} bytes, DF ${isDf}`);
        const isLong = length > 672;
        assert.is(answer.kernel[0]!.side, isLong && isDf ? 'in' : 'out');
        if (isLong && !isDf) assert.ok(came(answer) > 1);
      }
    }
  }),
);

check('netfilter: the last hop is told to the sender, of new and of known flows', () =>
  Pair.with({ rules: NAT }, async pair => {
    for (const ttl of [1, 2, 64, 1]) {
      const frame = from('in', OUTSIDE, { ttl }).udp(22000, 53).payload(20);
      const answer = await pair.same('in', frame, `TTL ${ttl}`);
      assert.is(answer.kernel[0]!.side, ttl === 1 ? 'in' : 'out');
    }
    for (const ttl of [1, 64]) {
      const frame = from('out', ROUTER, { ttl }).udp(22001, 53).payload(20);
      await pair.same('out', frame, `published, TTL ${ttl}`);
    }
  }),
);

const NOWHERE = [
  ['198.51.100.0/25', 'blackhole', '198.51.100.1'],
  ['198.51.100.128/26', 'unreachable', '198.51.100.129'],
  ['198.51.100.192/26', 'prohibit', '198.51.100.193'],
] as const;

for (const [to, kind, address] of NOWHERE) {
  // A router of its own each: the kernel says no more than five such errors at once.
  check(`netfilter: a route of kind ${kind}: silence, or the code of its kind`, () =>
    Pair.with({ rules: NAT, routes: [[to, kind]] }, async pair => {
      for (const frame of [
        from('in', address).udp(23000, 53).payload(20),
        from('in', address).tcp(23000, 80, { flags: 2 }),
        from('in', address).icmp(8, 0, 0x00170001),
      ]) {
        assert.is(came(await pair.same('in', frame, kind)), kind === 'blackhole' ? 0 : 1, kind);
      }
    }),
  );
}

const SOURCES = [INSIDE, '10.0.1.77', OUTSIDE, '203.0.113.77', '192.0.2.9', '198.51.100.9'];

for (const [name, reversePath] of Object.entries({
  off: ReversePath.Off,
  strict: ReversePath.Strict,
  loose: ReversePath.Loose,
})) {
  check(`netfilter: reverse path ${name}: sources of all sides, from both`, () =>
    Pair.with({ reversePath, routes: [['198.51.100.0/24', 'blackhole']] }, async pair => {
      let out = 0;
      for (const side of ['in', 'out'] as const) {
        const to = side === 'in' ? OUTSIDE : INSIDE;
        for (const [i, source] of SOURCES.entries()) {
          const frame = from(side, to, { source })
            .udp(24000 + i, 53)
            .payload(20);
          out += came(await pair.same(side, frame, `from ${source} by ${side}`));
        }
      }
      assert.ok(out > 0 && (reversePath === ReversePath.Off || out < 12), `${out} came out`);
    }),
  );
}

check('netfilter: two published ports that lead to one: the second has another source port', () =>
  Pair.with({ rules: NAT }, async pair => {
    for (const port of [53, 5353, 5353]) {
      const frame = from('out', ROUTER).udp(25000, port).payload(20);
      assert.is(came(await pair.same('out', frame, `to port ${port}`)), 1);
    }
    assert.is(pair.counts.named, 1);
  }),
);

check('netfilter: hairpin: a host reaches itself and a sibling at the outside address', () =>
  Pair.with({ rules: NAT }, async pair => {
    for (const source of ['10.0.1.3', '10.0.1.2']) {
      const call = from('in', ROUTER, { source }).udp(26000, 53).payload(20);
      const answer = await pair.same('in', call, `from ${source}`);
      assert.equal(
        answer.kernel.map(({ side }) => side),
        ['in'],
      );
    }
    const back = from('in', '10.0.1.1', { source: '10.0.1.3' }).udp(53, 26000).payload(30);
    const { kernel } = await pair.same('in', back, 'answer to itself');
    assert.equal(
      kernel.map(({ side }) => side),
      ['in'],
    );
  }),
);

test.run();
