import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatIpv6, parseIp } from '../../src/frame/address.js';

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
