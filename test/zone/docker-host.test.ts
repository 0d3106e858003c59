/** examples/docker-host.yaml: walks W1, W2 and W3a of features §21, frames answering for others. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig } from '../../src/config/load.js';
import { type Walk, walkFrame } from '../../src/explain/walk.js';
import { packagePath } from '../../src/package-path.js';
import { namesOf, prepareCore } from '../../src/replay/prepare.js';
import { type Frame, eth, hex } from '../support/frame.js';
import { reply } from '../support/neighbour.js';

const C2 = '02:42:0a:00:00:02';
const BRIDGE = '02:42:0a:00:00:01';
const HOST = '02:42:c0:a8:00:02';
const ROUTER = '02:00:00:00:00:01';
/** What comes back acknowledges 7. */
const SYN = { flags: 2, sequence: 6 };
const SYN_ACK = { flags: 0x12 };

/** Sends a frame by a port; `C2` has said where it is. */
function walker(): (port: string, frame: Frame) => Walk {
  const { core, plan } = prepareCore(loadConfig(packagePath('examples/docker-host.yaml')), 1);
  let nowMs = 1000;
  const walk = (name: string, frame: Frame): Walk => {
    const { index } = plan.ports.find(port => port.name === name)!;
    return walkFrame(core, frame.bytes(), { port: index, nowMs: nowMs++ }, namesOf(plan, core));
  };
  // The first packet makes the host ask; the answer releases it.
  const first = walk(
    'eth0',
    eth(ROUTER, HOST).ipv4('203.0.113.9', '192.168.0.2').tcp(1, 5000, SYN),
  );
  assert.ok(
    first.steps.some(({ event }) => event === 'Queued'),
    JSON.stringify(first.steps),
  );
  walk('c2', reply(C2, '10.0.0.2', BRIDGE, '10.0.0.1'));
  return walk;
}

function expectOut(walk: Walk, port: string, frame: Frame): void {
  assert.is(walk.verdict, `sent to ${port}`);
  assert.is(walk.out[0]!.hex, hex(frame.bytes()), walk.out[0]!.summary);
}

function rulesOf(walk: Walk): string[] {
  return walk.steps
    .filter(({ event }) => event === 'RuleMatched' || event === 'PolicyApplied')
    .map(({ text }) => text.replace(/ \(\S*docker-host\.v4:(\d+)\)/, ' ($1)'));
}

test('docker host: W1, out by masquerade and back', () => {
  const walk = walker();
  const out = walk('c2', eth(C2, BRIDGE).ipv4('10.0.0.2', '93.184.216.34').tcp(33920, 80, SYN));
  const masked = eth(HOST, ROUTER).ipv4('192.168.0.2', '93.184.216.34', { ttl: 63 });
  expectOut(out, 'eth0', masked.tcp(33920, 80, SYN));
  const rules = rulesOf(out);
  assert.ok(
    rules.includes(
      'filter DOCKER-FORWARD rule 3 (23): -A DOCKER-FORWARD -i docker0 -j ACCEPT: Accept',
    ),
    rules.join('\n'),
  );
  assert.ok(
    rules.some(text =>
      text.startsWith(
        'nat POSTROUTING rule 1 (34): -A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE',
      ),
    ),
    rules.join('\n'),
  );
  assert.ok(out.steps.some(({ text }) => text === 'into zone host by host.docker0'));
  assert.ok(out.steps.some(({ text }) => text === 'leaves zone host by host.eth0'));

  const answer = eth(ROUTER, HOST).ipv4('93.184.216.34', '192.168.0.2').tcp(80, 33920, SYN_ACK);
  const back = walk('eth0', answer);
  const unmasked = eth(BRIDGE, C2).ipv4('93.184.216.34', '10.0.0.2', { ttl: 63 });
  expectOut(back, 'c2', unmasked.tcp(80, 33920, SYN_ACK));
  assert.ok(
    rulesOf(back).some(text => text.startsWith('filter DOCKER-CT rule 1 (20): ')),
    rulesOf(back).join('\n'),
  );
});

test('docker host: W2, a published port, and its answer', () => {
  const walk = walker();
  const asked = eth(ROUTER, HOST).ipv4('203.0.113.9', '192.168.0.2').tcp(41000, 5000, SYN);
  const there = walk('eth0', asked);
  const inside = eth(BRIDGE, C2).ipv4('203.0.113.9', '10.0.0.2', { ttl: 63 });
  expectOut(there, 'c2', inside.tcp(41000, 80, SYN));
  const rules = rulesOf(there);
  for (const start of [
    'nat PREROUTING rule 1 (32): -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    'nat DOCKER rule 1 (36): -A DOCKER ! -i docker0 -p tcp -m tcp --dport 5000 -j DNAT --to-destination 10.0.0.2:80',
    'filter DOCKER rule 1 (17): -A DOCKER -d 10.0.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT: Accept',
    'nat POSTROUTING policy: Accept',
  ]) {
    assert.ok(
      rules.some(text => text.startsWith(start)),
      `${start}\n${rules.join('\n')}`,
    );
  }
  const answer = eth(C2, BRIDGE).ipv4('10.0.0.2', '203.0.113.9').tcp(80, 41000, SYN_ACK);
  const outside = eth(HOST, ROUTER).ipv4('192.168.0.2', '203.0.113.9', { ttl: 63 });
  expectOut(walk('c2', answer), 'eth0', outside.tcp(5000, 41000, SYN_ACK));
});

test('docker host: W3a, a container that asks its own published port', () => {
  const walk = walker();
  const asked = eth(C2, BRIDGE).ipv4('10.0.0.2', '192.168.0.2').tcp(50000, 5000, SYN);
  const rules = rulesOf(walk('c2', asked));
  // The rule leaves out what comes in by docker0, so the host itself is asked.
  assert.not.ok(
    rules.some(text => text.includes('DNAT')),
    rules.join('\n'),
  );
});

test('docker host: what nobody published is refused, by name', () => {
  const walk = walker();
  const direct = walk(
    'eth0',
    eth(ROUTER, HOST).ipv4('203.0.113.9', '10.0.0.2').tcp(41000, 80, SYN),
  );
  assert.is(direct.verdict, 'dropped at eth0: RuleDrop');
  const rules = rulesOf(direct);
  assert.is(
    rules.at(-1),
    'raw PREROUTING rule 1 (4): -A PREROUTING -d 10.0.0.2/32 ! -i docker0 -j DROP: Drop',
  );
  const other = walk(
    'eth0',
    eth(ROUTER, HOST).ipv4('203.0.113.9', '10.0.0.254').tcp(41000, 80, SYN),
  );
  assert.match(rulesOf(other).at(-1)!, /^filter DOCKER rule 2 \(18\): .*-j DROP: Drop$/);
});

test.run();
