/** Random texts of iptables-save, of what both kernel netfilter and zones know. */
import type { Random } from './random-switch.js';

const PREFIXES = [
  '10.0.1.2',
  '10.0.1.0/24',
  '10.0.1.2/31',
  '203.0.113.2',
  '203.0.113.0/30',
  '0.0.0.0/1',
  '10.0.0.0/8',
];
const PORTS = ['53', '80', '443', '80:443', '1:1023', '1024:65535', '8080', ':100', '5000:'];
const LISTS = ['53,80', '80,443,8000:8100', '1:100,5353', '22'];
const FLAGS = [
  'SYN,ACK SYN',
  'FIN,SYN,RST,ACK SYN',
  'ALL NONE',
  'RST RST',
  'FIN,ACK FIN',
  'PSH PSH',
];
const ICMP_TYPES = ['echo-request', 'echo-reply', '3', '3/4', '11', '8/0'];
const STATES = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'RELATED,ESTABLISHED', 'NEW,INVALID'];
const MARKS = ['0x1', '0x2', '0x0/0x1', '0x1/0x3', '0x0'];
const SETS = ['0x1', '0x2/0x3', '0x3', '0x0/0xff', '0x10/0xf0'];
const RANGES = ['10.0.1.1-10.0.1.2', '203.0.113.2-203.0.113.9', '0.0.0.0-10.0.1.3'];
const REJECTS = [
  'icmp-port-unreachable',
  'icmp-net-unreachable',
  'icmp-host-unreachable',
  'icmp-proto-unreachable',
  'icmp-net-prohibited',
  'icmp-host-prohibited',
  'icmp-admin-prohibited',
];

function oneOf<T>(random: Random, choices: readonly T[]): T {
  return choices[random(choices.length)]!;
}

/** `! ` now and then. */
function not(random: Random): string {
  return random(6) === 0 ? '! ' : '';
}

function headerMatches(random: Random, chain: string): string[] {
  const words: string[] = [];
  if (random(4) === 0) words.push(`${not(random)}-s ${oneOf(random, PREFIXES)}`);
  if (random(4) === 0) words.push(`${not(random)}-d ${oneOf(random, PREFIXES)}`);
  const hasIn = chain !== 'POSTROUTING';
  const hasOut = chain === 'FORWARD' || chain === 'POSTROUTING' || chain.startsWith('U');
  if (hasIn && !chain.startsWith('U') && random(6) === 0)
    words.push(`${not(random)}-i ${oneOf(random, ['in', 'out', 'o+'])}`);
  if (hasOut && !chain.startsWith('U') && random(6) === 0)
    words.push(`${not(random)}-o ${oneOf(random, ['in', 'out', 'i+'])}`);
  return words;
}

function protocolMatches(random: Random): { protocol: string; words: string[] } {
  const protocol = oneOf(random, ['tcp', 'tcp', 'udp', 'udp', 'icmp', '', '']);
  if (protocol === '') return { protocol, words: [] };
  const words = [`-p ${protocol}`];
  if (protocol === 'icmp') {
    if (random(2) === 0)
      words.push(`-m icmp ${not(random)}--icmp-type ${oneOf(random, ICMP_TYPES)}`);
    return { protocol, words };
  }
  if (random(3) === 0) {
    words.push(
      `-m multiport ${not(random)}--${oneOf(random, ['dports', 'sports', 'ports'])} ${oneOf(random, LISTS)}`,
    );
    return { protocol, words };
  }
  words.push(`-m ${protocol}`);
  if (random(4) === 0) words.push(`${not(random)}--sport ${oneOf(random, PORTS)}`);
  if (random(2) === 0) words.push(`${not(random)}--dport ${oneOf(random, PORTS)}`);
  if (protocol === 'tcp' && random(4) === 0)
    words.push(`${not(random)}--tcp-flags ${oneOf(random, FLAGS)}`);
  return { protocol, words };
}

