/** `sluice ct events`: lines in the form of `conntrack -E`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ApiClient } from '../../src/api/client.js';
import { SLUICE, withRun } from '../support/cli.js';
import { type Frame, eth, hex } from '../support/frame.js';

const ROUTER = '02:00:00:00:00:01';
const BRIDGE = '02:42:0a:00:00:01';
const UPLINK = '02:42:c0:a8:00:02';
const NET = `
ports:
  c2: { kind: memory, segment: lan }
  up: { kind: memory, segment: uplink }
segments: { lan: , uplink: }
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: [10.0.0.1/16] }
      eth0: { segment: uplink, addresses: [192.168.0.2/24] }
    routes: [{ to: default, via: 192.168.0.1 }]
    neighbours:
      - { ip: 192.168.0.1, mac: '${ROUTER}', interface: eth0 }
      - { ip: 10.0.0.2, mac: '02:00:00:00:00:02', interface: docker0 }
    iptables: |
      *nat
      :PREROUTING ACCEPT [0:0]
      :INPUT ACCEPT [0:0]
      :OUTPUT ACCEPT [0:0]
      :POSTROUTING ACCEPT [0:0]
      -A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE
      COMMIT
`;

const out = (): Frame => eth('02:00:00:00:00:02', BRIDGE).ipv4('10.0.0.2', '93.184.216.34');
const back = (): Frame => eth(ROUTER, UPLINK).ipv4('93.184.216.34', '192.168.0.2');
const SYN = 2;
const SYN_ACK = 18;
const RST = 4;

/** Something to hear until it hears, and what is last. */
const PROBE = out().tcp(9, 80, { flags: SYN });
const MARK = out().tcp(10, 80, { flags: SYN });
const isOurs = (line: string): boolean => !/sport"?[=:](9|10)\b/.test(line);

const withNet = async (run: Parameters<typeof withRun>[1]): Promise<void> =>
  void (await withRun(NET, run));

/** The lines of `ct events` over what `act` does once it is there. */
async function shown(
  socket: string,
  words: readonly string[],
  act: (client: ApiClient, send: (port: string, frame: Frame) => Promise<void>) => Promise<void>,
): Promise<{ lines: string[]; stderr: string }> {
  const args = [SLUICE, 'ct', 'events', ...words, '--socket', socket];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const seen = (port: number) =>
    new Promise<void>(resolve => {
      reader.on('line', line => {
        if (new RegExp(`sport"?[=:]${port}\\b`).test(line)) resolve();
      });
    });
  reader.on('line', line => lines.push(line));
  const [hears, isDone] = [seen(9), seen(10)];
  const client = new ApiClient(socket);
  const send = async (port: string, frame: Frame): Promise<void> => {
    await client.inject(port, [hex(frame.bytes())]);
  };
  const probe = setInterval(() => {
    void send('c2', PROBE).then(() => client.endFlows({ sport: 9 }));
  }, 100);
  await hears;
  clearInterval(probe);
  await act(client, send);
  await send('c2', MARK);
  await client.endFlows({ sport: 10 });
  await isDone;
  child.kill('SIGINT');
  const [code] = (await exited) as [number];
  assert.is(code, 0, stderr);
  return { lines: lines.filter(isOurs), stderr };
}

/** A call that is taken, and one that is refused. */
async function call(
  client: ApiClient,
  send: (port: string, frame: Frame) => Promise<void>,
): Promise<void> {
  await send('c2', out().tcp(33920, 80, { flags: SYN, sequence: 100 }));
  await send('up', back().tcp(80, 33920, { flags: SYN_ACK, sequence: 500, acknowledged: 101 }));
  await send('c2', out().tcp(33921, 80, { flags: SYN, sequence: 100 }));
  await send('up', back().tcp(80, 33921, { flags: RST | 16, acknowledged: 101 }));
  await send('c2', out().icmp(8, 0, 0x12340001));
  await client.endFlows({ protocol: 'tcp' });
}

const FIRST = 'src=10.0.0.2 dst=93.184.216.34 sport=33920 dport=80';
const BACK = 'src=93.184.216.34 dst=192.168.0.2 sport=80 dport=33920';
const REFUSED = 'src=10.0.0.2 dst=93.184.216.34 sport=33921 dport=80';
const REFUSAL = 'src=93.184.216.34 dst=192.168.0.2 sport=80 dport=33921';

