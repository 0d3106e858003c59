/** Overlays in a core: frames go where the configuration says, before and after reloads. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FdbKind, Region } from '../../assembly/abi.js';
import { VtepKind } from '../../assembly/overlay-abi.js';
import { applyPlan } from '../../src/config/apply.js';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, planOf } from '../../src/config/plan.js';
import { Core } from '../../src/core.js';
import { formatIp } from '../../src/frame/address.js';
import { macText } from '../../src/frame/mac.js';
import { expectSameBytes } from '../support/expect.js';
import { eth } from '../support/frame.js';
import { type OuterOptions, vxlan } from '../support/overlay-rig.js';
import { TestSwitch } from '../support/test-switch.js';

const OURS = '192.168.0.2';
const PEER = '192.168.0.3';
const PEER_2 = '192.168.0.4';
const C1 = '02:42:0a:00:00:02';
const C2 = '02:42:0a:00:00:03';
const C3 = '02:42:0a:00:00:04';
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

interface Parts {
  overlay?: string;
  fdb?: string;
  vteps?: string;
  fabric?: string;
  rest?: string;
}

function net(parts: Parts = {}): string {
  const { overlay = `vni: 4097, peers: [${PEER}]`, vteps = '', fabric = 'u0', rest = '' } = parts;
  const { fdb = `{ mac: "${C2}", dst: ${PEER} }` } = parts;
  return `
capacities: { fdbEntries: 64 }
underlays:
  fabric: { port: ${fabric}, addresses: [${OURS}/24, "fd00::2/64"], vteps: [${vteps}] }
segments:
  web: { overlay: { underlay: fabric, ${overlay} }, fdb: [${fdb}] }
  ${rest}
ports:
  c1: { kind: memory, segment: web }
  u0: { kind: udp }
  u1: { kind: udp }`;
}

/** A frame on its way: port, and of one to a tunnel end that and the VNI. */
type Way = string;

class Rig {
  plan: Plan;
  readonly core: Core;
  private readonly bridge: TestSwitch;

  constructor(text: string) {
    this.plan = planOf(parseConfig(text, 'net.yaml'));
    this.core = Core.create(this.plan.capacities, 7n, 'test');
    applyPlan(this.core, this.plan);
    this.bridge = new TestSwitch(this.core, this.plan.capacities);
    this.markTunnels();
  }

  reload(text: string): this {
    const next = planOf(parseConfig(text, 'net.yaml'), this.plan);
    applyPlan(this.core, next, this.plan);
    this.plan = next;
    this.markTunnels();
    return this;
  }

  private markTunnels(): void {
    for (const { index, config } of this.plan.ports) {
      if (config.kind === 'tunnel') this.bridge.tunnelPorts.add(index);
    }
  }

  private port(name: string): number {
    return this.plan.ports.find(port => port.name === name)!.index;
  }

  /** Where a frame from C1 on port c1 goes; a single drop reason when nowhere. */
  send(destination: string): Way[] {
    return this.inject('c1', eth(C1, destination).ipv4('10.0.0.2', '10.0.0.3').bytes());
  }

  /** Where a frame from C2 in a tunnel goes. */
  receive(destination: string, outer: OuterOptions = {}, source = C2): Way[] {
    const inner = eth(source, destination).ipv4('10.0.0.3', '10.0.0.2').bytes();
    const options = { from: PEER, to: OURS, vni: 4097, ...outer };
    return this.inject('u0', vxlan(inner, options).bytes());
  }

  private inject(port: string, frame: Uint8Array): Way[] {
    const { sent, dropped } = this.bridge.inject(this.port(port), frame);
    const ways = sent.map(({ port: to, bytes }) => this.wayOf(to, bytes));
    return [...ways, ...dropped.map(({ reason }) => reason)];
  }

  private wayOf(port: number, bytes: Uint8Array): Way {
    const { name, config } = this.plan.ports.find(({ index }) => index === port)!;
    if (config.kind !== 'udp') return name;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const isIpv6 = view.getUint16(12) === 0x86dd;
    const udp = isIpv6 ? 54 : 34;
    const ip = isIpv6 ? bytes.subarray(38, 54) : bytes.subarray(30, 34);
    const vni = view.getUint32(udp + 12) >>> 8;
    return `${name} ${formatIp(ip)}:${view.getUint16(udp + 2)} vni ${vni}`;
  }