function otherMatch(random: Random): string {
  const no = not(random);
  return oneOf(random, [
    () => `-m conntrack ${no}--ctstate ${oneOf(random, STATES)}`,
    () => `-m conntrack ${no}--ctstate ${oneOf(random, STATES)}`,
    () => `-m mark ${no}--mark ${oneOf(random, MARKS)}`,
    () => `-m connmark ${no}--mark ${oneOf(random, MARKS)}`,
    () => `-m iprange ${no}--${oneOf(random, ['src', 'dst'])}-range ${oneOf(random, RANGES)}`,
    () => `-m length ${no}--length ${oneOf(random, ['0:40', '41:100', '60', '100:65535'])}`,
    () => `-m ttl --ttl-${oneOf(random, ['lt 10', 'gt 63', 'eq 64'])}`,
    () => `-m tos ${no}--tos ${oneOf(random, ['0x10/0xff', '0x04/0x1c'])}`,
    () => `-m dscp ${no}--dscp ${oneOf(random, ['0x00', '0x0a'])}`,
    () => `-m conntrack ${no}--ctproto ${oneOf(random, ['6', '17'])}`,
    () => `-m conntrack --ctdir ${oneOf(random, ['ORIGINAL', 'REPLY'])}`,
    () => `-m conntrack ${no}--ctorigdst ${oneOf(random, PREFIXES)}`,
    () =>
      `-m addrtype ${no}--${oneOf(random, ['src', 'dst'])}-type ${oneOf(random, ['LOCAL', 'UNICAST'])}`,
  ])();
}

function target(
  random: Random,
  { table, protocol, users }: { table: string; protocol: string; users: string[] },
): string {
  if (users.length > 0 && random(4) === 0)
    return `-${oneOf(random, ['j', 'j', 'g'])} ${oneOf(random, users)}`;
  if (table === 'mangle') {
    return `-j ${oneOf(random, [
      () => `MARK --set-xmark ${oneOf(random, SETS)}`,
      () => `MARK --or-mark ${oneOf(random, ['0x1', '0x6'])}`,
      () => `CONNMARK --set-xmark ${oneOf(random, SETS)}`,
      () => 'CONNMARK --save-mark',
      () => 'CONNMARK --restore-mark',
      () => 'CONNMARK --save-mark --nfmask 0x3 --ctmask 0xf',
      () => `DSCP --set-dscp ${oneOf(random, ['0x0a', '0x00'])}`,
      () => `TTL --ttl-${oneOf(random, ['set 9', 'inc 2', 'dec 1'])}`,
      () => oneOf(random, ['ACCEPT', 'RETURN', 'RETURN', 'DROP']),
    ])()}`;
  }
  if (random(4) === 0) {
    if (protocol === 'tcp' && random(2) === 0) return '-j REJECT --reject-with tcp-reset';
    return `-j REJECT --reject-with ${oneOf(random, REJECTS)}`;
  }
  return `-j ${oneOf(random, ['ACCEPT', 'ACCEPT', 'DROP', 'RETURN'])}`;
}

function rule(random: Random, table: string, chain: string, users: string[]): string {
  const { protocol, words } = protocolMatches(random);
  const others = Array.from({ length: random(3) }, () => otherMatch(random));
  // A match can be named once.
  const named = new Map(others.map(text => [text.split(' ')[1], text]));
  const matches = [...headerMatches(random, chain), ...words, ...named.values()];
  return [`-A ${chain}`, ...matches, target(random, { table, protocol, users })].join(' ');
}

function chainsOf(random: Random, table: string, builtIn: readonly string[], most: number): string {
  const users = ['U0', 'U1', 'U2'];
  const policies = builtIn.map(name => {
    const isOpen = table === 'mangle' || name !== 'FORWARD' || random(3) > 0;
    return `:${name} ${isOpen ? 'ACCEPT' : 'DROP'} [0:0]`;
  });
  const rules = builtIn
    .filter(name => name !== 'OUTPUT' && name !== 'INPUT')
    .flatMap(name =>
      Array.from({ length: 1 + random(most) }, () => rule(random, table, name, users)),
    );
  // Zones ask nobody about what they say themselves; Linux does, and marks it here.
  if (table === 'mangle') {
    rules.unshift('-A OUTPUT -j MARK --set-xmark 0x80000000/0x80000000');
    rules.unshift('-A POSTROUTING -m mark --mark 0x80000000/0x80000000 -j ACCEPT');
  }
  const inner = users.flatMap((name, i) =>
    Array.from({ length: 1 + random(4) }, () => rule(random, table, name, users.slice(i + 1))),
  );
  return [
    `*${table}`,
    ...policies,
    ...users.map(name => `:${name} - [0:0]`),
    ...rules,
    ...inner,
    'COMMIT',
    '',
  ].join('\n');
}

/** Tables mangle and filter; the chains that the router's own packets meet stay empty. */
export function randomRulesText(random: Random, most = 10): string {
  return (
    chainsOf(random, 'mangle', ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'], 4) +
    chainsOf(random, 'filter', ['INPUT', 'FORWARD', 'OUTPUT'], most)
  );
}
