/** Published ports asked from within their own network: walks W3a and W3b, and ICC off. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InterfaceOption } from '../../assembly/zone-abi.js';
import { eth } from '../support/frame.js';
import { ZoneRig, saveText } from '../support/zone-rig.js';

const C2 = '02:42:0a:00:00:02';
const C3 = '02:42:0a:00:00:fe';
const BRIDGE = '02:42:0a:00:00:01';
/** What an engine without userland proxy writes for -p 5000:80 of 10.0.0.2. */
const PUBLISHED = saveText('nat', [
  '-A PREROUTING -p tcp -d 192.168.0.2 --dport 5000 -j DNAT --to-destination 10.0.0.2:80',
  '-A POSTROUTING -s 10.0.0.2/32 -d 10.0.0.2/32 -p tcp --dport 80 -j MASQUERADE',
  '-A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE',
]);

function dockerHost(): ZoneRig {
  const rig = ZoneRig.bare();
  const docker = { port: 1, segment: 0, mac: BRIDGE, address: '10.0.0.1/16' };
  rig.interface('docker0', docker);
  rig.bridge.port(3, { Segment: 1, Up: 1 });
  rig.interface('eth0', {
    port: 2,
    segment: 1,
    mac: '02:42:c0:a8:00:02',
    address: '192.168.0.2/24',
  });
  rig.rules(PUBLISHED);
  return rig.settle(1, C2, '10.0.0.2', docker).settle(3, C3, '10.0.0.254', docker);
}

test('W3a: a container reaches itself by its published port', () => {
  const rig = dockerHost();
  rig.bridge.port(1, { Hairpin: 1 });
  const ask = eth(C2, BRIDGE).ipv4('10.0.0.2', '192.168.0.2').tcp(40000, 5000, { flags: 2 });
  const { sent, dropped } = rig.send(1, ask);
  assert.equal(dropped, []);
  assert.is(sent[0]!.port, 1);
  const want = eth(BRIDGE, C2).ipv4('10.0.0.1', '10.0.0.2', { ttl: 63 });
  assert.equal(sent[0]!.bytes, want.tcp(40000, 80, { flags: 2 }).bytes());
  const answer = eth(C2, BRIDGE).ipv4('10.0.0.2', '10.0.0.1').tcp(80, 40000, { flags: 0x12 });
  const back = answer.bytes();
  back.set([0, 0, 0, 2], 42); // acknowledges the SYN
  const fixed = fixTcp(back);
  const got = rig.send(1, fixed);
  assert.equal(got.dropped, []);
  assert.is(ipText(got.sent[0]!.bytes), '192.168.0.2:5000>10.0.0.2:40000');
});

test('W3b: a sibling is answered through the bridge, and the answer is translated', () => {
  const rig = dockerHost();
  const ask = eth(C3, BRIDGE).ipv4('10.0.0.254', '192.168.0.2').udp(40000, 5000);
  rig.rules(PUBLISHED.replaceAll('-p tcp', '-p udp'));
  const { sent, dropped } = rig.send(3, ask);
  assert.equal(dropped, []);
  assert.is(sent[0]!.port, 1);
  const want = eth(BRIDGE, C2).ipv4('10.0.0.254', '10.0.0.2', { ttl: 63 });
  assert.equal(sent[0]!.bytes, want.udp(40000, 80).bytes());
  // C2 knows its sibling and answers it directly.
  const answer = eth(C2, C3).ipv4('10.0.0.2', '10.0.0.254').udp(80, 40000).payload('hi');
  const got = rig.send(1, answer);
  assert.is(got.sent[0]!.port, 3);
  const wanted = eth(C2, C3).ipv4('192.168.0.2', '10.0.0.254').udp(5000, 40000).payload('hi');
  assert.equal(got.sent[0]!.bytes, wanted.bytes());
  // What belongs to no such flow stays as it is.
  const other = eth(C2, C3).ipv4('10.0.0.2', '10.0.0.254').udp(81, 40000);
  assert.equal(rig.send(1, other).sent[0]!.bytes, other.bytes());
});

test('hairpin: when the last such flow is gone nothing is inspected any more', () => {
  const rig = dockerHost();
  rig.rules(PUBLISHED.replaceAll('-p tcp', '-p udp'));
  rig.send(3, eth(C3, BRIDGE).ipv4('10.0.0.254', '192.168.0.2').udp(40000, 5000));
  assert.is(rig.core.zones.flushFlows(), 1);
  const answer = eth(C2, C3).ipv4('10.0.0.2', '10.0.0.254').udp(80, 40000);
  assert.equal(rig.send(1, answer).sent[0]!.bytes, answer.bytes());
});

test('BR-12: with inspection on, FORWARD decides about neighbours on one bridge', () => {
  const rig = dockerHost();
  rig.rules(
    saveText('filter', [
      '-A FORWARD -i docker0 -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A FORWARD -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT',
      '-A FORWARD -i docker0 -o docker0 -j DROP',
    ]),
  );
  const ask = eth(C3, C2).ipv4('10.0.0.254', '10.0.0.2').udp(40000, 53);
  assert.is(rig.send(3, ask).sent[0]!.port, 1, 'bridged: not asked');
  rig.core.zones.configureInterface(rig.indexOf('docker0'), InterfaceOption.Inspect, 1);
  assert.equal(
    rig.send(3, ask).dropped.map(({ reason }) => reason),
    ['RuleDrop'],
  );
  const syn = eth(C3, C2).ipv4('10.0.0.254', '10.0.0.2').tcp(40000, 80, { flags: 2 });
  assert.equal(rig.send(3, syn).sent[0]!.bytes, syn.bytes());
  const answer = eth(C2, C3).ipv4('10.0.0.2', '10.0.0.254').tcp(80, 40000, { flags: 0x12 });
  const bytes = answer.bytes();
  bytes.set([0, 0, 0, 2], 42);
  const fixed = fixTcp(bytes);
  assert.equal(rig.send(1, fixed).sent[0]!.bytes, fixed);
});

function ipText(bytes: Uint8Array): string {
  const end = (ip: number, port: number): string =>
    `${bytes.slice(ip, ip + 4).join('.')}:${bytes[port]! * 256 + bytes[port + 1]!}`;
  return `${end(26, 34)}>${end(30, 36)}`;
}

/** Writes the TCP checksum anew. */
function fixTcp(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set([0, 0], 50);
  let sum = 6 + copy.length - 34;
  for (let i = 26; i < copy.length; i += 2) sum += copy[i]! * 256 + (copy[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  copy.set([(~sum >> 8) & 0xff, ~sum & 0xff], 50);
  return copy;
}

test.run();
