import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eth, hex } from '../support/frame.js';
import { expectBalance, rig } from '../support/link-rig.js';
import { GSO_UDP, virtio } from '../support/virtio.js';

test('link: an MTU counts the IP packet, whatever padding and tags are around it', () => {
  const wire = rig({ mtuBytes: 128 });
  const fits = eth(1, 2).vlan(7).ipv4('10.0.0.1', '10.0.0.2').udp(1, 2).payload(100).bytes();
  const padded = Buffer.concat([fits, Buffer.alloc(20)]);
  const long = eth(1, 2).ipv4('10.0.0.1', '10.0.0.2').udp(1, 2).payload(101).bytes();
  const ipv6 = eth(1, 2).ipv6('fd00::1', 'fd00::2').udp(1, 2).payload(80).bytes();
  const longIpv6 = eth(1, 2).ipv6('fd00::1', 'fd00::2').udp(1, 2).payload(81).bytes();
  for (const bytes of [fits, padded, long, ipv6, longIpv6]) {
    wire.link.transmit(wire.ends[0]!, { bytes });
  }
  while (wire.events.step());
  expectBalance(wire.link.counts);
  assert.is(wire.link.counts.lost.tooBig, 2);
  assert.equal(
    wire.ends[1]!.got.map(({ frame }) => frame.bytes.length),
    [fits, padded, ipv6].map(({ length }) => length),
  );
});

test('link: of a super frame the MTU counts one segment, and it arrives whole', () => {
  const bytes = eth(1, 2).ipv4('10.0.0.1', '10.0.0.2').udp(1, 2).payload(3000).bytes();
  const header = (gsoBytes: number): Uint8Array => virtio({ gsoType: GSO_UDP, gsoBytes });
  const wire = rig({ mtuBytes: 1028 });
  wire.link.transmit(wire.ends[0]!, { bytes, virtio: header(1000) });
  wire.link.transmit(wire.ends[0]!, { bytes, virtio: header(1001) });
  while (wire.events.step());
  expectBalance(wire.link.counts);
  assert.is(wire.link.counts.lost.tooBig, 1);
  const [got] = wire.ends[1]!.got;
  assert.is(hex(got!.frame.bytes), hex(bytes));
  assert.is(hex(got!.frame.virtio!), hex(header(1000)));
});

test('link: a router answers what is too big, unless it may be fragmented', () => {
  const routers = [Uint8Array.of(192, 0, 2, 1)];
  const wire = rig({ mtuBytes: 120, tooBig: 'icmp', routers });
  const mayBeCut = eth(1, 2).ipv4('10.0.0.1', '10.0.0.2').udp(1, 2).payload(101).bytes();
  const whole = Buffer.from(mayBeCut);
  whole[20] = 0x40; // Don't Fragment
  const ipv6 = eth(1, 2).ipv6('fd00::1', 'fd00::2').udp(1, 2).payload(81).bytes();
  for (const bytes of [mayBeCut, whole, ipv6]) wire.link.transmit(wire.ends[0]!, { bytes });
  while (wire.events.step());
  const { counts } = wire.link;
  expectBalance(counts);
  assert.equal([counts.lost.tooBig, counts.answers, counts.delivered], [3, 2, 2]);
  const [four, six] = wire.ends[0]!.got.map(({ frame }) => Buffer.from(frame.bytes));
  const macs = '020000000001' + '020000000002';
  assert.is(four!.toString('hex', 0, 14), `${macs}0800`);
  assert.is(four!.toString('hex', 26, 34), 'c0000201' + '0a000001');
  assert.is(four!.toString('hex', 34, 36), '0304');
  assert.is(four!.readUInt16BE(40), 120);
  assert.is(four!.toString('hex', 42), whole.toString('hex', 14));
  assert.is(six!.toString('hex', 0, 14), `${macs}86dd`);
  assert.is(six!.toString('hex', 54, 56), '0200');
  assert.is(six!.readUInt32BE(58), 120);
  assert.is(six!.toString('hex', 62), hex(ipv6).slice(28));
});

test('link: nothing is said of an error message that is too big', () => {
  const wire = rig({ mtuBytes: 68, tooBig: 'icmp' });
  const bytes = Buffer.from(
    eth(1, 2).ipv4('10.0.0.1', '10.0.0.2').udp(0x0304, 2).payload(80).bytes(),
  );
  bytes[20] = 0x40;
  bytes[23] = 1; // ICMP: the ports are type and code now
  wire.link.transmit(wire.ends[0]!, { bytes });
  while (wire.events.step());
  assert.equal([wire.link.counts.lost.tooBig, wire.link.counts.answers], [1, 0]);
});

test.run();
