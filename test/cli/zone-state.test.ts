/** The command line about what zones know: connections, routes, neighbours. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ApiClient } from '../../src/api/client.js';
import { withRun } from '../support/cli.js';
import { type Frame, eth, hex } from '../support/frame.js';

const C2 = '02:00:00:00:00:02';
const ROUTER = '02:00:00:00:00:01';
const BRIDGE = '02:42:0a:00:00:01';
const NET = `
name: demo
ports:
  c2: { kind: memory, segment: lan }
  up: { kind: memory, segment: uplink }
segments:
  lan:
  uplink:
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: [10.0.0.1/16] }
      eth0: { segment: uplink, addresses: [192.168.0.2/24] }
    routes:
      - { to: default, via: 192.168.0.1 }
      - { to: 192.0.2.0/24, kind: blackhole }
    # How long the commands take decides nothing.
    conntrack: { timeoutsSec: { tcpSynSent: 3600, udp: 3600, icmp: 3600 } }
    neighbours:
      - { ip: 192.168.0.1, mac: '${ROUTER}', interface: eth0 }
    iptables: |
      *nat
      :PREROUTING ACCEPT [0:0]
      :INPUT ACCEPT [0:0]
      :OUTPUT ACCEPT [0:0]
      :POSTROUTING ACCEPT [0:0]
      -A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE
      COMMIT
`;

const out = (): Frame => eth(C2, BRIDGE).ipv4('10.0.0.2', '93.184.216.34');

test('cli: connections in the form of conntrack, filtered, counted, forgotten', async () => {
  await withRun(NET, async (ask, { socket }) => {
    const client = new ApiClient(socket);
    const frames = [
      out().tcp(33920, 80, { flags: 2 }),
      out().udp(5000, 53).payload('who'),
      out().icmp(8, 0, 0x12340001),
    ];
    await client.inject(
      'c2',
      frames.map(frame => hex(frame.bytes())),
    );
    const { stdout, stderr } = ask('ct', 'list');
    const lines = stdout
      .split('\n')
      .filter(line => line !== '')
      .sort();
    const shape = lines.map(line => line.replace(/^(\w+ +\d+) \d+/, '$1 N'));
    assert.equal(shape, [
      'icmp     1 N src=10.0.0.2 dst=93.184.216.34 type=8 code=0 id=4660 packets=1 bytes=28 ' +
        '[UNREPLIED] src=93.184.216.34 dst=192.168.0.2 type=0 code=0 id=4660 packets=0 bytes=0 ' +
        'mark=0 use=1',
      'tcp      6 N SYN_SENT src=10.0.0.2 dst=93.184.216.34 sport=33920 dport=80 packets=1 ' +
        'bytes=40 [UNREPLIED] src=93.184.216.34 dst=192.168.0.2 sport=80 dport=33920 packets=0 ' +
        'bytes=0 mark=0 use=1',
      'udp      17 N src=10.0.0.2 dst=93.184.216.34 sport=5000 dport=53 packets=1 bytes=31 ' +
        '[UNREPLIED] src=93.184.216.34 dst=192.168.0.2 sport=53 dport=5000 packets=0 bytes=0 ' +
        'mark=0 use=1',
    ]);
    assert.match(stderr, /3 flow entries have been shown/);
    assert.match(ask('ct', 'list', '-p', 'tcp', '--dport', '80').stdout, /^tcp [^\n]*\n$/);
    assert.is(ask('ct', 'list', '--dst-nat').stdout, '');
    assert.is(ask('ct', 'count', '--src-nat').stdout, '3\n');
    assert.is(ask('ct', 'get', '-p', 'tcp', '--dport', '81').status, 1);
    assert.is(ask('ct', 'count', '-s', '10.0.0.0/8', '-d', '93.184.216.34').stdout, '3\n');
    assert.is(ask('ct', 'count', '--dport', String(8 << 8)).stdout, '0\n', 'echo has no port');
    for (const [words, problem] of [
      [['-p', 'quic'], 'protocol: expected a name or 0..255, got quic'],
      [['--zone', ''], 'zone: expected a value, got nothing'],
      [['--zone', 'hots'], 'zone: expected one of host, got hots (did you mean host?)'],
      [['-s', '10.0.0'], 'src: expected an IP address or prefix, got 10.0.0'],
      [['--dport', '1e2'], 'dport: expected 0..65535, got 1e2'],
      [['--state', 'OPEN'], 'state: expected one of NONE, SYN_SENT'],
    ] as const) {
      const { status, stderr } = ask('ct', 'flush', ...words);
      assert.ok(status !== 0 && stderr.includes(problem), stderr);
    }
    assert.is(ask('ct', 'count').stdout, '3\n');
    assert.match(ask('ct', 'flush', '-p', 'udp').stderr, /1 flow entries have been deleted/);
    const json = ask('ct', 'list', '--json').stdout;
    assert.is((JSON.parse(json) as unknown[]).length, 2);
    assert.match(ask('ct', 'stats').stdout, /^host +2 +3 /m);
  });
});

test('cli: routes and neighbours in the words of ip', async () => {
  await withRun(NET, async ask => {
    const routes = ask('route', 'show')
      .stdout.split('\n')
      .filter(line => line !== '')
      .sort();
    assert.equal(routes, [
      '10.0.0.0/16 dev docker0 scope link',
      '192.168.0.0/24 dev eth0 scope link',
      'blackhole 192.0.2.0/24',
      'default via 192.168.0.1 dev eth0',
    ]);
    assert.is(ask('zone', 'neigh').stdout, `192.168.0.1 dev eth0 lladdr ${ROUTER} PERMANENT\n`);
    assert.match(
      ask('zone', 'show').stdout,
      /^host +docker0 +lan +10\.0\.0\.1\/16 +02:42:0a:00:00:01 /m,
    );
    assert.is(ask('zone', 'show', 'nowhere').status, 1);
    const [zone] = JSON.parse(ask('zone', 'show', '--json').stdout) as { name: string }[];
    assert.is(zone!.name, 'host');
  });
});

test.run();
