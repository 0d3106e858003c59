import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { problemOf, problemsOf, read } from './rules-of.js';

type Case = readonly [line: string, problem: string, table?: string, family?: 'ipv4' | 'ipv6'];

function all(cases: readonly Case[]): void {
  for (const [line, problem, table, family] of cases)
    assert.is(problemOf(line, table, family), `t:3:${problem}`, line);
}

test('refuse: what is not known, by name, with the nearest known', () => {
  all([
    ['-A INPUT -m conntrak', '13: expected a match, got conntrak (did you mean conntrack?)'],
    ['-A INPUT -p tcp --dprot 80', '17: expected an option, got --dprot (did you mean --dport?)'],
    ['-A INPUT -p tpc', '13: expected a protocol, got tpc (did you mean tcp?)'],
    [
      '-A INPUT -j ACEPT',
      '13: expected a target or a chain of filter, got ACEPT (did you mean ACCEPT?)',
    ],
    ['-Q INPUT -j ACCEPT', '1: expected a command such as -A, got -Q (did you mean -A?)'],
    [
      '-A INPUT -p icmp --icmp-type echo-requst',
      '30: expected an ICMP type, got echo-requst (did you mean echo-request?)',
    ],
  ]);
});

test('refuse: matches and targets that Linux has and we do not, by name', () => {
  const notSupported = (name: string): string => `got ${name}, which is not supported for ipv4`;
  all([
    ['-A INPUT -m hashlimit', `13: expected a supported match, ${notSupported('hashlimit')}`],
    ['-A INPUT -m set --match-set x src', `13: expected a supported match, ${notSupported('set')}`],
    ['-A INPUT -m hl --hl-eq 5', `13: expected a supported match, ${notSupported('hl')}`],
    ['-A INPUT -j NFQUEUE', `13: expected a supported target, ${notSupported('NFQUEUE')}`],
    ['-A INPUT -j HL --hl-set 5', `13: expected a supported target, ${notSupported('HL')}`],
  ]);
});

test('refuse: values out of range', () => {
  all([
    ['-A INPUT -p tcp --dport 65536', '25: expected 0..65535, got 65536'],
    ['-A INPUT -p tcp --dport 90:80', '25: expected the lower number first, got 90:80'],
    ['-A INPUT -s 10.0.0.1/33', '22: expected 0..32 bits, got 33'],
    ['-A INPUT -s fd00::1', '13: expected an IPv4 address, got fd00::1'],
    [
      '-A INPUT -i averylonginterface',
      '13: expected an interface name of 1..15 characters, got averylonginterface',
    ],
    ['-A INPUT -m length --length 1:2:3', '29: expected a:b, got 1:2:3'],
    ['-A INPUT -m statistic --mode random --probability 2', '51: expected 0..1, got 2'],
    ['-A INPUT -m comment --comment "x', '31: expected an end of this quote, got none'],
    ['-A INPUT -m bpf --bytecode "2,6 0 0 0"', '28: expected 2 instructions, got 2,6 0 0 0'],
  ]);
});

test('refuse: a port needs its protocol, a list of ports has 15 at most', () => {
  const ports = '-A INPUT -p tcp -m multiport --dports ';
  all([
    [
      '-A INPUT --dport 80',
      '10: expected -m tcp, or -p of its protocol, before --dport, got --dport',
    ],
    ['-A INPUT ! -p tcp -m tcp --dport 80', '22: tcp: expected -p tcp in the same rule, got none'],
    [
      '-A INPUT -m multiport --dports 80',
      '13: multiport: expected -p tcp, udp, udplite, dccp or sctp in the same rule, got none',
    ],
    [
      `${ports}1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16`,
      '39: expected at most 15 ports, a range being two, got 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16',
    ],
    [
      '-A PREROUTING -j DNAT --to-destination 10.0.0.1:80',
      '18: DNAT: expected -p tcp, udp or sctp in the same rule for a port, got none',
      'nat',
    ],
    [
      '-A PREROUTING -p icmp -j DNAT --to-destination 10.0.0.1:80',
      '26: DNAT: expected -p tcp, udp or sctp in the same rule for a port, got none',
      'nat',
    ],
    [
      '-A INPUT -j REJECT --reject-with tcp-reset',
      '13: REJECT: expected -p tcp in the same rule for tcp-reset, got none',
    ],
  ]);
});

test('refuse: a range without an end in a list of ports', () => {
  all([
    ['-A INPUT -p tcp -m multiport --dports 7,80:', '41: expected both ends of a range, got 80:'],
  ]);
});

test('refuse: ! before what cannot be negated, and twice', () => {
  all([
    ['-A INPUT ! -j ACCEPT', '10: expected no ! before -j, got one'],
    ['-A INPUT ! -s ! 10.0.0.1', '15: expected one !, got !'],
    ['-A INPUT ! -p all', '15: expected a protocol behind !, got all'],
    [
      '-A INPUT ! -s 10.0.0.1,10.0.0.2',
      '15: expected one address behind !, not a list, got 10.0.0.1,10.0.0.2',
    ],
    ['-A INPUT -s 10.0.0.1 -s 10.0.0.2', '22: expected -s once, got it again'],
    ['-A INPUT -j ACCEPT -g USER', '23: expected one of -j and -g, got USER'],
  ]);
});

test('refuse: targets in a table that they are not for', () => {
  all([
    [
      '-A PREROUTING -j DROP',
      '18: expected DROP in table raw, mangle, filter only, got it in nat',
      'nat',
    ],
    ['-A PREROUTING -j REJECT', '18: expected REJECT in table filter only, got it in nat', 'nat'],
    ['-A INPUT -j MASQUERADE', '13: expected MASQUERADE in table nat only, got it in filter'],
    ['-A INPUT -j TTL --ttl-set 9', '13: expected TTL in table mangle only, got it in filter'],
    ['-A INPUT -j NOTRACK', '13: expected NOTRACK in table raw only, got it in filter'],
    ['-P INPUT DROP', '4: expected policy ACCEPT in table nat, got DROP for INPUT', 'nat'],
  ]);
});

