/** ICMP errors of an underlay as frames: from a router with a small MTU, and from a peer. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TxFlag } from '../../assembly/abi.js';
import { formatIp } from '../../src/frame/address.js';
import { slowChecksum, slowSum } from '../support/checksum.js';
import { run, whyNot } from './tap-rig.js';
import { LEFT, MODES, RIGHT, UdpRig, VXLAN, frameOf, payloadOf, sourcePort } from './udp-rig.js';

const NARROW_BYTES = 1300;
const PORT = 50000;
const NO_LISTENER = 9999;
const FAMILIES = [
  { from: '10.0.1.1', router: '10.0.1.9', to: '10.0.2.1', tooBig: [3, 4], unreachable: [3, 3] },
  { from: 'fd00:1::1', router: 'fd00:1::9', to: 'fd00:2::1', tooBig: [2, 0], unreachable: [1, 4] },
];

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: test/e2e/udp-errors (${reason})`);

/** Left, a router, and right behind a cable of a smaller MTU. */
function routed(rig: UdpRig): void {
  const router = rig.namespace('rt');
  rig.cable(
    { netns: rig.left, device: 'v0', net: 1, host: 1 },
    { netns: router, device: 'r0', net: 1, host: 9 },
  );
  rig.cable(
    { netns: router, device: 'r1', net: 2, host: 9 },
    { netns: rig.right, device: 'v1', net: 2, host: 1 },
  );
  const forward = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'];
  run('ip', 'netns', 'exec', router, 'sysctl', '-qw', ...forward);
  run('ip', '-n', router, 'link', 'set', 'r1', 'mtu', `${NARROW_BYTES}`);
  for (const [netns, net] of [
    [rig.left, 1],
    [rig.right, 2],
  ] as const) {
    run('ip', '-n', netns, 'route', 'add', 'default', 'via', `10.0.${net}.9`);
    run('ip', '-n', netns, '-6', 'route', 'add', 'default', 'via', `fd00:${net}::9`);
  }
  rig.meet(
    rig.left,
    FAMILIES.map(({ to }) => to),
  );
}

/** An error as a frame holds it; its checksums are right, or this throws. */
function readError(frame: Uint8Array): Record<string, unknown> {
  const bytes = Buffer.from(frame);
  const isV6 = bytes.readUInt16BE(12) === 0x86dd;
  const ip = bytes.subarray(14);
  const header = isV6 ? 40 : (ip[0]! & 15) * 4;
  const icmp = ip.subarray(header);
  const addressBytes = isV6 ? 16 : 4;
  const addresses = ip.subarray(isV6 ? 8 : 12, (isV6 ? 8 : 12) + 2 * addressBytes);
  const pseudo = slowSum(addresses, slowSum(Uint8Array.of(0, 58, icmp.length >> 8, icmp.length)));
  assert.is(slowChecksum(icmp, isV6 ? pseudo : 0), 0, 'ICMP checksum');
  if (!isV6) assert.is(slowChecksum(ip.subarray(0, header)), 0, 'IPv4 checksum');
  assert.is(ip.readUInt16BE(isV6 ? 4 : 2), isV6 ? icmp.length : ip.length, 'length');
  const quoted = icmp.subarray(8);
  const quotedUdp = quoted.subarray(isV6 ? 40 : 20);
  const to = quoted.subarray(isV6 ? 24 : 16, (isV6 ? 24 : 16) + addressBytes);
  return {
    macs: bytes.subarray(0, 12).every(byte => byte === 0),
    by: formatIp(addresses.subarray(0, addressBytes)),
    for: formatIp(addresses.subarray(addressBytes)),
    what: [icmp[0], icmp[1]],
    mtuBytes: icmp.readUInt32BE(4),
    protocol: quoted[isV6 ? 6 : 9],
    to: formatIp(to),
    ports: [quotedUdp.readUInt16BE(0), quotedUdp.readUInt16BE(2)],
    payload: [...quotedUdp.subarray(8, 24)],
  };
}

for (const mode of MODES) {
  if (reason !== undefined) break;
  test(`udp, ${mode}: errors of router and peer come as ICMP frames`, () => {
    const rig = new UdpRig('icm');
    try {
      routed(rig);
      const addresses = FAMILIES.map(({ from }) => from);
      rig.open(LEFT, mode, { netns: rig.left, addresses, udpPorts: [VXLAN] });
      for (const { from, router, to, tooBig, unreachable } of FAMILIES) {
        const common = { from, to, fromPort: PORT, isDontFragment: true };
        const expect = (what: number[], by: string, toPort: number, mtuBytes: number): void => {
          const [frame] = rig.frames(LEFT, 1);
          const ports = [PORT, toPort];
          const payload = [...payloadOf(1400).subarray(0, 16)];
          const wanted = { macs: true, by, for: from, what, mtuBytes, protocol: 17, to };
          assert.equal(readError(frame!), { ...wanted, ports, payload });
        };
        rig.put(frameOf({ ...common, payload: payloadOf(1400) }));
        assert.equal(rig.send(), [0]);
        expect(tooBig, router, VXLAN, NARROW_BYTES);
        rig.put(
          frameOf({ ...common, toPort: NO_LISTENER, checksum: 'right', payload: payloadOf(100) }),
        );
        assert.equal(rig.send(), [0]);
        expect(unreachable, to, NO_LISTENER, 0);
      }
    } finally {
      rig.close();
    }
  });

  test(`udp, ${mode}: what a router called too big is still sent, and nothing else refused`, () => {
    const rig = new UdpRig('icm');
    try {
      routed(rig);
      rig.open(LEFT, mode, { netns: rig.left, addresses: ['10.0.1.1'], udpPorts: [VXLAN] });
      rig.open(RIGHT, mode, { netns: rig.right, addresses: ['10.0.2.1'], udpPorts: [VXLAN] });
      const common = { from: '10.0.1.1', to: '10.0.2.1', isDontFragment: true };
      const ports = [PORT, PORT + 1, PORT + 2];
      for (let round = 0; round < 3; round++) {
        for (const fromPort of ports) {
          rig.put(frameOf({ ...common, fromPort, payload: payloadOf(1400) }));
          rig.put(frameOf({ ...common, fromPort, payload: payloadOf(1200) }));
        }
        assert.ok(rig.send().every(mark => mark !== TxFlag.Refused));
        assert.equal(rig.frames(RIGHT, 3).map(sourcePort), ports);
      }
      // A host says one error a target and second, or so: how many come is not ours to say.
      assert.equal((readError(rig.frames(LEFT, 1)[0]!) as { what: number[] }).what, [3, 4]);
    } finally {
      rig.close();
    }
  });
}

test.run();
