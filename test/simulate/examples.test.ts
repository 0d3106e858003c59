import { readdirSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packagePath } from '../../src/package-path.js';
import { loadTopology, runTopology } from '../../src/simulate/index.js';

const EXAMPLES = readdirSync(packagePath('examples')).filter(name => name.startsWith('simulate-'));

for (const name of EXAMPLES) {
  test(`examples: ${name} runs, and what it expects holds`, async () => {
    const topology = loadTopology(packagePath(`examples/${name}`));
    const { expectations, broken } = await runTopology(topology);
    assert.ok(expectations.length > 0);
    assert.equal(
      expectations.filter(({ holds }) => !holds),
      [],
    );
    assert.equal(broken, []);
  });
}

test('examples: there is one', () => assert.ok(EXAMPLES.length > 0));

test.run();
