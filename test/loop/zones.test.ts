/** Zones of a running switch: on reload flows, rule counters and learned neighbours stay. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CoreCounter } from '../../assembly/abi.js';
import { ConfigError } from '../../src/config/config-error.js';
import type { Config } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/load.js';
import { Core } from '../../src/core.js';
import { Switch } from '../../src/switch.js';
import { eth } from '../support/frame.js';
import { reply } from '../support/neighbour.js';

const C2 = '02:42:0a:00:00:02';
const BRIDGE = '02:42:0a:00:00:01';

function config(filter: string): Config {
  const text = `
capacities: { fdbEntries: 64, flows: 256 }
ports:
  c2: { kind: memory, segment: lan }
  e0: { kind: memory, segment: uplink }
segments: { lan: , uplink: }
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: [10.0.0.1/16] }
      eth0: { segment: uplink, addresses: [192.168.0.2/24] }
    routes: [{ to: default, via: 192.168.0.1 }]
    neighbours: [{ ip: 192.168.0.1, mac: '02:00:00:00:00:01', interface: eth0 }]
    iptables: |
      *nat
      -A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE
      COMMIT
      *filter
      ${filter}
      COMMIT
`;
  return parseConfig(text, 'net.yaml');
}

/** Injects a frame and waits until the core has decided over it. */
async function send(made: Switch, frame: Uint8Array, total: bigint): Promise<void> {
  await made.inject(0, [frame]);
  for (let tries = 0; tries < 400; tries++) {
    if ((await made.counters()).core[CoreCounter.Received]! >= total) return;
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  assert.unreachable('the frame was not received');
}

interface Seen {
  flows: bigint[];
  /** Packets of rules and policies that saw some, by their keys. */
  counts: Record<string, bigint>;
}

async function look(made: Switch): Promise<Seen> {
  const { zones } = Core.restore(await made.snapshot());
  const { counterKeys } = made.plan.zones;
  const counts = zones.ruleCounters(counterKeys.length);
  const pairs = counterKeys.map((key, i): [string, bigint] => [key, counts[i]!.packets]);
  return {
    flows: [...zones.flows()].map(({ original }) => original.packets),
    counts: Object.fromEntries(pairs.filter(([key, packets]) => packets > 0n && key.includes('#'))),
  };
}

test('zones of a running switch: a reload keeps flows and counts; a bad one changes nothing', async () => {
  const made = await Switch.start(config('-A FORWARD -i docker0 -j ACCEPT'), { spinUs: 0 });
  try {
    await send(made, reply(C2, '10.0.0.2', BRIDGE, '10.0.0.1').bytes(), 1n);
    const packet = eth(C2, BRIDGE).ipv4('10.0.0.2', '93.184.216.34').udp(1000, 53).bytes();
    await send(made, packet, 2n);
    const accept = 'host ipv4 filter FORWARD -i docker0 -j ACCEPT #0';
    const masquerade = 'host ipv4 nat POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE #0';
    assert.equal(await look(made), { flows: [1n], counts: { [masquerade]: 1n, [accept]: 1n } });

    const change = await made.reload(
      config('-A FORWARD -s 10.9.0.0/16 -j DROP\n      -A FORWARD -i docker0 -j ACCEPT'),
    );
    assert.equal(change, {
      addedPorts: [],
      removedPorts: [],
      addedSegments: [],
      removedSegments: [],
    });
    await send(made, packet, 3n);
    assert.equal(await look(made), { flows: [2n], counts: { [masquerade]: 1n, [accept]: 2n } });

    const many = '-A FORWARD -s 10.9.0.0/16 -j DROP\n      '.repeat(1200);
    const error = await made.reload(config(many)).catch((reason: unknown) => reason);
    assert.instance(error, ConfigError);
    assert.match(
      (error as Error).message,
      /zones: expected at most 1024 rules and policies \(capacities\.rules\), got 12\d\d/,
    );
    await send(made, packet, 4n);
    assert.equal(await look(made), { flows: [3n], counts: { [masquerade]: 1n, [accept]: 3n } });
  } finally {
    await made.stop();
  }
});

/** One container that publishes `ports`. */
function publishing(ports: string, running?: Parameters<typeof parseConfig>[2]): Config {
  const text = `
capacities: { fdbEntries: 64, flows: 256 }
ports: { c2: { kind: memory, segment: lan } }
segments: { lan: }
zones:
  host:
    interfaces: { docker0: { segment: lan, addresses: [10.0.0.1/16] } }
    networks: { docker0: }
    publish: [{ ip: 10.0.0.2, network: docker0, ports: [${ports}] }]
`;
  return parseConfig(text, 'net.yaml', running);
}

test('zones of a running switch: reloads at once keep the host ports that each finds', async () => {
  const made = await Switch.start(publishing('80, 81'), { spinUs: 0 });
  const hostPorts = (): number[] =>
    made.plan.zones.zones[0]!.config.published.map(({ hostPorts }) => hostPorts!.first);
  try {
    assert.equal(hostPorts(), [32768, 32769]);
    const first = made.reload(running => publishing('81, 79, 80', running));
    const second = made.reload(running => publishing('79', running));
    await Promise.all([first, second]);
    assert.equal(hostPorts(), [32770]);
  } finally {
    await made.stop();
  }
});

test.run();
