/** Services to the text of `ipvsadm -S -n` and back; mutated texts. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../src/config/config-error.js';
import { applyServiceText } from '../../src/service/edit.js';
import type { Service } from '../../src/service/model.js';
import { inListOrder } from '../../src/service/order.js';
import { printServices } from '../../src/service/print.js';
import { seededRandom } from '../support/random.js';
import { randomServices } from './random-services.js';

const ROUNDS = 400;
const MUTATIONS = 3000;
const READ = 100;
const CHARACTERS = ' -:.,[]#"=\\/0126ApMtrgswxy\t';
const NO_NAMES = new Map<string, number>();

function read(text: string): readonly Service[] {
  return applyServiceText([], { text, file: 't', portNames: NO_NAMES }).services;
}

test('what ipvsadm(8) gives as its first example is printed as ipvsadm -S -n prints it', () => {
  const text = [
    '-A -t 207.175.44.110:80 -s rr',
    '-a -t 207.175.44.110:80 -r 192.168.10.1:80 -m',
    '-a -t 207.175.44.110:80 -r 192.168.10.2:80 -m',
  ].join('\n');
  assert.is(
    printServices(read(text)),
    [
      '-A -t 207.175.44.110:80 -s rr',
      '-a -t 207.175.44.110:80 -r 192.168.10.1:80 -m -w 1',
      '-a -t 207.175.44.110:80 -r 192.168.10.2:80 -m -w 1\n',
    ].join('\n'),
  );
});

test('all that a service can have, in the order of ipvsadm', () => {
  const printed = [
    '-A -t 10.0.0.1:0 -s wlc -p 77 -M 255.255.255.0',
    '-A -t 10.0.0.1:80 -s rr -p 300',
    '-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 0',
    '-a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 5 -x 100 -y 50',
    '-A -u 10.0.0.1:53 -s rr -o',
    '-A --sctp-service 10.0.0.1:36412 -s nq',
    '-A -u [2001:db8::80]:53 -s mh -p 60 -M 64 -o -b mh-fallback,mh-port',
    '-a -u [2001:db8::80]:53 -r 10.0.0.9:53 -i -w 1 --tun-type ipip',
    '-A -f 1 -s sh -b sh-port',
    '-A -f 1 -6 -s rr',
    '-a -f 1 -6 -r [2001:db8::a0a0]:0 -g -w 1\n',
  ].join('\n');
  assert.is(printServices(read(printed)), printed);
  const lines = printed.trimEnd().split('\n');
  const heads = lines.filter(line => line.startsWith('-A')).reverse();
  const backwards = [...heads, ...lines.filter(line => line.startsWith('-a'))].join('\n');
  assert.is(printServices(read(backwards)), printed);
});

test('ipvsadm prints no thresholds, and the order they were added is kept if asked', () => {
  const services = read('-A -t 10.0.0.2:1\n-a -t 10.0.0.2:1 -r 10.0.0.9 -x 7\n-A -t 10.0.0.1:1');
  assert.is(
    printServices(services, { thresholds: false, sort: false }),
    '-A -t 10.0.0.2:1 -s wlc\n-a -t 10.0.0.2:1 -r 10.0.0.9:1 -g -w 1\n-A -t 10.0.0.1:1 -s wlc\n',
  );
});

test('services at random: printed, read, the same', () => {
  const below = seededRandom('services');
  for (let round = 0; round < ROUNDS; round++) {
    const services = withoutMeetingRanges(randomServices(below));
    const text = printServices(services, { sort: false });
    assert.equal(read(text), services, text);
    assert.equal(read(printServices(services)), inListOrder(services), text);
  }
});

/** Ranges of one address that meet are refused; at random there is hardly one. */
function withoutMeetingRanges(services: Service[]): Service[] {
  const seen = new Set<string>();
  return services.filter(({ key }) => {
    if (key.kind === 'mark' || key.lastPort === undefined) return true;
    const text = `${key.protocol} ${key.address.join('.')}`;
    return !seen.has(text) && seen.add(text);
  });
}

function mutate(text: string, below: (below: number) => number): string {
  let changed = text;
  for (let i = below(4); i >= 0; i--) {
    const at = below(changed.length);
    const put = below(3) === 0 ? '' : CHARACTERS[below(CHARACTERS.length)]!;
    changed = changed.slice(0, at) + put + changed.slice(at + below(3));
  }
  return changed;
}

function readOrRefuse(text: string): readonly Service[] | undefined {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { path, problem } of error.problems) {
      const [, line, column] = /^t:(\d+):(\d+)$/.exec(path) ?? [];
      const whole = text.split('\n')[Number(line) - 1];
      assert.ok(whole !== undefined && Number(column) <= whole.length + 1, `${path} of ${text}`);
      assert.ok(problem.length > 0);
    }
    return undefined;
  }
}

test('mutated texts are read and printed the same again, or refused with places', () => {
  const below = seededRandom('mutated services');
  let count = 0;
  for (let round = 0; round < MUTATIONS; round++) {
    const text = mutate(printServices(randomServices(below), { sort: false }), below);
    const services = readOrRefuse(text);
    if (services === undefined) continue;
    count++;
    assert.equal(read(printServices(services, { sort: false })), services, text);
  }
  assert.ok(count >= READ, `only ${count} texts were read`);
});

test.run();
