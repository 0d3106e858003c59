/** Zones on the command line: what a configuration comes to, and why a packet went its way. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packagePath } from '../../src/package-path.js';
import { sluice, withFolder } from '../support/cli.js';

const CONFIG = packagePath('examples/docker-host.yaml');
const PUBLISHED =
  'eth 02:00:00:00:00:01→02:42:c0:a8:00:02 ipv4 203.0.113.9→192.168.0.2 tcp 41000→5000 syn';

test('cli: check prints zones and their interfaces', () => {
  const { status, stdout } = sluice('check', CONFIG);
  assert.is(status, 0);
  assert.match(stdout, /^ +0 +host +on +off +linux +preserve +32768-60999 +3 +16$/m);
  assert.match(
    stdout,
    /^ +1 +host\.eth0 +uplink +- +02:42:c0:a8:00:02 +1500 +192\.168\.0\.2\/24$/m,
  );
  assert.match(stdout, /^rules: \d+ bytes of at most 65536$/m);
});

test('cli: the plan as JSON has bytes in hexadecimal', () => {
  const { zones } = JSON.parse(sluice('check', CONFIG, '--json').stdout) as {
    zones: { rules: { program: string } };
  };
  assert.match(zones.rules.program, /^([0-9a-f]{8})+$/);
});

test('cli: explain names the rules a published port is reached by, with their lines', () => {
  const { status, stdout } = sluice('explain', '-c', CONFIG, '--from', 'eth0', PUBLISHED);
  assert.is(status, 0);
  assert.match(stdout, /into zone host by host\.eth0/);
  assert.match(
    stdout,
    /nat DOCKER rule 1 \(\S+docker-host\.v4:36\): -A DOCKER .* 10\.0\.0\.2:80: Nat/,
  );
  assert.match(stdout, /leaves zone host by host\.docker0/);
});

const SIX = `
ports: { c: { kind: memory, segment: lan }, o: { kind: memory, segment: up } }
segments: { lan: , up: }
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: ['fd76::fe/64'] }
      eth0: { segment: up, addresses: ['fd77::fe/64'] }
    networks: { docker0: {} }
    publish: [{ ip: 'fd76::1', network: docker0, ports: ['[fd77::fe]:8080:80'] }]
`;

test('cli: explain tells what becomes of IPv6 packets', () =>
  withFolder(SIX, ({ config }) => {
    const explain = (from: string, ...words: string[]): string =>
      sluice('explain', '-c', config, '--from', from, ...words).stdout;
    const toRouter = 'eth 02:00:00:00:00:01→02:42:00:00:00:fe';
    const out = explain('c', toRouter, 'ipv6 fd76::1→fd77::2 udp 40000→7777');
    assert.match(out, /route: a prefix of 64 bits, link, out of host\.eth0/);
    assert.match(out, /source port 40000 becomes \[fd77::fe\]:40000/);
    const inward = explain('o', toRouter, 'ipv6 fd77::2→fd77::fe tcp 40000→8080 syn');
    assert.match(inward, /nat DOCKER rule .* \[fd76::1\]:80: Nat/);
    assert.match(inward, /destination port 8080 becomes \[fd76::1\]:80/);
    const late = explain('c', toRouter, 'ipv6 fd76::1→fd77::2 icmp ttl 1');
    assert.match(late, /the sender is told: ICMP type 3, code 0/);
    assert.match(late, /TtlExceeded, counted at c/);
  }));

test('cli: a fault in a rule file is told of with its line and column', () =>
  withFolder(
    'zones: { host: { iptables: "*filter\\n-A FORWARD -j NOBODY\\nCOMMIT\\n" } }',
    ({ config }) => {
      const { status, stderr } = sluice('check', config);
      assert.is(status, 2);
      assert.match(stderr, /zones\.host\.iptables:2:15: expected .*NOBODY/);
    },
  ));

test.run();
