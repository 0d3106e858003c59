/**
 * Conformance cases of area A4, NAT of UDP (RFC 4787): packets, NAT-A19 to NAT-A29:
 * checksums, damaged headers, port ranges. tshark looks at all that was sent but
 * for what was given damaged.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop } from '../../assembly/abi.js';
import { ZoneCounter } from '../../assembly/zone-abi.js';
import { parseIp } from '../../src/frame/address.js';
import { slowChecksum, slowSum } from '../support/checksum.js';
import { ETHERNET, type Frame, eth, fromHex } from '../support/frame.js';
import {
  EXTERNAL,
  IN,
  NatRig,
  OUT,
  expectAllClean,
  hostIp,
  hostMac,
  inward,
  ipOf,
  outward,
  quoted,
  seen,
  serverIp,
  way,
} from '../support/nat-rig.js';
import { INSIDE, natRules } from '../support/zone-rig.js';

const PORT = 40000;
const SERVICE = 7777;
const NOW = `${EXTERNAL}:${PORT}>${serverIp(2)}:${SERVICE}`;

test('NAT-A19: a UDP checksum of 0 stays 0', () => {
  const rig = NatRig.create();
  for (let i = 0; i < 3; i++) {
    const out = rig.pass(IN, outward(2, 2).udp(PORT, SERVICE).payload('x').checksum(0));
    assert.is(out.l4.readUInt16BE(6), 0);
    assert.is(way(out), NOW);
    assert.is(rig.pass(OUT, inward(2).udp(SERVICE, PORT).checksum(0)).l4.readUInt16BE(6), 0);
  }
});

test('NAT-A20: a UDP checksum that becomes 0 is sent as 0xffff', () => {
  const rig = NatRig.create();
  // A word of payload that makes the translated datagram add up to 0xffff by itself.
  const translated = outward(2, 2).udp(PORT, SERVICE).payload(Uint8Array.of(0, 0)).bytes();
  translated.set(parseIp(EXTERNAL)!, ETHERNET + 12);
  const l4 = Buffer.from(translated.subarray(34));
  l4.writeUInt16BE(0, 6);
  const pseudo = slowSum(Uint8Array.of(0, 17, 0, l4.length), slowSum(translated.subarray(26, 34)));
  const word = slowChecksum(l4, pseudo);
  const frame = outward(2, 2)
    .udp(PORT, SERVICE)
    .payload(Uint8Array.of(word >> 8, word & 0xff));
  for (let i = 0; i < 3; i++) assert.is(rig.pass(IN, frame).l4.readUInt16BE(6), 0xffff);
});

test('NAT-A21: a wrong checksum stays as wrong as it was, and the source is translated', () => {
  const rig = NatRig.create({ isClean: false });
  for (const l4 of ['udp', 'tcp'] as const) {
    for (const wrong of [0x0001, 0xbeef]) {
      const right = outward(2, 2)[l4](PORT, SERVICE).payload('data');
      const field = l4 === 'udp' ? 6 : 16;
      const sum = Buffer.from(right.bytes()).readUInt16BE(34 + field);
      const out = rig.pass(IN, right.checksum(sum ^ wrong));
      assert.is(way(out), NOW);
      const want = eth()
        .ipv4(EXTERNAL, serverIp(2), { ttl: 63 })
        [l4](PORT, SERVICE)
        .payload('data');
      const rightSum = Buffer.from(want.bytes()).readUInt16BE(34 + field);
      const off = (a: number, b: number): number => (a - b + 0xffff) % 0xffff;
      assert.is(off(out.l4.readUInt16BE(field), rightSum), off(sum ^ wrong, sum));
    }
  }
});

test('NAT-A22: TTL 1: the sender is told; TTL 2 leaves with TTL 1', () => {
  const rig = NatRig.create();
  const last = outward(2, 2, { ttl: 1 }).udp(PORT, SERVICE).payload('end');
  const error = rig.turnedBack(last);
  assert.is(error.source, '10.0.1.1');
  assert.equal([...error.l4.subarray(0, 2)], [11, 0]);
  assert.equal(Uint8Array.from(error.l4.subarray(8)), ipOf(last));
  assert.is(way(quoted(error)), `${hostIp(2)}:${PORT}>${serverIp(2)}:${SERVICE}`);
  for (let i = 0; i < 3; i++) {
    assert.is(rig.pass(IN, outward(2, 2, { ttl: 2 }).udp(PORT, SERVICE)).ttl, 1);
    assert.is(rig.turnedBack(last).l4[0], 11, 'of an established flow as well');
    rig.pass(OUT, inward(2).udp(SERVICE, PORT));
    rig.wait(1500);
  }
});

test('NAT-A23: damaged and misdirected packets go nowhere', () => {
  const rig = NatRig.create();
  const good = outward(2, 2).udp(PORT, SERVICE).payload('x');
  const spoilt = (at: number, value: number): Uint8Array => {
    const bytes = good.bytes();
    bytes[at] = value;
    return bytes;
  };
  assert.equal(rig.stop(IN, spoilt(14, 0x44)), ['IpMalformed']);
  assert.equal(rig.stop(IN, spoilt(16, 0x40)), ['IpMalformed']);
  assert.equal(rig.stop(IN, spoilt(24, 0x77)), ['IpChecksum']);
  const martian = eth(hostMac(2), INSIDE.mac).ipv4('127.0.0.1', serverIp(2)).udp(PORT, SERVICE);
  assert.equal(rig.stop(IN, martian), ['Martian']);
  const { sent } = rig.send(
    IN,
    eth(hostMac(2), 99).ipv4(hostIp(2), serverIp(2)).udp(PORT, SERVICE),
  );
  assert.equal(sent, []);
  assert.equal(rig.flows(), []);
});

test('NAT-A24: what is behind the IP packet in a frame is no part of it', () => {
  const rig = NatRig.create();
  const frame = outward(2, 2).udp(PORT, SERVICE).payload(30).bytes();
  for (let i = 0; i < 3; i++) {
    const sent = rig.passed(IN, Buffer.concat([frame, Buffer.alloc(9, 0xee)]));
    const out = seen(sent);
    assert.is(out.total, frame.length - ETHERNET);
    assert.is(out.l4.readUInt16BE(4), 38);
    assert.equal(out.l4.subarray(8), Buffer.from(frame.subarray(42)));
    assert.is(sent.bytes.length, frame.length, 'the trailer is dropped');
  }
});

test('NAT-A25: a timestamp option is kept', () => {
  const rig = NatRig.create();
  const options = fromHex('44080d0100000000');
  for (let i = 0; i < 3; i++) {
    const frame = outward(2, 2, { options }).udp(PORT, SERVICE).payload('x');
    const { bytes } = rig.passed(IN, frame);
    assert.is(bytes[ETHERNET], 0x47);
    assert.equal(bytes.slice(34, 42), options);
    assert.is(way(seen({ bytes })), NOW);
  }
});

test('NAT-A26: of protocol 253 the address is translated, and the answers too', () => {
  const rig = NatRig.create();
  const payload = Uint8Array.from({ length: 40 }, (_, i) => i);
  const out = rig.pass(IN, ofProtocol(253, outward(2, 2).payload(payload)));
  assert.is(out.source, EXTERNAL);
  assert.equal(Uint8Array.from(out.l4), payload);
  const back = rig.pass(OUT, ofProtocol(253, inward(2).payload(payload)));
  assert.is(back.destination, hostIp(2));
  assert.equal(rig.stop(IN, ofProtocol(253, outward(3, 2).payload(payload))), ['PortsExhausted']);
});

/** The frame as one of another IP protocol. */
function ofProtocol(protocol: number, frame: Frame): Uint8Array {
  const bytes = Buffer.from(frame.bytes());
  bytes[ETHERNET + 9] = protocol;
  bytes.writeUInt16BE(0, ETHERNET + 10);
  bytes.writeUInt16BE(slowChecksum(bytes.subarray(ETHERNET, ETHERNET + 20)), ETHERNET + 10);
  return bytes;
}

