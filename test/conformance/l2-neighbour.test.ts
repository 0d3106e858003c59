/**
 * Conformance cases L2-A34 to L2-A37: ARP termination and neighbour suppression, with
 * whole replies; and the same of neighbour discovery.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PortCounter } from '../../assembly/abi.js';
import { expectSent, portsOf } from '../support/expect.js';
import { eth, hex } from '../support/frame.js';
import {
  type Mac,
  advertisement,
  arp,
  know,
  reply,
  request,
  solicitation,
} from '../support/neighbour.js';
import { type Outcome, TestSwitch } from '../support/test-switch.js';

/** H1 is behind port 1; H2 behind port 2, the tunnel; nobody behind port 3. */
const TUNNEL = 2;
const H1 = '02:00:00:00:01:01';
const H2 = '02:00:00:00:01:02';
const IP1 = '192.0.2.1';
const IP2 = '192.0.2.2';
const V6_1 = '2001:db8::1';
const V6_2 = '2001:db8::2';

const tunnelCount = (bridge: TestSwitch): number =>
  Number(bridge.core.portCounter(TUNNEL, PortCounter.TxPackets));

/** Both stations have spoken, so their places are known. */
function withTunnel(): TestSwitch {
  const bridge = TestSwitch.create().port(TUNNEL, { NeighbourSuppress: 1 });
  bridge.inject(1, eth(H1, 0x77));
  bridge.inject(TUNNEL, eth(H2, 0x77));
  return bridge;
}

function sentTo(outcome: Outcome, port: number): string[] {
  return outcome.sent.filter(sent => sent.port === port).map(({ bytes }) => hex(bytes));
}

test('L2-A34: with ARP termination each port gets one reply a request, on its own port', () => {
  const bridge = TestSwitch.create({ ports: 4 }).segment(0, { AnswerNeighbours: 1 });
  for (let port = 1; port <= 4; port++) bridge.port(port, { Flood: 0 });
  const hosts = [1, 2, 3, 4].map((n): [string, string] => [
    `172.17.104.${n}`,
    `00:00:ca:fe:00:0${n}`,
  ]);
  for (const [ip, mac] of hosts) know(bridge, ip, mac);
  const asker: [Mac, string] = ['00:00:11:22:33:44', '172.17.150.50'];
  for (let port = 1; port <= 4; port++) {
    for (const [ip, mac] of hosts) {
      expectSent(bridge.inject(port, request(...asker, ip)), [port], reply(mac, ip, ...asker));
    }
  }
});

test('L2-A34: with termination neighbour solicitations are answered too', () => {
  const bridge = TestSwitch.create().segment(0, { AnswerNeighbours: 1 });
  know(bridge, V6_2, H2);
  for (const port of [1, 2, 3]) {
    const answer = advertisement(H2, V6_2, [H1, V6_1]);
    expectSent(bridge.inject(port, solicitation(H1, V6_1, V6_2)), [port], answer);
  }
});

test('L2-A35: with suppression on and nothing known the request leaves by the tunnel', () => {
  const bridge = withTunnel();
  for (const frame of [request(H1, IP1, IP2), solicitation(H1, V6_1, V6_2)]) {
    const before = tunnelCount(bridge);
    expectSent(bridge.inject(1, frame), [TUNNEL, 3], frame);
    assert.is(tunnelCount(bridge), before + 1);
  }
  const answer = reply(H2, IP2, H1, IP1);
  expectSent(bridge.inject(TUNNEL, answer), [1], answer);
});

test('L2-A36: a known neighbour is answered for and the tunnel carries nothing', () => {
  const bridge = withTunnel();
  know(bridge, IP2, H2);
  know(bridge, V6_2, H2);
  const before = tunnelCount(bridge);
  const asked = request(H1, IP1, IP2);
  const answered = bridge.inject(1, asked);
  assert.equal(sentTo(answered, 1), [hex(reply(H2, IP2, H1, IP1).bytes())]);
  assert.equal(sentTo(answered, 3), [hex(asked.bytes())]);
  const advertised = bridge.inject(1, solicitation(H1, V6_1, V6_2));
  assert.equal(sentTo(advertised, 1), [hex(advertisement(H2, V6_2, [H1, V6_1]).bytes())]);
  assert.is(tunnelCount(bridge), before);
});

test('L2-A36: it is answered for when its own link is down as well', () => {
  const bridge = withTunnel().port(TUNNEL, { Up: 0 });
  know(bridge, IP2, H2);
  const answered = bridge.inject(1, request(H1, IP1, IP2));
  assert.equal(sentTo(answered, 1), [hex(reply(H2, IP2, H1, IP1).bytes())]);
  assert.equal(portsOf(answered), [1, 3]);
});

test('L2-A37: a unicast request is for the station, which gives the only reply', () => {
  const bridge = withTunnel();
  know(bridge, IP2, H2);
  const bytes = arp({ sender: [H1, IP1], target: [H2, IP2] });
  const asked = eth(H1, H2).type(0x0806).payload(bytes);
  expectSent(bridge.inject(1, asked), [TUNNEL], asked);
  const answer = reply(H2, IP2, H1, IP1);
  expectSent(bridge.inject(TUNNEL, answer), [1], answer);
});

test('L2-A37: a unicast request to an unknown station is flooded, not answered', () => {
  const bridge = TestSwitch.create().segment(0, { AnswerNeighbours: 1 });
  bridge.port(TUNNEL, { NeighbourSuppress: 1 });
  know(bridge, IP2, H2);
  const asked = eth(H1, H2)
    .type(0x0806)
    .payload(arp({ sender: [H1, IP1], target: [H2, IP2] }));
  expectSent(bridge.inject(1, asked), [TUNNEL, 3], asked);
});

test.run();
