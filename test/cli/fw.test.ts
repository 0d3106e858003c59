/** `sluice fw` from outside: saved, restored, listed, asked about, as the tools of iptables. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sluice, withRun } from '../support/cli.js';

const CONFIG = `
capacities: { fdbEntries: 64, flows: 256 }
ports:
  c2: { kind: memory, segment: lan }
segments: { lan: }
zones:
  host:
    interfaces: { docker0: { segment: lan, addresses: [10.0.0.1/16] } }
    iptables: |
      *filter
      :WEB - [0:0]
      -A FORWARD -p tcp -m tcp --dport 80 -j WEB
      -A WEB -s 10.0.0.0/16 -m comment --comment "a b" -j ACCEPT
      COMMIT
`;
const SAVED = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:WEB - [0:0]
-A FORWARD -p tcp -m tcp --dport 80 -j WEB
-A WEB -s 10.0.0.0/16 -m comment --comment "a b" -j ACCEPT
COMMIT
`;

test('fw: save, list and check', async () => {
  await withRun(CONFIG, async ask => {
    assert.is(ask('fw', 'save').stdout, SAVED);
    assert.match(ask('fw', 'save', '-c').stdout, /^\[0:0\] -A FORWARD -p tcp/m);
    assert.is(ask('fw', 'save', '-6', '--zone', 'host').stdout, '');
    const saved = JSON.parse(ask('fw', 'save', '--json').stdout) as { tables: unknown[] };
    assert.equal(saved, {
      zone: 'host',
      family: 'ipv4',
      tables: [
        {
          name: 'filter',
          chains: [
            { name: 'INPUT', policy: 'ACCEPT', packets: '0', bytes: '0', rules: [] },
            {
              name: 'FORWARD',
              policy: 'ACCEPT',
              packets: '0',
              bytes: '0',
              rules: [{ text: '-p tcp -m tcp --dport 80 -j WEB', packets: '0', bytes: '0' }],
            },
            { name: 'OUTPUT', policy: 'ACCEPT', packets: '0', bytes: '0', rules: [] },
            {
              name: 'WEB',
              policy: null,
              rules: [
                {
                  text: '-s 10.0.0.0/16 -m comment --comment "a b" -j ACCEPT',
                  packets: '0',
                  bytes: '0',
                },
              ],
            },
          ],
        },
      ],
    });

    const listed = ask('fw', 'list', '-v', '-n', '--line-numbers', 'WEB').stdout;
    assert.is(
      listed,
      `Chain WEB (1 references)
num   pkts bytes target     prot opt in     out     source               destination         
1        0     0 ACCEPT     0    --  *      *       10.0.0.0/16          0.0.0.0/0            /* a b */
`,
    );
    assert.match(ask('fw', 'list', '-t', 'nat').stdout, /^Chain POSTROUTING \(policy ACCEPT\)$/m);
    const missing = ask('fw', 'list', 'NOPE');
    assert.is(missing.status, 1);
    assert.is(missing.stderr, 'iptables: No chain/target/match by that name.\n');
    assert.is(ask('fw', 'list', '-t', 'nta').status, 2);
  });
});

test('fw: check answers as iptables -C', async () => {
  await withRun(CONFIG, async (_, folder) => {
    const check = (...words: string[]) =>
      sluice('fw', 'check', '--socket', folder.socket, ...words);
    assert.is(check('FORWARD', '-p', 'tcp', '--dport', '80', '-j', 'WEB').status, 0);
    const comment = ['-m', 'comment', '--comment', 'a b'];
    assert.is(check('WEB', '-s', '10.0.0.0/16', ...comment, '-j', 'ACCEPT').status, 0);
    const other = check('FORWARD', '-p', 'tcp', '--dport', '81', '-j', 'WEB');
    assert.is(other.status, 1);
    assert.is(other.stderr, 'iptables: Bad rule (does a matching rule exist in that chain?).\n');
    assert.is(check('NOPE', '-j', 'ACCEPT').status, 1);
    assert.is(check('-t', 'nat', 'POSTROUTING', '-j', 'MASQUERADE').status, 1);
    assert.is(check('--json', 'FORWARD', '-j', 'DROP').stdout, '{\n  "exists": false\n}\n');
    const wrong = check('FORWARD', '--dport', '80');
    assert.is(wrong.status, 2);
    assert.match(wrong.stderr, /^sluice: rule: expected /);
  });
});

test('fw: explain --why-not asks the rules that run, and changes nothing', async () => {
  await withRun(CONFIG, async (_, folder) => {
    const text =
      '*filter\n:FORWARD DROP [0:0]\n-A FORWARD -d 10.0.9.9/32 -p tcp -j ACCEPT\nCOMMIT\n';
    const file = join(folder.path, 'rules.v4');
    writeFileSync(file, text);
    const to = ['--socket', folder.socket];
    assert.is(sluice('fw', 'restore', file, ...to).status, 0);
    const before = sluice('fw', 'save', '-c', ...to).stdout;
    const frame = 'eth 02:42:0a:00:00:09→02:42:0a:00:00:01 ipv4 10.0.0.9→10.0.0.2 tcp 1→80 syn';
    const { stdout } = sluice('explain', ...to, '--from', 'c2', '--why-not', frame);
    assert.match(stdout, /^why not: refused by filter FORWARD policy$/m);
    assert.match(stdout, /nearest: filter FORWARD rule 1 \(.*rules\.v4:3\)/);
    assert.match(stdout, /what of it fails: -d 10\.0\.9\.9\/32$/m);
    assert.is(sluice('fw', 'save', '-c', ...to).stdout, before);
  });
});

test('fw: restore changes all or nothing', async () => {
  await withRun(CONFIG, async (ask, folder) => {
    const file = join(folder.path, 'rules.v4');
    writeFileSync(
      file,
      '*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n*filter\n-A FORWARD -j NOBODY\n',
    );
    const refused = ask('fw', 'restore', file);
    assert.is(refused.status, 2);
    assert.match(refused.stderr, /^sluice: [^:]+rules\.v4:4:1: expected COMMIT/);
    assert.is(ask('fw', 'save').stdout, SAVED);

    writeFileSync(file, '*filter\n-A FORWARD -i docker0 -j DROP\nCOMMIT\n');
    assert.is(ask('fw', 'restore', '--test', file).status, 0);
    assert.is(ask('fw', 'save').stdout, SAVED);
    assert.is(ask('fw', 'restore', '--noflush', file).status, 0);
    assert.match(ask('fw', 'save').stdout, /-j WEB\n-A FORWARD -i docker0 -j DROP\n-A WEB /);
    const result = JSON.parse(ask('fw', 'restore', '--json', file).stdout) as unknown;
    assert.equal(result, { zone: 'host', family: 'ipv4', rules: 1, changed: true });
    assert.not.match(ask('fw', 'save').stdout, /WEB/);
  });
});

test.run();
