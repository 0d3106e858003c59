/** Services of zones in a file: what they mean, and every thing that can be wrong with them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../src/config/config-error.js';
import { loadConfig, parseConfig } from '../../src/config/load.js';
import { packagePath } from '../../src/package-path.js';
import type { ServiceConfig } from '../../src/config/zone-config.js';
import { keyName } from '../../src/service/names.js';
import { printServices } from '../../src/service/print.js';

function text(services: string, more = ''): string {
  return `
ports: { b: { kind: memory, segment: lan }, e: { kind: memory, segment: up } }
segments: { lan: , up: }
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: [10.0.0.1/16] }
      eth0: { segment: up, addresses: [192.168.0.2/24] }
    services: { ${services} }
${more.replace(/^/gm, '    ')}`;
}

function servicesOf(services: string, more = ''): readonly ServiceConfig[] {
  return parseConfig(text(services, more), 'net.yaml').zones[0]!.services;
}

const B = 'backends: [{ address: 10.0.0.2 }]';

test('services: what is not said: all TCP ports, rr, weight 1, nat, no limits, the near interface', () => {
  const [one, ...more] = servicesOf(`web: { vip: 192.168.0.80, ${B} }`);
  assert.equal(more, []);
  assert.is(one!.interface, 'eth0', 'whose subnet it is on');
  assert.equal(one!.service, {
    key: {
      kind: 'address',
      protocol: 'tcp',
      address: Uint8Array.of(192, 168, 0, 80),
      port: 0,
    },
    scheduler: 'rr',
    flags: [],
    isOnePacket: false,
    backends: [
      {
        address: Uint8Array.of(10, 0, 0, 2),
        port: 0,
        forwarding: 'nat',
        weight: 1,
        upper: 0,
        lower: 0,
      },
    ],
  });
  const [far] = servicesOf(`web: { vip: 203.0.113.80, ${B} }`);
  assert.is(far!.interface, 'docker0', 'the first, on no subnet');
  const [said] = servicesOf(`web: { vip: 203.0.113.80, interface: eth0, ${B} }`);
  assert.is(said!.interface, 'eth0');
});

test('services: ports, ranges, marks and families, in the text of ipvsadm', () => {
  const services = servicesOf(
    [
      `web: { vip: 192.168.0.80, ports: ['80', 8000-8010, 53/udp, 9/sctp], ${B} }`,
      `m: { mark: 7, scheduler: rr, ${B} }`,
      `m6: { mark: 7, scheduler: sh, hashPort: true, backends: [{ address: 'fd00::2', port: 1 }] }`,
      `six: { vip: 'fd00::80', ports: ['80'], persistence: { timeoutSec: 9, maskBits: 64 },
        backends: [{ address: 'fd00::2', port: 8080, weight: 0, upper: 9, lower: 3 }] }`,
      `dr: { vip: 192.168.0.81, ports: ['80'], scheduler: mh, fallback: true,
        backends: [{ address: 10.0.0.2, forwarding: direct }] }`,
      `udp: { vip: 192.168.0.82, ports: [53/udp], onePacket: true, backends: [] }`,
    ].join(', '),
  );
  const printed = printServices(
    services.map(({ service }) => service),
    { sort: false },
  );
  assert.equal(printed.trimEnd().split('\n'), [
    '-A -t 192.168.0.80:80 -s rr',
    '-a -t 192.168.0.80:80 -r 10.0.0.2:80 -m -w 1',
    '-A -t 192.168.0.80:8000-8010 -s rr',
    '-a -t 192.168.0.80:8000-8010 -r 10.0.0.2:0 -m -w 1',
    '-A -u 192.168.0.80:53 -s rr',
    '-a -u 192.168.0.80:53 -r 10.0.0.2:53 -m -w 1',
    '-A --sctp-service 192.168.0.80:9 -s rr',
    '-a --sctp-service 192.168.0.80:9 -r 10.0.0.2:9 -m -w 1',
    '-A -f 7 -s rr',
    '-a -f 7 -r 10.0.0.2:0 -m -w 1',
    '-A -f 7 -6 -s sh -b sh-port',
    '-a -f 7 -6 -r [fd00::2]:1 -m -w 1',
    '-A -t [fd00::80]:80 -s rr -p 9 -M 64',
    '-a -t [fd00::80]:80 -r [fd00::2]:8080 -m -w 0 -x 9 -y 3',
    '-A -t 192.168.0.81:80 -s mh -b mh-fallback',
    '-a -t 192.168.0.81:80 -r 10.0.0.2:80 -g -w 1',
    '-A -u 192.168.0.82:53 -s rr -o',
  ]);
  assert.is(services.at(-2)!.service.tableSlots, 4093);
});

/** What is wrong, as `path: problem`, without the place. */
function problemsOf(services: string, more = ''): string[] {
  try {
    servicesOf(services, more);
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).problems.map(({ path, problem }) => `${path}: ${problem}`);
  }
  return [];
}

