/** What ports of kind udp have open, over reloads. On the loopback address: no right is needed. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, planOf } from '../../src/config/plan.js';
import { isAddonAvailable } from '../../src/port/addon.js';
import { Devices } from '../../src/port/devices.js';

const ADDRESS = '127.0.0.1';
const [FIRST, SECOND] = [46081, 46082];

const built = isAddonAvailable();

function addonTest(name: string, body: (devices: Devices) => Promise<void>): void {
  if (!built.ok) return console.log(`skipped: ${name} (${built.missing})`);
  test(name, async () => {
    const devices = new Devices();
    try {
      await body(devices);
    } finally {
      devices.closeAll();
    }
  });
}

/** A plan with one port of kind udp that listens to these UDP ports. */
function plan(name: string, udpPorts: readonly number[], previous?: Plan): Plan {
  const made = planOf(parseConfig(`ports: { ${name}: { kind: udp } }`, 'net.yaml'), previous);
  const underlay = { addresses: [ADDRESS], udpPorts };
  return { ...made, ports: made.ports.map(port => ({ ...port, underlay })) };
}

async function isFree(udpPort: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const bound = once(socket, 'listening').then(
    () => true,
    () => false,
  );
  socket.bind(udpPort, ADDRESS);
  const result = await bound;
  socket.close();
  return result;
}

addonTest('devices: a udp port without an underlay is bound to nothing', async devices => {
  const made = planOf(parseConfig('ports: { u: { kind: udp } }', 'net.yaml'));
  assert.equal(devices.prepare(made, undefined).bindings, [{ port: 0, handles: [] }]);
});

addonTest('devices: a reload opens what is new, keeps the rest, closes the last', async devices => {
  const before = plan('u', [FIRST]);
  const first = devices.prepare(before, undefined);
  first.commit();
  const { handles } = first.bindings[0]!;
  assert.not(await isFree(FIRST));
  assert.equal(devices.prepare(before, before).bindings, []);

  const more = devices.prepare(plan('u', [FIRST, SECOND]), before);
  more.commit();
  const [binding] = more.bindings;
  assert.ok(handles.every(handle => binding!.handles.includes(handle)));
  assert.is(binding!.handles.length, handles.length + 1);
  assert.equal([await isFree(FIRST), await isFree(SECOND)], [false, false]);

  devices.prepare(plan('u', [SECOND]), before).commit();
  assert.equal([await isFree(FIRST), await isFree(SECOND)], [true, false]);
});

addonTest('devices: what a refused reload has opened is closed again', async devices => {
  const before = plan('u', [FIRST]);
  devices.prepare(before, undefined).commit();
  devices.prepare(plan('u', [FIRST, SECOND]), before).rollback();
  assert.equal([await isFree(FIRST), await isFree(SECOND)], [false, true]);
});

addonTest(
  'devices: a port that is renamed keeps its sockets, one that goes has none',
  async devices => {
    const before = plan('u', [FIRST]);
    const first = devices.prepare(before, undefined);
    first.commit();
    const after = plan('v', [FIRST], before);
    const renamed = devices.prepare(after, before);
    assert.equal(renamed.bindings[0]!.handles, first.bindings[0]!.handles);
    renamed.commit();
    devices.prepare(planOf(parseConfig('', 'net.yaml'), after), after).commit();
    assert.ok(await isFree(FIRST));
  },
);

test.run();
