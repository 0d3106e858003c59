/**
 * What the options of a network do to packets: features BR-12 to BR-20. The rules that decide
 * are those of Docker Engine, by name (reference/iptables-golden).
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CLIENT,
  decisions,
  fate,
  HOST,
  PublishRig,
  ROUTER,
  SYN,
  SYN_ACK,
} from '../support/publish-rig.js';
import { eth } from '../support/frame.js';

const OUTSIDE = '93.184.216.34';
const [WEB_IP, DB_IP, HOST_IP] = ['10.0.0.2', '10.1.0.2', '192.168.0.2'];
/** What leaves a network is masqueraded, also towards another one of the host. */
const FROM_DB = `web: 10.0.0.1:42000 > ${WEB_IP}:80`;
const PUBLISHED = `web: ${CLIENT}:41000 > ${WEB_IP}:80`;
const GUARD = `-A PREROUTING -d ${WEB_IP}/32 ! -i docker0 -j DROP`;
const SHUT = '-A DOCKER ! -i docker0 -o docker0 -j DROP';
const OPEN = `-A DOCKER -d ${WEB_IP}/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT`;

/** The example, whose first network has these options. */
function rigOf(options: string, ...edits: [string, string][]): PublishRig {
  return new PublishRig(['docker0: {}', `docker0: { ${options} }`], ...edits);
}

test('internal: no way out, no way in, and no port is published, BR-20', () => {
  const rig = rigOf('internal: true');
  assert.is(
    fate(rig.call('web', OUTSIDE)),
    '-A DOCKER-INTERNAL ! -d 10.0.0.0/16 -i docker0 -j DROP',
  );
  for (const port of [80, 8000]) {
    const entry = '-A DOCKER-INTERNAL ! -s 10.0.0.0/16 -o docker0 -j DROP';
    assert.is(fate(rig.ask(port, WEB_IP)), entry);
  }
  assert.is(fate(rig.call('db', WEB_IP)), '-A DOCKER-INTERNAL ! -s 10.0.0.0/16 -o docker0 -j DROP');
  assert.equal(rig.published, [`${DB_IP}:5432 at 127.0.0.1:5432`]);
  assert.is(fate(rig.ask(5000)), `eth0: ${HOST_IP}:5000 > ${CLIENT}:41000`, 'the host resets it');
  assert.equal(rig.plan.zones.interfaces.map(({ config }) => config.inspect)[0], false);
});

test('internal: the host itself still answers its containers', () => {
  const rig = rigOf('internal: true');
  assert.is(fate(rig.call('web', '10.0.0.1')), `web: 10.0.0.1:80 > ${WEB_IP}:42000`);
});

test('gatewayMode isolated: as internal, BR-19', () => {
  const [isolated, internal] = [rigOf('gatewayMode: isolated'), rigOf('internal: true')];
  assert.is(isolated.rules(), internal.rules());
  assert.is(
    fate(isolated.call('web', OUTSIDE)),
    '-A DOCKER-INTERNAL ! -d 10.0.0.0/16 -i docker0 -j DROP',
  );
});

test('gatewayMode nat: only published ports, at the host only; what leaves has its address', () => {
  const rig = rigOf('gatewayMode: nat');
  assert.is(fate(rig.ask(5000)), PUBLISHED);
  assert.equal(decisions(rig.ask(5000)).at(-1), OPEN);
  for (const port of [80, 81, 8000]) assert.is(fate(rig.ask(port, WEB_IP)), GUARD);
  const out = rig.call('web', OUTSIDE);
  assert.is(fate(out), `eth0: ${HOST_IP}:42000 > ${OUTSIDE}:80`);
  assert.is(decisions(out).at(-1), '-A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE');
});