  vteps(): string[] {
    return [...this.core.overlays.vteps()]
      .map(({ ip, kind, mtuBytes }) => `${formatIp(ip)} ${VtepKind[kind]} ${mtuBytes}`)
      .sort();
  }

  fdb(): string[] {
    const { Ports } = this.plan.capacities;
    return [...this.core.fdbEntries()]
      .map(({ mac, port, kind }) => {
        const vtep = port > Ports ? this.core.overlays.vtep(port - Ports) : undefined;
        const where = vtep === undefined ? `${port}` : formatIp(vtep.ip);
        return `${macText(mac)} ${where} ${FdbKind[kind]}`;
      })
      .sort();
  }
}

const REPLICATE = `vni: 4097, bum: replicate, peers: [${PEER}, ${PEER_2}]`;

test('apply: an address behind a tunnel end is reached there', () => {
  const rig = new Rig(net());
  assert.equal(rig.send(C2), [`u0 ${PEER}:4789 vni 4097`]);
  assert.equal(rig.send(C3), ['NoTarget']);
  assert.equal(rig.receive(C1), ['c1']);
});

test('apply: who is no peer and has no address may not send', () => {
  const rig = new Rig(net({ overlay: 'vni: 4097' }));
  assert.equal(rig.receive(C1, { from: PEER }), ['c1']);
  assert.equal(rig.receive(C1, { from: PEER_2 }, C3), ['UnknownVtep']);
  rig.reload(net({ overlay: `vni: 4097, peers: [${PEER_2}]`, fdb: '' }));
  assert.equal(rig.receive(C1, { from: PEER_2 }, C3), ['c1']);
  assert.equal(rig.receive(C1, { from: PEER }), ['UnknownVtep']);
});

test('apply: replication goes to every peer, as the list is now', () => {
  const rig = new Rig(net({ overlay: REPLICATE }));
  const to = (...ips: string[]): string[] => ips.map(ip => `u0 ${ip}:4789 vni 4097`);
  assert.equal(rig.send(BROADCAST).sort(), to(PEER, PEER_2));
  rig.reload(net({ overlay: REPLICATE.replace(PEER_2, '"fd00::9"') }));
  assert.equal(rig.send(BROADCAST).sort(), to(PEER, 'fd00::9'));
  rig.reload(net({ overlay: REPLICATE.replace(`, ${PEER_2}`, '') }));
  assert.equal(rig.send(BROADCAST), to(PEER));
  rig.reload(net());
  assert.equal(rig.send(BROADCAST), ['NoTarget']);
});

test('apply: a multicast group gets one copy', () => {
  const rig = new Rig(net({ overlay: 'vni: 4097, bum: multicast, group: 239.1.1.1' }));
  assert.equal(rig.send(BROADCAST), ['u0 239.1.1.1:4789 vni 4097']);
  rig.reload(net({ overlay: 'vni: 4097, bum: multicast, group: 239.1.1.2' }));
  assert.equal(rig.send(BROADCAST), ['u0 239.1.1.2:4789 vni 4097']);
});

test('apply: a changed VNI, UDP port or encapsulation is in force at once', () => {
  const rig = new Rig(net());
  rig.reload(net({ overlay: `vni: 7, udpPort: 8472, peers: [${PEER}]` }));
  assert.equal(rig.send(C2), [`u0 ${PEER}:8472 vni 7`]);
  assert.equal(rig.receive(C1), ['NoTunnelPort']);
  assert.equal(rig.receive(C1, { vni: 4097, udpPort: 8472 }), ['UnknownVni']);
  assert.equal(rig.receive(C1, { vni: 7, udpPort: 8472 }), ['c1']);
  rig.reload(net({ overlay: `vni: 7, encapsulation: geneve, peers: [${PEER}]` }));
  assert.equal(rig.send(C2), [`u0 ${PEER}:6081 vni 7`]);
});

test('apply: an underlay moves to another port', () => {
  const rig = new Rig(net());
  rig.reload(net({ fabric: 'u1' }));
  assert.equal(rig.send(C2), [`u1 ${PEER}:4789 vni 4097`]);
  assert.equal(rig.receive(C1), ['NoSegment']);
  const renamed = net({ fabric: 'u2' }).replace('  u1:', '  u2:');
  assert.equal(rig.reload(renamed).send(C2), [`u2 ${PEER}:4789 vni 4097`]);
});

