/** Which host ports containers get, and keep over reloads: features PP-1 to PP-4. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { edited, problems, PublishRig } from '../support/publish-rig.js';

const PORTS = "['192.168.0.2:5000:80', 8000-8100:8000-8100]";
const DB = "['127.0.0.1:5432:5432']";
/** The first of net.ipv4.ip_local_port_range. */
const FIRST = 32768;

/** Ports of the two containers, in place of the example's. */
function ports(web: string, db = '[]'): [string, string][] {
  return [
    [PORTS, web],
    [DB, db],
  ];
}

function published(web: string, db?: string): string[] {
  return new PublishRig(...ports(web, db)).published;
}

test('ports: chosen ports go on from the last one, PP-3, each protocol for itself', () => {
  assert.equal(published('[80, 81, 53/udp]', '[5432]'), [
    `10.0.0.2:80 at 0.0.0.0:${FIRST}`,
    `10.0.0.2:81 at 0.0.0.0:${FIRST + 1}`,
    `10.0.0.2:53 at 0.0.0.0:${FIRST}`,
    `10.1.0.2:5432 at 0.0.0.0:${FIRST + 2}`,
  ]);
});

test('ports: those that are named come first, whatever their place', () => {
  assert.equal(published('[80]', `['${FIRST}:5432']`), [
    `10.1.0.2:5432 at 0.0.0.0:${FIRST}`,
    `10.0.0.2:80 at 0.0.0.0:${FIRST + 1}`,
  ]);
});

test('ports: ranges, PP-1: one to one, and the first free one of many for one', () => {
  assert.equal(published("['8000-8002:80-82']", "['8000-8010:80', '8000-8010:81']"), [
    '10.0.0.2:80-82 at 0.0.0.0:8000-8002',
    '10.1.0.2:80 at 0.0.0.0:8003',
    '10.1.0.2:81 at 0.0.0.0:8004',
  ]);
});

test('ports: a container of both families has the same number on both, PP-2', () => {
  const rig = new PublishRig(
    ...ports('[80]'),
    ['addresses: [10.0.0.1/16]', "addresses: [10.0.0.1/16, 'fd00::1/64']"],
    ['ip: 10.0.0.2, network', "ip: [10.0.0.2, 'fd00::2'], network"],
  );
  assert.equal(rig.published, [`10.0.0.2:80 at 0.0.0.0:${FIRST}`, `fd00::2:80 at :::${FIRST}`]);
});

const TAKEN = [
  ['the same', '192.168.0.2:80:80', '192.168.0.2:80:5432', 'Bind for 192.168.0.2:80'],
  ['all after one', '192.168.0.2:80:80', '80:5432', 'Bind for 0.0.0.0:80'],
  ['one after all', '80:80', '192.168.0.2:80:5432', 'Bind for 192.168.0.2:80'],
  ['within a range', '8000-8010:80-90', '8010:5432', 'Bind for 0.0.0.0:8010'],
  ['a range around', '8010:80', '8000-8010:5430-5440', 'Bind for 0.0.0.0:8010'],
] as const;

for (const [what, first, second, bind] of TAKEN) {
  test(`ports: ${what}: refused in the words of Docker, PP-4`, () => {
    assert.equal(problems(...ports(`['${first}']`, `['${second}']`)), [
      `zones.host.publish[1].ports[0]: ${bind} failed: port is already allocated`,
    ]);
  });
}

test('ports: other addresses, other protocols and other families take nothing away', () => {
  assert.equal(
    problems(...ports("['192.168.0.2:80:80', '127.0.0.1:80:80', '80:80/udp', '80:80/sctp']")),
    [],
  );
});

test('ports: a range whose ports are all taken is refused', () => {
  assert.equal(problems(...ports("['8000-8001:80-81']", "['8000-8001:80']")), [
    'zones.host.publish[1].ports[0]: all ports of 8000-8001 are allocated',
  ]);
});

