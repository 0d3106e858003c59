import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nearest } from '../../src/config/nearest.js';
import {
  eachVid,
  hasVid,
  mergeVids,
  parseVids,
  vidsText,
  withoutVid,
} from '../../src/config/vids.js';

test('vids: overlapping and touching ranges become one', () => {
  assert.equal(
    mergeVids([
      [5, 7],
      [1, 2],
      [3, 3],
      [6, 9],
    ]),
    [
      [1, 3],
      [5, 9],
    ],
  );
});

test('vids: what is outside 1..4094 or backwards is refused', () => {
  for (const text of ['0', '4095', '5-3', '1-4095']) assert.is(parseVids(text), undefined, text);
});

test('vids: a text says what was read', () => {
  for (const text of ['all', '10,12-20', '1-4093']) assert.is(vidsText(parseVids(text)!), text);
});

test('vids: one VLAN is taken out of a range', () => {
  assert.equal(withoutVid([[1, 3]], 2), [
    [1, 1],
    [3, 3],
  ]);
  assert.equal(withoutVid([[2, 2]], 2), []);
  assert.is(hasVid([[1, 3]], 3), true);
  assert.equal(
    [
      ...eachVid([
        [1, 2],
        [4, 4],
      ]),
    ],
    [1, 2, 4],
  );
});

test('nearest: a mistyped word finds its neighbour, a strange one nobody', () => {
  assert.is(nearest('segmnet', ['segment', 'storm']), 'segment');
  assert.is(nearest('LEARNING', ['learning']), 'learning');
  assert.is(nearest('banana', ['segment', 'storm']), undefined);
});

test.run();
