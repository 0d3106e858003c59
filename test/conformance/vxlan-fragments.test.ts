/** Conformance case VX-A28: outer fragments, put together again within bounds. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Frame, eth, hex } from '../support/frame.js';
import { fragmentsOf } from '../support/fragments.js';
import {
  LOCAL,
  PEER,
  PEER_6,
  UNDERLAY,
  expectAllClean,
  expectOut,
  overlayYaml,
  stationAt,
  vxlanToUs,
  withHost,
} from '../support/overlay-switch.js';

const udpInner = (payload: number | string = 'hello', from: string = PEER): Frame =>
  eth(stationAt(from), LOCAL).ipv4('10.0.0.3', '10.0.0.2').udp(1000, 2000).payload(payload);

const JUMBO = overlayYaml({ underlay: 'mtuBytes: 9000' });

for (const [from, each] of [
  [PEER, 40],
  [PEER_6, 40],
  [PEER, 1480],
] as const) {
  const what = `fragments of ${each} bytes from ${from}`;
  const payload = each === 40 ? 200 : 2000;
  const whole = udpInner(payload, from);
  const pieces = fragmentsOf(vxlanToUs(whole, { from }).bytes(), each);
  assert.ok(pieces.length > 1);
  const orders: [string, Uint8Array[]][] = [
    ['in order', pieces],
    ['backwards', pieces.toReversed()],
    ['with the first one twice', [pieces[0]!, ...pieces]],
  ];

  for (const [order, sent] of orders) {
    test(`VX-A28: ${what} ${order} are delivered whole, once`, () => {
      const to = withHost(JUMBO);
      const out = sent.flatMap(piece => to.inject(UNDERLAY, piece).sent);
      assert.equal(
        out.map(({ port, bytes }) => ({ port, bytes: hex(bytes) })),
        [{ port: 'p1', bytes: hex(whole.bytes()) }],
      );
    });
  }

  test(`VX-A28: ${what} all in one batch are delivered whole, once`, () => {
    const { sent } = withHost(JUMBO).batch(pieces.map(frame => ({ port: UNDERLAY, frame })));
    assert.equal(
      sent.map(({ port, bytes }) => ({ port, bytes: hex(bytes) })),
      [{ port: 'p1', bytes: hex(whole.bytes()) }],
    );
  });

  test(`VX-A28: ${what} with one missing deliver nothing`, () => {
    for (let missing = 0; missing < pieces.length; missing++) {
      const to = withHost(JUMBO);
      const rest = pieces.filter((_, index) => index !== missing);
      assert.equal(
        rest.flatMap(piece => to.inject(UNDERLAY, piece).sent),
        [],
      );
      expectOut(to.inject(UNDERLAY, vxlanToUs(udpInner())), ['p1'], udpInner());
    }
  });
}

test('VX-A28: pieces of two datagrams that come mixed are kept apart', () => {
  const to = withHost(JUMBO);
  const [one, two] = [udpInner(200), udpInner(120)];
  const [first, second] = [one, two].map((inner, i) =>
    fragmentsOf(vxlanToUs(inner).bytes(), 40, 0x1000 + i),
  ) as [Uint8Array[], Uint8Array[]];
  const mixed = first.flatMap((piece, i) => [piece, ...second.slice(i, i + 1)]);
  const out = mixed.flatMap(piece => to.inject(UNDERLAY, piece).sent);
  assert.equal(
    out.map(({ bytes }) => hex(bytes)).sort(),
    [one, two].map(f => hex(f.bytes())).sort(),
  );
});

test('VX-A28: pieces that overlap deliver nothing of a wrong datagram', () => {
  const to = withHost(JUMBO);
  const whole = udpInner(200);
  const [good, evil] = [whole, udpInner('evil'.repeat(50))].map(inner =>
    fragmentsOf(vxlanToUs(inner).bytes(), 40),
  ) as [Uint8Array[], Uint8Array[]];
  const out = [good[0]!, good[1]!, evil[1]!, ...good.slice(2)].flatMap(
    piece => to.inject(UNDERLAY, piece).sent,
  );
  for (const { bytes } of out) assert.is(hex(bytes), hex(whole.bytes()));
});

test('VX-A28: a flood of pieces without an end takes no memory and stops nobody', () => {
  const to = withHost(JUMBO);
  for (let id = 0; id < 2000; id++) {
    const [lonely] = fragmentsOf(vxlanToUs(udpInner(200)).bytes(), 40, id) as [Uint8Array];
    assert.equal(to.inject(UNDERLAY, lonely).sent, []);
  }
  to.wait(60000);
  const out = fragmentsOf(vxlanToUs(udpInner(200)).bytes(), 40, 0xffff).flatMap(
    each => to.inject(UNDERLAY, each).sent,
  );
  assert.equal(
    out.map(({ bytes }) => hex(bytes)),
    [hex(udpInner(200).bytes())],
  );
});

test('all: tshark finds nothing wrong with what was sent', () => expectAllClean());

test.run();