test('ports: a chosen port stays over reloads, whatever comes and goes beside it', () => {
  const rig = new PublishRig(...ports('[80, 81]', '[5432]'));
  const [web, db] = ['10.0.0.2:81 at 0.0.0.0:32769', '10.1.0.2:5432 at 0.0.0.0:32770'];
  assert.equal(rig.published.slice(1), [web, db]);
  assert.equal(rig.reload(...ports('[81]', '[5432]')).published, [web, db]);
  assert.equal(rig.reload(...ports('[79, 81]', '[5432, 5433]')).published, [
    web,
    db,
    '10.0.0.2:79 at 0.0.0.0:32768',
    '10.1.0.2:5433 at 0.0.0.0:32771',
  ]);
  assert.equal(rig.reload(...ports('[]', '[5432]')).published, [db]);
  assert.equal(rig.reload(...ports('[81]', '[5432]')).published, [
    db,
    '10.0.0.2:81 at 0.0.0.0:32768',
  ]);
});

test('ports: the one of a range that was free stays, also where an earlier one becomes free', () => {
  const rig = new PublishRig(...ports("['8000:80']", "['8000-8010:5432']"));
  assert.equal(rig.published.slice(1), ['10.1.0.2:5432 at 0.0.0.0:8001']);
  rig.reload(...ports('[]', "['8000-8010:5432']"));
  assert.equal(rig.published, ['10.1.0.2:5432 at 0.0.0.0:8001']);
  rig.reload(...ports('[]', "['8000-8010:5433']"));
  assert.equal(rig.published, ['10.1.0.2:5433 at 0.0.0.0:8000'], 'another entry');
});

test('ports: entries that say the same keep one each', () => {
  const rig = new PublishRig(...ports('[80, 80]'));
  assert.equal(rig.published, [
    `10.0.0.2:80 at 0.0.0.0:${FIRST}`,
    `10.0.0.2:80 at 0.0.0.0:${FIRST + 1}`,
  ]);
  assert.equal(rig.reload(...ports('[80, 80]')).published.length, 2);
  assert.equal(rig.reload(...ports('[80]')).published, [`10.0.0.2:80 at 0.0.0.0:${FIRST}`]);
});

test('ports: a chosen port gives way to an entry that names it', () => {
  const rig = new PublishRig(...ports('[80]'));
  rig.reload(...ports('[80]', `['${FIRST}:5432']`));
  assert.equal(rig.published, [
    `10.1.0.2:5432 at 0.0.0.0:${FIRST}`,
    `10.0.0.2:80 at 0.0.0.0:${FIRST + 1}`,
  ]);
});

test('ports: what was chosen for one address is kept on another one, where it is free', () => {
  const bound: [string, string] = ['docker0: {}', 'docker0: { hostBinding: 192.168.0.2 }'];
  const rig = new PublishRig(...ports('[79, 80]'));
  rig.reload(...ports('[80]'), bound);
  assert.equal(rig.published, [`10.0.0.2:80 at 192.168.0.2:${FIRST + 1}`]);
});

test('ports: no port is kept for a network that has none any more', () => {
  const rig = new PublishRig(...ports('[80]'));
  rig.reload(...ports('[80]'), ['docker0: {}', 'docker0: { gatewayMode: routed }']);
  assert.equal(rig.published, ['10.0.0.2:80 at itself']);
  assert.equal(rig.zone.chosen, []);
});

test('ports: addresses that the zone has lost are refused, also on a reload', () => {
  const second: [string, string] = ['[192.168.0.2/24]', '[192.168.0.2/24, 192.168.0.3/24]'];
  const rig = new PublishRig(...ports("['192.168.0.3::80']"), second);
  assert.equal(rig.published, [`10.0.0.2:80 at 192.168.0.3:${FIRST}`]);
  assert.throws(
    () => rig.reload(...ports("['192.168.0.3::80']")),
    /ports\[0\]: expected an address of the zone, got 192.168.0.3/,
  );
  assert.ok(edited(second).includes('192.168.0.3/24'));
});

test.run();
