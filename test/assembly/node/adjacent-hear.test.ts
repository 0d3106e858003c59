/**
 * What a router interface makes of ARP (RFC 826, RFC 5227) and neighbour discovery
 * (RFC 4861 §7.1, §7.2): whole answers are compared, and who is believed.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ADDRESSES,
  AdjacentRig,
  ROUTER,
  ROUTER_IP,
  ROUTER_IP6,
  ROUTER_LINK,
} from '../../support/adjacent-rig.js';
import { BROADCAST, type Frame, eth, hex } from '../../support/frame.js';
import {
  type ArpFields,
  type NdFields,
  advertisement,
  arp,
  linkOption,
  nd,
  reply,
  request,
  solicitation,
  solicitedNode,
} from '../../support/neighbour.js';

const IP = '10.0.0.2';
const IP6 = 'fd00::2';
const MAC = '02:00:00:00:00:02';
const MAC_HEX = '020000000002';
const OTHER = '02:00:00:00:00:03';
const ZERO_MAC = '00:00:00:00:00:00';
const ALL_NODES = ['33:33:00:00:00:01', 'ff02::1'] as const;

const arpFrame = (to: string, fields: ArpFields): Frame =>
  eth(fields.sender[0], to).type(0x0806).payload(arp(fields));
const ndFrame = (to: string, from: string, fields: NdFields): Frame =>
  eth(from, to).type(0x86dd).payload(nd(fields));

/** What MAC is known of an address, and how. */
function known(rig: AdjacentRig, ip: string): [string, string] {
  const { state = 'None', mac = '' } = rig.read(rig.find(ip)) ?? {};
  return [state, mac];
}

test('adjacent-hear: a request for our address is answered, and who asked is learned', () => {
  const rig = AdjacentRig.create();
  assert.is(rig.hear(request(MAC, IP, ROUTER_IP)), 'None');
  assert.equal(rig.sent(), [hex(reply(ROUTER, ROUTER_IP, MAC, IP).bytes())]);
  assert.equal(known(rig, IP), ['Stale', MAC_HEX]);
  assert.is(rig.heard(), rig.find(IP));
  assert.is(rig.balance(1, 1), 0);
});

test('adjacent-hear: a request for another one is not ours, and teaches nothing new', () => {
  const rig = AdjacentRig.create();
  assert.is(rig.hear(request(MAC, IP, '10.0.0.9')), 'NotOurAddress');
  assert.equal(rig.sent(), []);
  assert.is(rig.state(IP), 'None');
  assert.is(rig.heard(), 0);
  const neighbour = rig.to(IP);
  assert.is(rig.hear(request(MAC, IP, '10.0.0.9')), 'None', 'but whom we know is heard');
  assert.equal(known(rig, IP), ['Stale', MAC_HEX]);
  assert.is(rig.heard(), neighbour);
});

test('adjacent-hear: who asks from another subnet is answered and not kept', () => {
  const rig = AdjacentRig.create();
  assert.is(rig.hear(request(MAC, '192.0.2.2', ROUTER_IP)), 'None');
  assert.equal(rig.sent(), [hex(reply(ROUTER, ROUTER_IP, MAC, '192.0.2.2').bytes())]);
  assert.is(rig.table.used, 0);
});

test('adjacent-hear: a probe for our address is answered, RFC 5227', () => {
  const rig = AdjacentRig.create();
  assert.is(rig.hear(request(MAC, '0.0.0.0', ROUTER_IP)), 'None');
  assert.equal(rig.sent(), [hex(reply(ROUTER, ROUTER_IP, MAC, '0.0.0.0').bytes())]);
  assert.is(rig.table.used, 0);
  assert.is(rig.open().hear(request(MAC, '0.0.0.0', '10.0.0.9')), 'NotOurAddress');
});

test('adjacent-hear: a reply to us confirms whom we asked, and nobody else', () => {
  const rig = AdjacentRig.create();
  assert.is(rig.hear(reply(MAC, IP, ROUTER, ROUTER_IP)), 'None');
  assert.is(rig.state(IP), 'None');
  rig.to(IP);
  assert.is(rig.hear(reply(MAC, IP, ROUTER, ROUTER_IP)), 'None');
  assert.equal(known(rig, IP), ['Reachable', MAC_HEX]);
  assert.equal(rig.sent(), []);
});

