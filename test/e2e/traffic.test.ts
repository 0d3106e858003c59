/** Real stacks over a live switch: ping, arping, TCP, UDP, large MTU, VLANs with OVS. */
import { execFileSync, spawn } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DemoHosts } from '../../src/cli/demo-hosts.js';
import { LiveSwitch, canRunLive } from '../support/live-switch.js';
import { Ovs } from '../support/ovs.js';

const PREFIX = 'slu-traf-';

/** Hosts `a`, `b`, … with 10.0.0.1, .2, … on device eth0, once the switch has made it. */
async function withHosts(
  yaml: string,
  names: readonly string[],
  use: (hosts: DemoHosts, live: LiveSwitch) => Promise<void>,
): Promise<void> {
  const hosts = DemoHosts.create(names.map(name => PREFIX + name));
  let live: LiveSwitch | undefined;
  try {
    live = await LiveSwitch.start(yaml);
    names.forEach((name, i) => hosts.address(PREFIX + name, 'eth0', `10.0.0.${i + 1}/24`));
    await use(hosts, live);
  } finally {
    await live?.stop();
    hosts.remove();
  }
}

function tap(name: string, more = ''): string {
  return `  ${name}: { kind: tap, segment: lan, netns: ${PREFIX}${name}, device: eth0${more} }\n`;
}

const THREE = `ports:\n${['a', 'b', 'c'].map(name => tap(name)).join('')}segments:\n  lan:\n`;

interface IperfResult {
  error?: string;
  end: { sum_sent: { bytes: number }; sum: { bytes: number; lost_percent: number } };
}

