/** Services as ipvsadm 1.31 itself printed them, see fixtures/record-ipvsadm.sh. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packagePath } from '../../src/package-path.js';
import { applyServiceText } from '../../src/service/edit.js';
import { listTimeouts } from '../../src/service/list-connections.js';
import * as list from '../../src/service/list.js';
import { printServices } from '../../src/service/print.js';

const read = (name: string): string => readFileSync(packagePath(`fixtures/${name}`), 'utf8');
const { services, timeouts } = applyServiceText([], {
  text: read('ipvsadm.ipvs'),
  file: 'ipvsadm.ipvs',
});

/** The counts of fixtures/ipvsadm-memory.c. */
const NUMBERS = [5, 99999999, 100000000, 999999999, 1000000000, 4294967295, 0];

/** `j`: 0 for the service, from 1 on for its backends. */
function countsOf(i: number, j: number): list.Totals & list.Rates {
  const number = (k: number): number => NUMBERS[(i + j + k) % NUMBERS.length]!;
  return {
    connections: number(0),
    inPackets: number(1),
    outPackets: number(2),
    inBytes: number(3) * 1000,
    outBytes: number(4) * 100000,
    connectionsPerSec: number(0),
    inPacketsPerSec: number(1),
    outPacketsPerSec: number(2),
    inBytesPerSec: number(3),
    outBytesPerSec: number(4),
  };
}

const connections = services.map((service, i) => ({
  service,
  backends: service.backends.map((_, j) => ({
    active: 100 * i + j,
    inactive: 1000 * i + j,
    persistent: j,
  })),
}));
const counts = services.map((service, i) => ({
  service,
  whole: countsOf(i, 0),
  backends: service.backends.map((_, j) => countsOf(i, j + 1)),
}));
const tableSize = 4096;

const PRINTED: Readonly<Record<string, () => string>> = {
  '-S -n': () => printServices(services, { thresholds: false }),
  '-L -n': () => list.listServices(connections, { tableSize }),
  '-L -n --nosort': () => list.listServices(connections, { tableSize, sort: false }),
  '-L -n --stats': () => list.listStats(counts, { tableSize }),
  '-L -n --stats --exact': () => list.listStats(counts, { tableSize, exact: true }),
  '-L -n --rate': () => list.listRates(counts, { tableSize }),
  '-L -n --rate --exact': () => list.listRates(counts, { tableSize, exact: true }),
  '-L -n --thresholds': () => list.listThresholds(connections, { tableSize }),
  '-L -n --persistent-conn': () => list.listPersistent(connections, { tableSize }),
  '-L -n --tun-info': () => list.listTunnels(connections, { tableSize }),
  '-L --timeout': () => listTimeouts(timeouts),
};

const recorded = new Map(
  read('ipvsadm.txt')
    .split(/^\$ ipvsadm /m)
    .slice(1)
    .map(part => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
);

test('every form that was recorded is compared', () => {
  assert.equal([...recorded.keys()].sort(), Object.keys(PRINTED).sort());
});

for (const [words, printed] of recorded)
  test(`ipvsadm ${words}: what it printed, to the blank`, () => {
    assert.is(PRINTED[words]!(), printed);
  });

test.run();
