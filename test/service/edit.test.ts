/** Commands of ipvsadm over the services there are: all or none. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../src/config/config-error.js';
import { applyCommand, applyServiceText, type Edited } from '../../src/service/edit.js';
import type { Service } from '../../src/service/model.js';
import { isChange, parseServiceArguments } from '../../src/service/parse.js';
import { printServices } from '../../src/service/print.js';

const BASE = `-A -t 10.0.0.1:80 -s rr -p 300
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w 2
-A -u 10.0.0.1:53 -s wlc -o
`;

function apply(text: string, before: readonly Service[] = base()): Edited {
  return applyServiceText(before, { text, file: 't' });
}

function base(): readonly Service[] {
  return apply(BASE, []).services;
}

function after(text: string): string {
  return printServices(apply(text).services, { sort: false });
}

/** The problems of the text over the base, which stays as it was. */
function problems(text: string): string[] {
  const before = base();
  try {
    apply(text, before);
  } catch (error) {
    assert.instance(error, ConfigError);
    assert.is(printServices(before, { sort: false }), BASE);
    return (error as ConfigError).problems.map(({ path, problem }) => `${path} ${problem}`);
  }
  throw new Error(`expected a problem with ${text}`);
}

test('a service is added with the defaults of ipvsadm: wlc, 300 s, all clients for themselves', () => {
  const [, , added] = apply('-A -t 10.0.0.9:443 -p').services;
  assert.equal(added, {
    key: { kind: 'address', protocol: 'tcp', address: Uint8Array.of(10, 0, 0, 9), port: 443 },
    scheduler: 'wlc',
    flags: [],
    persistence: { timeoutSec: 300, maskBits: 32 },
    isOnePacket: false,
    backends: [],
  });
});

test('a backend is added with the defaults: its service’s port, direct routing, weight 1', () => {
  const [first] = apply('-a -t 10.0.0.1:80 -r 10.0.0.4').services;
  assert.equal(first!.backends[2], {
    address: Uint8Array.of(10, 0, 0, 4),
    port: 80,
    forwarding: 'direct',
    weight: 1,
    upper: 0,
    lower: 0,
  });
});

test('direct routing and tunnels keep the port of the service, as ipvsadm sets it', () => {
  const text = after('-a -t 10.0.0.1:80 -r 10.0.0.4:8080 -g');
  assert.match(text, '-a -t 10.0.0.1:80 -r 10.0.0.4:80 -g -w 1\n');
});

test('an edited service keeps its backends, and what is not said goes back to its default', () => {
  const text = after('-E -t 10.0.0.1:80 -s sh -b sh-port');
  assert.is(text, BASE.replace('-s rr -p 300', '-s sh -b sh-port'));
});

test('an edited backend keeps its place', () => {
  const text = after('-e -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 0 -x 9');
  assert.is(text, BASE.replace('-r 10.0.0.2:80 -m -w 1', '-r 10.0.0.2:80 -m -w 0 -x 9'));
});

test('backends and services are deleted', () => {
  const without = BASE.replace(/-a .*10\.0\.0\.2:80.*\n/, '');
  assert.is(after('-d -t 10.0.0.1:80 -r 10.0.0.2'), without);
  assert.is(after('-D -t 10.0.0.1:80'), '-A -u 10.0.0.1:53 -s wlc -o\n');
  assert.is(after('-C'), '');
  assert.is(after(`-C\n${BASE}`), BASE);
});

test('--set: a 0 leaves what was said before', () => {
  assert.equal(apply('--set 0 30 0\n--set 900 0 0').timeouts, {
    tcpSec: 900,
    tcpFinSec: 30,
    udpSec: 0,
  });
});

test('-Z names the services whose counters begin again, of those that are left', () => {
  const zeroed = (text: string): number => apply(text).zeroed.length;
  assert.is(zeroed('-Z'), 2);
  assert.is(zeroed('-Z -t 10.0.0.1:80\n-Z -t 10.0.0.1:80'), 1);
  assert.is(zeroed('-Z\n-D -t 10.0.0.1:80'), 1);
  assert.is(zeroed('-Z\n-C'), 0);
});

test('what cannot be done is said in the words of ipvsadm, all of it, and nothing is done', () => {
  const text = [
    '-A -t 10.0.0.9:80',
    ' -A -t 10.0.0.1:80',
    '-E -t 10.0.0.7:80',
    '-D -u 10.0.0.1:80',
    '-Z -f 3',
    '-a -t 10.0.0.7:80 -r 10.0.0.2',
    '-a -t 10.0.0.1:80 -r 10.0.0.2 -m',
    '-e -t 10.0.0.1:80 -r 10.0.0.9:81',
    'ipvsadm -d -t 10.0.0.1:80 -r 10.0.0.9',
  ].join('\n');
  assert.equal(problems(text), [
    't:2:2 Service already exists: -t 10.0.0.1:80',
    't:3:1 No such service: -t 10.0.0.7:80',
    't:4:1 No such service: -u 10.0.0.1:80',
    't:5:1 No such service: -f 3',
    't:6:1 Service not defined: -t 10.0.0.7:80',
    't:7:1 Destination already exists: 10.0.0.2:80 of -t 10.0.0.1:80',
    't:8:1 No such destination: 10.0.0.9:80 of -t 10.0.0.1:80',
    't:9:9 No such destination: 10.0.0.9:80 of -t 10.0.0.1:80',
  ]);
});

test('a service is another by protocol, address, port, mark and family', () => {
  const keys = [
    '-t 10.0.0.1:81',
    '-u 10.0.0.1:80',
    '--sctp-service 10.0.0.1:80',
    '-f 80',
    '-f 80 -6',
  ];
  assert.is(apply(keys.map(key => `-A ${key}`).join('\n')).services.length, 2 + keys.length);
});

test('ranges of ports of one address may not meet; one port inside a range may be another', () => {
  const ranges = '-A -t 10.0.0.1:70-79\n-A -t 10.0.0.1:75\n-A -u 10.0.0.1:75-80';
  assert.is(apply(ranges).services.length, 5);
  assert.equal(problems('-A -t 10.0.0.1:70-79\n-A -t 10.0.0.1:79-90'), [
    't:2:1 Service already exists: -t 10.0.0.1:70-79',
  ]);
});

test('one command by itself is applied as a line of a text', () => {
  const command = parseServiceArguments(['-D', '-t', '10.0.0.1:80']);
  assert.ok(isChange(command));
  assert.is(applyCommand(base(), command).services.length, 1);
  assert.throws(() => applyCommand([], command), /No such service: -t 10\.0\.0\.1:80/);
});

test.run();
