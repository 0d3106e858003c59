/**
 * An underlay as a host of its network, and who may send into a network (features OV-20):
 * what it answers, whom it asks, whom it believes.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop } from '../../assembly/abi.js';
import { BROADCAST, type Frame, eth, hex } from '../support/frame.js';
import { advertisement, reply, request, solicitation } from '../support/neighbour.js';
import {
  LOCAL,
  OURS,
  OURS_6,
  OUR_MAC,
  OverlaySwitch,
  PEER,
  PEER_2,
  PEER_6,
  REMOTE,
  REMOTE_6,
  STRANGER,
  TUNNEL,
  UNDERLAY,
  expectAllClean,
  expectDrop,
  expectOut,
  hostMac,
  overlayYaml,
  sentTunnel,
  vxlanToUs,
  withHost,
} from '../support/overlay-switch.js';

test('underlay: our address answers ARP requests and neighbour solicitations', () => {
  const to = withHost();
  const asker = hostMac(STRANGER);
  expectOut(
    to.inject(UNDERLAY, request(asker, STRANGER, OURS)),
    [UNDERLAY],
    reply(OUR_MAC, OURS, asker, STRANGER),
  );
  expectOut(
    to.inject(UNDERLAY, solicitation(asker, 'fd09::77', OURS_6)),
    [UNDERLAY],
    advertisement(OUR_MAC, OURS_6, [asker, 'fd09::77']),
  );
});

test('underlay: questions for others stay unanswered', () => {
  const to = withHost();
  expectDrop(to.inject(UNDERLAY, request(hostMac(PEER), PEER, PEER_2)), 'NotOurAddress');
  expectDrop(
    to.inject(UNDERLAY, solicitation(hostMac(PEER_6), PEER_6, 'fd09::99')),
    'NotOurAddress',
  );
});

test('underlay: our address answers pings of both families', () => {
  const to = withHost();
  for (const bytes of [0, 56, 1400]) {
    const ping = (type: number, from: string, target: string): Frame =>
      eth(hostMac(PEER), OUR_MAC).ipv4(from, target).icmp(type, 0, 0x12340001).payload(bytes);
    const pong = eth(OUR_MAC, hostMac(PEER)).ipv4(OURS, PEER).icmp(0, 0, 0x12340001);
    expectOut(to.inject(UNDERLAY, ping(8, PEER, OURS)), [UNDERLAY], pong.payload(bytes));
    const ping6 = eth(hostMac(PEER_6), OUR_MAC).ipv6(PEER_6, OURS_6).icmp(128, 0, 7);
    const pong6 = eth(OUR_MAC, hostMac(PEER_6)).ipv6(OURS_6, PEER_6).icmp(129, 0, 7);
    expectOut(to.inject(UNDERLAY, ping6.payload(bytes)), [UNDERLAY], pong6.payload(bytes));
  }
});

test('underlay: a next hop that moved is found at its new address', () => {
  const to = withHost();
  const frame = eth(LOCAL, REMOTE).payload('x');
  const moved = '02:99:aa:aa:aa:aa';
  // Said to all, as a host does that took an address over.
  to.inject(UNDERLAY, eth(moved, BROADCAST).type(0x0806).payload(gratuitous(moved, PEER)));
  assert.is(sentTunnel(to.inject('p1', frame)).destinationMac, moved);
});

/** RFC 5227 §3: an announcement, sender and target the same. */
function gratuitous(mac: string, ip: string): Uint8Array {
  return request(mac, ip, ip).bytes().slice(14);
}

test('underlay: next hops over IPv6 are asked for by neighbour solicitation', () => {
  const to = OverlaySwitch.create(overlayYaml({ peers: [PEER_6] }), { isConnected: false });
  const { sent } = to.wait(0);
  const asked = solicitation(OUR_MAC, OURS_6, PEER_6);
  assert.equal(
    sent.map(({ port, bytes }) => ({ port, bytes: hex(bytes) })),
    [{ port: UNDERLAY, bytes: hex(asked.bytes()) }],
  );
  to.inject(UNDERLAY, advertisement(hostMac(PEER_6), PEER_6, [OUR_MAC, OURS_6]));
  to.inject('p1', eth(LOCAL, LOCAL));
  const outer = sentTunnel(to.inject('p1', eth(LOCAL, REMOTE_6).payload('x')));
  assert.is(outer.destinationMac, hostMac(PEER_6));
});

test('peers: a stranger is refused, by name, and nothing is learned of it', () => {
  const to = withHost();
  const before = [...to.core.overlays.vteps()].length;
  const outer = vxlanToUs(eth(9, LOCAL).payload('x'), { from: STRANGER });
  expectDrop(to.inject(UNDERLAY, outer), 'UnknownVtep', TUNNEL);
  assert.is([...to.core.overlays.vteps()].length, before);
});

