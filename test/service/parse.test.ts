/** Command lines of ipvsadm(8): every spelling, and what is wrong with its place. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../src/config/config-error.js';
import type { OfKind } from '../../src/rules/model.js';
import type { ServiceCommand } from '../../src/service/command.js';
import type { SchedulerFlag } from '../../src/service/model.js';
import { parseServiceArguments, parseServiceText } from '../../src/service/parse.js';
import { parsePortNames } from '../../src/service/port-names.js';

const NAMES = parsePortNames(
  'http 80/tcp www # web\ndomain 53/udp\nbad 70000/tcp\n\nhttp 81/tcp\n',
);

function parse(line: string): ServiceCommand {
  return parseServiceArguments(line.split(' '), NAMES);
}

function parseAs<K extends ServiceCommand['kind']>(kind: K, line: string) {
  const command = parse(line);
  assert.is(command.kind, kind);
  return command as OfKind<ServiceCommand, K>;
}

/** `column problem`. */
function refused(line: string): string {
  try {
    parse(line);
  } catch (error) {
    assert.instance(error, ConfigError);
    const { path, problem } = (error as ConfigError).problems[0]!;
    return `${/^arguments:1:(\d+)$/.exec(path)![1]} ${problem}`;
  }
  throw new Error(`expected a problem with ${line}`);
}

test('short and long words, joined or apart, say the same', () => {
  const want = parse('-A -t 10.0.0.1:80 -s sh -p 60 -M 255.255.0.0 -b sh-port');
  for (const line of [
    '--add-service --tcp-service 10.0.0.1:80 --scheduler sh --persistent 60 --netmask 255.255.0.0 --sched-flags sh-port',
    '-A --tcp-service=10.0.0.1:80 --scheduler=sh --persistent=60 --netmask=255.255.0.0 -bsh-port',
    '-At 10.0.0.1:80 -ssh -p60 -M255.255.0.0 -b=sh-port',
    '-A -b flag-2 -M 255.255.0.0 -p 60 -s sh -t10.0.0.1:http',
  ])
    assert.equal(parse(line), want, line);
});

test('every command has its letter and its word', () => {
  const words: readonly (readonly [string, string, ServiceCommand['kind']])[] = [
    ['-A -f 1', '--add-service -f 1', 'add-service'],
    ['-E -f 1', '--edit-service -f 1', 'edit-service'],
    ['-D -f 1', '--delete-service -f 1', 'delete-service'],
    ['-C', '--clear', 'clear'],
    ['-Z', '--zero', 'zero'],
    ['-a -f 1 -r 10.0.0.2', '--add-server -f 1 --real-server 10.0.0.2', 'add-server'],
    ['-e -f 1 -r 10.0.0.2', '--edit-server -f 1 -r 10.0.0.2', 'edit-server'],
    ['-d -f 1 -r 10.0.0.2', '--delete-server -f 1 -r 10.0.0.2', 'delete-server'],
    ['-L', '--list', 'list'],
    ['-l', '--list --sort', 'list'],
    ['-Lc', '--list --connection', 'list-connections'],
    ['-L --timeout', '--list --timeout', 'list-timeouts'],
    ['-S', '--save', 'save'],
    ['-Sn', '--save --numeric', 'save'],
    ['-R', '--restore', 'restore'],
  ];
  for (const [short, long, kind] of words) {
    assert.is(parse(short).kind, kind);
    assert.equal(parse(long), parse(short));
  }
});

test('-p takes the word behind it unless that is an option', () => {
  const timeout = (line: string) => parseAs('add-service', line).service.persistence;
  assert.equal(timeout('-A -t 10.0.0.1:0 -p'), { timeoutSec: 300, maskBits: 32 });
  assert.equal(timeout('-A -p -t 10.0.0.1:0'), { timeoutSec: 300, maskBits: 32 });
  assert.equal(timeout('-A -t [fd00::1]:80 -p 5 -M 64'), { timeoutSec: 5, maskBits: 64 });
  assert.equal(timeout('-A -f 1 -6 -p'), { timeoutSec: 300, maskBits: 128 });
  assert.is(timeout('-A -t 10.0.0.1:80'), undefined);
});

test('flags by name or by bit, in the order of the bits', () => {
  const flags = (line: string): readonly SchedulerFlag[] =>
    parseAs('add-service', `-A -f 1 ${line}`).service.flags;
  assert.equal(flags('-b sh-port,sh-fallback -s sh'), ['sh-fallback', 'sh-port']);
  assert.equal(flags('-s mh -b flag-1'), ['mh-fallback']);
  assert.equal(flags('-s mh -b flag-2,mh-port'), ['mh-port']);
});

