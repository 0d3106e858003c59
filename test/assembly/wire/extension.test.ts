/** Extension headers are passed over to the upper layer, within bounds. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AUTHENTICATION,
  HOP_OPTIONS,
  LONG_OPTIONS,
  MOBILITY,
  OPTIONS,
  ROUTING,
  extended,
  fragmentOf,
  plainIpv6,
  type Extension,
} from '../../support/extension.js';
import { Unit } from '../../support/unit.js';

const UDP = 17;
const unit = Unit.create();

/** Offset and kind of the upper layer, or undefined; of the first `length` bytes. */
function upperOf(headers: Extension[], length?: number): [number, number] | undefined {
  const ip = extended(plainIpv6(), headers).subarray(14);
  unit.reset();
  const found = unit.call('upperLayer', unit.place(ip), length ?? ip.length);
  return found === 0 ? undefined : [found & 0xffff, found >>> 16];
}

const bytesOf = (headers: Extension[]): number =>
  headers.reduce((sum, [, bytes]) => sum + bytes.length, 40);

test('extension: every kind is passed over, in any order', () => {
  for (const headers of [
    [],
    [HOP_OPTIONS],
    [ROUTING],
    [MOBILITY],
    [AUTHENTICATION],
    [fragmentOf(0, 0)],
    [fragmentOf(0, 1)],
    [HOP_OPTIONS, LONG_OPTIONS, ROUTING, fragmentOf(0, 1), AUTHENTICATION, OPTIONS, MOBILITY],
    new Array<Extension>(8).fill(LONG_OPTIONS),
  ]) {
    assert.equal(upperOf(headers), [bytesOf(headers), UDP]);
  }
});

test('extension: a later fragment has no upper layer to be seen', () => {
  for (const offset of [1, 2, 255, 0x1fff]) {
    assert.is(upperOf([fragmentOf(offset, 1)]), undefined);
    assert.is(upperOf([HOP_OPTIONS, fragmentOf(offset, 0)]), undefined);
  }
});

test('extension: nine headers are too many', () => {
  assert.is(upperOf(new Array<Extension>(9).fill(OPTIONS)), undefined);
});

test('extension: a header that is cut off ends the walk', () => {
  for (const headers of [[HOP_OPTIONS, fragmentOf(0, 0), ROUTING], [fragmentOf(0, 0)]]) {
    const whole = bytesOf(headers);
    for (let length = 40; length <= whole; length++) {
      assert.equal(upperOf(headers, length), length === whole ? [whole, UDP] : undefined);
    }
  }
});

/** What a router makes of a chain: offset and kind, or undefined. */
function chainOf(headers: Extension[], length?: number): [number, number] | undefined {
  const ip = extended(plainIpv6(), headers).subarray(14);
  unit.reset();
  const found = unit.call('chain', unit.place(ip), length ?? ip.length);
  return found === 0 ? undefined : [found & 0xffff, found >>> 16];
}
const TYPE_0: Extension = [43, new Uint8Array(8)];

test('extension: a router stops at the header of a fragment, not at one of a whole packet', () => {
  const before = [HOP_OPTIONS, ROUTING];
  for (const part of [fragmentOf(0, 1), fragmentOf(1, 0), fragmentOf(7, 1)])
    assert.equal(chainOf([...before, part, OPTIONS]), [bytesOf(before), 44]);
  const whole = [...before, fragmentOf(0, 0), OPTIONS];
  assert.equal(chainOf(whole), [bytesOf(whole), UDP]);
});

test('extension: a router refuses chains that are cut off, too long or out of place', () => {
  assert.is(chainOf([OPTIONS, HOP_OPTIONS]), undefined);
  assert.is(chainOf([HOP_OPTIONS, HOP_OPTIONS]), undefined);
  assert.is(chainOf([HOP_OPTIONS, TYPE_0]), undefined);
  assert.is(chainOf(new Array<Extension>(9).fill(OPTIONS)), undefined);
  const chain = [HOP_OPTIONS, ROUTING, AUTHENTICATION];
  for (let length = 40; length < bytesOf(chain); length++)
    assert.is(chainOf(chain, length), undefined);
  assert.equal(chainOf(chain, bytesOf(chain)), [bytesOf(chain), UDP]);
});

test('extension: who names a header', () => {
  const chain = [HOP_OPTIONS, LONG_OPTIONS, ROUTING];
  const ip = extended(plainIpv6(), chain).subarray(14);
  unit.reset();
  const at = unit.place(ip);
  const names = [40, 48, 72, 96].map(offset => unit.call('named', at, offset));
  assert.equal(names, [6, 40, 48, 72]);
});

test.run();