test('adjacent-hear: a reply to everybody only says where it may be', () => {
  const rig = AdjacentRig.create();
  rig.to(IP);
  const sender: [string, string] = [MAC, IP];
  rig.hear(arpFrame(BROADCAST, { operation: 2, sender, target: [ROUTER, ROUTER_IP] }));
  assert.equal(known(rig, IP), ['Stale', MAC_HEX]);
});

test('adjacent-hear: a gratuitous ARP moves a neighbour', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  rig.confirm(neighbour, MAC);
  const same = request(MAC, IP, IP);
  assert.is(rig.hear(same), 'None');
  assert.equal(known(rig, IP), ['Reachable', MAC_HEX], 'nothing new');
  assert.is(rig.hear(request(OTHER, IP, IP)), 'None');
  assert.equal(known(rig, IP), ['Stale', '020000000003']);
  assert.is(rig.open().hear(request(MAC, '10.0.0.7', '10.0.0.7')), 'NotOurAddress');
  assert.is(rig.table.used, 1);
});

test('adjacent-hear: who speaks as we do is counted, and not believed or answered', () => {
  const rig = AdjacentRig.create();
  assert.is(rig.hear(request(MAC, ROUTER_IP, ROUTER_IP)), 'None');
  assert.is(rig.hear(reply(MAC, ROUTER_IP, OTHER, IP)), 'None');
  assert.is(rig.table.conflicts, 2);
  rig.hear(request(ROUTER, ROUTER_IP, IP));
  assert.is(rig.table.conflicts, 2, 'our own frame come back');
  assert.equal([rig.sent(), rig.table.used], [[], 0]);
});

test('adjacent-hear: malformed ARP is dropped by name', () => {
  const rig = AdjacentRig.create();
  rig.to(IP);
  const sender: [string, string] = [MAC, IP];
  const target: [string, string] = [ZERO_MAC, ROUTER_IP];
  const bad: Frame[] = [
    arpFrame(BROADCAST, { sender, target, hardware: 6 }),
    arpFrame(BROADCAST, { sender, target, protocol: 0x86dd }),
    arpFrame(BROADCAST, { sender, target, lengths: 0x0610 }),
    arpFrame(BROADCAST, { sender, target, operation: 3 }),
    arpFrame(BROADCAST, { sender: ['01:00:5e:00:00:01', IP], target }),
    arpFrame(BROADCAST, { sender: [ZERO_MAC, IP], target }),
    arpFrame(BROADCAST, { sender: [MAC, '224.0.0.1'], target }),
    arpFrame(BROADCAST, { sender: [MAC, '127.0.0.1'], target }),
  ];
  for (const frame of bad) assert.is(rig.hear(frame), 'NeighbourMalformed');
  const whole = request(MAC, IP, ROUTER_IP).bytes();
  for (let length = 14; length < whole.length; length++) {
    assert.is(rig.hear(whole.subarray(0, length)), 'NeighbourMalformed', `${length} bytes`);
  }
  assert.equal([rig.sent(), known(rig, IP)], [[], ['Incomplete', '']]);
});

for (const ours of [ROUTER_IP6, ROUTER_LINK]) {
  test(`adjacent-hear: a solicitation of ${ours} is answered as a router does`, () => {
    const rig = AdjacentRig.create();
    const asker = ours.replace('::1', '::2');
    assert.is(rig.hear(solicitation(MAC, asker, ours)), 'None');
    const answer = advertisement(ROUTER, ours, [MAC, asker], true);
    assert.equal(rig.sent(), [hex(answer.bytes())]);
    assert.equal(known(rig, asker), ['Stale', MAC_HEX]);
    assert.is(rig.heard(), rig.find(asker));
  });
}

test('adjacent-hear: one to us alone that does not say its MAC is answered where it came from', () => {
  const rig = AdjacentRig.create();
  const asked = { source: IP6, destination: ROUTER_IP6, target: ROUTER_IP6 };
  assert.is(rig.hear(ndFrame(ROUTER, MAC, asked)), 'None');
  const answer = advertisement(ROUTER, ROUTER_IP6, [MAC, IP6], true);
  assert.equal(rig.sent(), [hex(answer.bytes())]);
  assert.is(rig.table.used, 0);
});

