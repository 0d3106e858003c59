/** NAT of IPv6: one flow table, ports, checksums, errors, mappings (RFC 4787 in IPv6's words). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  FlowStatus,
  Mapping,
  Filtering,
  ZoneCounter,
  ZoneOption,
} from '../../assembly/zone-abi.js';
import { parseIp } from '../../src/frame/address.js';
import { slowSum } from '../support/checksum.js';
import { ETHERNET, eth } from '../support/frame.js';
import {
  EXTERNAL,
  IN,
  MASQUERADE,
  Nat6Rig,
  OUT,
  ROUTER,
  SIDES,
  errorAbout,
  expectAllClean,
  hostIp,
  inward,
  outward,
  quoted,
  seen,
  seenIp,
  serverIp,
  serverMac,
  way,
} from '../support/nat6-rig.js';
import { GSO_TCP6, offloadOf } from '../support/virtio.js';
import { natRules, saveText } from '../support/zone-rig.js';

const PORT = 40000;
const SERVICE = 7777;
const ECHO = 128;
const REPLY = 129;
const INNER = `[${hostIp(2)}]:${PORT}>[${serverIp(2)}]:${SERVICE}`;
const ask = (host = 2, to: number | string = 2) =>
  outward(host, to).udp(PORT, SERVICE).payload('question');
const answer = (port: number, to?: string) => inward(2, to).udp(SERVICE, port).payload('answer');
const dnat = (...rules: string[]): string => saveText('nat', rules);

test('nat66: masquerade and back, of UDP and TCP', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  const out = rig.pass(IN, ask());
  assert.is(way(out), `[${EXTERNAL}]:${PORT}>[${serverIp(2)}]:${SERVICE}`);
  assert.is(way(rig.pass(OUT, answer(PORT))), `[${serverIp(2)}]:${SERVICE}>[${hostIp(2)}]:${PORT}`);
  const syn = rig.pass(IN, outward(2, 2).tcp(PORT, 80, { flags: 2, sequence: 1, acknowledged: 0 }));
  assert.is(syn.source, EXTERNAL);
  const back = inward(2).tcp(80, PORT, { flags: 0x12, sequence: 900, acknowledged: 2 });
  assert.is(rig.pass(OUT, back).destination, hostIp(2));
  assert.ok(rig.flows().every(({ status }) => status & FlowStatus.SourceNat));
});

test('nat66: two senders of one port get two, and their own answers', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  const ports = [2, 3, 4].map(host => rig.pass(IN, ask(host)).sourcePort);
  assert.is(ports[0], PORT);
  assert.is(new Set(ports).size, 3);
  [2, 3, 4].forEach((host, i) => {
    assert.is(rig.pass(OUT, answer(ports[i]!)).destination, hostIp(host));
  });
});

test('nat66: pings of three hosts with one identifier', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  const ids = [2, 3, 4].map(host => {
    const out = rig.pass(IN, outward(host, 2).icmp(ECHO, 0, 0x4d20001).payload(56));
    assert.is(out.source, EXTERNAL);
    return out.sourcePort;
  });
  assert.is(new Set(ids).size, 3);
  [2, 3, 4].forEach((host, i) => {
    const back = rig.pass(
      OUT,
      inward(2)
        .icmp(REPLY, 0, ids[i]! * 65536 + 1)
        .payload(56),
    );
    assert.equal([back.destination, back.sourcePort], [hostIp(host), 0x4d2]);
  });
});

test('nat66: a protocol without ports is translated by its addresses', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE, isClean: false });
  const other = (frame: Uint8Array): Buffer => {
    const bytes = Buffer.from(frame);
    bytes[20] = 253;
    return bytes;
  };
  const out = rig.pass(IN, other(ask().bytes()));
  assert.equal([out.source, out.protocol], [EXTERNAL, 253]);
  assert.is(rig.pass(OUT, other(answer(PORT).bytes())).destination, hostIp(2));
});

test('nat66: a checksum that is left to a device is right once that has finished it', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  const frame = ask().partial();
  const offload = offloadOf(frame, true);
  const { sent } = rig.batch([{ port: IN, frame, offload }]);
  // The port out has no offload: the core has done the device's work.
  const out = seen(sent[0]!);
  assert.is(out.source, EXTERNAL);
  const addresses = Buffer.concat([parseIp(out.source)!, parseIp(out.destination)!]);
  assert.is(slowSum(out.l4, slowSum(addresses) + out.l4.length + out.protocol), 0xffff);
});

test('nat66: segments of an offloaded frame are translated each', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  const syn = { flags: 2, sequence: 1, acknowledged: 0 };
  rig.pass(IN, outward(2, 2).tcp(PORT, 80, syn));
  rig.pass(OUT, inward(2).tcp(80, PORT, { flags: 0x12, sequence: 900, acknowledged: 2 }));
  const frame = outward(2, 2).tcp(PORT, 80, { sequence: 2, acknowledged: 901 }).payload(3000);
  const offload = offloadOf(frame.partial(), false, GSO_TCP6, 1200);
  const { sent, dropped } = rig.batch([{ port: IN, frame, offload }]);
  assert.equal(dropped, []);
  const lengths = sent.map(one => seen(one)).map(({ source, total }) => [source, total]);
  assert.equal(
    lengths,
    [1260, 1260, 660].map(total => [EXTERNAL, total]),
  );
});

test('nat66: SCTP gets another port and a CRC that is right', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE, isClean: false });
  // No tag, no CRC yet; INIT.
  const init = '01000014000000010000ffff0001000100000001';
  const chunk = Buffer.from(`0000000000000000${init}`, 'hex');
  const sctp = (host: number): Buffer => {
    const packet = Buffer.concat([Buffer.from([0x9c, 0x40, 0x1e, 0x61]), chunk]);
    const bytes = Buffer.from(
      outward(host, 2)
        .udp(0, 0)
        .payload(packet.length - 8)
        .bytes(),
    );
    bytes[20] = 132;
    packet.copy(bytes, ETHERNET + 40);
    return bytes;
  };
  const [first, second] = [2, 3].map(host => rig.pass(IN, sctp(host)));
  assert.equal([first!.source, first!.l4.readUInt16BE(0)], [EXTERNAL, PORT]);
  const port = second!.l4.readUInt16BE(0);
  assert.is.not(port, PORT);
  const blank = Buffer.from(second!.l4);
  blank.writeUInt32LE(0, 8);
  assert.is(second!.l4.readUInt32LE(8), slowCrc32c(blank));
});

test('nat66: SNAT to a range: one host, one address', () => {
  const range = '2001:db8:2::100-2001:db8:2::10f';
  const rig = Nat6Rig.create({
    rules: natRules(`-A POSTROUTING -o out -j SNAT --to-source ${range}`),
  });
  const used = new Set<string>();
  for (const host of [2, 3, 4]) {
    const sources = [2, 3].map(server => rig.pass(IN, ask(host, server)).source);
    assert.is(sources[0], sources[1]);
    used.add(sources[0]!);
  }
  for (const source of used) assert.match(source, /^2001:db8:2::10[0-9a-f]$/);
});

test('nat66: DNAT to a host inside, REDIRECT to ourselves', () => {
  const rig = Nat6Rig.create({
    rules: dnat(
      `-A PREROUTING -d ${EXTERNAL}/128 -i out -p tcp -m tcp --dport 8080 -j DNAT --to-destination [${hostIp(2)}]:80`,
      '-A PREROUTING -i in -p udp -m udp --dport 53 -j REDIRECT --to-ports 5353',
    ),
  });
  const syn = inward(2).tcp(PORT, 8080, { flags: 2, sequence: 5, acknowledged: 0 });
  assert.is(way(rig.pass(OUT, syn)), `[${serverIp(2)}]:${PORT}>[${hostIp(2)}]:80`);
  const back = outward(2, 2).tcp(80, PORT, { flags: 0x12, sequence: 77, acknowledged: 6 });
  assert.is(way(rig.pass(IN, back)), `[${EXTERNAL}]:8080>[${serverIp(2)}]:${PORT}`);
  const told = rig.answer(IN, outward(2, 2).udp(PORT, 53));
  assert.equal([told.source, told.l4[0], told.l4[1]], [ROUTER, 1, 4]);
});

test('nat66: what is invalid never leaves untranslated', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  const strange = outward(2, 2).tcp(PORT, 80, { flags: 3 });
  assert.equal(rig.stop(IN, strange), ['Invalid']);
  assert.equal(rig.stop(IN, outward(2, 2).icmp(REPLY, 0, 1)), ['Invalid']);
});

test('nat66: masquerade needs an address that is good beyond the link', () => {
  const rig = Nat6Rig.create({ rules: natRules('-A POSTROUTING -o out -j MASQUERADE') });
  const { zones } = rig.zone.core;
  const out = rig.zone.indexOf('out');
  zones.setAddress(out, { ip: parseIp('fe80::1')!, bits: 64 });
  zones.setAddress(out, { ip: parseIp(EXTERNAL)!, bits: 64 }, false);
  assert.equal(rig.stop(IN, ask()), ['PortsExhausted']);
});

/** Bytes of the packet as it left. */
function left(rig: Nat6Rig, frame = ask()): Uint8Array {
  return rig.passed(IN, frame).bytes.subarray(ETHERNET);
}

