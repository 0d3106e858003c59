/**
 * Conformance cases of area A4, NAT of UDP and TCP (RFC 4787, RFC 5382), in zones that map
 * endpoints: NAT-A03, NAT-A05, NAT-A11 and NAT-A12, and how long mappings last. tshark looks
 * at all that was sent.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Filtering,
  FlowProfile,
  Mapping,
  ZoneCounter,
  ZoneOption,
} from '../../assembly/zone-abi.js';
import { parseIp } from '../../src/frame/address.js';
import { type Frame, eth } from '../support/frame.js';
import {
  EXTERNAL,
  IN,
  NatRig,
  OUT,
  type NatOptions,
  type Seen,
  errorAbout,
  expectAllClean,
  hostIp,
  hostMac,
  inward,
  ipOf,
  outward,
  seen,
  serverIp,
  way,
} from '../support/nat-rig.js';
import { seededRandom } from '../support/random.js';
import { INSIDE } from '../support/zone-rig.js';

const PORT = 40000;

function mapping(filtering = Filtering.AddressAndPort, options: NatOptions = {}): NatRig {
  const rig = NatRig.create(options);
  rig.zone.bridge.port(IN, { Hairpin: 1 });
  return rig
    .configure(ZoneOption.Mapping, Mapping.Endpoint)
    .configure(ZoneOption.Filtering, filtering);
}

/** Host 2's port 40000 is taken outside by host 3, so that it gets another. */
function mapped(rig: NatRig, l4: 'udp' | 'tcp' = 'udp'): number {
  rig.pass(IN, begin(l4, outward(3, 2), PORT, 7777));
  const { sourcePort } = rig.pass(IN, begin(l4, outward(2, 2), PORT, 7777));
  assert.is.not(sourcePort, PORT);
  return sourcePort;
}

const begin = (l4: 'udp' | 'tcp', frame: Frame, from: number, to: number): Frame =>
  l4 === 'udp' ? frame.udp(from, to) : frame.tcp(from, to, { flags: 2, acknowledged: 0 });

/** What of an outcome goes inside. */
const inner = (rig: NatRig, port: number, frame: Frame): Seen[] =>
  rig
    .send(port, frame)
    .sent.filter(({ port }) => port === IN)
    .map(seen);

for (const l4 of ['udp', 'tcp'] as const) {
  test(`NAT-A03: ${l4}: one external endpoint for all destinations, even where ports clash`, () => {
    const rig = mapping();
    const port = mapped(rig, l4);
    const others = [
      [3, 7777],
      [2, 8888],
      [3, 9999],
    ] as const;
    for (const [server, to] of others) {
      const out = rig.pass(IN, begin(l4, outward(2, server), PORT, to));
      assert.is(way(out), `${EXTERNAL}:${port}>${serverIp(server)}:${to}`);
    }
  });

  test(`NAT-A05: ${l4}: an endpoint is nobody else's, whatever the destination`, () => {
    const rig = mapping();
    const ports = [2, 3, 4, 8, 9].map(
      host => rig.pass(IN, begin(l4, outward(host, host === 2 ? 2 : 3), PORT, host)).sourcePort,
    );
    assert.is(new Set(ports).size, 5);
  });

  const modes = [
    { filtering: Filtering.AddressAndPort, admits: [false, false] },
    { filtering: Filtering.Address, admits: [true, false] },
    { filtering: Filtering.Endpoint, admits: [true, true] },
  ];
  for (const { filtering, admits } of modes) {
    test(`NAT-A11: ${l4}: filtering ${Filtering[filtering]}`, () => {
      const rig = mapping(filtering);
      const port = mapped(rig, l4);
      const others = [begin(l4, inward(2), 7778, port), begin(l4, inward(3), 7777, port)];
      others.forEach((frame, i) => {
        const got = inner(rig, OUT, frame);
        assert.is(got.length, admits[i] ? 1 : 0, serverIp(2 + i));
        if (!admits[i]) return;
        assert.is(way(got[0]!), `${serverIp(2 + i)}:${7778 - i}>${hostIp(2)}:${PORT}`);
        const flags = { flags: 0x12, acknowledged: 2 };
        const answer = outward(2, 2 + i);
        const back = l4 === 'udp' ? answer.udp(PORT, 7778 - i) : answer.tcp(PORT, 7778 - i, flags);
        assert.is(way(rig.pass(IN, back)), `${EXTERNAL}:${port}>${serverIp(2 + i)}:${7778 - i}`);
      });
      assert.equal(inner(rig, OUT, begin(l4, inward(2), 7777, port + 1)), [], 'no mapping');
    });
  }

  test(`NAT-A12: ${l4}: a neighbour reaches the endpoint, and is seen as its own endpoint`, () => {
    const rig = mapping();
    const port = mapped(rig, l4);
    const own = rig.pass(IN, begin(l4, outward(4, 2), 50000, 7777)).sourcePort;
    const got = inner(rig, IN, begin(l4, outward(4, EXTERNAL), 50000, port));
    assert.equal(got.map(way), [`${EXTERNAL}:${own}>${hostIp(2)}:${PORT}`]);
    const answer = outward(2, EXTERNAL);
    const flags = { flags: 0x12, acknowledged: 2 };
    const back = l4 === 'udp' ? answer.udp(PORT, own) : answer.tcp(PORT, own, flags);
    assert.equal(inner(rig, IN, back).map(way), [`${EXTERNAL}:${port}>${hostIp(4)}:50000`]);
  });
}