test('adjacent-hear: duplicate address detection of our address is told all, and counted', () => {
  const rig = AdjacentRig.create();
  const options = new Uint8Array();
  assert.is(rig.hear(solicitation(MAC, '::', ROUTER_IP6, { options })), 'None');
  const told = ndFrame(ALL_NODES[0], ROUTER, {
    source: ROUTER_IP6,
    destination: ALL_NODES[1],
    target: ROUTER_IP6,
    type: 136,
    flags: 0xa0,
    options: linkOption(2, ROUTER),
  });
  assert.equal(rig.sent(), [hex(told.bytes())]);
  assert.is(rig.table.conflicts, 1);
  assert.is(rig.open().hear(solicitation(MAC, '::', 'fd00::9', { options })), 'NotOurAddress');
  rig.hear(solicitation(ROUTER, '::', ROUTER_IP6, { options }));
  assert.equal([rig.sent(), rig.table.conflicts], [[], 1], 'our own come back');
});

test('adjacent-hear: a solicitation of another one is not ours', () => {
  const rig = AdjacentRig.create();
  assert.is(rig.hear(solicitation(MAC, IP6, 'fd00::9')), 'NotOurAddress');
  assert.is(rig.hear(solicitation(MAC, IP6, 'fd00::99:0:1')), 'NotOurAddress', 'our group');
  assert.equal([rig.sent(), rig.table.used], [[], 0]);
});

const answerOf = (mac: string, changes: Partial<NdFields> = {}, to = ROUTER): Frame =>
  ndFrame(to, mac, {
    source: IP6,
    destination: ROUTER_IP6,
    target: IP6,
    type: 136,
    flags: 0x60,
    options: linkOption(2, mac),
    ...changes,
  });
const SOLICITED = 0x40;
const OVERRIDE = 0x20;

/** State and MAC of a neighbour in a state, after an advertisement. RFC 4861 §7.2.5. */
const ADVERTISED: [string, string, Frame, [string, string]][] = [
  ['answers', 'Incomplete', answerOf(MAC), ['Reachable', MAC_HEX]],
  ['is told of unasked', 'Incomplete', answerOf(MAC, { flags: 0 }), ['Stale', MAC_HEX]],
  ['says no MAC', 'Incomplete', answerOf(MAC, { options: new Uint8Array() }), ['Incomplete', '']],
  ['answers late', 'Failed', answerOf(MAC), ['Reachable', MAC_HEX]],
  ['answers', 'Stale', answerOf(MAC, { flags: SOLICITED }), ['Reachable', MAC_HEX]],
  ['says no MAC', 'Stale', answerOf(MAC, { options: new Uint8Array() }), ['Reachable', MAC_HEX]],
  ['is told of again', 'Reachable', answerOf(MAC, { flags: OVERRIDE }), ['Reachable', MAC_HEX]],
  ['moved', 'Reachable', answerOf(OTHER, { flags: OVERRIDE }), ['Stale', '020000000003']],
  ['moved and answers', 'Stale', answerOf(OTHER), ['Reachable', '020000000003']],
  ['is two', 'Reachable', answerOf(OTHER, { flags: SOLICITED }), ['Stale', MAC_HEX]],
  ['is two', 'Stale', answerOf(OTHER, { flags: SOLICITED }), ['Stale', MAC_HEX]],
  ['moved', 'Permanent', answerOf(OTHER), ['Permanent', MAC_HEX]],
];

for (const [what, state, frame, expected] of ADVERTISED) {
  test(`adjacent-hear: ${state} that ${what} becomes ${expected[0]}`, () => {
    const rig = AdjacentRig.create();
    const neighbour = rig.to(IP6);
    if (state === 'Failed') rig.seconds(4);
    if (state === 'Reachable') rig.confirm(neighbour, MAC);
    if (state === 'Stale') rig.learn(neighbour, MAC);
    if (state === 'Permanent') rig.insert(IP6, MAC);
    assert.is(rig.state(IP6), state);
    assert.is(rig.open().hear(frame), 'None');
    assert.equal(known(rig, IP6), expected);
    assert.equal(rig.sent(), []);
  });
}

