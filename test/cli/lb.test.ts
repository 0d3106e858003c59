/** `sluice lb`: services of a running switch from the command line, in the words of ipvsadm. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packagePath } from '../../src/package-path.js';
import { type ServiceView } from '../../src/api/service-views.js';
import { type Folder, sluice, withRun } from '../support/cli.js';

const EXAMPLE = readFileSync(packagePath('examples/services.yaml'), 'utf8');
const SAVED = `-A -t 192.168.0.80:80 -s wlc
-a -t 192.168.0.80:80 -r 10.0.1.2:8080 -m -w 1
-a -t 192.168.0.80:80 -r 10.0.1.3:8080 -m -w 2 -x 1000
-A -t 192.168.0.80:443 -s wlc
-a -t 192.168.0.80:443 -r 10.0.1.2:8080 -m -w 1
-a -t 192.168.0.80:443 -r 10.0.1.3:8080 -m -w 2 -x 1000
-A -t 192.168.0.81:5432 -s fo
-a -t 192.168.0.81:5432 -r 10.0.1.2:5432 -m -w 2
-a -t 192.168.0.81:5432 -r 10.0.1.3:5432 -m -w 1
-A -u 192.168.0.53:53 -s mh -o
-a -u 192.168.0.53:53 -r 10.0.1.4:53 -m -w 1
-A -f 7 -s rr -p 300
-a -f 7 -r 10.0.1.2:0 -m -w 1
-a -f 7 -r 10.0.1.3:0 -m -w 1
`;

/** A command line of ipvsadm. */
function words(folder: Folder, line: string, ...options: string[]) {
  return sluice('lb', '--socket', folder.socket, ...options, '--', ...line.split(' '));
}

function ok({ status, stdout, stderr }: ReturnType<typeof sluice>): string {
  assert.is(status, 0, stderr);
  assert.is(stderr, '');
  return stdout;
}

test('lb: saved, restored, tried, refused', async () => {
  await withRun(EXAMPLE, async (ask, folder) => {
    assert.is(ok(ask('lb', 'save')), SAVED);
    const file = join(folder.path, 'net.ipvs');
    writeFileSync(file, SAVED.replace('-w 2 -x 1000', '-w 9'));
    const tried = JSON.parse(ok(ask('lb', 'restore', '--test', '--json', file))) as object;
    assert.equal(tried, { zone: 'host', services: 5, backends: 9, changed: false });
    assert.is(ok(ask('lb', 'save')), SAVED);
    assert.is(ok(ask('lb', 'restore', file)), '');
    assert.is(ok(ask('lb', 'save')), readFileSync(file, 'utf8'));
    writeFileSync(file, '-A -f 1\n-a -f 2 -r 10.0.0.2\n');
    const refused = ask('lb', 'restore', file);
    assert.is(refused.status, 2);
    assert.is(refused.stderr, `sluice: ${file}:2:1: Service not defined: -f 2\n`);
    const again = ask('lb', 'restore', '--noflush', file);
    assert.match(again.stderr, 'Service not defined: -f 2');
    assert.match(ask('lb', 'restore', join(folder.path, 'none')).stderr, 'got ENOENT');
  });
});

test('lb: listed in the forms of ipvsadm', async () => {
  await withRun(EXAMPLE, async (ask, folder) => {
    const list = ok(ask('lb', 'list'));
    assert.match(list, /^IP Virtual Server version 1\.2\.1 \(size=65536\)\n/);
    assert.match(list, '\nTCP  192.168.0.80:80 wlc\n  -> 10.0.1.2:8080                Masq    1  ');
    assert.match(list, '\nFWM  7 rr persistent 300\n');
    assert.is(ok(words(folder, '-Ln')), list);
    const forms: [string[], RegExp][] = [
      [['--stats'], / Conns +InPkts +OutPkts/],
      [['--rate'], / CPS +InPPS +OutPPS/],
      [['--thresholds'], /10\.0\.1\.3:8080 +1000 +0 /],
      [['--persistent-conn'], / Weight +PersistConn/],
    ];
    for (const [options, expected] of forms)
      assert.match(ok(ask('lb', 'list', ...options)), expected);
    assert.is(ok(ask('lb', 'stats')), ok(ask('lb', 'list', '--stats')));
    assert.match(ok(ask('lb', 'conns')), /^IPVS connection entries\npro expire state/);
    assert.is(ok(words(folder, '-L --timeout')), 'Timeout (tcp tcpfin udp): 432000 120 120\n');
    assert.match(
      ok(words(folder, '-Ln -t 192.168.0.81:5432')),
      /^Prot .*\n.*\nTCP {2}192\.168\.0\.81/,
    );
    const none = words(folder, '-Ln -t 192.168.0.81:1');
    assert.equal([none.status, none.stderr], [1, 'No such service: tcp 192.168.0.81:1\n']);
    const json = JSON.parse(ok(ask('lb', 'list', '--json'))) as { services: ServiceView[] };
    assert.is(json.services.length, 5);
    assert.is(ask('lb', 'list', '--stats', '--rate').status, 2);
  });
});

test('lb: single commands, with what ipvsadm says when they cannot be done', async () => {
  await withRun(EXAMPLE, async (ask, folder) => {
    assert.is(ok(words(folder, '-e -t 192.168.0.80:80 -r 10.0.1.2:8080 -m -w 0')), '');
    assert.match(ok(ask('lb', 'save')), '-a -t 192.168.0.80:80 -r 10.0.1.2:8080 -m -w 0\n');
    assert.is(ok(words(folder, '-D -f 7', '--zone', 'host')), '');
    const result = JSON.parse(ok(words(folder, '-A -f 8 -s rr', '--json'))) as object;
    assert.equal(result, { zone: 'host', services: 5, backends: 7, changed: true });
    const cases: [string, string][] = [
      ['-A -f 8', 'arguments:1:1: Service already exists: -f 8'],
      ['-D -f 9', 'arguments:1:1: No such service: -f 9'],
      [
        '-A',
        "arguments:1:1: You need to supply the 'service-address' option for the 'add-service' command",
      ],
      ['-R', '-R: expected sluice lb restore FILE, got -R'],
    ];
    for (const [line, message] of cases) {
      const { status, stderr } = words(folder, line);
      assert.equal([status, stderr], [2, `sluice: ${message}\n`]);
    }
    assert.is(words(folder, '-D -f 8', '--zone', 'no').status, 1);
    assert.is(ok(words(folder, '-C')), '');
    assert.is(ok(ask('lb', 'save')), '');
  });
});

test.run();
