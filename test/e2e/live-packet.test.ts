/**
 * A packet port as a member of a segment: host `a` behind a virtual cable whose other end, in
 * namespace `h`, is the port; host `b` behind a TAP.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DemoHosts } from '../../src/cli/demo-hosts.js';
import { LiveSwitch, canRunLive } from '../support/live-switch.js';

const PREFIX = 'slu-pk-';
const MTU_BYTES = 9000;
const MOVED_BYTES = 100 * 1024 * 1024;

const YAML = `ports:
  a: { kind: packet, segment: lan, interface: cable, netns: ${PREFIX}h }
  b: { kind: tap, segment: lan, netns: ${PREFIX}b, device: eth0, mtuBytes: ${MTU_BYTES} }
  c: { kind: tap, segment: lan, netns: ${PREFIX}c, device: eth0, mtuBytes: ${MTU_BYTES} }
segments: { lan: }
`;

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

async function withSwitch(use: (hosts: DemoHosts, live: LiveSwitch) => Promise<void>) {
  if (!canRunLive()) return;
  const hosts = DemoHosts.create(['a', 'b', 'c', 'h'].map(name => PREFIX + name));
  let live: LiveSwitch | undefined;
  try {
    const peer = ['peer', 'name', 'cable', 'netns', `${PREFIX}h`];
    ip('-n', `${PREFIX}a`, 'link', 'add', 'eth0', 'type', 'veth', ...peer);
    ip('-n', `${PREFIX}a`, 'link', 'set', 'eth0', 'mtu', `${MTU_BYTES}`, 'up');
    ip('-n', `${PREFIX}h`, 'link', 'set', 'cable', 'mtu', `${MTU_BYTES}`, 'up');
    live = await LiveSwitch.start(YAML);
    ['a', 'b', 'c'].forEach((name, i) =>
      hosts.address(PREFIX + name, 'eth0', `10.0.0.${i + 1}/24`),
    );
    await use(hosts, live);
  } finally {
    await live?.stop();
    hosts.remove();
  }
}

/** Throws when one of three stays unanswered. */
function ping(hosts: DemoHosts, from: string, to: string, ...args: string[]): Promise<string> {
  const words = ['ping', '-n', '-q', '-c', '3', '-i', '0.2', '-W', '5', ...args, to];
  return hosts.exec(PREFIX + from, ...words);
}

/** Moves MOVED_BYTES by TCP from `a` to `b`, or, with `-R`, back. Returns what was taken. */
async function iperf(hosts: DemoHosts, ...args: string[]): Promise<number> {
  const words = ['netns', 'exec', `${PREFIX}b`, 'iperf3', '-s', '-1', '--forceflush'];
  const server = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(server.stdout, 'data'); // it listens
    const client = ['iperf3', '-c', '10.0.0.2', '-J', '-n', `${MOVED_BYTES}`, ...args];
    const result = JSON.parse(await hosts.exec(`${PREFIX}a`, ...client)) as {
      end: { sum_sent: { bytes: number } };
    };
    return result.end.sum_sent.bytes;
  } finally {
    server.kill('SIGKILL');
  }
}

test('live packet: hosts ping each other, up to the MTU of the interface', async () => {
  await withSwitch(async (hosts, live) => {
    await ping(hosts, 'a', '10.0.0.2');
    await ping(hosts, 'b', '10.0.0.1', '-M', 'do', '-s', `${MTU_BYTES - 28}`);
    const [port] = JSON.parse(await live.sluice('port', 'show', 'a', '--json')) as [
      { kind: string; device: string; mtuBytes: number },
    ];
    assert.equal([port.kind, port.device, port.mtuBytes], ['packet', 'cable', MTU_BYTES]);
  });
});

test('live packet: TCP arrives whole both ways, as segmentation requests', async () => {
  await withSwitch(async (hosts, live) => {
    for (const way of [[], ['-R']]) {
      assert.ok((await iperf(hosts, ...way)) >= MOVED_BYTES);
    }
    const { core } = JSON.parse(await live.sluice('stats', '--json')) as {
      core: Record<'received' | 'copies' | 'sent' | 'dropped' | 'consumed', number>;
    };
    // One by one the MTU would make it 23000 frames of data.
    assert.ok(core.received < (2 * MOVED_BYTES) / MTU_BYTES, `${core.received} frames`);
    assert.is(core.received + core.copies, core.sent + core.dropped + core.consumed);
  });
});

test('live packet: deleted under traffic, it is gone, and back after a reload', async () => {
  await withSwitch(async (hosts, live) => {
    const { exec } = hosts;
    await ping(hosts, 'a', '10.0.0.2');
    const flood = exec.call(hosts, `${PREFIX}b`, 'ping', '-q', '-f', '-w', '20', '10.0.0.1');
    flood.catch(() => undefined);
    ip('-n', `${PREFIX}h`, 'link', 'del', 'cable');
    const state = async (): Promise<string> =>
      (JSON.parse(await live.sluice('port', 'show', 'a', '--json')) as [{ state: string }])[0]
        .state;
    while ((await state()) !== 'gone') await new Promise(resolve => setTimeout(resolve, 50));
    await ping(hosts, 'b', '10.0.0.3');
    const peer = ['peer', 'name', 'cable', 'netns', `${PREFIX}h`];
    ip('-n', `${PREFIX}a`, 'link', 'add', 'eth0', 'type', 'veth', ...peer);
    ip('-n', `${PREFIX}a`, 'link', 'set', 'eth0', 'up');
    ip('-n', `${PREFIX}h`, 'link', 'set', 'cable', 'up');
    hosts.address(`${PREFIX}a`, 'eth0', '10.0.0.1/24');
    live.process.kill('SIGHUP');
    while ((await state()) !== 'up') await new Promise(resolve => setTimeout(resolve, 50));
    await ping(hosts, 'a', '10.0.0.3');
  });
});

test.run();
