import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseRules } from '../../src/rules/apply.js';
import type { Family } from '../../src/rules/model.js';
import { printRules } from '../../src/rules/print.js';
import {
  zoneRules,
  type GatewayMode,
  type PublishedPort,
  type ZoneNetwork,
} from '../../src/rules/publish.js';
import { shared } from '../support/shared.js';

const GOLDEN = shared('reference/iptables-golden');

const SUBNET = { ipv4: '192.168.0.0/24', ipv6: 'fd49:efd7:54aa::/64' };
const CONTAINER = { ipv4: '192.168.0.2', ipv6: 'fd49:efd7:54aa::1' };
const NETWORK: ZoneNetwork = {
  bridge: 'br-dummy',
  subnet: SUBNET,
  containers: { ipv4: [CONTAINER.ipv4], ipv6: [CONTAINER.ipv6] },
  icc: true,
  internal: false,
  masquerade: true,
  gatewayMode: { ipv4: 'nat', ipv6: 'nat' },
};
const PORT: PublishedPort = {
  bridge: 'br-dummy',
  containerIp: CONTAINER.ipv4,
  containerPorts: { first: 80, last: 80 },
  protocol: 'tcp',
  hostIp: '0.0.0.0',
  hostPorts: { first: 8080, last: 8080 },
};

/** The network and port that the name of a golden file says. */
function zoneOf(file: string, family: Family) {
  const [options = ''] = file.split('__');
  const { internal, icc, masq, snat, gwm, bindlh } = Object.fromEntries(
    options.split(',').map(option => option.split('=')),
  ) as Record<string, string>;
  const network: ZoneNetwork = {
    ...NETWORK,
    icc: icc === 'true',
    internal: internal === 'true',
    masquerade: masq === 'true',
    gatewayMode: { [family]: (gwm ?? 'nat') as GatewayMode },
    ...(snat === 'true'
      ? { hostAddress: { ipv4: '192.168.123.0', ipv6: 'fd34:d0d4:672f::123' } }
      : {}),
  };
  const wildcard = { ipv4: '0.0.0.0', ipv6: '::' }[family];
  const loopback = { ipv4: '127.0.0.1', ipv6: '::1' }[family];
  const hostIp = bindlh === 'true' ? loopback : wildcard;
  const ports = internal === 'true' ? [] : [{ ...PORT, containerIp: CONTAINER[family], hostIp }];
  return { networks: options.startsWith('cleaned') ? [] : [network], ports };
}

function printed(
  zone: { networks: ZoneNetwork[]; ports: PublishedPort[] },
  family: Family,
): string {
  return printRules(zoneRules(zone, family));
}

/** The golden files were made without the user's chain. */
function withoutUser(text: string): string {
  return text.replace(/^.*DOCKER-USER.*\n/gm, '');
}

test('zone rules: a network has the rules that Docker gives it, in every mode', () => {
  const all = GOLDEN === undefined ? [] : readdirSync(GOLDEN);
  const files = all.filter(file => file.includes('hairpin=true') && !file.includes('wsl2'));
  assert.ok(GOLDEN === undefined || files.length > 50);
  for (const file of files) {
    const family = file.includes('ip6tables') ? 'ipv6' : 'ipv4';
    const golden = readFileSync(join(GOLDEN!, file), 'utf8');
    assert.is(withoutUser(printed(zoneOf(file, family), family)), golden, file);
  }
});

test('zone rules: a port on loopback, ICC off, SNAT to an address of the host', () => {
  const network = { ...NETWORK, icc: false, hostAddress: { ipv4: '192.0.2.1' } };
  const port = { ...PORT, protocol: 'udp', hostIp: '127.0.0.2' } as const;
  const text = withoutUser(printed({ networks: [network], ports: [port] }, 'ipv4'));
  assert.equal(
    text.split('\n').filter(line => line.startsWith('-A')),
    [
      '-A PREROUTING -d 192.168.0.2/32 ! -i br-dummy -j DROP',
      '-A PREROUTING -d 127.0.0.2/32 ! -i lo -p udp -m udp --dport 8080 -j DROP',
      '-A FORWARD -j DOCKER-FORWARD',
      '-A DOCKER -d 192.168.0.2/32 ! -i br-dummy -o br-dummy -p udp -m udp --dport 80 -j ACCEPT',
      '-A DOCKER ! -i br-dummy -o br-dummy -j DROP',
      '-A DOCKER-BRIDGE -o br-dummy -j DOCKER',
      '-A DOCKER-CT -o br-dummy -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A DOCKER-FORWARD -j DOCKER-CT',
      '-A DOCKER-FORWARD -j DOCKER-INTERNAL',
      '-A DOCKER-FORWARD -j DOCKER-BRIDGE',
      '-A DOCKER-FORWARD -i br-dummy -o br-dummy -j DROP',
      '-A DOCKER-FORWARD -i br-dummy ! -o br-dummy -j ACCEPT',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      '-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER',
      '-A POSTROUTING -o br-dummy -m addrtype --src-type LOCAL -j SNAT --to-source 192.0.2.1',
      '-A POSTROUTING -s 192.168.0.0/24 ! -o br-dummy -j SNAT --to-source 192.0.2.1',
      '-A POSTROUTING -s 192.168.0.2/32 -d 192.168.0.2/32 -p udp -m udp --dport 80 -j MASQUERADE',
      '-A DOCKER -d 127.0.0.2/32 -p udp -m udp --dport 8080 -j DNAT --to-destination 192.168.0.2:80',
    ],
  );
});

