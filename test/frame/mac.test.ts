import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  formatMac,
  isGroupMac,
  macBytes,
  macNumber,
  macText,
  parseMac,
} from '../../src/frame/mac.js';

test('mac: survives text, number and bytes', () => {
  const mac = parseMac('02:42:0A-00:00:ff')!;
  assert.is(mac, 0x02420a0000ffn);
  assert.is(macText(mac), '02:42:0a:00:00:ff');
  assert.is(formatMac(macBytes(mac)), '02:42:0a:00:00:ff');
  assert.is(macNumber(macBytes(mac)), mac);
});

test('mac: what is no address is undefined', () => {
  const texts = [
    '',
    '02:42:0a:00:00',
    '02:42:0a:00:00:00:00',
    '02:42:0a:00:00:0g',
    '2:42:0a:0:0:1',
  ];
  for (const text of texts) assert.is(parseMac(text), undefined, text);
});

test('mac: a group address has the low bit of its first byte set', () => {
  assert.ok(isGroupMac(parseMac('01:00:5e:00:00:01')!));
  assert.not(isGroupMac(parseMac('02:00:5e:00:00:01')!));
});

test.run();