const W = 'zones.host.services.w';
const WRONG: [services: string, problem: string][] = [
  [`w: { ${B} }`, `${W}: expected a vip or a mark, got neither`],
  [`w: { vip: 192.168.0.80, mark: 7, ${B} }`, `${W}: expected a vip or a mark, got both`],
  [`w: { vip: 224.0.0.1, ${B} }`, `${W}.vip: expected an address of a station, got "224.0.0.1"`],
  [
    `w: { vip: 192.168.0.80, interface: eth1, ${B} }`,
    `${W}.interface: expected one of docker0, eth0, got "eth1" (did you mean eth0?)`,
  ],
  [
    `w: { vip: 192.168.0.80, hashPort: true, ${B} }`,
    `${W}.hashPort: expected scheduler sh or mh, got rr`,
  ],
  [
    `w: { vip: 192.168.0.80, scheduler: rr, fallback: true, ${B} }`,
    `${W}.fallback: expected scheduler sh or mh, got rr`,
  ],
  [
    `w: { vip: 192.168.0.80, scheduler: sh, tableSlots: 251, ${B} }`,
    `${W}.tableSlots: expected scheduler mh, got sh`,
  ],
  [
    `w: { vip: 192.168.0.80, scheduler: mh, tableSlots: 252, ${B} }`,
    `${W}.tableSlots: expected a prime, got 252`,
  ],
  [`w: { mark: 7, ports: ['80'], ${B} }`, `${W}.ports: expected none beside a mark, got some`],
  ...['65536', '90-80', '0-9', '1-1025', '80/icmp'].map((port): [string, string] => [
    `w: { vip: 192.168.0.80, ports: ['1', '${port}'], ${B} }`,
    `${W}.ports.1: expected a port or a range of up to 1024 ports like 80, 8000-8010 or 53/udp, ` +
      `got "${port}"`,
  ]),
  [
    `w: { vip: 192.168.0.80, ports: ['80'], backends: [{ address: 'fd00::2' }] }`,
    `${W}.backends.0.address: expected an IPv4 address of a station, got "fd00::2"`,
  ],
  [
    `w: { vip: 'fd00::80', ports: ['80'], backends: [{ address: 10.0.0.2 }] }`,
    `${W}.backends.0.address: expected an IPv6 address of a station, got "10.0.0.2"`,
  ],
  [
    `w: { vip: 192.168.0.80, ports: ['80'], backends: [{ address: 0.0.0.0 }] }`,
    `${W}.backends.0.address: expected an IPv4 address of a station, got "0.0.0.0"`,
  ],
  [
    `w: { vip: 192.168.0.80, ports: ['80'],
      backends: [{ address: 10.0.0.2, port: 81, forwarding: direct }] }`,
    `${W}.backends.0.port: expected 80, as direct forwarding changes no port, got 81`,
  ],
  [
    `w: { vip: 192.168.0.80, ports: ['80'], backends: [{ address: 10.0.0.2 }, { address: 10.0.0.2 }] }`,
    `${W}.backends.1: Destination already exists`,
  ],
  [
    `w: { vip: 192.168.0.80, ports: ['80'], onePacket: true, ${B} }`,
    `${W}.onePacket: expected udp ports, got tcp 192.168.0.80:80`,
  ],
  [`w: { mark: 9, onePacket: true, ${B} }`, `${W}.onePacket: expected udp ports, got mark 9`],
  [
    `w: { vip: 192.168.0.80, ports: ['80', 79-81], ${B} }`,
    'zones.host.services: expected each address and port once, got tcp 192.168.0.80:80 twice',
  ],
  [
    `w: { mark: 9, ${B} }, x: { mark: 9, ${B} }`,
    'zones.host.services: expected each address and port once, got mark 9 twice',
  ],
];