test('NAT-A27: port 0 is never used outside; other classes are kept (RFC 4787 REQ-3a)', () => {
  const rig = NatRig.create();
  for (let i = 0; i < 25; i++) {
    for (const port of [0, 1023, 32768, 60999, 65535]) {
      const { sourcePort } = rig.pass(IN, outward(2 + (i % 3), 2).udp(port, 1000 + i));
      const [first, last] = port === 1023 ? [600, 1023] : [1024, 65535];
      assert.ok(sourcePort >= first! && sourcePort <= last!, `${port} became ${sourcePort}`);
    }
  }
});

test('NAT-A28: of five flows three fit into a range of three ports', () => {
  const rule = '-A POSTROUTING -p udp -o out -j SNAT --to-source 203.0.113.1:1025-1027';
  const rig = NatRig.create({ rules: natRules(rule) });
  const outcomes = [1, 2, 3, 4, 5].map(i => rig.send(IN, outward(2, 2).udp(PORT + i, SERVICE)));
  const ports = outcomes.flatMap(({ sent }) => sent.map(sent => seen(sent).sourcePort));
  assert.equal(ports.sort(), [1025, 1026, 1027]);
  assert.is(rig.drops(Drop.PortsExhausted), 2);
  assert.is(rig.counter(ZoneCounter.PortsExhausted), 2);
});

test('NAT-A29: without an address nothing leaves; with one everything does', () => {
  const rig = NatRig.create();
  const { zones } = rig.zone.core;
  const out = rig.zone.indexOf('out');
  const prefix = { ip: parseIp(EXTERNAL)!, bits: 24 };
  assert.is(zones.setAddress(out, prefix, false), 0);
  for (let i = 0; i < 10; i++) {
    assert.equal(rig.stop(IN, outward(2, 2).udp(PORT + i, SERVICE)), ['PortsExhausted']);
  }
  assert.is(rig.counter(ZoneCounter.PortsExhausted), 10);
  assert.is(zones.setAddress(out, prefix), 0);
  for (let i = 0; i < 10; i++) rig.pass(IN, outward(2, 2).udp(PORT + i, SERVICE));
  assert.is(rig.counter(ZoneCounter.PortsExhausted), 10);
});

test('all: tshark finds nothing wrong with what was sent', expectAllClean);

test.run();