test('gatewayMode nat-unprotected: every port, for whoever has a route', () => {
  const rig = rigOf('gatewayMode: nat-unprotected');
  assert.is(fate(rig.ask(5000)), PUBLISHED);
  for (const port of [80, 81]) {
    const walk = rig.ask(port, WEB_IP, 41001);
    assert.is(fate(walk), `web: ${CLIENT}:41001 > ${WEB_IP}:${port}`);
    assert.equal(decisions(walk), ['-A DOCKER ! -i docker0 -o docker0 -j ACCEPT']);
  }
  assert.is(fate(rig.call('web', OUTSIDE)), `eth0: ${HOST_IP}:42000 > ${OUTSIDE}:80`);
  assert.is(
    fate(rig.call('web', DB_IP, 5432)),
    `-A PREROUTING -d ${DB_IP}/32 ! -i docker1 -j DROP`,
    'the other network is what it was',
  );
});

test('gatewayMode routed: published ports at the container itself, and pings; no translation', () => {
  const rig = rigOf('gatewayMode: routed');
  assert.is(fate(rig.ask(5000)), `eth0: ${HOST_IP}:5000 > ${CLIENT}:41000`, 'not at the host');
  const direct = rig.ask(80, WEB_IP);
  assert.is(fate(direct), PUBLISHED);
  assert.equal(decisions(direct), [OPEN]);
  assert.is(fate(rig.ask(81, WEB_IP)), SHUT);
  const ping = eth(ROUTER, HOST).ipv4(CLIENT, WEB_IP).icmp(8, 0, 0x10001);
  assert.equal(decisions(rig.walk('eth0', ping)), ['-A DOCKER -o docker0 -p icmp -j ACCEPT']);
  const out = rig.call('web', OUTSIDE);
  assert.is(fate(out), `eth0: ${WEB_IP}:42000 > ${OUTSIDE}:80`);
  assert.equal(decisions(out), ['-A DOCKER-FORWARD -i docker0 -j ACCEPT']);
});

test('masquerade off: what leaves keeps its source; ports stay published', () => {
  const rig = rigOf('masquerade: false');
  assert.is(fate(rig.call('web', OUTSIDE)), `eth0: ${WEB_IP}:42000 > ${OUTSIDE}:80`);
  assert.is(fate(rig.ask(5000)), PUBLISHED);
});

test('masqueradeAs: another source than that of the way out, and answers to it, BR-18', () => {
  const rig = rigOf('masqueradeAs: 192.168.0.7');
  const out = rig.call('web', OUTSIDE);
  assert.is(fate(out), `eth0: 192.168.0.7:42000 > ${OUTSIDE}:80`);
  assert.is(
    decisions(out).at(-1),
    '-A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j SNAT --to-source 192.168.0.7',
  );
  const answer = eth(ROUTER, HOST).ipv4(OUTSIDE, '192.168.0.7').tcp(80, 42000, SYN_ACK);
  assert.is(fate(rig.walk('eth0', answer)), `web: ${OUTSIDE}:80 > ${WEB_IP}:42000`);
  assert.is(
    fate(rig.call('db', OUTSIDE)),
    `eth0: ${HOST_IP}:42000 > ${OUTSIDE}:80`,
    'the other network has the address of the way out',
  );
});

test('hostBinding: ports without an address are published there, PP-2', () => {
  const rig = rigOf('hostBinding: 192.168.0.3', [
    '[192.168.0.2/24]',
    '[192.168.0.2/24, 192.168.0.3/24]',
  ]);
  assert.equal(rig.published.slice(0, 2), [
    `${WEB_IP}:80 at 192.168.0.2:5000`,
    `${WEB_IP}:8000-8100 at 192.168.0.3:8000-8100`,
  ]);
  assert.is(fate(rig.ask(8001, '192.168.0.3')), `web: ${CLIENT}:41000 > ${WEB_IP}:8001`);
  assert.is(fate(rig.ask(8001)), `eth0: ${HOST_IP}:8001 > ${CLIENT}:41000`, 'reset');
  assert.is(fate(rig.ask(5000)), PUBLISHED, 'the one that says where');
});

test('trustedInterfaces: from there the guard lets pass, and published ports answer, BR-14', () => {
  const rig = rigOf('trustedInterfaces: [eth0]');
  const trusted = `-A PREROUTING -d ${WEB_IP}/32 -i eth0 -j ACCEPT`;
  assert.equal(decisions(rig.ask(80, WEB_IP)), [trusted, OPEN]);
  assert.equal(decisions(rig.ask(81, WEB_IP)), [trusted, SHUT]);
  assert.is(fate(rig.call('db', WEB_IP)), GUARD, 'from elsewhere not');
});

