import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  formatIpv6,
  formatMac,
  macBytes,
  macNumber,
  parseIp,
  parseMac,
} from '../../src/frame/address.js';

test('address: a MAC address survives text and number', () => {
  const bytes = parseMac('02:42:0a:00:00:ff')!;
  assert.is(formatMac(bytes), '02:42:0a:00:00:ff');
  assert.is(macNumber(bytes), 0x02420a0000ffn);
  assert.equal(macBytes(0x02420a0000ffn), bytes);
});

test('address: what is no MAC address is undefined', () => {
  for (const text of ['', '02:42:0a:00:00', '02:42:0a:00:00:00:00', '02:42:0a:00:00:0g', '0:0']) {
    assert.is(parseMac(text), undefined, text);
  }
});

// Pairs of RFC 5952 §4 and §5, and of RFC 4291 §2.2.
const IPV6 = [
  ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
  ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['FE80::', 'fe80::'],
  ['::ffff:192.0.2.1', '::ffff:c000:201'],
] as const;

test('address: IPv6 text is the canonical one', () => {
  for (const [text, canonical] of IPV6) assert.is(formatIpv6(parseIp(text)!), canonical, text);
});

test('address: what is no IP address is undefined', () => {
  for (const text of ['10.0.0', '10.0.0.256', ':::', 'fe80::1%eth0', 'a', '']) {
    assert.is(parseIp(text), undefined, text);
  }
});

test.run();
