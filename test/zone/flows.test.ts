/**
 * The flow table under pressure (features CT-8, CT-10, CT-12, pain 7): full, by a zone's own
 * limit, two first packets of one flow at once, connections that reopen, a million flows
 * through a small table.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BATCH_PACKETS } from '../../assembly/abi.js';
import { FlowStatus, TcpState, ZoneCounter, ZoneOption } from '../../assembly/zone-abi.js';
import type { Build } from '../../src/core.js';
import { parseIp } from '../../src/frame/address.js';
import { type Frame, macNumber } from '../support/frame.js';
import {
  EXTERNAL,
  IN,
  NatRig,
  OUT,
  inward,
  outward,
  seen,
  serverIp,
  serverMac,
} from '../support/nat-rig.js';
import { TcpPair } from '../support/tcp-pair.js';
import { natRules } from '../support/zone-rig.js';
import type { Input } from '../support/test-switch.js';

const UDP_MS = 30000;
/** Entries that a batch sweeps at the most. */
const SWEPT = 512;

const small = (flows: number, build: Build = 'test'): NatRig =>
  NatRig.create({ sizes: { Flows: flows }, build });
const ask = (port: number): Frame => outward(2, 2).udp(port, 7777);

/** Makes flow `port` one that is not given up for others. */
function assure(rig: NatRig, port: number): void {
  rig.pass(IN, ask(port));
  rig.pass(OUT, inward(2).udp(7777, port));
}

test('flows: one is at most 192 bytes, with index, states, windows and hints of ports', () => {
  const bytesWith = (flows: number): number => small(flows, 'release').zone.core.bytes.length;
  const [few, many] = [1 << 16, 1 << 19];
  const bytes = (bytesWith(many) - bytesWith(few)) / (many - few);
  console.log(`flows: ${bytes.toFixed(2)} bytes a flow`);
  assert.ok(bytes > 150 && bytes <= 192, `${bytes} bytes`);
});

test('flows: a full table gives up flows without an answer that lasted, one for one', () => {
  const rig = small(16);
  let refused = 0;
  for (let port = 1; port <= 200; port++) {
    refused += rig.send(IN, ask(40000 + port)).dropped.length;
    assert.ok(rig.flows().length <= 16);
  }
  const early = rig.counter(ZoneCounter.EarlyDropped);
  assert.is(rig.counter(ZoneCounter.FlowsFull), refused);
  assert.is(rig.flows().length, 16);
  assert.is(rig.counter(ZoneCounter.NewFlows) - early, 16);
  assert.is(early + refused, 200 - 16);
  assert.ok(early > 100, `only ${early} were given up`);
});

test('flows: one full of streams refuses, and counts', () => {
  const rig = small(16);
  for (let port = 1; port <= 16; port++) assure(rig, 40000 + port);
  rig.wait(2001);
  for (let port = 1; port <= 16; port++) rig.pass(IN, ask(40000 + port));
  const before = rig.flows().map(({ id }) => id);
  for (const { status } of rig.flows()) assert.ok(status & FlowStatus.Assured);
  for (let port = 100; port < 110; port++) assert.equal(rig.stop(IN, ask(port)), ['FlowsFull']);
  assert.is(rig.counter(ZoneCounter.FlowsFull), 10);
  assert.is(rig.counter(ZoneCounter.EarlyDropped), 0);
  assert.equal(
    rig.flows().map(({ id }) => id),
    before,
  );
});

test('flows: a table full of dead streams has room at once', () => {
  const rig = small(16);
  for (let port = 1; port <= 16; port++) assure(rig, 40000 + port);
  rig.wait(2001);
  for (let port = 1; port <= 16; port++) rig.pass(IN, ask(40000 + port));
  rig.zone.bridge.nowMs += 120000;
  const { sent } = rig.send(IN, ask(1000));
  assert.is(sent.filter(({ port }) => port === OUT).length, 1);
  assert.is(rig.counter(ZoneCounter.EarlyDropped), 0);
});