test('addresses: IPv6 in brackets or alone, ports by number or name, a range', () => {
  const key = (text: string) => parseAs('delete-service', `-D ${text}`).key;
  const six = Uint8Array.from([0xfd, ...Array<number>(14).fill(0), 1]);
  const of = { kind: 'address', protocol: 'udp' } as const;
  assert.equal(key('-u [fd00::1]:domain'), { ...of, address: six, port: 53 });
  assert.equal(key('-u fd00::1'), { ...of, address: six, port: 0 });
  assert.equal(key('-u [fd00::1]'), { ...of, address: six, port: 0 });
  const four = Uint8Array.of(10, 0, 0, 1);
  assert.equal(key('-u 10.0.0.1:010'), { ...of, address: four, port: 10 });
  assert.equal(key('-u 10.0.0.1:8000-8010'), { ...of, address: four, port: 8000, lastPort: 8010 });
  assert.equal(key('-f 4294967295 -6'), { kind: 'mark', mark: 0xffffffff, family: 'ipv6' });
});

test('a port of a backend: that of the service where it is one', () => {
  const port = (line: string) => parseAs('add-server', line).backend.port;
  assert.is(port('-a -t 10.0.0.1:80 -r 10.0.0.2 -m'), 80);
  assert.is(port('-a -t 10.0.0.1:80 -r 10.0.0.2:www -m'), 80);
  assert.is(port('-a -t 10.0.0.1:80 -r 10.0.0.2:81 -i'), 80);
  assert.is(port('-a -t 10.0.0.1:80-90 -r 10.0.0.2 -m'), 0);
  assert.is(port('-a -t 10.0.0.1:80-90 -r 10.0.0.2:85 -g'), 0);
  assert.is(port('-a -f 1 -r 10.0.0.2'), 0);
  assert.is(port('-a -f 1 -r 10.0.0.2:81 -g'), 81);
});

test('only a tunnel may lead to the other family', () => {
  const { backend } = parseAs('add-server', '-a -t 10.0.0.1:80 -r [fd00::2]:80 -i --tun-type ipip');
  assert.is(backend.address.length, 16);
  assert.is(
    refused('-a -t 10.0.0.1:80 -r [fd00::2]:80 -m'),
    '22 Different address family is allowed only for tunneling servers: ' +
      'expected an address of ipv4 or -i, got [fd00::2]:80',
  );
});

test('listings: which, of what, exact, sorted', () => {
  const options = (line: string) => parseAs('list', line).options;
  const plain = { what: 'services', key: undefined, isExact: false, isSorted: true };
  assert.equal(options('-Ln'), plain);
  assert.equal(options('-L --rate --stats --exact --nosort'), {
    ...plain,
    what: 'stats',
    isExact: true,
    isSorted: false,
  });
  assert.is(options('-L --thresholds').what, 'thresholds');
  assert.is(options('-L --persistent-conn -f 1').what, 'persistent');
  assert.is(options('-L --tun-info').what, 'tunnels');
  assert.equal(parse('-Lnc --persistent-conn'), { kind: 'list-connections', hasPersistence: true });
});

