/** Conformance cases of area A3, VXLAN, TOS and ECN (RFC 6040): VX-A17 to VX-A19. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop } from '../../assembly/abi.js';
import { type Frame, eth, hex } from '../support/frame.js';
import { request } from '../support/neighbour.js';
import {
  LOCAL,
  OverlaySwitch,
  PEER,
  PEER_6,
  REMOTE,
  REMOTE_6,
  TUNNEL,
  UNDERLAY,
  expectAllClean,
  expectDrop,
  expectOut,
  overlayYaml,
  sentTunnel,
  stationAt,
  vxlanToUs,
  withHost,
} from '../support/overlay-switch.js';

const tosInner = (tos: number, to = REMOTE, isIpv6 = false): Frame => {
  const frame = eth(LOCAL, to);
  if (isIpv6) frame.ipv6('fd00::2', 'fd00::3', { tos });
  else frame.ipv4('10.0.0.2', '10.0.0.3', { tos });
  return frame.udp(1, 2).payload('tos');
};

for (const isIpv6 of [false, true]) {
  for (const remote of [REMOTE, REMOTE_6]) {
    const what = `inner IPv${isIpv6 ? 6 : 4} to ${remote}`;
    test(`VX-A17: the outer TOS is the inner one where it is inherited, ${what}`, () => {
      const to = OverlaySwitch.create(overlayYaml({ overlay: 'tos: inherit' }));
      for (const tos of [0x14, 0x18]) {
        for (let i = 0; i < 10; i++) {
          assert.is(sentTunnel(to.inject('p1', tosInner(tos, remote, isIpv6))).tos, tos);
        }
      }
    });

    test(`VX-A18: inner ECN 0, 1, 2, 3 leaves as 0, 1, 2, 2, ${what}`, () => {
      for (const overlay of ['tos: 0', 'tos: inherit', 'tos: 0xb8']) {
        const to = OverlaySwitch.create(overlayYaml({ overlay }));
        const fields = [0, 1, 2, 3].map(ecn => {
          const outcome = to.inject('p1', tosInner(0x48 | ecn, remote, isIpv6));
          const outer = sentTunnel(outcome);
          assert.is(hex(outer.inner), hex(tosInner(0x48 | ecn, remote, isIpv6).bytes()));
          return outer.tos;
        });
        const dscp = { 'tos: 0': 0, 'tos: inherit': 0x48, 'tos: 0xb8': 0xb8 }[overlay]!;
        assert.equal(fields, [dscp, dscp | 1, dscp | 2, dscp | 2]);
      }
    });
  }
}

/** Delivered inner code point by inner and outer one; undefined: dropped (RFC 6040 §4.2). */
const ECN_OUT: (number | undefined)[][] = [
  [0, 0, 0, undefined],
  [1, 1, 1, 3],
  [2, 1, 2, 3],
  [3, 3, 3, 3],
];

for (const isIpv6Inner of [false, true]) {
  for (const from of [PEER, PEER_6]) {
    const what = `inner IPv${isIpv6Inner ? 6 : 4}, from ${from}`;
    test(`VX-A19: all 16 combinations of ECN come out by RFC 6040, ${what}`, () => {
      const to = withHost();
      const innerOf = (tos: number): Frame => {
        const frame = eth(stationAt(from), LOCAL);
        if (isIpv6Inner) frame.ipv6('fd00::3', 'fd00::2', { tos });
        else frame.ipv4('10.0.0.3', '10.0.0.2', { tos });
        return frame.udp(1, 2).payload('ecn');
      };
      for (let inner = 0; inner < 4; inner++) {
        for (let outer = 0; outer < 4; outer++) {
          const expected = ECN_OUT[inner]![outer];
          for (let i = 0; i < 10; i++) {
            // DSCP stays; the checksum of the inner header follows the field.
            const outcome = to.inject(
              UNDERLAY,
              vxlanToUs(innerOf(0xb8 | inner), { from, tos: outer }),
            );
            if (expected === undefined) expectDrop(outcome, 'EcnCongestion', TUNNEL);
            else expectOut(outcome, ['p1'], innerOf(0xb8 | expected));
          }
        }
      }
      assert.is(to.core.portDrops(to.index(TUNNEL), Drop.EcnCongestion), 10n);
    });
  }
}

test('VX-A19: what is no IP inside is not touched, whatever the outer field says', () => {
  const inner = request(REMOTE, '10.0.0.3', '10.0.0.2');
  for (const tos of [0, 1, 2, 3]) {
    expectOut(withHost().inject(UNDERLAY, vxlanToUs(inner, { tos })), ['p1', 'p2'], inner);
  }
});

test('all: tshark finds nothing wrong with what was sent', () => expectAllClean());

test.run();
