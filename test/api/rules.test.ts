/** Rules of zones of a running switch over the API: shown, changed, tried, refused. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ApiError } from '../../src/api/api-error.js';
import { CoreCounter } from '../../assembly/abi.js';
import type { Switch } from '../../src/switch.js';
import { eth } from '../support/frame.js';
import { reply } from '../support/neighbour.js';
import { refusal, withServed } from '../support/served.js';

const C2 = '02:42:0a:00:00:02';
const BRIDGE = '02:42:0a:00:00:01';

function config(filter: string, name = 'host'): string {
  return `
capacities: { fdbEntries: 64, flows: 256 }
ports:
  c2: { kind: memory, segment: lan }
  e0: { kind: memory, segment: uplink }
segments: { lan: , uplink: }
zones:
  ${name}:
    interfaces:
      docker0: { segment: lan, addresses: [10.0.0.1/16] }
      eth0: { segment: uplink, addresses: [192.168.0.2/24] }
    routes: [{ to: default, via: 192.168.0.1 }]
    neighbours: [{ ip: 192.168.0.1, mac: '02:00:00:00:00:01', interface: eth0 }]
    iptables: |
      *nat
      -A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE
      COMMIT
      *filter
      ${filter}
      COMMIT
`;
}

const ACCEPT = '-A FORWARD -i docker0 -j ACCEPT';
const NAT = `*nat
:PREROUTING ACCEPT [1:28]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
[1:28] -A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE
COMMIT
`;

function filterText(rules: string, forward = 'ACCEPT [0:0]'): string {
  return `*filter
:INPUT ACCEPT [0:0]
:FORWARD ${forward}
:OUTPUT ACCEPT [0:0]
${rules}
COMMIT
`;
}

let sent = 0n;

/** Sends one UDP packet of a flow, and waits until the core has decided over it. */
async function send(made: Switch, port = 1000): Promise<void> {
  const packet = eth(C2, BRIDGE).ipv4('10.0.0.2', '93.184.216.34').udp(port, 53).bytes();
  await inject(made, packet);
}