test('flows: a zone has as many as it may, and dead ones do not count', () => {
  const rig = small(64).configure(ZoneOption.MostFlows, 4);
  for (let port = 1; port <= 4; port++) rig.pass(IN, ask(port + 1024));
  assert.equal(rig.stop(IN, ask(2000)), ['FlowsFull']);
  rig.pass(IN, ask(1025));
  rig.zone.bridge.nowMs += UDP_MS;
  const { sent } = rig.send(IN, ask(2000));
  assert.is(sent.filter(({ port }) => port === OUT).length, 1);
  assert.is(rig.counter(ZoneCounter.FlowsFull), 1);
});

test('flows: the limit of one zone is none of another', () => {
  const rig = small(64).configure(ZoneOption.MostFlows, 1);
  const { zone } = rig;
  zone.core.zones.configure(1, ZoneOption.Use, 1);
  const side = { port: 3, segment: 2, mac: '02:42:0a:00:05:01', address: '10.0.5.1/24', zone: 1 };
  zone.interface('side', side).interface('back', {
    ...side,
    port: 4,
    segment: 3,
    mac: '02:42:0a:00:06:01',
    address: '10.0.6.1/24',
  });
  rig.pass(IN, ask(1025));
  assert.equal(rig.stop(IN, ask(1026)), ['FlowsFull']);
  zone.settle(4, serverMac(7), '10.0.6.7', {
    ...side,
    address: '10.0.6.1/24',
    mac: '02:42:0a:00:06:01',
  });
  for (let port = 1; port <= 5; port++) {
    const bytes = Buffer.from(outward(2, '10.0.6.7').udp(port, 7).bytes());
    bytes.set([0x02, 0x42, 0x0a, 0x00, 0x05, 0x01]);
    const { sent } = zone.send(3, bytes);
    assert.equal(
      sent.map(({ port }) => port),
      [4],
    );
  }
  assert.is(zone.core.zones.counter(1, ZoneCounter.Flows), 5n);
});

test('CT-12: two first packets of one flow in one batch make one flow', () => {
  for (const frame of [ask(40000), outward(2, 2).tcp(40000, 80, { flags: 2, acknowledged: 0 })]) {
    const rig = NatRig.create();
    rig.pass(IN, outward(3, 2).udp(40000, 7777)); // the port is taken
    const { sent, dropped } = rig.batch([
      { port: IN, frame },
      { port: IN, frame },
    ]);
    assert.equal(dropped, []);
    const ports = sent.map(one => seen(one).sourcePort);
    assert.is(ports.length, 2);
    assert.is(ports[0], ports[1]);
    assert.is(rig.flows().length, 2);
    assert.is(rig.counter(ZoneCounter.NewFlows), 2);
  }
});

test('CT-12: first packets of many flows, each twice and mixed, in one batch', () => {
  const rig = NatRig.create();
  const inputs: Input[] = Array.from({ length: 200 }, (_, i) => ({
    port: IN,
    frame: outward(2 + (i % 2), 2).udp(40000 + ((i >> 1) % 50), 7777),
  }));
  const { sent, dropped } = rig.batch(inputs);
  assert.equal(dropped, []);
  assert.is(sent.length, 200);
  assert.is(rig.flows().length, 100);
  const mapped = new Set(sent.map(one => seen(one).sourcePort));
  assert.is(mapped.size, 100, 'each flow has a port of its own');
  sent.forEach((one, i) => assert.is(seen(one).sourcePort, seen(sent[i % 100]!).sourcePort));
});

test('pain 7: a SYN on TIME_WAIT opens a new flow in that very packet', () => {
  const rig = small(64).configure(ZoneOption.MostFlows, 1);
  const ids = new Set<number>();
  for (let i = 0; i < 5; i++) {
    TcpPair.open(rig).client('FA').server('A').server('FA').client('A');
    const flow = rig.flow();
    assert.is(flow.state, TcpState.TimeWait);
    ids.add(flow.id);
  }
  assert.is(ids.size, 5);
  assert.is(rig.counter(ZoneCounter.Reopened), 4);
  assert.is(rig.counter(ZoneCounter.FlowsFull), 0);
});

