/**
 * Replays what a Linux bridge was recorded doing, step by step with its configuration.
 * Every difference must be one we decided on, and every decision must still be one.
 */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FdbKind } from '../../assembly/abi.js';
import { fromHex, hex, macNumber } from '../support/frame.js';
import { TestSwitch } from '../support/test-switch.js';
import { testWithShared } from '../support/with-shared.js';

/** Steps in which we differ, and what says so. */
const DECIDED: Record<string, string> = {
  '01:80:c2:00:00:00': '01:80:c2:00:00:00-0f are never forwarded; Linux forwards :00, STP off',
  'static A on p1; A sends from p3': 'a static address seen elsewhere is dropped',
  'uc to static A after it sent from p3': 'a static entry is sticky; in Linux it moves',
};

interface Output {
  port: number;
  hex: string;
}
interface Step {
  config?: string;
  name?: string;
  in_port?: number;
  in_hex?: string;
  out?: Output[];
}

const FLAGS = { hairpin: 'Hairpin', isolated: 'Isolated', flood: 'Flood', learning: 'Learning' };
const STATIC = /^bridge fdb replace (\S+) dev p(\d+) master static$/;
const LINK = /^bridge link set dev p(\d+) (\w+) (on|off)$/;

function configure(bridge: TestSwitch, command: string): void {
  const fdb = STATIC.exec(command);
  if (fdb) {
    const entry = { mac: macNumber(fdb[1]!), domain: 1, port: Number(fdb[2]) };
    assert.is(bridge.core.fdbInsert({ ...entry, kind: FdbKind.Static }), 0);
    return;
  }
  const [, port, name, value] = LINK.exec(command) ?? assert.unreachable(command) ?? [];
  const option = FLAGS[name as keyof typeof FLAGS];
  bridge.port(Number(port), { [option]: value === 'on' ? 1 : 0 });
}

/** What a step does; undefined when it is as recorded. */
function differenceOf(bridge: TestSwitch, step: Step): string | undefined {
  const outcome = bridge.inject(step.in_port!, fromHex(step.in_hex!));
  const ours = outcome.sent.map(({ port, bytes }) => `${port} ${hex(bytes)}`).sort();
  const theirs = step.out!.map(({ port, hex }) => `${port} ${hex}`).sort();
  return ours.join() === theirs.join() ? undefined : `${step.name}: ours ${ours}, Linux ${theirs}`;
}

const RECORDING = 'pcaps/kernel-golden/kernel-bridge.json';

testWithShared(RECORDING, 'the Linux bridge and we differ only where decided', path => {
  const { steps } = JSON.parse(readFileSync(path, 'utf8')) as { steps: Step[] };
  const bridge = TestSwitch.create();
  const differences = new Map<string, string>();
  for (const step of steps) {
    if (step.config !== undefined) {
      configure(bridge, step.config);
      continue;
    }
    const difference = differenceOf(bridge, step);
    if (difference !== undefined) differences.set(step.name!, difference);
  }
  const unexplained = [...differences].filter(([name]) => !(name in DECIDED));
  assert.equal(unexplained, [], 'differences nobody decided on');
  const gone = Object.keys(DECIDED).filter(name => !differences.has(name));
  assert.equal(gone, [], 'decided differences that no longer occur');
  console.log(`kernel-golden: ${steps.length} steps, ${differences.size} decided differences`);
});

test.run();