test('apply: an overlay goes and comes, and its port becomes an ordinary one', () => {
  const rig = new Rig(net());
  const bare = net()
    .replace(/underlays:\n.*\n/, '')
    .replace(/web: .*/, 'web:')
    .replace('u0: { kind: udp }', 'u0: { kind: memory, segment: web }');
  rig.reload(bare);
  assert.equal(rig.send(C2), ['u0']);
  assert.equal([rig.vteps(), rig.fdb()], [[], [`${C1} 0 Dynamic`]]);
  rig.reload(
    net().replace('u0: {', 'u1: {').replace('u1: { kind: udp }\n  u1', 'u0: { kind: udp }\n  u1'),
  );
  assert.equal(rig.send(C2), [`u0 ${PEER}:4789 vni 4097`]);
});

test('apply: tunnel ends come, change and go with what names them', () => {
  const rig = new Rig(net({ vteps: `{ address: ${PEER}, mtuBytes: 1400 }` }));
  assert.equal(rig.vteps(), [`${PEER} Static 1400`]);
  rig.reload(net({ overlay: REPLICATE }));
  assert.equal(rig.vteps(), [`${PEER} Static 1500`, `${PEER_2} Static 1500`]);
  rig.reload(net({ overlay: 'vni: 4097', fdb: `{ mac: "${C3}", dst: ${PEER_2} }` }));
  assert.equal([rig.vteps(), rig.fdb()], [[`${PEER_2} Static 1500`], [`${C3} ${PEER_2} Static`]]);
});

test('apply: what was learned from a tunnel end goes when it may not send any more', () => {
  const learning = `vni: 4097, learning: true, bum: replicate, peers: [${PEER}, ${PEER_2}]`;
  const both = `db: { overlay: { underlay: fabric, vni: 9, peers: [${PEER_2}] } }`;
  const rig = new Rig(net({ overlay: learning, rest: both }));
  rig.receive(C1, { from: PEER_2 }, C3);
  assert.ok(rig.fdb().includes(`${C3} ${PEER_2} Dynamic`));
  rig.reload(net({ rest: both }));
  assert.equal(rig.fdb(), [`${C2} ${PEER} Static`]);
});

test('apply: an entry moves between a port and tunnel ends', () => {
  const rig = new Rig(net());
  rig.reload(net({ fdb: `{ mac: "${C2}", dst: ${PEER_2} }` }));
  assert.equal(rig.send(C2), [`u0 ${PEER_2}:4789 vni 4097`]);
  rig.reload(net({ fdb: `{ mac: "${C2}", port: c1 }` }));
  assert.equal(rig.send(C2), ['SamePort']);
  rig.reload(net());
  assert.equal(rig.send(C2), [`u0 ${PEER}:4789 vni 4097`]);
});

test('apply: a reload without a change changes nothing of overlays', () => {
  const text = net({ overlay: REPLICATE, vteps: `{ address: ${PEER}, mtuBytes: 1400 }` });
  const rig = new Rig(text);
  rig.send(C2);
  const scratch = rig.core.region(Region.Scratch);
  const before = rig.core.snapshot().subarray(0, scratch);
  expectSameBytes(rig.reload(text).core.bytes.subarray(0, scratch), before);
});

test('apply: a core that is full of tunnel ends is put back as it was', () => {
  const small = (overlay: string): string =>
    net({ overlay }).replace('fdbEntries: 64', 'fdbEntries: 64, vteps: 3, peers: 2');
  const rig = new Rig(small(`vni: 4097, learning: true, peers: [${PEER}]`));
  for (const last of [7, 8]) rig.receive(C1, { from: `192.168.0.${last}` }, C3);
  const arena = rig.core.region(Region.Arena);
  const before = rig.core.snapshot().subarray(0, arena);
  assert.throws(
    () => rig.reload(small(`vni: 4098, peers: [${PEER}, ${PEER_2}]`)),
    /^underlays.fabric.vteps: expected room for 192.168.0.4 \(capacities.vteps is 3\), got a full/,
  );
  expectSameBytes(rig.core.bytes.subarray(0, arena), before);
  assert.equal(rig.send(C2), [`u0 ${PEER}:4789 vni 4097`]);
});

test.run();