test('NA-3: masqueraded flows end when the interface loses their address, or is gone', () => {
  const rig = NatRig.create({ rules: natRules('-A POSTROUTING -p udp -o out -j MASQUERADE') });
  const { zones } = rig.zone.core;
  const out = rig.zone.indexOf('out');
  const address = (ip: string) => ({ ip: parseIp(ip)!, bits: 24 });
  assert.is(zones.setAddress(out, address('203.0.113.9')), 0);
  rig.pass(IN, ask(40000));
  rig.pass(IN, outward(2, 2).icmp(8, 0, 7)); // not masqueraded
  assert.is(zones.setAddress(out, address('203.0.113.9'), false), 0);
  assert.is(rig.flows().length, 2, 'nothing had that one');
  assert.is(zones.setAddress(out, address(EXTERNAL), false), 0);
  assert.equal(
    rig.flows().map(({ protocol }) => protocol),
    [1],
  );
  assert.is(zones.setAddress(out, address('203.0.113.9')), 0);
  assert.is(rig.pass(IN, ask(40000)).source, '203.0.113.9');
  zones.resetInterface(out);
  assert.is(rig.flows().length, 1);
});

test('flows: a batch sweeps a bounded number of dead entries', () => {
  const rig = small(2048);
  for (let i = 0; i < 2048; i += 128) {
    rig.batch(Array.from({ length: 128 }, (_, j) => ({ port: IN, frame: ask(20000 + i + j) })));
  }
  assert.is(rig.counter(ZoneCounter.Flows), 2048);
  rig.zone.bridge.nowMs += 10 * UDP_MS;
  for (let swept = SWEPT; swept <= 2048; swept += SWEPT) {
    rig.batch([]);
    assert.is(rig.counter(ZoneCounter.Expired), swept);
    rig.zone.bridge.nowMs += 10000;
  }
  assert.is(rig.counter(ZoneCounter.Flows), 0);
});

test('flows: a million are made, age and are made again in a table of 1024; none is left', () => {
  const rig = small(1024, 'release');
  const { core, bridge } = rig.zone;
  const out = rig.zone.indexOf('out');
  assert.is(core.zones.setNeighbour(out, parseIp(serverIp(2))!, macNumber(serverMac(2))), 0);
  const inputs: Input[] = Array.from({ length: BATCH_PACKETS }, () => ({
    port: IN,
    frame: ask(1).checksum(0).bytes(),
  }));
  const rounds = Math.ceil(1e6 / BATCH_PACKETS);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < BATCH_PACKETS; i++) {
      const frame = Buffer.from((inputs[i]!.frame as Uint8Array).buffer);
      frame.writeUInt16BE(1024 + i + BATCH_PACKETS * (round % 250), 34);
      frame.writeUInt16BE(1 + Math.floor(round / 250), 36);
    }
    const { sent, dropped } = bridge.batch(inputs);
    assert.is(dropped.length, 0);
    assert.ok(sent.length >= BATCH_PACKETS);
    bridge.nowMs += UDP_MS;
  }
  assert.is(rig.counter(ZoneCounter.NewFlows), rounds * BATCH_PACKETS);
  for (let i = 0; i < 4; i++) bridge.wait(10000);
  assert.is(rig.counter(ZoneCounter.Expired), rounds * BATCH_PACKETS);
  assert.is(rig.counter(ZoneCounter.Flows), 0);
  assert.equal(rig.flows(), []);
  // Every entry can be used again.
  for (let i = 0; i < 4; i++) {
    const frames = inputs.map((_, j) => ({
      port: IN,
      frame: ask(10000 + 256 * i + j).checksum(0),
    }));
    assert.is(bridge.batch(frames).dropped.length, 0);
  }
  assert.is(rig.flows().length, 1024);
});

test.run();
