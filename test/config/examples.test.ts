import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig } from '../../src/config/load.js';
import { packagePath } from '../../src/package-path.js';
import { prepareCore } from '../../src/replay/prepare.js';

/** Topologies of `sluice simulate`: see test/simulate. */
const TOPOLOGY = /^simulate-/;
const FOLDERS = ['examples', 'fixtures'].map(packagePath);

test('examples: every configuration we ship fits a core', () => {
  let found = 0;
  for (const folder of FOLDERS) {
    const names = readdirSync(folder).filter(name => !TOPOLOGY.test(name));
    for (const file of names.filter(name => name.endsWith('.yaml'))) {
      const config = loadConfig(join(folder, file));
      const { plan } = prepareCore(config, 1);
      const tunnels = config.segments.filter(({ overlay }) => overlay !== undefined).length;
      const routers = config.zones.flatMap(({ interfaces }) => interfaces).length;
      assert.is(plan.ports.length, config.ports.length + tunnels + routers, file);
      found++;
    }
  }
  assert.ok(found >= 6);
});

test.run();