test('refuse: targets and matches in a hook that they are not for', () => {
  all([
    [
      '-A POSTROUTING -j DNAT --to-destination 10.0.0.1',
      '19: expected DNAT in PREROUTING, OUTPUT only, got it in POSTROUTING',
      'nat',
    ],
    [
      '-A OUTPUT -j SNAT --to-source 10.0.0.1',
      '14: expected SNAT in INPUT, POSTROUTING only, got it in OUTPUT',
      'nat',
    ],
    [
      '-A INPUT -j MASQUERADE',
      '13: expected MASQUERADE in POSTROUTING only, got it in INPUT',
      'nat',
    ],
    [
      '-A POSTROUTING -j REDIRECT',
      '19: expected REDIRECT in PREROUTING, OUTPUT only, got it in POSTROUTING',
      'nat',
    ],
    ['-A OUTPUT -i eth0', '1: expected no -i in OUTPUT, got -i eth0'],
    ['-A INPUT -o eth0', '1: expected no -o in INPUT, got -o eth0'],
    [
      '-A INPUT -m policy --dir out --pol none',
      '1: expected --dir out --pol none in FORWARD, OUTPUT, POSTROUTING only, got it in INPUT',
    ],
    [
      '-A INPUT -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu',
      '44: expected --clamp-mss-to-pmtu in FORWARD, OUTPUT, POSTROUTING only, got it in INPUT',
    ],
    [
      '-A FORWARD -p tcp -j TCPMSS --set-mss 1400',
      '22: expected --tcp-flags SYN,RST SYN with TCPMSS, got none',
    ],
  ]);
});

test('refuse: a chain with a target for one hook that another hook calls', () => {
  const text = `*nat
:MINE - [0:0]
:OTHER - [0:0]
-A POSTROUTING -j OTHER
-A OTHER -g MINE
-A MINE -j DNAT --to-destination 10.0.0.1
COMMIT
`;
  assert.equal(
    problemsOf(() => read(text)),
    [
      't:6:12: expected DNAT in PREROUTING, OUTPUT only, got it in chain MINE, which POSTROUTING calls',
    ],
  );
});

test('refuse: jumps in a circle, with the chains', () => {
  const text = `*filter
:A - [0:0]
:B - [0:0]
:C - [0:0]
-A A -j B
-A B -g C
-A C -s 10.0.0.1 -j A
-A C -j C
COMMIT
`;
  assert.equal(
    problemsOf(() => read(text)),
    [
      't:7:21: expected no jump in a circle, got A -> B -> C -> A',
      't:8:9: expected no jump in a circle, got C -> C',
    ],
  );
});

test('refuse: chains that cannot be', () => {
  const long = 'x'.repeat(29);
  all([
    [`-N ${long}`, `4: expected a chain name of 1..28 characters, got ${long}`],
    ['-N ACCEPT', '4: expected a chain name that is no target, got ACCEPT'],
    ['-N USER', '4: expected a new chain, got USER, which is there already'],
    ['-N INPUT', '4: expected a new chain, got INPUT, which is built in'],
    ['-P USER DROP', '4: expected a built-in chain for a policy, got USER'],
    [':USER DROP [0:0]', '2: expected - for a chain that is not built in, got DROP'],
    ['-A NONE -j ACCEPT', '4: expected a chain of table filter, got NONE, which is not there'],
    ['-A INPUT -j FORWARD', '13: expected a chain that is not built in, got FORWARD'],
    ['-X INPUT', '4: expected a chain to delete, got INPUT, which is built in'],
    ['-D INPUT 1', '4: expected no rule of chain INPUT, got 1'],
    ['-D INPUT -j ACCEPT', '4: expected a rule of chain INPUT, got -j ACCEPT'],
  ]);
});

test('refuse: the problems of several lines are said at once', () => {
  const text =
    '*filter\n-A INPUT -s x\n-A INPUT -j ACCEPT\n-A INPUT -d y\nCOMMIT\n*nat\n-A NONE\nCOMMIT\n';
  assert.equal(
    problemsOf(() => read(text)),
    [
      't:2:13: expected an IPv4 address, got x',
      't:4:13: expected an IPv4 address, got y',
      't:7:4: expected a chain of table nat, got NONE, which is not there',
    ],
  );
});

test('refuse: text that is no table', () => {
  const cases = [
    ['-A INPUT -j ACCEPT', 't:1:1: expected *table before it, got -A INPUT -j ACCEPT'],
    [
      '*filtr\n-A X\nCOMMIT',
      't:1:2: expected table raw, mangle, nat, filter, got filtr (did you mean filter?)',
    ],
    ['*filter\n-A INPUT', 't:1:1: expected COMMIT for *filter, got the end'],
    ['*filter\n*nat\nCOMMIT', 't:2:1: expected COMMIT for *filter, got *nat'],
    ['COMMIT', 't:1:1: expected *table, got COMMIT'],
    ['*filter\n[1] -A INPUT\nCOMMIT', 't:2:1: expected [packets:bytes], got [1]'],
    [
      '*filter\nCOMIT\nCOMMIT',
      't:2:1: expected *table, :CHAIN, -A or COMMIT, got COMIT (did you mean COMMIT?)',
    ],
  ];
  for (const [text, problem] of cases)
    assert.equal(
      problemsOf(() => read(text!)),
      [problem],
    );
});

test.run();
