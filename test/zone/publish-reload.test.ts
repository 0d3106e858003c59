/**
 * Flows across reloads that change what is published: those of what is gone end, those of what
 * stays go on, and a port never gives its new owner the flows of the old one (BR-24, PP-9).
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eth } from '../support/frame.js';
import { CLIENT, fate, FRONT, PublishRig, WEB } from '../support/publish-rig.js';

const HOST_IP = '192.168.0.2';
const SERVER = '93.184.216.34';
const WEB_ENTRY =
  "{ ip: 10.0.0.2, network: docker0, ports: ['192.168.0.2:5000:80', 8000-8100:8000-8100] }";
const DB_ENTRY = "{ ip: 10.1.0.2, network: docker1, ports: ['127.0.0.1:5432:5432'] }";

/** Destination ports of the flows there are. */
function flows(rig: PublishRig): number[] {
  const all = [...rig.core.zones.flows()].map(({ original }) => original.destinationPort);
  return all.sort((a, b) => a - b);
}

/** A rig in which both published ports are in use, and both containers call somebody. */
function busy(): PublishRig {
  const rig = new PublishRig();
  rig.ask(5000);
  rig.ask(8001);
  rig.call('web', SERVER, 81);
  rig.call('db', SERVER, 82);
  assert.equal(flows(rig), [81, 82, 5000, 8001]);
  return rig;
}

test('reload: nothing changed, no flow ends', () => {
  assert.equal(flows(busy().reload()), [81, 82, 5000, 8001]);
});

test('reload: a port that is gone takes its flows along, and no other', () => {
  const rig = busy().reload(["'192.168.0.2:5000:80', ", '']);
  assert.equal(flows(rig), [81, 82, 8001]);
  assert.is(fate(rig.ask(5000)), `eth0: ${HOST_IP}:5000 > ${CLIENT}:41000`, 'the host resets it');
});

test('reload: a container that is gone takes all of its flows along', () => {
  assert.equal(flows(busy().reload([WEB_ENTRY, DB_ENTRY], [`- ${DB_ENTRY}\n`, ''])), [82]);
});

test('reload: a port that moves to another container begins anew there', () => {
  const rig = busy().reload(
    ["'192.168.0.2:5000:80', ", ''],
    ['127.0.0.1:5432:5432', '192.168.0.2:5000:80'],
  );
  assert.equal(flows(rig), [81, 82, 8001]);
  assert.is(fate(rig.ask(5000)), `db: ${CLIENT}:41000 > 10.1.0.2:80`);
});

test('reload: a port that leads to another port of its container begins anew', () => {
  const rig = busy().reload(['5000:80', '5000:8080']);
  assert.equal(flows(rig), [81, 82, 8001]);
  assert.is(fate(rig.ask(5000)), `web: ${CLIENT}:41000 > 10.0.0.2:8080`);
});

test('reload: the flow of a port that stays goes on, its answers translated as before', () => {
  const rig = busy().reload(['docker1: { icc: false }', 'docker1: { internal: true }']);
  assert.ok(flows(rig).includes(5000));
  const answer = eth(WEB, FRONT).ipv4('10.0.0.2', CLIENT);
  const walk = rig.walk('web', answer.tcp(80, 41000, { flags: 0x12, acknowledged: 2 }));
  assert.is(fate(walk), `eth0: ${HOST_IP}:5000 > ${CLIENT}:41000`);
});

test('reload: a network that is shut lets no packet of its old flows pass', () => {
  const rig = busy().reload(['docker0: {}', 'docker0: { internal: true }']);
  assert.not(flows(rig).includes(5000));
  assert.is(
    fate(rig.call('web', SERVER, 81)),
    '-A DOCKER-INTERNAL ! -d 10.0.0.0/16 -i docker0 -j DROP',
  );
});

test('reload: a new port has no flows of what reached the host itself before', () => {
  const rig = new PublishRig(["'192.168.0.2:5000:80', ", '']);
  assert.is(fate(rig.ask(5000)), `eth0: ${HOST_IP}:5000 > ${CLIENT}:41000`, 'the host resets it');
  rig.reload();
  assert.is(fate(rig.ask(5000)), `web: ${CLIENT}:41000 > 10.0.0.2:80`);
});

test('reload: a chosen port that stays keeps its flows', () => {
  const chosen: [string, string] = ['192.168.0.2:5000:80', '80'];
  const rig = new PublishRig(chosen, ['127.0.0.1:5432:5432', '5432']);
  assert.is(fate(rig.ask(32768)), `web: ${CLIENT}:41000 > 10.0.0.2:80`);
  assert.is(fate(rig.ask(32769)), `db: ${CLIENT}:41000 > 10.1.0.2:5432`);
  assert.equal(
    flows(rig.reload(["'192.168.0.2:5000:80', ", ''], ['127.0.0.1:5432:5432', '5432'])),
    [32769],
  );
});

test.run();