test('NAT-A12: a neighbour that has sent nothing yet gets its mapping by that', () => {
  const rig = mapping();
  const port = mapped(rig);
  const [got] = inner(rig, IN, outward(4, EXTERNAL).udp(50000, port));
  assert.is(got!.source, EXTERNAL);
  const out = rig.pass(IN, outward(4, 3).udp(50000, 1));
  assert.is(out.sourcePort, got!.sourcePort);
});

test('NAT-A14: an error about a flow to an endpoint goes both ways, translated', () => {
  const rig = mapping(Filtering.Endpoint);
  const port = mapped(rig);
  const [arrived] = rig.send(OUT, inward(3).udp(5555, port)).sent.filter(({ port }) => port === IN);
  const told = rig.pass(IN, outward(2, 3).icmp(3, 3).payload(ipOf(arrived!.bytes)));
  assert.is(told.source, EXTERNAL);
  const answer = rig.passed(IN, outward(2, 3).udp(PORT, 5555));
  assert.is(rig.pass(OUT, errorAbout(3, ipOf(answer.bytes))).destination, hostIp(2));
});

test('mapping: it lasts as long as a flow holds it, and then a port is free again', () => {
  for (const filtering of [Filtering.AddressAndPort, Filtering.Address, Filtering.Endpoint]) {
    const rig = mapping(filtering, { profile: FlowProfile.Strict });
    const port = mapped(rig);
    for (let i = 0; i < 10; i++) {
      rig.wait(200000);
      assert.is(rig.pass(IN, outward(2, 2 + (i % 2)).udp(PORT, 9000 + i)).sourcePort, port);
    }
    rig.wait(300000).wait(10000).wait(10000);
    assert.equal(rig.flows(), []);
    assert.is(rig.counter(ZoneCounter.Flows), 0);
    assert.equal(inner(rig, OUT, inward(2).udp(9009, port)), []);
    assert.is(rig.pass(IN, outward(2, 2).udp(PORT, 7777)).sourcePort, PORT);
  }
});

test('mapping: three thousand flows through a table of 64: no entry is lost', () => {
  const rig = mapping(Filtering.Address, { sizes: { Flows: 64 } });
  for (let round = 0; round < 300; round++) {
    for (let i = 0; i < 10; i++) {
      rig.pass(IN, outward(2, 2 + (i % 2)).udp(1024 + round * 4 + (i % 5), 7777 + i));
    }
    assert.is(rig.zone.core.zones.flushFlows(), 10);
  }
  // A flow, its mapping and its permit: 21 of each.
  const outcomes = Array.from({ length: 64 }, (_, i) =>
    rig.send(IN, outward(2, 2).udp(2000 + i, 1)),
  );
  const left = outcomes.filter(({ sent }) => sent.length === 1);
  assert.ok(left.length >= 21, `${left.length}`);
});