test('services: what is wrong is named with its path, what was expected and what came', () => {
  for (const [services, problem] of WRONG) assert.equal(problemsOf(services), [problem], services);
});

test('services: a zone without interfaces has nobody to speak for an address', () => {
  const yaml = `zones: { host: { interfaces: {}, services: { w: { vip: 192.168.0.80, ${B} } } } }`;
  assert.throws(
    () => parseConfig(yaml, 'net.yaml'),
    (error: Error) => /interface/.test(error.message),
  );
});

test('ipvsadm: stands beside services, the same key only once', () => {
  const more =
    'ipvsadm: |\n  -A -t 192.168.0.81:80 -s rr\n  -a -t 192.168.0.81:80 -r 10.0.0.3 -m\n';
  const services = servicesOf(`w: { vip: 192.168.0.80, ports: ['80'], ${B} }`, more);
  assert.equal(
    services.map(({ service, interface: name }) => [keyName(service.key), name]),
    [
      ['tcp 192.168.0.80:80', 'eth0'],
      ['tcp 192.168.0.81:80', 'eth0'],
    ],
  );
  assert.equal(problemsOf(`w: { vip: 192.168.0.81, ports: ['80'], ${B} }`, more), [
    'zones.host.ipvsadm: expected each address and port once, got tcp 192.168.0.81:80 twice',
  ]);
});

test('ipvsadm: what is wrong with its text is named by line and column', () => {
  const cases: [string, string][] = [
    ['-A -t 192.168.0.81:80 -q\n', 'zones.host.ipvsadm:1:23'],
    ['-A -f 1\n-A -f 1\n', 'zones.host.ipvsadm:2:1: Service already exists: -f 1'],
    ['-A -f 1\n-a -f 1 -r 10.0.0.3 -i\n', 'expected -m or -g for mark 1, as there are no tunnels'],
    ['-A -f 1\n--set 1 2 3\n', 'expected timeouts in zones.host.conntrack.timeoutsSec, got --set'],
  ];
  for (const [lines, problem] of cases) {
    const more = `ipvsadm: |\n${lines.replace(/^(?=.)/gm, '  ')}`;
    const problems = problemsOf('', more);
    assert.is(problems.length, 1, problems.join());
    assert.match(problems[0]!, problem);
  }
});

test('ipvsadm: a file is found from where the configuration is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-services-'));
  try {
    const file = join(folder, 'net.yaml');
    writeFileSync(file, text('', 'ipvsadm: net.ipvs\n'));
    assert.throws(
      () => loadConfig(file),
      /expected a file of ipvsadm -S, got ENOENT of .*net.ipvs/,
    );
    writeFileSync(join(folder, 'net.ipvs'), '-A -f 1 -s rr\n-A -f 2 -s xx\n');
    assert.throws(() => loadConfig(file), /net\.ipvs:2:12: expected a scheduler/);
    writeFileSync(join(folder, 'net.ipvs'), '-A -f 1 -s rr\n');
    assert.is(loadConfig(file).zones[0]!.services.length, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('services: the example has what docs/services.md tells of it', () => {
  const [zone] = loadConfig(packagePath('examples/services.yaml')).zones;
  assert.equal(
    zone!.services.map(({ service }) => `${keyName(service.key)} ${service.scheduler}`),
    [
      'tcp 192.168.0.80:80 wlc',
      'tcp 192.168.0.80:443 wlc',
      'udp 192.168.0.53:53 mh',
      'mark 7 rr',
      'tcp 192.168.0.81:5432 fo',
    ],
  );
});

test.run();