for (const [type, code, rest] of [
  [1, 4, 0],
  [2, 0, 1280],
  [3, 0, 0],
] as const) {
  test(`nat66: an error of type ${type} is translated, outside and in`, () => {
    const rig = Nat6Rig.create({ rules: MASQUERADE });
    const error = rig.pass(OUT, errorAbout(3, left(rig), { type, code, rest }));
    assert.equal([error.source, error.destination], [serverIp(3), hostIp(2)]);
    assert.equal([error.l4[0], error.l4[1], error.l4.readUInt32BE(4)], [type, code, rest]);
    assert.is(way(quoted(error)), INNER);
    const inner = quoted(error);
    const original = Buffer.from(ask().bytes()).subarray(ETHERNET + 40);
    assert.equal(Buffer.from(inner.l4), original, 'the checksum in the quote, too');
    assert.is(rig.counter(ZoneCounter.Related), 1);
  });
}

test('nat66: an error about a ping, and one that quotes little', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  const ping = outward(2, 2).icmp(ECHO, 0, 0x70001).payload(8);
  const error = rig.pass(OUT, errorAbout(2, left(rig, ping), { code: 3 }));
  assert.is(quoted(error).source, hostIp(2));
  assert.equal(Buffer.from(quoted(error).l4), Buffer.from(ping.bytes()).subarray(ETHERNET + 40));
  const short = rig.pass(OUT, errorAbout(2, left(rig), { bytes: 48 }));
  assert.is(seenIp(short.l4.subarray(8)).source, hostIp(2));
});

