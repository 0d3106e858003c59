/** Services of zones of a running switch over the API: shown, changed, tried, refused. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CoreCounter } from '../../assembly/abi.js';
import { serviceOfView } from '../../src/api/service-views.js';
import type { ServiceView } from '../../src/api/service-views.js';
import type { ApiClient } from '../../src/api/client.js';
import { printServices } from '../../src/service/print.js';
import type { Switch } from '../../src/switch.js';
import { eth } from '../support/frame.js';
import { refusal, withServed } from '../support/served.js';

const CLIENT = '02:00:00:00:00:01';
const OUTSIDE = '02:42:c0:a8:00:02';
const SYN = 0x02;

function config(services: string, capacities = ''): string {
  return `
capacities: { fdbEntries: 64, flows: 256${capacities} }
ports:
  b2: { kind: memory, segment: lan }
  e0: { kind: memory, segment: uplink }
segments: { lan: , uplink: }
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: [10.0.0.1/16] }
      eth0: { segment: uplink, addresses: [192.168.0.2/24] }
    neighbours:
      - { ip: 192.168.0.1, mac: '${CLIENT}', interface: eth0 }
      - { ip: 10.0.0.2, mac: '02:42:0a:00:00:02', interface: docker0 }
      - { ip: 10.0.0.3, mac: '02:42:0a:00:00:03', interface: docker0 }
${services.replace(/^/gm, '    ')}
`;
}

const WEB = `services:
  web:
    vip: 192.168.0.80
    ports: ['80']
    scheduler: rr
    persistence: { timeoutSec: 60 }
    backends: [{ address: 10.0.0.2 }, { address: 10.0.0.3 }]`;

const WEB_TEXT = `-A -t 192.168.0.80:80 -s rr -p 60
-a -t 192.168.0.80:80 -r 10.0.0.2:80 -m -w 1
-a -t 192.168.0.80:80 -r 10.0.0.3:80 -m -w 1
`;

let sent = 0n;

/** A new connection, and waits until the core has decided over it. */
async function open(made: Switch, port: number): Promise<void> {
  const syn = eth(CLIENT, OUTSIDE)
    .ipv4('192.168.0.1', '192.168.0.80')
    .tcp(port, 80, { flags: SYN, sequence: 1 })
    .bytes();
  await made.inject(1, [syn]);
  sent++;
  for (let tries = 0; tries < 400; tries++) {
    if ((await made.counters()).core[CoreCounter.Received]! >= sent) return;
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  assert.unreachable('the frame was not received');
}

async function textNow(client: ApiClient): Promise<string> {
  return printServices((await client.services()).services.map(serviceOfView));
}

async function only(client: ApiClient): Promise<ServiceView> {
  const { services } = await client.services();
  assert.is(services.length, 1);
  return services[0]!;
}

function conns({ backends }: ServiceView): [string, number, number][] {
  return backends.map(one => [one.address, one.counters.connections, one.inactive]);
}

test('services: shown with what they count, their connections and held clients', () =>
  withServed({ text: config(WEB) }, async ({ client, made }) => {
    sent = 0n;
    await open(made, 1000);
    const { zone, timeouts } = await client.services();
    assert.is(zone, 'host');
    assert.equal(timeouts, { tcpSec: 432000, tcpFinSec: 120, udpSec: 120 });
    const view = await only(client);
    assert.is(view.name, 'tcp 192.168.0.80:80');
    assert.equal(view.persistence, { timeoutSec: 60, maskBits: 32 });
    const taker = view.backends.find(({ inactive }) => inactive === 1)!;
    assert.is(taker.persistent, 1);
    assert.equal(taker.counters, {
      connections: 1,
      inPackets: 1,
      outPackets: 0,
      inBytes: 40,
      outBytes: 0,
    });
    assert.equal(view.counters, taker.counters);
    const backend = { address: taker.address, port: 80 };
    const [flow, held, ...more] = await client.serviceConnections();
    assert.equal(more, []);
    assert.is(flow!.state, 'SYN_SENT');
    assert.equal(flow!.client, { address: '192.168.0.1', port: 1000 });
    assert.equal(flow!.virtual, { address: '192.168.0.80', port: 80 });
    assert.equal(flow!.backend, backend);
    assert.is(held!.state, 'NONE');
    assert.equal(held!.client, { address: '192.168.0.1', port: 0 });
    assert.equal(held!.backend, backend);
    assert.equal((await client.services({ service: 'tcp 192.168.0.80:81' })).services, []);
  }));

test('services: one command changes one backend; the others, counters and flows stay', () =>
  withServed({ text: config(WEB.replace(/ +persistence.*\n/, '')) }, async ({ client, made }) => {
    sent = 0n;
    for (let port = 1000; port < 1004; port++) await open(made, port);
    const two = [
      ['10.0.0.2', 2, 2],
      ['10.0.0.3', 2, 2],
    ];
    assert.equal(conns(await only(client)), two);
    const words = '-e -t 192.168.0.80:80 -r 10.0.0.2:80 -m -w 0'.split(' ');
    assert.equal(await client.changeServices({ args: words }), {
      zone: 'host',
      services: 1,
      backends: 2,
      changed: true,
    });
    for (let port = 2000; port < 2004; port++) await open(made, port);
    const drained = [
      ['10.0.0.2', 2, 2],
      ['10.0.0.3', 6, 6],
    ];
    assert.equal(conns(await only(client)), drained);
    const before = made.plan.zones.services[0]!;
    assert.is(before.service.backends[0]!.weight, 0, 'the plan has it');
    const remove = '-d -t 192.168.0.80:80 -r 10.0.0.2:80'.split(' ');
    await client.changeServices({ args: remove });
    assert.equal(conns(await only(client)), [['10.0.0.3', 6, 6]]);
    assert.is((await only(client)).counters.connections, 8, 'with what is gone');
    await client.changeServices({ args: ['-Z'] });
    assert.equal(conns(await only(client)), [['10.0.0.3', 0, 6]]);
  }));

test('services: a text takes the place of all; a reload brings its own back', () =>
  withServed({ text: config(WEB) }, async ({ client, made, reload }) => {
    sent = 0n;
    await open(made, 1000);
    assert.is(await textNow(client), WEB_TEXT);
    const numbers = made.plan.zones.services.map(({ index }) => index);
    const added = '-A -u 192.168.0.81:53 -s mh\n-a -u 192.168.0.81:53 -r 10.0.0.3:53 -m -w 1\n';
    await client.changeServices({ text: WEB_TEXT + added });
    assert.is(await textNow(client), WEB_TEXT + added);
    assert.is(made.plan.zones.services[0]!.index, numbers[0]);
    const [web] = (await client.services()).services;
    assert.is(web!.counters.connections, 1);
    assert.is((await client.serviceConnections()).length, 2);
    await client.changeServices({ text: added });
    assert.is(await textNow(client), added);
    assert.equal(await client.serviceConnections(), [], 'nobody is behind them any more');
    await reload(config(WEB));
    assert.is(await textNow(client), WEB_TEXT);
    assert.equal(made.plan.zones.zones[0]!.config.services.length, 1);
  }));

test('services: rules that change leave the services as they are', () =>
  withServed({ text: config(WEB) }, async ({ client, made }) => {
    sent = 0n;
    const text = WEB_TEXT.replace('-w 1', '-w 7');
    await client.changeServices({ text });
    await client.restoreRules({ text: '*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n' });
    assert.is(await textNow(client), text);
    await open(made, 1000);
    assert.is((await only(client)).counters.connections, 1);
    await client.changeServices({ args: ['-C'] });
    await client.restoreRules({ text: '*filter\n:FORWARD DROP [0:0]\nCOMMIT\n' });
    assert.is(await textNow(client), '');
  }));

test('services: what is wrong is told in the words of ipvsadm, and nothing changes', () =>
  withServed({ text: config(WEB) }, async ({ client }) => {
    const cases: [object, string][] = [
      [
        { args: ['-A', '-t', '192.168.0.80:80'] },
        'arguments:1:1: Service already exists: -t 192.168.0.80:80',
      ],
      [{ args: ['-D', '-f', '9'] }, 'arguments:1:1: No such service: -f 9'],
      [
        { args: ['-d', '-t', '192.168.0.80:80', '-r', '10.0.0.9'] },
        'arguments:1:1: No such destination: 10.0.0.9:80 of -t 192.168.0.80:80',
      ],
      [
        { args: ['-a', '-t', '192.168.0.80:80', '-r', '10.0.0.9', '-i'] },
        'zones.host.services.tcp 192.168.0.80:80: ' +
          'expected -m or -g, as there are no tunnels to backends, got -i',
      ],
      [
        { args: ['-A', '-t', '192.168.0.80:79-81'] },
        'zones.host.services: expected each address and port once, got tcp 192.168.0.80:80 twice',
      ],
      [
        { args: ['--set', '1', '0', '0'] },
        "--set: expected timeouts in the zone's conntrack.timeoutsSec, got some here",
      ],
      [
        { text: '-A -f 1 -s rr\n-A -f 2 -s xx\n', file: 'net.ipvs' },
        'net.ipvs:2:12: expected a scheduler (rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, ' +
          'fo, ovf, mh, twos), got xx',
      ],
      [{ text: WEB_TEXT, noflush: true }, 'text:1:1: Service already exists: -t 192.168.0.80:80'],
      [{ args: ['-S'] }, 'args: expected a command that changes services, got save'],
      [{}, 'body: expected args or a text, got neither or both'],
      [{ args: ['-C'], zone: 'hst' }, 'zone: expected one of host, got hst (did you mean host?)'],
    ];
    for (const [change, expected] of cases) {
      const [first] = (await refusal(client.changeServices(change))).split('\n');
      assert.is(first, `${expected.includes('did you mean host') ? 404 : 400} ${expected}`);
    }
    assert.is(await textNow(client), WEB_TEXT);
    const tried = await client.changeServices({ args: ['-C'], test: true });
    assert.is(tried.changed, false);
    assert.is(await textNow(client), WEB_TEXT);
  }));

test('services: where there is no room, all is as before and stays usable', () =>
  withServed(
    { text: config(WEB, ', services: 2, backends: 4, serviceKeys: 4, balanceBytes: 17152') },
    async ({ client, made }) => {
      sent = 0n;
      await open(made, 1000);
      const room = async (args: string): Promise<string> =>
        refusal(client.changeServices({ args: args.split(' ') }));
      const text = (lines: string[]): object => ({ text: lines.join('\n') + '\n', noflush: true });
      // Of one service: no copy of the core is made.
      assert.match(await room('-A -t 192.168.0.81:80-84 -s rr'), 'capacities.serviceKeys is 4');
      await client.changeServices({ args: '-A -t 192.168.0.81:80 -s mh'.split(' ') });
      // Its lookup table takes 16 KiB of what is left.
      await client.changeServices({ args: '-E -t 192.168.0.81:80 -s rr'.split(' ') });
      const mh = '-E -t 192.168.0.80:80 -s mh -p 60';
      await client.changeServices({ args: mh.split(' ') });
      const both = [mh.replace('.80:', '.81:').replace(' -p 60', '')];
      assert.match(await room(both[0]!), 'capacities.balanceBytes is 17152');
      await client.changeServices({ args: '-E -t 192.168.0.80:80 -s rr -p 60'.split(' ') });
      // Of several.
      const full = text([
        '-e -t 192.168.0.80:80 -r 10.0.0.2:80 -m -w 9',
        '-E -t 192.168.0.80:80 -s mh -p 60',
        both[0]!,
      ]);
      assert.match(await refusal(client.changeServices(full)), 'capacities.balanceBytes is 17152');
      assert.match(await room('-A -f 3'), 'at most 2 services (capacities.services), got more');
      await client.changeServices({ args: '-D -t 192.168.0.81:80'.split(' ') });
      const many = ['-A -f 1', ...[2, 3, 4].map(n => `-a -f 1 -r 10.0.0.${n}`)];
      const problem = await refusal(client.changeServices(text(many)));
      assert.match(problem, 'at most 4 backends (capacities.backends), got more');
      assert.is(await textNow(client), WEB_TEXT);
      await open(made, 1001);
      const view = await only(client);
      assert.is(view.counters.connections, 2);
      // Numbers that were given back are there again.
      await client.changeServices(text(many.slice(0, 3)));
    },
  ));

test.run();
