import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FilterError, compileFilter } from '../../src/capture/filter.js';

const MACS = '020000000002' + '020000000001';
const IPV4 = '4500002000000000401100000a0000010a000002';
const UDP = '0035138800080000';
const UDP_FRAME = `${MACS}0800${IPV4}${UDP}`;
const TAGGED = `${MACS}8100000a0800${IPV4}${UDP}`;
const QINQ = `${MACS}88a800c88100000a0800${IPV4}${UDP}`;
const ICMP = `${MACS}0800${IPV4.replace('4011', '4001')}0800000000000000`;
const LATER_FRAGMENT = `${MACS}0800${IPV4.replace('00000000', '00000010')}${UDP}`;
const ARP =
  `ffffffffffff0200000000010806000108000604000102000000000` + `10a0000010000000000000a000002`;
const IPV6 = `${MACS}86dd6000000000083a40fd0000000000000000000000000000010000`.slice(0, 44);
const IPV6_TCP =
  `${MACS}86dd60000000001c0040` + // hop-by-hop comes first
  'fd000000000000000000000000000001' +
  'fd000000000000000000000000000002' +
  '0600000000000000' +
  '01bb1388000000000000000050000000';
const BROADCAST = `ffffffffffff020000000001abcd`;

const matches = (filter: string, frame: string): boolean =>
  compileFilter(filter)(Uint8Array.from(Buffer.from(frame, 'hex')));

/** Filter, frames it finds, frames it does not. */
const CASES: [filter: string, found: string[], others: string[]][] = [
  ['', [UDP_FRAME, ARP, ''], []],
  ['ether host 02:00:00:00:00:01', [UDP_FRAME, ARP], ['']],
  ['ether src 02:00:00:00:00:02', [], [UDP_FRAME]],
  ['ether dst 02:00:00:00:00:02', [UDP_FRAME], [ARP]],
  ['broadcast', [BROADCAST, ARP], [UDP_FRAME]],
  ['ether multicast', [BROADCAST], [UDP_FRAME]],
  ['arp', [ARP], [UDP_FRAME]],
  ['ip', [UDP_FRAME, TAGGED], [ARP, IPV6_TCP]],
  ['ip6', [IPV6_TCP], [UDP_FRAME]],
  ['udp', [UDP_FRAME, TAGGED, QINQ, LATER_FRAGMENT], [ICMP, IPV6_TCP]],
  ['icmp', [ICMP], [UDP_FRAME]],
  ['tcp', [IPV6_TCP], [UDP_FRAME]],
  ['vlan', [TAGGED, QINQ], [UDP_FRAME]],
  ['vlan 10', [TAGGED, QINQ], [UDP_FRAME]],
  ['vlan 200', [QINQ], [TAGGED]],
  ['host 10.0.0.1', [UDP_FRAME, ARP], [IPV6_TCP]],
  ['src 10.0.0.2', [], [UDP_FRAME]],
  ['dst host 10.0.0.2', [UDP_FRAME, ARP], []],
  ['ip host 10.0.0.1', [UDP_FRAME], [ARP]],
  ['host fd00::1', [IPV6_TCP], [UDP_FRAME]],
  ['port 53', [UDP_FRAME, QINQ], [IPV6_TCP, LATER_FRAGMENT]],
  ['src port 53', [UDP_FRAME], []],
  ['dst port 53', [], [UDP_FRAME]],
  ['tcp port 443', [IPV6_TCP], [UDP_FRAME]],
  ['not arp and ! port 53', [ICMP], [ARP, UDP_FRAME]],
  ['arp or icmp and port 53', [ARP], [ICMP, UDP_FRAME]],
  ['(arp || udp) && host 10.0.0.1', [ARP, UDP_FRAME], [ICMP]],
];

for (const [filter, found, others] of CASES) {
  test(`filter: ${filter === '' ? 'nothing said means everything' : filter}`, () => {
    for (const frame of found) assert.is(matches(filter, frame), true, frame);
    for (const frame of others) assert.is(matches(filter, frame), false, frame);
  });
}

test('filter: frames cut at any length are looked at without harm', () => {
  for (const frame of [QINQ, ARP, IPV6, IPV6_TCP, UDP_FRAME]) {
    for (let length = 0; length <= frame.length; length += 2) {
      for (const [filter] of CASES) matches(filter, frame.slice(0, length));
    }
  }
});

test('filter: what is wrong is named with its column and what was expected', () => {
  const problems: [filter: string, message: string][] = [
    ['port x', 'column 6: expected a port 0..65535, got "x"'],
    ['tcp port', 'column 9: expected a port 0..65535, got the end'],
    ['ether 02:00', 'column 7: expected host, src, dst, broadcast or multicast, got "02:00"'],
    ['ether host 1', 'column 12: expected a MAC address, got "1"'],
    ['vlan 5000', 'column 6: expected a VLAN 0..4095, got "5000"'],
    ['host 10.0.0', 'column 6: expected an IP address, got "10.0.0"'],
    ['src banana', 'column 5: expected port or an IP address, got "banana"'],
    ['arp udp', 'column 5: expected and, or, or the end, got "udp"'],
    ['(arp', 'column 5: expected ")", got the end'],
    [
      'arp and',
      'column 8: expected a primitive such as ether host, ip, host, port or vlan, got the end',
    ],
    ['arp & udp', 'column 5: expected and, or, or the end, got "&"'],
  ];
  for (const [filter, message] of problems) {
    assert.throws(
      () => compileFilter(filter),
      (error: unknown) => error instanceof FilterError && error.message === `filter: ${message}`,
      filter,
    );
  }
});

test.run();