test('peers: a stranger is learned where the network learns, and answered there', () => {
  const to = withHost(overlayYaml({ overlay: 'learning: true' }));
  const inner = eth(9, LOCAL).payload('x');
  const { sent } = to.inject(UNDERLAY, vxlanToUs(inner, { from: STRANGER }));
  assert.equal(
    sent.map(({ port, bytes }) => [port, hex(bytes)]),
    [
      ['p1', hex(inner.bytes())],
      [UNDERLAY, hex(request(OUR_MAC, OURS, STRANGER).bytes())], // for what goes back
    ],
  );
  to.inject(UNDERLAY, reply(hostMac(STRANGER), STRANGER, OUR_MAC, OURS));
  assert.is(sentTunnel(to.inject('p1', eth(LOCAL, 9).payload('y'))).destination, STRANGER);
});

test('peers: a configured address from another peer than its own is refused', () => {
  for (const overlay of ['learning: false', 'learning: true']) {
    const to = withHost(overlayYaml({ overlay }));
    const inner = eth(REMOTE, LOCAL).payload('x');
    expectDrop(to.inject(UNDERLAY, vxlanToUs(inner, { from: PEER_2 })), 'WrongVtep', TUNNEL);
    assert.is(sentTunnel(to.inject('p1', eth(LOCAL, REMOTE).payload('x'))).destination, PEER);
  }
});

test('peers: an address of ours from a tunnel is refused, learned or configured', () => {
  const mine = '02:00:00:00:00:55';
  const to = withHost(overlayYaml({ fdb: [`{ mac: '${mine}', port: p2 }`] }));
  for (const source of [LOCAL, mine]) {
    const outer = vxlanToUs(eth(source, BROADCAST).payload('x'));
    expectDrop(to.inject(UNDERLAY, outer), 'OwnSource', TUNNEL);
  }
  assert.is(to.core.portDrops(to.index(TUNNEL), Drop.OwnSource), 2n);
});

test('peers: a peer of one network is a stranger to another', () => {
  const yaml = overlayYaml({
    ports: ['q1: { kind: memory, segment: db }'],
    segments: [`db:\n    overlay: { vni: 43, underlay: fabric, peers: [${PEER_2}] }`],
  });
  const to = OverlaySwitch.create(yaml);
  const inner = eth(9, BROADCAST).payload('x');
  expectDrop(to.inject(UNDERLAY, vxlanToUs(inner, { vni: 43 })), 'UnknownVtep', 'vx-00002b');
  expectOut(to.inject(UNDERLAY, vxlanToUs(inner, { vni: 43, from: PEER_2 })), ['q1'], inner);
});

test('neighbours: requests for known ones are answered, and nothing leaves', () => {
  const yaml = overlayYaml({
    overlay: 'bum: replicate',
    neighbours: [`{ ip: 10.0.0.3, mac: '${REMOTE}' }`, `{ ip: 'fd00::3', mac: '${REMOTE}' }`],
  });
  const to = withHost(yaml);
  expectOut(
    to.inject('p1', request(LOCAL, '10.0.0.2', '10.0.0.3')),
    ['p1'],
    reply(REMOTE, '10.0.0.3', LOCAL, '10.0.0.2'),
  );
  expectOut(
    to.inject('p1', solicitation(LOCAL, 'fd00::2', 'fd00::3')),
    ['p1'],
    advertisement(REMOTE, 'fd00::3', [LOCAL, 'fd00::2']),
  );
});

test('neighbours: requests for unknown ones leave only where the network floods', () => {
  const frame = request(LOCAL, '10.0.0.2', '10.0.0.99');
  expectOut(withHost().inject('p1', frame), ['p2'], frame);
  const { sent } = withHost(overlayYaml({ overlay: 'bum: replicate' })).inject('p1', frame);
  assert.equal(
    sent.map(({ port }) => port),
    ['p2', UNDERLAY, UNDERLAY, UNDERLAY],
  );
});

test('multicast: frames to many are one packet to the group, with its MAC address', () => {
  const yaml = overlayYaml({ overlay: 'bum: multicast, group: 239.1.2.3' });
  const to = withHost(yaml);
  const frame = eth(LOCAL, BROADCAST).payload(46);
  const { sent, dropped } = to.inject('p1', frame);
  assert.equal(dropped, []);
  assert.equal(
    sent.map(({ port }) => port),
    ['p2', UNDERLAY],
  );
  const outer = sentTunnel({ sent: [sent[1]!], dropped: [] });
  assert.equal([outer.destination, outer.destinationMac], ['239.1.2.3', '01:00:5e:01:02:03']);
  assert.is(hex(outer.inner), hex(frame.bytes()));
});

test('all: tshark finds nothing wrong with what was sent', () => expectAllClean());

test.run();
