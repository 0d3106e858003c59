/** Rule texts with characters changed: read or refused with places, never anything else. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../src/config/config-error.js';
import { parseRules } from '../../src/rules/apply.js';
import type { RuleSet } from '../../src/rules/model.js';
import { printRules } from '../../src/rules/print.js';
import { seededRandom } from '../support/random.js';
import { randomText } from './random-rules.js';

const ROUNDS = 600;
/** Texts that are still rules, at least: about one in eight is. */
const READ = 60;
const MOST_ROUNDS = 6000;
const MOST_CHANGES = 3;
const CHARACTERS = ' !"\\-:,/[]0129aAx+*#\n\t=.';

function mutate(text: string, below: (below: number) => number): string {
  let changed = text;
  for (let i = below(MOST_CHANGES); i >= 0; i--) {
    const at = below(changed.length);
    const put = below(3) === 0 ? '' : CHARACTERS[below(CHARACTERS.length)]!;
    changed = changed.slice(0, at) + put + changed.slice(at + below(2));
  }
  return changed;
}

function readOrRefuse(text: string): RuleSet | undefined {
  try {
    return parseRules({ text, family: 'ipv4', file: 't' });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { path } of error.problems) assert.match(path, /^t:\d+:\d+$/, text);
    return undefined;
  }
}

test('mutated text: what is read is printed in a form that is read as the same', () => {
  const below = seededRandom('mutated rules');
  let read = 0;
  for (let round = 0; round < ROUNDS || read < READ; round++) {
    assert.ok(round < MOST_ROUNDS, `only ${read} texts were read`);
    const whole = randomText(below, false);
    const set = readOrRefuse(mutate(whole, below));
    if (set === undefined) continue;
    read++;
    const printed = printRules(set);
    assert.is(printRules(parseRules({ text: printed, family: 'ipv4', file: 't' })), printed);
  }
});

test.run();