test('adjacent-hear: an advertisement of a stranger, or of our address, is not believed', () => {
  const rig = AdjacentRig.create();
  assert.is(rig.hear(answerOf(MAC)), 'NotOurAddress');
  assert.is(rig.hear(answerOf(MAC, { target: ROUTER_IP6 })), 'None');
  assert.equal([rig.table.used, rig.table.conflicts], [0, 1]);
});

test('adjacent-hear: malformed neighbour discovery is dropped by name, RFC 4861 §7.1', () => {
  const rig = AdjacentRig.create();
  rig.to(IP6);
  const asks = (changes: Partial<NdFields>, mac: string = MAC): Frame =>
    solicitation(mac, IP6, ROUTER_IP6, changes);
  const group = solicitedNode(ROUTER_IP6);
  const bad: Record<string, Frame> = {
    'hop limit': asks({ hopLimit: 254 }),
    code: asks({ code: 1 }),
    checksum: asks({ wrong: 1 }),
    'an option of no length': asks({ options: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) }),
    'an option cut off': asks({ options: Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0) }),
    'a target that is a group': asks({ target: 'ff02::1' }),
    'a source that is a group': asks({ source: 'ff02::2' }),
    'a MAC that is a group': asks({ options: linkOption(1, '33:33:00:00:00:01') }),
    'a probe that says its MAC': asks({ source: '::' }),
    'a probe to one station': ndFrame(ROUTER, MAC, {
      source: '::',
      destination: ROUTER_IP6,
      target: ROUTER_IP6,
    }),
    'an answer to all': answerOf(MAC, { destination: 'ff02::1', flags: SOLICITED }),
    'an answer with a MAC that is a group': answerOf(MAC, {
      options: linkOption(2, '33:33:00:00:00:01'),
    }),
    'an answer from afar': answerOf(MAC, { hopLimit: 64 }),
    'an answer about a group': answerOf(MAC, { target: 'ff02::5' }),
  };
  for (const [what, frame] of Object.entries(bad)) {
    assert.is(rig.hear(frame), 'NeighbourMalformed', what);
  }
  const whole = solicitation(MAC, IP6, ROUTER_IP6).bytes();
  assert.is(group.mac, '33:33:ff:00:00:01');
  for (let length = 14 + 40 + 4; length < whole.length; length++) {
    assert.is(rig.hear(whole.subarray(0, length)), 'NeighbourMalformed', `${length} bytes`);
  }
  assert.equal([rig.sent(), known(rig, IP6)], [[], ['Incomplete', '']]);
});

test('adjacent-hear: what is neither ARP nor neighbour discovery is somebody elses', () => {
  const rig = AdjacentRig.create();
  const frames: (Frame | Uint8Array)[] = [
    eth(MAC, ROUTER).ipv4(IP, ROUTER_IP).udp(1, 2),
    eth(MAC, ROUTER).ipv6(IP6, ROUTER_IP6).udp(1, 2),
    eth(MAC, ROUTER).ipv6(IP6, ROUTER_IP6).icmp(128),
    solicitation(MAC, IP6, ROUTER_IP6, { type: 133 }),
    solicitation(MAC, IP6, ROUTER_IP6)
      .bytes()
      .subarray(0, 14 + 40 + 3),
    eth(MAC, ROUTER),
  ];
  for (const frame of frames) assert.is(rig.hear(frame), 'Other');
});

test('adjacent-hear: an interface without the address asked for is silent', () => {
  const rig = AdjacentRig.create({ addresses: ADDRESSES.slice(0, 1) });
  assert.is(rig.hear(solicitation(MAC, IP6, ROUTER_IP6)), 'NotOurAddress');
  assert.is(rig.hear(request(MAC, IP, ROUTER_IP), 1), 'NotOurAddress');
  assert.equal(rig.sent(), []);
});

test('adjacent-hear: an answer sends what waits', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to(IP);
  const frame = eth(9, ROUTER).ipv4('10.1.0.9', IP).udp(1, 2).payload('hi');
  rig.queue(neighbour, frame);
  rig.open(3).hear(reply(MAC, IP, ROUTER, ROUTER_IP));
  assert.is(rig.heard(), neighbour);
  rig.call('finishAdjacency', rig.heard());
  const sent = eth(ROUTER, MAC).ipv4('10.1.0.9', IP).udp(1, 2).payload('hi');
  assert.equal(rig.sent(), [hex(sent.bytes())]);
});

test.run();
