import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { printRules } from '../../src/rules/print.js';
import { shared } from '../support/shared.js';
import { read } from './rules-of.js';

const GOLDEN = shared('reference/iptables-golden');
const files = GOLDEN === undefined ? [] : readdirSync(GOLDEN).sort();

test('golden: every rule file of Docker is read and printed back byte for byte', () => {
  for (const file of files) {
    const text = readFileSync(join(GOLDEN!, file), 'utf8');
    const family = file.includes('ip6tables') ? 'ipv6' : 'ipv4';
    assert.is(printRules(read(text, family)), text, file);
  }
});

test.run();