/** An iperf3 run from one host to another; it fails unless the other end has taken all. */
async function iperf(
  hosts: DemoHosts,
  [from, to]: readonly [string, string],
  ...args: readonly string[]
): Promise<IperfResult> {
  const address = `10.0.0.${to.charCodeAt(0) - 'a'.charCodeAt(0) + 1}`;
  const server = spawn('ip', [
    ...['netns', 'exec', PREFIX + to],
    ...['iperf3', '-s', '-1', '-B', address],
  ]);
  try {
    for (let tries = 0; ; tries++) {
      const json = await hosts.exec(PREFIX + from, 'iperf3', '-c', address, '-J', ...args);
      // It says so and exits with 0 when the server does not listen yet.
      const result = JSON.parse(json) as IperfResult;
      if (result.error === undefined) return result;
      if (tries === 50) throw new Error(`iperf3: ${result.error}`);
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  } finally {
    server.kill('SIGKILL');
  }
}

test('live: three hosts ping and arping each other, addresses are learned', async () => {
  if (!canRunLive()) return;
  await withHosts(THREE, ['a', 'b', 'c'], async (hosts, live) => {
    for (const [from, to] of [
      ['a', 2],
      ['b', 3],
      ['c', 1],
    ] as const) {
      await hosts.exec(PREFIX + from, 'ping', '-c', '3', '-i', '0.2', '-W', '5', `10.0.0.${to}`);
    }
    await hosts.exec(`${PREFIX}a`, 'arping', '-c', '1', '-w', '5', '-I', 'eth0', '10.0.0.3');
    const fdb = JSON.parse(await live.sluice('fdb', 'show', '--json')) as { port: string }[];
    assert.equal([...new Set(fdb.map(entry => entry.port))].sort(), ['a', 'b', 'c']);
  });
});

test('live: TCP and UDP arrive whole, every frame has one fate', async () => {
  if (!canRunLive()) return;
  await withHosts(THREE, ['a', 'b', 'c'], async (hosts, live) => {
    const tcp = await iperf(hosts, ['a', 'b'], '-n', '200M');
    assert.ok(tcp.end.sum_sent.bytes >= 200 * 1024 * 1024);
    const udp = await iperf(hosts, ['b', 'c'], '-u', '-b', '20M', '-n', '5M', '-l', '1200');
    assert.is(udp.end.sum.lost_percent, 0);
    const { core } = JSON.parse(await live.sluice('stats', '--json')) as {
      core: Record<'received' | 'copies' | 'sent' | 'dropped' | 'consumed', number>;
    };
    assert.ok(core.received > 0);
    assert.is(core.received + core.copies, core.sent + core.dropped + core.consumed);
  });
});

test('live: frames of a 9000-byte MTU pass, larger ones do not', async () => {
  if (!canRunLive()) return;
  const yaml = `ports:\n${tap('a', ', mtuBytes: 9000')}${tap('b', ', mtuBytes: 9000')}segments:\n  lan:\n`;
  await withHosts(yaml, ['a', 'b'], async hosts => {
    const ping = (bytes: number): Promise<string> =>
      hosts.exec(
        `${PREFIX}a`,
        'ping',
        '-c',
        '1',
        '-W',
        '5',
        '-M',
        'do',
        '-s',
        `${bytes}`,
        '10.0.0.2',
      );
    await ping(8972);
    await ping(8973).then(
      () => assert.unreachable(),
      () => undefined,
    );
  });
});

const VLANS = `ports:
${tap('a', ', vlan: { mode: access, vid: 10 }')}${tap('b', ', vlan: { mode: access, vid: 20 }')}
  trunk:
    kind: tap
    segment: lan
    netns: ${PREFIX}ovs
    device: sl0
    offload: false
    vlan: { mode: trunk, allowed: [10, 20] }
segments:
  lan: { vlanAware: true }
`;

/** A host behind an access port of Open vSwitch. */
function ovsHost(
  hosts: DemoHosts,
  ovs: Ovs,
  name: string,
  [vid, ip]: readonly [number, string],
): void {
  const peer = `v${vid}`;
  const link = [
    'link',
    'add',
    'eth0',
    'type',
    'veth',
    'peer',
    'name',
    peer,
    'netns',
    `${PREFIX}ovs`,
  ];
  execFileSync('ip', ['-n', PREFIX + name, ...link]);
  execFileSync(
    'ip',
    ['netns', 'exec', PREFIX + name, 'ethtool', '-K', 'eth0', 'tx', 'off', 'tso', 'off'],
    {
      stdio: 'ignore',
    },
  );
  execFileSync('ip', ['-n', `${PREFIX}ovs`, 'link', 'set', peer, 'up']);
  execFileSync('ip', ['-n', PREFIX + name, 'link', 'set', 'eth0', 'up']);
  hosts.address(PREFIX + name, 'eth0', ip);
  ovs.vsctl('add-port', 'br0', peer, `tag=${vid}`);
}

test('live: a VLAN trunk to Open vSwitch carries each VLAN, and only that', async () => {
  if (!canRunLive()) return;
  if (!Ovs.isInstalled()) {
    process.stdout.write(
      'skipped: Open vSwitch is not installed (apt-get install openvswitch-switch)\n',
    );
    return;
  }
  const hosts = DemoHosts.create(['a', 'b', 'ovs', 'c', 'd'].map(name => PREFIX + name));
  let live: LiveSwitch | undefined;
  let ovs: Ovs | undefined;
  try {
    live = await LiveSwitch.start(VLANS);
    ovs = await Ovs.start(`${PREFIX}ovs`);
    ovs.vsctl('add-port', 'br0', 'sl0', 'trunks=10,20');
    ovsHost(hosts, ovs, 'c', [10, '10.0.0.3/24']);
    ovsHost(hosts, ovs, 'd', [20, '10.0.0.4/24']);
    hosts.address(`${PREFIX}a`, 'eth0', '10.0.0.1/24');
    hosts.address(`${PREFIX}b`, 'eth0', '10.0.0.2/24');
    const ping = (from: string, to: string): Promise<string> =>
      hosts.exec(PREFIX + from, 'ping', '-c', '3', '-i', '0.2', '-W', '5', to);
    await ping('a', '10.0.0.3');
    await ping('b', '10.0.0.4');
    await ping('a', '10.0.0.4').then(
      () => assert.unreachable('VLAN 10 reached VLAN 20'),
      () => undefined,
    );
    // The trunk takes no offloads: the core cuts and checksums what the stack left undone.
    const tcp = await iperf(hosts, ['a', 'c'], '-n', '20M');
    assert.ok(tcp.end.sum_sent.bytes >= 20 * 1024 * 1024);
  } finally {
    ovs?.stop();
    await live?.stop();
    hosts.remove();
  }
});

test.run();