async function inject(made: Switch, frame: Uint8Array): Promise<void> {
  await made.inject(0, [frame]);
  sent++;
  for (let tries = 0; tries < 400; tries++) {
    if ((await made.counters()).core[CoreCounter.Received]! >= sent) return;
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  assert.unreachable('the frame was not received');
}

async function start(made: Switch): Promise<void> {
  sent = 0n;
  await inject(made, reply(C2, '10.0.0.2', BRIDGE, '10.0.0.1').bytes());
}

test('rules: shown as iptables-save -c does, with what they counted', () =>
  withServed({ text: config(ACCEPT) }, async ({ client, made }) => {
    await start(made);
    await send(made);
    const view = await client.rules();
    assert.equal(view, {
      zone: 'host',
      family: 'ipv4',
      text: NAT + filterText(`[1:28] ${ACCEPT}`),
    });
    assert.is((await client.rules({ family: 'ipv6' })).text, '');
  }));

test('rules: other ones take over; the same go on counting, and so after a reload', () =>
  withServed({ text: config(ACCEPT) }, async ({ client, made, reload }) => {
    await start(made);
    await send(made);
    const text = `*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp -j DROP\n${ACCEPT}\nCOMMIT\n`;
    assert.equal(await client.restoreRules({ text }), {
      zone: 'host',
      family: 'ipv4',
      rules: 3,
      changed: true,
    });
    await send(made);
    const rules = ['[0:0] -A FORWARD -p tcp -j DROP', `[2:56] ${ACCEPT}`].join('\n');
    assert.is((await client.rules()).text, NAT + filterText(rules, 'DROP [0:0]'));
    const { zones } = made.plan;
    assert.is(zones.counterKeys.length, zones.rules.rules.length + zones.rules.policies.length);
    await reload(config(ACCEPT));
    await send(made);
    assert.is((await client.rules()).text, NAT + filterText(`[3:84] ${ACCEPT}`));
  }));

test('rules: the new ones decide about packets', () =>
  withServed({ text: config(ACCEPT) }, async ({ client, made }) => {
    await start(made);
    await send(made);
    await client.restoreRules({ text: '*filter\n:FORWARD DROP [0:0]\nCOMMIT\n' });
    await send(made);
    await send(made, 1001);
    assert.match((await client.rules()).text, /^:FORWARD DROP \[2:56\]$/m);
  }));

test('rules: noflush adds to what is there', () =>
  withServed({ text: config(ACCEPT) }, async ({ client, made }) => {
    await start(made);
    await send(made);
    const text = '*filter\n-I FORWARD -p tcp -j DROP\nCOMMIT\n';
    await client.restoreRules({ text, noflush: true });
    const rules = ['[0:0] -A FORWARD -p tcp -j DROP', `[1:28] ${ACCEPT}`].join('\n');
    assert.is((await client.rules()).text, NAT + filterText(rules));
  }));

test('rules: counters of the text count only where they are asked for', () =>
  withServed({ text: config(ACCEPT) }, async ({ client, made }) => {
    await start(made);
    await send(made);
    const text = filterText(`[7:700] ${ACCEPT}`, 'ACCEPT [8:800]');
    await client.restoreRules({ text });
    assert.is((await client.rules()).text, NAT + filterText(`[1:28] ${ACCEPT}`));
    await client.restoreRules({ text, counters: true });
    await send(made);
    const after = filterText(`[8:728] ${ACCEPT}`, 'ACCEPT [8:800]');
    assert.is((await client.rules()).text, NAT + after);
  }));

test('rules: of two that are the same, the one that stays keeps its own count', () =>
  withServed({ text: config(`-A FORWARD -p udp\n      ${ACCEPT}`) }, async ({ client, made }) => {
    await start(made);
    await send(made);
    const two = filterText('[5:5] -A FORWARD -p udp\n[9:9] -A FORWARD -p udp');
    await client.restoreRules({ text: two, counters: true });
    await client.restoreRules({ text: '*filter\n-D FORWARD 1\nCOMMIT\n', noflush: true });
    assert.is((await client.rules()).text, NAT + filterText('[9:9] -A FORWARD -p udp'));
  }));

test('rules: IPv6 has its own, and both go on', () =>
  withServed({ text: config(ACCEPT) }, async ({ client }) => {
    const before = (await client.rules()).text;
    const text = filterText('[0:0] -A FORWARD -p ipv6-icmp -j ACCEPT');
    await client.restoreRules({ text, family: 'ipv6' });
    assert.is((await client.rules({ family: 'ipv6' })).text, text);
    assert.is((await client.rules()).text, before);
  }));

test('rules: what is wrong anywhere changes nothing, and says where', () =>
  withServed({ text: config(ACCEPT) }, async ({ client }) => {
    const before = (await client.rules()).text;
    const good = '*nat\nCOMMIT\n';
    const texts: [text: string, place: string][] = [
      [`${good}*filter\n-A FORWARD -j NOBODY\nCOMMIT\n`, 'r.v4:4:15'],
      [`${good}*filter\n-A FORWARD --dport 80 -j ACCEPT\nCOMMIT\n`, 'r.v4:4:12'],
      [`${good}*raw\n-A PREROUTING -j CT --zone 5\nCOMMIT\n`, 'r.v4:4:18'],
    ];
    for (const [text, place] of texts) {
      const error = await client.restoreRules({ text, file: 'r.v4' }).catch((e: unknown) => e);
      assert.instance(error, ApiError);
      assert.is((error as ApiError).status, 400);
      assert.is((error as ApiError).problems![0]!.place, place);
      assert.is((await client.rules()).text, before);
    }
  }));

test('rules: more than there is room for are refused, and nothing changes', () =>
  withServed({ text: config(ACCEPT) }, async ({ client, made }) => {
    const before = (await client.rules()).text;
    const plan = JSON.stringify(made.plan.zones.counterKeys);
    const text = `*filter\n${'-A FORWARD -p tcp\n'.repeat(1200)}COMMIT\n`;
    assert.match(
      await refusal(client.restoreRules({ text, test: true })),
      /zones: expected at most 1024 rules and policies \(capacities\.rules\), got 12\d\d/,
    );
    assert.match(await refusal(client.restoreRules({ text })), /^400 /);
    assert.is((await client.rules()).text, before);
    assert.is(JSON.stringify(made.plan.zones.counterKeys), plan);
  }));

test('rules: a test changes nothing', () =>
  withServed({ text: config(ACCEPT) }, async ({ client }) => {
    const before = (await client.rules()).text;
    const text = '*filter\n-A FORWARD -p tcp -j DROP\nCOMMIT\n';
    const result = await client.restoreRules({ text, test: true });
    assert.equal(result, { zone: 'host', family: 'ipv4', rules: 2, changed: false });
    assert.is((await client.rules()).text, before);
  }));

test('rules: the zone, the family and the text are checked', () =>
  withServed({ text: config(ACCEPT) }, async ({ client }) => {
    assert.match(
      await refusal(client.rules({ zone: 'hots' })),
      /^404 zone: .*got hots \(did you mean host\?\)$/,
    );
    assert.match(await refusal(client.rules({ family: 'ipx' })), /^400 family: .*got ipx$/);
    assert.match(await refusal(client.restoreRules({})), /^400 text: expected rules, got none$/);
    assert.match(
      await refusal(client.restoreRules({ text: '', noflush: 1 })),
      /^400 noflush: expected true or false, got 1$/,
    );
  }));

test.run();