test('allowDirectRouting: no guard from anywhere; unpublished ports stay shut, BR-14', () => {
  const rig = rigOf('allowDirectRouting: true');
  assert.is(fate(rig.ask(80, WEB_IP)), PUBLISHED);
  assert.equal(decisions(rig.ask(80, WEB_IP)), [OPEN]);
  assert.is(fate(rig.ask(81, WEB_IP)), SHUT);
  assert.is(fate(rig.call('db', WEB_IP)), FROM_DB);
});

const USER = ':DOCKER-USER - [0:0]\\n:MINE - [0:0]\\n-A DOCKER-USER -j MINE\\n';

/** The example, with these rules in chain MINE, which DOCKER-USER calls. */
function withUser(...rules: string[]): [string, string] {
  const text = `*filter\\n${USER}${rules.map(rule => `-A MINE ${rule}\\n`).join('')}COMMIT\\n`;
  return ['    publish:', `    iptables: "${text}"\n    publish:`];
}

test('DOCKER-USER: decides before all that the networks say, and stays over reloads, BR-17', () => {
  const user = withUser(`-s ${CLIENT} -p tcp -m tcp --dport 80 -j DROP`, `-d ${OUTSIDE} -j REJECT`);
  const rig = new PublishRig(user);
  const drop = `-A MINE -s ${CLIENT}/32 -p tcp -m tcp --dport 80 -j DROP`;
  assert.is(fate(rig.ask(5000)), drop);
  assert.is(fate(rig.ask(8001)), `web: ${CLIENT}:41000 > ${WEB_IP}:8001`, 'others are as before');
  const refused = rig.call('web', OUTSIDE);
  assert.is(
    decisions(refused).at(-1),
    `-A MINE -d ${OUTSIDE}/32 -j REJECT --reject-with icmp-port-unreachable`,
  );
  rig.reload(user, ['docker0: {}', 'docker0: { icc: false }']);
  assert.is(fate(rig.ask(5000)), drop);
});

/** Both networks may be reached by their own addresses: then it is filter that keeps them apart. */
const DIRECT: [string, string][] = [
  ['docker0: {}', 'docker0: { allowDirectRouting: true }'],
  ['{ icc: false }', '{ allowDirectRouting: true }'],
];

test('DOCKER-USER: an ACCEPT of the user opens what the networks shut, but not their guard', () => {
  const accept = withUser('-j ACCEPT');
  assert.is(fate(new PublishRig(accept).ask(81, WEB_IP)), GUARD);
  const direct = new PublishRig(accept, ...DIRECT).ask(81, WEB_IP);
  assert.is(fate(direct), `web: ${CLIENT}:41000 > ${WEB_IP}:81`);
});

test('isolation: the guard of raw keeps networks from the containers of one another', () => {
  const rig = new PublishRig();
  assert.is(fate(rig.call('db', WEB_IP)), GUARD);
  assert.is(
    fate(rig.call('web', DB_IP, 5432)),
    `-A PREROUTING -d ${DB_IP}/32 ! -i docker1 -j DROP`,
  );
});

test('isolation: what is no known container of a network is kept apart by filter, BR-13', () => {
  const rig = new PublishRig();
  assert.is(fate(rig.call('web', '10.1.0.3')), '-A DOCKER ! -i docker1 -o docker1 -j DROP');
  assert.is(fate(rig.call('db', '10.0.0.3')), SHUT);
});

test('isolation: with direct routing, published ports are open to other networks, others shut', () => {
  const rig = new PublishRig(...DIRECT);
  assert.is(fate(rig.call('db', WEB_IP)), FROM_DB);
  assert.is(fate(rig.call('db', WEB_IP, 81)), SHUT);
  assert.is(fate(rig.call('web', DB_IP, 5433)), '-A DOCKER ! -i docker1 -o docker1 -j DROP');
});