test('cli: events of connections in the form of conntrack', () =>
  withNet(async (_ask, { socket }) => {
    const { lines, stderr } = await shown(socket, [], call);
    const counted = (text: string, packets: number, bytes: number): string =>
      `${text} packets=${packets} bytes=${bytes}`;
    assert.equal(
      lines.map(line =>
        line.replace(/delta-time=\d+/, 'delta-time=N').replace(/ \d+ SYN_RECV/, ' N SYN_RECV'),
      ),
      [
        `    [NEW] tcp      6 120 SYN_SENT ${FIRST} [UNREPLIED] ${BACK}`,
        ` [UPDATE] tcp      6 N SYN_RECV ${FIRST} ${BACK}`,
        `    [NEW] tcp      6 120 SYN_SENT ${REFUSED} [UNREPLIED] ${REFUSAL}`,
        `[DESTROY] tcp      6 10 CLOSE ${counted(REFUSED, 1, 40)} [UNREPLIED] ` +
          `${counted(REFUSAL, 1, 40)} delta-time=N`,
        '    [NEW] icmp     1 30 src=10.0.0.2 dst=93.184.216.34 type=8 code=0 id=4660 ' +
          '[UNREPLIED] src=93.184.216.34 dst=192.168.0.2 type=0 code=0 id=4660',
        `[DESTROY] tcp      6 N SYN_RECV ${counted(FIRST, 1, 40)} ${counted(BACK, 1, 40)} ` +
          'delta-time=N',
      ],
    );
    assert.match(stderr, /^sluice: \d+ flow events have been shown\.\n$/);
  }));

test('cli: events of connections by kind and filter, with time and number, and as JSON', () =>
  withNet(async (_ask, { socket }) => {
    const stamped = await shown(socket, ['-e', 'NEW', '-o', 'timestamp,id,extended'], call);
    assert.is(stamped.lines.length, 3);
    for (const line of stamped.lines) {
      assert.match(line, /^\[\d{10}\.\d{6}\]\t {4}\[NEW\] ipv4 {5}2 \w+ .* id=\d+$/);
    }
    const json = await shown(socket, ['-p', 'tcp', '--dport', '80', '--json'], call);
    const events = json.lines
      .map(line => JSON.parse(line) as { event?: string; original: { sport: number } })
      .map(({ event, original }) => `${event} ${original.sport}`);
    assert.equal(events, [
      'new 33920',
      'update 33920',
      'new 33921',
      'destroy 33921',
      'destroy 33920',
    ]);
  }));

test('cli: events of connections: what cannot be asked for', () =>
  withNet(async ask => {
    for (const [words, problem] of [
      [['-e', 'OLD'], 'events: expected some of NEW, UPDATES, DESTROY, ALL, got OLD'],
      [['-o', 'xml'], 'Expected some of timestamp, extended, id.'],
      [['-p', 'quic'], 'protocol: expected a name or 0..255, got quic'],
      [['--zone', 'hots'], 'got hots (did you mean host?)'],
    ] as const) {
      const { status, stderr } = ask('ct', 'events', ...words);
      assert.ok(status !== 0 && stderr.includes(problem), stderr);
    }
  }));

test('cli: monitor prints what rules log', () =>
  withRun(
    NET.replace(
      '      COMMIT\n',
      '      COMMIT\n      *filter\n      :FORWARD ACCEPT [0:0]\n' +
        '      -A FORWARD -p udp -j LOG --log-prefix "udp: "\n      COMMIT\n',
    ),
    async (_ask, { socket }) => {
      const words = [SLUICE, 'monitor', '--count', '1', '--socket', socket];
      const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
      const line = once(createInterface({ input: child.stdout }), 'line');
      const exited = once(child, 'exit');
      const client = new ApiClient(socket);
      const frame = hex(out().udp(5000, 53).payload('who').bytes());
      const retry = setInterval(() => void client.inject('c2', [frame]), 100);
      const [text] = (await line) as [string];
      clearInterval(retry);
      assert.match(
        text,
        /^\S+Z LOG zone host: udp: IN=docker0 OUT=eth0 MAC=02:42:0a:00:00:01:02:00:00:00:00:02:08:00 SRC=10\.0\.0\.2 DST=93\.184\.216\.34 LEN=31 .* TTL=63 .*PROTO=UDP SPT=5000 DPT=53 LEN=11$/,
      );
      assert.is(((await exited) as [number])[0], 0);
    },
  ).then(() => undefined));

test.run();
