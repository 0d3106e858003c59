/** Networks and published ports of a zone, as they are configured: features §3, walk W2. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eth, hex } from '../support/frame.js';
import { FRONT, PublishRig, SYN, WEB, problems } from '../support/publish-rig.js';

test('publish: W2, a port and a range lead to the container', () => {
  const rig = new PublishRig();
  for (const [host, container] of [
    [5000, 80],
    [8042, 8042],
  ] as const) {
    const walk = rig.ask(host);
    assert.is(walk.verdict, 'sent to web');
    const want = eth(FRONT, WEB).ipv4('203.0.113.9', '10.0.0.2', { ttl: 63 });
    assert.is(walk.out[0]!.hex, hex(want.tcp(41000, container, SYN).bytes()));
  }
});

test('publish: rules see what stays in a segment where icc is off', () => {
  const inspect = new PublishRig().plan.zones.interfaces.map(({ config }) => config.inspect);
  assert.equal(inspect, [false, true, false]);
});

test('publish: what cannot be bound is refused with its path', () => {
  const at = 'zones.host.publish[1].ports[0]';
  assert.equal(problems(['127.0.0.1:5432', '192.168.0.9:5432']), [
    `${at}: expected an address of the zone, got 192.168.0.9`,
  ]);
  assert.equal(problems(["'127.0.0.1:5432:5432'", "'[::1]:5432:5432'"]), [
    `${at}: expected a host address of a family that the container has`,
  ]);
  assert.equal(problems(['ip: 10.1.0.2, network', 'ip: 10.0.0.3, network']), [
    "zones.host.publish[1].ip: expected a container's address in docker1, got 10.0.0.3",
  ]);
  assert.equal(problems(['10.0.0.2, network: docker0', '10.0.0.2, network: docker9']), [
    'zones.host.publish[0].network: expected one of docker0, docker1, got "docker9" (did you mean docker0?)',
  ]);
});

test('publish: beside networks a text fills the chain of the user only', () => {
  const text = '*filter\\n-A INPUT -j DROP\\nCOMMIT\\n';
  assert.equal(problems(['    publish:', `    iptables: "${text}"\n    publish:`]), [
    'zones.host.iptables: expected DOCKER-USER of filter and chains it calls, beside networks, got chain INPUT of filter',
  ]);
});

test.run();