test('mapping: at random: stable while a flow lives, and never shared', () => {
  const random = seededRandom('mapping');
  const rig = mapping(Filtering.Address, { build: 'release' });
  /** By inside endpoint: what it is outside, and until when for certain. */
  const model = new Map<string, { port: number; untilMs: number }>();
  let kept = 0;
  for (let i = 0; i < 5000; i++) {
    const host = 2 + random(3);
    const port = PORT + random(4);
    const { sourcePort } = rig.pass(IN, outward(host, 2 + random(2)).udp(port, 1 + random(3)));
    const { nowMs } = rig.zone.bridge;
    const endpoint = `${host}:${port}`;
    for (const [other, { port, untilMs }] of model) {
      if (untilMs <= nowMs) continue;
      assert.is(port === sourcePort, other === endpoint, `${other} and ${endpoint}: ${port}`);
      kept += Number(other === endpoint);
    }
    model.set(endpoint, { port: sourcePort, untilMs: nowMs + 30000 });
    if (random(10) === 0) rig.wait(random(25000));
  }
  assert.ok(kept > 1000);
});

test('mapping: a full table refuses the flow with its mapping, and keeps what it has', () => {
  const rig = mapping(Filtering.Endpoint, { sizes: { Flows: 9 } });
  let refused = 0;
  for (let i = 0; i < 200; i++) {
    const { sent, dropped } = rig.send(IN, outward(2 + (i % 3), 2).udp(2000 + i, 1));
    refused += dropped.length;
    assert.is(sent.length + dropped.length, 1);
    assert.is(rig.flows().length, rig.counter(ZoneCounter.Flows));
  }
  assert.is(rig.counter(ZoneCounter.FlowsFull), refused);
  rig.wait(30000).wait(10000);
  assert.is(rig.counter(ZoneCounter.Flows), 0);
  for (let i = 0; i < 4; i++) rig.pass(IN, outward(2, 2).udp(3000 + i, 1));
});

test('mapping: what looks like its entry is none', () => {
  const rig = mapping(Filtering.Endpoint);
  const port = mapped(rig);
  const zero = eth(hostMac(2), INSIDE.mac).ipv4(hostIp(2), '0.0.0.0').udp(PORT, 0);
  assert.equal(rig.stop(IN, zero), ['Martian']);
  const nobody = eth(hostMac(2), INSIDE.mac).ipv4('0.0.0.0', EXTERNAL).udp(0, port);
  assert.equal(rig.stop(IN, nobody), ['Martian']);
  const toExternal = outward(2, EXTERNAL).udp(PORT, 0);
  assert.equal(
    inner(rig, IN, toExternal).map(({ protocol }) => protocol),
    [1],
    'nobody is there',
  );
});

test('NA-3: flows to an endpoint end, and it with them, when the address is gone', () => {
  const rig = mapping(Filtering.Endpoint);
  const port = mapped(rig);
  assert.is(inner(rig, OUT, inward(3).udp(5555, port)).length, 1);
  assert.is(inner(rig, IN, outward(4, EXTERNAL).udp(5555, port)).length, 1);
  assert.is(rig.flows().length, 4);
  const out = rig.zone.indexOf('out');
  const prefix = { ip: parseIp(EXTERNAL)!, bits: 24 };
  assert.is(rig.zone.core.zones.setAddress(out, prefix, false), 0);
  assert.equal(rig.flows(), []);
  assert.is(rig.zone.core.zones.setAddress(out, prefix), 0);
  assert.equal(inner(rig, OUT, inward(3).udp(5555, port)), []);
});

test('mapping: an ACK of a connection that nobody knows is not let in', () => {
  const rig = mapping(Filtering.Endpoint);
  const port = mapped(rig, 'tcp');
  assert.equal(inner(rig, OUT, inward(3).tcp(80, port, { sequence: 5, acknowledged: 6 })), []);
});

test('all: tshark finds nothing wrong with what was sent', expectAllClean);

test.run();