test('zone rules: internal networks of both families keep to their subnets', () => {
  const lines = (family: Family): string[] =>
    printed({ networks: [{ ...NETWORK, internal: true }], ports: [PORT] }, family)
      .split('\n')
      .filter(line => line.includes('br-dummy'));
  assert.equal(lines('ipv4'), [
    '-A DOCKER-FORWARD -i br-dummy -o br-dummy -j ACCEPT',
    '-A DOCKER-INTERNAL ! -s 192.168.0.0/24 -o br-dummy -j DROP',
    '-A DOCKER-INTERNAL ! -d 192.168.0.0/24 -i br-dummy -j DROP',
  ]);
  assert.equal(lines('ipv6'), [
    '-A DOCKER-FORWARD -i br-dummy -o br-dummy -j ACCEPT',
    '-A DOCKER-INTERNAL ! -s fd49:efd7:54aa::/64 ! -i br-dummy -o br-dummy -j DROP',
    '-A DOCKER-INTERNAL ! -d fd49:efd7:54aa::/64 -i br-dummy ! -o br-dummy -j DROP',
  ]);
});

test('zone rules: a range of ports is one rule in each chain', () => {
  const range = {
    ...PORT,
    containerPorts: { first: 80, last: 10079 },
    hostPorts: { first: 20000, last: 29999 },
  };
  const text = printed({ networks: [NETWORK], ports: [range] }, 'ipv4');
  assert.equal(
    text.split('\n').filter(line => line.includes('--dport')),
    [
      '-A DOCKER -d 192.168.0.2/32 ! -i br-dummy -o br-dummy -p tcp -m tcp --dport 80:10079 -j ACCEPT',
      '-A POSTROUTING -s 192.168.0.2/32 -d 192.168.0.2/32 -p tcp -m tcp --dport 80:10079 -j MASQUERADE',
      '-A DOCKER -p tcp -m tcp --dport 20000:29999 -j DNAT --to-destination 192.168.0.2:80-10079/20000',
    ],
  );
});

test('zone rules: two networks keep apart, and each guards its containers', () => {
  const other = {
    ...NETWORK,
    bridge: 'br-b',
    subnet: { ipv4: '10.9.0.0/16' },
    containers: { ipv4: ['10.9.0.2'] },
  };
  const lines = printed({ networks: [NETWORK, other], ports: [] }, 'ipv4').split('\n');
  assert.equal(
    lines.filter(line => line.includes('-j DROP')),
    [
      '-A PREROUTING -d 192.168.0.2/32 ! -i br-dummy -j DROP',
      '-A PREROUTING -d 10.9.0.2/32 ! -i br-b -j DROP',
      '-A DOCKER ! -i br-dummy -o br-dummy -j DROP',
      '-A DOCKER ! -i br-b -o br-b -j DROP',
    ],
  );
  assert.not(printed({ networks: [NETWORK, other], ports: [] }, 'ipv6').includes('br-b'));
});

test('zone rules: trusted interfaces and direct routing let containers be reached', () => {
  const trusted = { ...NETWORK, trustedInterfaces: ['eth1', 'eth2'] };
  const raw = (network: ZoneNetwork): string[] =>
    printed({ networks: [network], ports: [] }, 'ipv4')
      .split('\n')
      .filter(line => line.startsWith('-A PREROUTING -d'));
  assert.equal(raw(trusted), [
    '-A PREROUTING -d 192.168.0.2/32 -i eth1 -j ACCEPT',
    '-A PREROUTING -d 192.168.0.2/32 -i eth2 -j ACCEPT',
    '-A PREROUTING -d 192.168.0.2/32 ! -i br-dummy -j DROP',
  ]);
  assert.equal(raw({ ...NETWORK, allowDirectRouting: true }), []);
});

test('zone rules: the chain of the user comes first and is never changed', () => {
  const zone = { networks: [NETWORK], ports: [] };
  const first = printRules(zoneRules(zone, 'ipv4'));
  assert.ok(first.includes('-A FORWARD -j DOCKER-USER\n-A FORWARD -j DOCKER-FORWARD\n'));
  assert.ok(first.includes('-A DOCKER-USER -j RETURN\n'));
  const text = `*filter
:DOCKER-USER - [0:0]
:MINE - [0:0]
:OTHER - [0:0]
-A DOCKER-USER -s 10.0.0.1 -j MINE
-A MINE -j DROP
-A OTHER -j DROP
COMMIT
`;
  const current = parseRules({ text, family: 'ipv4', file: 't' });
  const lines = printRules(zoneRules(zone, 'ipv4', current)).split('\n');
  assert.equal(
    lines.filter(line => /^-A (DOCKER-USER|MINE|OTHER)/.test(line)),
    ['-A DOCKER-USER -s 10.0.0.1/32 -j MINE', '-A MINE -j DROP'],
  );
});

test.run();