const REFUSED: readonly (readonly [string, string])[] = [
  ['-t 10.0.0.1:80', '1 expected a command such as -A first, got -t'],
  ['x', '1 expected a command such as -A, got x'],
  ['-A -D -t 10.0.0.1:80', '4 multiple commands specified: -D'],
  ['-A', "1 You need to supply the 'service-address' option for the 'add-service' command"],
  ['-a -f 1', "1 You need to supply the 'real-server' option for the 'add-server' command"],
  ['-C -n', "4 Illegal 'numeric' option with the 'flush' command"],
  ['-A -f 1 -w 2', "9 Illegal 'weight' option with the 'add-service' command"],
  ['-A -f 1 -t 10.0.0.1:80', "9 multiple 'service-address' options specified: -t"],
  ['-a -f 1 -r 10.0.0.2 -mg', "23 multiple 'forwarding-method' options specified: -g"],
  ['-A -f 1 x', '9 unexpected argument x'],
  ['-A -f', '4 expected a value behind -f, got none'],
  ['-A -f 1 --ops=1', '15 expected no value for --ops, got 1'],
  ['-A -f 1 --opps', '9 expected an option of ipvsadm, got --opps (did you mean --ops?)'],
  ['-A -f 0', "7 invalid fwmark value `0' specified: expected 1..4294967295, got 0"],
  ['-A -t 10.0.0.1:80 -6', '19 expected -f with -6, got --tcp-service'],
  [
    '-A -t 10.0.0.1',
    '7 Zero port specified for non-persistent service: expected a port or -p, got 10.0.0.1',
  ],
  [
    '-A -t 10.0.0.1:80 -o',
    '19 One-Packet Scheduling is only for UDP virtual services: expected -u or -f, got -o',
  ],
  [
    '-A -t host:80',
    '7 illegal virtual server address[:port] specified: expected an IPv4 address or an IPv6 ' +
      'address in [ ], with :port or without, got host:80',
  ],
  [
    '-a -f 1 -r 224.0.0.1',
    '12 illegal real server address[:port] specified: expected a unicast address, got 224.0.0.1',
  ],
  [
    '-A -u 10.0.0.1:http',
    '16 illegal virtual server address[:port] specified: expected a port 0..65535 or its name ' +
      'for udp in /etc/services, got http',
  ],
  [
    '-A -t 10.0.0.1:65536',
    '16 illegal virtual server address[:port] specified: expected 0..65535, got 65536',
  ],
  [
    '-A -t 10.0.0.1:90-80',
    '16 illegal virtual server address[:port] specified: expected the lower port first, from 1 ' +
      'on, got 90-80',
  ],
  ['-A -f 1 -p 0', "12 invalid timeout value `0' specified: expected 1..2678400, got 0"],
  ['-A -f 1 -M 255.0.0.0', '9 expected -p with -M, got -M'],
  [
    '-A -f 1 -p -M 255.0.255.0',
    '15 illegal virtual server persistent mask specified: expected an IPv4 mask of 1..32 leading ' +
      'ones such as 255.255.255.0, got 255.0.255.0',
  ],
  ['-A -f 1 -6 -p -M 129', '18 illegal ipv6 netmask specified: expected 1..128, got 129'],
  [
    '-A -f 1 -s rr -b flag-1',
    "18 incompatible scheduler flag `flag-1': expected no flags for scheduler rr, got flag-1",
  ],
  [
    '-A -f 1 -s sh -b sh-port,mh-port',
    "26 incompatible scheduler flag `mh-port': expected sh-fallback, sh-port, got mh-port",
  ],
  [
    '-A -f 1 -s mh -b flag-3',
    "18 incompatible scheduler flag `flag-3': expected mh-fallback, mh-port, got flag-3",
  ],
  ['-A -f 1 -s mh -b x', "18 invalid scheduler flag `x': expected mh-fallback, mh-port, got x"],
  ['-a -f 1 -r 10.0.0.2 -w -1', '24 illegal weight specified: expected 0..65535, got -1'],
  [
    '-a -f 1 -r 10.0.0.2 -x 70000',
    '24 illegal u_threshold specified: expected 0..65535, got 70000',
  ],
  ['-a -f 1 -r 10.0.0.2 -x 5 -y 6', '29 expected a lower threshold up to the upper, 5, got 6'],
  [
    '-a -f 1 -r 10.0.0.2 -i --tun-type gue',
    '35 illegal tunnel type specified: expected ipip, got gue',
  ],
  [
    '-a -f 1 -r 10.0.0.2 -m --tun-type ipip',
    '24 Tunnel options conflict with forward method: expected -i, got --tun-type',
  ],
  [
    '-a -f 1 -r 10.0.0.2 -i --tun-port 6080',
    '24 --tun-port: tunnels to real servers are ipip, which has no such option',
  ],
  ['-A -f 1 --pe sip', '9 --pe: there are no persistence engines'],
  ['--start-daemon master', '1 --start-daemon: there is no synchronization daemon'],
  ['--set 1 2', '1 --set option requires 3 timeout values'],
  ['--set 1 2 3 4', '13 unexpected argument 4'],
  ['--set 1 2 x', "11 invalid timeout value `x' specified: expected 0..2678400, got x"],
  ['-L -c --stats', '7 options conflicts in the list command'],
  [
    '-L -c --timeout',
    "7 The option 'timeout' conflicts with the 'connection' option in the 'list' command",
  ],
];

test('what ipvsadm refuses is refused, with the column and in its words', () => {
  for (const [line, want] of REFUSED) assert.is(refused(line), want, line);
});

test('an unknown scheduler is refused with all there are', () => {
  const [, names] = /^12 expected a scheduler \((.*)\), got rrr \(did you mean rr\?\)$/.exec(
    refused('-A -f 1 -s rrr'),
  )!;
  assert.is(names!.split(', ').length, 14);
});

test('a text may have comments, empty lines, the name of ipvsadm; each line has its place', () => {
  const text = '# all of it\n\n  ipvsadm -A -f 1 # one\r\n-C\n';
  const commands = parseServiceText({ text, file: 't', portNames: NAMES });
  assert.equal(
    commands.map(({ kind, place }) => [kind, place.line, place.column]),
    [
      ['add-service', 3, 11],
      ['clear', 4, 1],
    ],
  );
});

test('a text that only looks at services is refused, with all else that is wrong', () => {
  const text = '-A -f 1\n-L -n\n-A -t 10.0.0.1:x\n-S\n';
  try {
    parseServiceText({ text, file: 'ipvs', portNames: NAMES });
  } catch (error) {
    const places = (error as ConfigError).problems.map(({ path }) => path);
    assert.equal(places, ['ipvs:2:1', 'ipvs:3:16', 'ipvs:4:1']);
    return;
  }
  assert.unreachable();
});

test('names of ports: the first line of a name counts, aliases too', () => {
  assert.equal(
    [...NAMES],
    [
      ['http/tcp', 80],
      ['www/tcp', 80],
      ['domain/udp', 53],
    ],
  );
});

test.run();
