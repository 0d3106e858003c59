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

for (const [from, each] of [
  [PEER, 40],
  [PEER_6, 40],
  [PEER, 1480],
] as const) {
  const what = `fragments of ${each} bytes from ${from}`;
  const payload = each === 40 ? 200 : 2000;
  test(`VX-A28: ${what} are delivered whole, once, or not at all`, () => {
    const to = withHost(overlayYaml({ underlay: 'mtuBytes: 9000' }));
    const pieces = fragmentsOf(vxlanToUs(udpInner(payload, from), { from }).bytes(), each);
    assert.ok(pieces.length > 1);
    const sent = pieces.flatMap(piece => to.inject(UNDERLAY, piece).sent);
    assert.ok(sent.length <= 1);
    for (const { port, bytes } of sent) {
      assert.is(port, 'p1');
      assert.is(hex(bytes), hex(udpInner(payload, from).bytes()));
    }
    console.log(`VX-A28: ${what}: ${sent.length === 1 ? 'delivered whole' : 'not delivered'}`);
  });

  test(`VX-A28: ${what} with one missing deliver nothing`, () => {
    const pieces = fragmentsOf(vxlanToUs(udpInner(payload, from), { from }).bytes(), each);
    for (let missing = 0; missing < pieces.length; missing++) {
      const to = withHost(overlayYaml({ underlay: 'mtuBytes: 9000' }));
      const rest = pieces.filter((_, index) => index !== missing);
      assert.equal(
        rest.flatMap(piece => to.inject(UNDERLAY, piece).sent),
        [],
      );
      expectOut(to.inject(UNDERLAY, vxlanToUs(udpInner())), ['p1'], udpInner());
    }
  });
}

test('all: tshark finds nothing wrong with what was sent', () => expectAllClean());

test.run();