test('nat66: an error of the inside about what came in leaves as the router', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  rig.pass(IN, ask());
  const came = rig.passed(OUT, answer(PORT)).bytes.subarray(ETHERNET);
  const error = rig.pass(IN, outward(2, 2).icmp(1, 4).payload(came));
  assert.equal([error.source, error.destination], [EXTERNAL, serverIp(2)]);
  assert.is(way(quoted(error)), `[${serverIp(2)}]:${SERVICE}>[${EXTERNAL}]:${PORT}`);
});

test('nat66: errors that are damaged, about no flow, or to another than the sender', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  const packet = left(rig);
  assert.equal(rig.stop(OUT, errorAbout(2, packet).checksum(0x1234)), ['Invalid']);
  assert.equal(rig.stop(OUT, errorAbout(2, packet, { to: hostIp(3) })), ['Invalid']);
  const other = Buffer.from(packet);
  other.writeUInt16BE(1, 40);
  assert.equal(rig.stop(OUT, errorAbout(2, other)), ['Invalid']);
  assert.equal(rig.stop(OUT, errorAbout(2, packet, { bytes: 44 })), ['Invalid']);
});

test('nat66: endpoint mapping: one external port for all servers, and who may send to it', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE })
    .configure(ZoneOption.Mapping, Mapping.Endpoint)
    .configure(ZoneOption.Filtering, Filtering.Endpoint);
  const first = rig.pass(IN, ask(2, 2)).sourcePort;
  assert.is(rig.pass(IN, ask(2, 3)).sourcePort, first);
  const stranger = eth(serverMac(0xfe), SIDES[OUT].mac).ipv6(serverIp(0xfe), EXTERNAL);
  const got = rig.pass(OUT, stranger.udp(9, first).payload('hello'));
  assert.is(way(got), `[${serverIp(0xfe)}]:9>[${hostIp(2)}]:${PORT}`);
  rig.configure(ZoneOption.Filtering, Filtering.AddressAndPort);
  assert.is(rig.answer(OUT, stranger.udp(10, first)).l4[1], 4);
});

test('nat66: flows of an address that an interface loses end', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE });
  rig.pass(IN, ask());
  const prefix = { ip: parseIp(EXTERNAL)!, bits: 64 };
  rig.zone.core.zones.setAddress(rig.zone.indexOf('out'), prefix, false);
  assert.is(rig.flows().length, 0);
});

test('nat66: what was sent is sound', expectAllClean);

/** RFC 9260 appendix A, bit by bit. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

test.run();