test('isolation: another network reaches a published port through the host, PP-8', () => {
  const rig = new PublishRig();
  const walk = rig.call('db', HOST_IP, 5000);
  assert.is(fate(walk), FROM_DB);
  assert.equal(decisions(walk).slice(-2), [
    OPEN,
    '-A POSTROUTING -s 10.1.0.0/16 ! -o docker1 -j MASQUERADE',
  ]);
});

const TWO_BEHIND: [string, string] = [
  '  eth0: { kind',
  '  db2: { kind: memory, segment: back }\n  eth0: { kind',
];
const DB2 = '02:42:0a:01:00:03';

/** From the second container behind to the first one, within their segment. */
function beside(rig: PublishRig, mac: string): ReturnType<PublishRig['walk']> {
  return rig.walk('db2', eth(DB2, mac).ipv4('10.1.0.3', DB_IP).tcp(42000, 5432, SYN));
}

test('icc false: containers of one network are kept apart although the bridge is all they need', () => {
  const rig = new PublishRig(TWO_BEHIND);
  rig.call('db', OUTSIDE);
  const walk = beside(rig, '02:42:0a:01:00:02');
  assert.is(fate(walk), '-A DOCKER-FORWARD -i docker1 -o docker1 -j DROP');
  const toHost = eth(DB2, '02:42:0a:01:00:01').ipv4('10.1.0.3', OUTSIDE).tcp(1, 80, SYN);
  assert.is(fate(rig.walk('db2', toHost)), `eth0: ${HOST_IP}:1 > ${OUTSIDE}:80`, 'the way out');
});

test('icc true: the bridge asks no rule', () => {
  const rig = new PublishRig(TWO_BEHIND, ['{ icc: false }', '{ icc: true }']);
  rig.call('db', OUTSIDE);
  const walk = beside(rig, '02:42:0a:01:00:02');
  assert.is(fate(walk), `db: 10.1.0.3:42000 > ${DB_IP}:5432`);
  assert.equal(decisions(walk), []);
});

test('loopback: what is published there is reached from nowhere else, PP-6', () => {
  const rig = new PublishRig();
  assert.is(fate(rig.ask(5432)), `eth0: ${HOST_IP}:5432 > ${CLIENT}:41000`, 'reset');
  assert.is(fate(rig.ask(5432, '127.0.0.1')), 'dropped at eth0: Martian');
  assert.is(fate(rig.call('web', '10.0.0.1', 5432)), `web: 10.0.0.1:5432 > ${WEB_IP}:42000`);
  assert.is(fate(rig.call('web', '127.0.0.1', 5432)), 'dropped at web: Martian');
  assert.ok(
    rig
      .rules()
      .includes('-A PREROUTING -d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport 5432 -j DROP\n'),
  );
});

test('ranges: first, last and middle go to the port of the same place, the next one nowhere', () => {
  const range = '8000-8100:8000-8100';
  const rig = new PublishRig([range, "'8000-8100:9000-9100/tcp'"]);
  for (const port of [8000, 8042, 8100]) {
    assert.is(fate(rig.ask(port)), `web: ${CLIENT}:41000 > ${WEB_IP}:${port + 1000}`);
  }
  for (const port of [7999, 8101]) {
    assert.is(fate(rig.ask(port)), `eth0: ${HOST_IP}:${port} > ${CLIENT}:41000`, 'reset');
  }
  const back = eth('02:42:0a:00:00:02', '02:42:0a:00:00:01').ipv4(WEB_IP, CLIENT);
  const answer = rig.walk('web', back.tcp(9042, 41000, SYN_ACK));
  assert.is(fate(answer), `eth0: ${HOST_IP}:8042 > ${CLIENT}:41000`);
});

test('ranges: ten thousand ports are as many rules as one, PP-10', () => {
  const count = (rig: PublishRig): number => rig.rules().split('\n').length;
  const rig = new PublishRig(['8000-8100:8000-8100', '20000-29999:30000-39999']);
  assert.is(count(rig), count(new PublishRig()));
  assert.is(fate(rig.ask(29999)), `web: ${CLIENT}:41000 > ${WEB_IP}:39999`);
});

test.run();
