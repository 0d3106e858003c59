import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  bindPort,
  parsePublish,
  PortAllocator,
  unbindPort,
  type Endpoint,
  type ZoneNetwork,
} from '../../src/rules/publish.js';
import { problemsOf } from './rules-of.js';

const NETWORK: ZoneNetwork = {
  bridge: 'br0',
  subnet: { ipv4: '10.1.0.0/24', ipv6: 'fd00::/64' },
  containers: {},
  icc: true,
  internal: false,
  masquerade: true,
  gatewayMode: {},
};
const BOTH: Endpoint = { network: NETWORK, ipv4: '10.1.0.2', ipv6: 'fd00::2' };

/** Short: `host hostPorts containerPorts protocol`. */
function spec(text: string): string {
  const { hostIp, hostPorts, containerPorts, protocol } = parsePublish(text);
  const range = (ports = { first: 0, last: 0 }): string => `${ports.first}-${ports.last}`;
  return [hostIp ?? '*', range(hostPorts), range(containerPorts), protocol].join(' ');
}

test('publish: every form of -p', () => {
  const cases = [
    ['80', '* 0-0 80-80 tcp'],
    ['80-90/udp', '* 0-0 80-90 udp'],
    ['8080:80', '* 8080-8080 80-80 tcp'],
    ['8000-8010:80-90/sctp', '* 8000-8010 80-90 sctp'],
    ['8000-8010:80', '* 8000-8010 80-80 tcp'],
    ['127.0.0.1:8080:80/TCP', '127.0.0.1 8080-8080 80-80 tcp'],
    ['127.0.0.1::80', '127.0.0.1 0-0 80-80 tcp'],
    ['[::1]:8080:80', '::1 8080-8080 80-80 tcp'],
    ['[fd00:0::1]::80-81', 'fd00::1 0-0 80-81 tcp'],
  ];
  for (const [text, read] of cases) assert.is(spec(text!), read, text);
});

test('publish: what is no -p is refused, with what was expected', () => {
  const cases = [
    ['', 'a container port 1..65535, got ""'],
    ['0', 'a container port 1..65535, got 0'],
    ['90-80', 'a container port 1..65535, got 90-80'],
    ['8080:', 'a container port 1..65535, got ""'],
    ['65536:80', 'a host port 1..65535, got 65536'],
    ['80/icmp', '/tcp, /udp or /sctp, got /icmp'],
    ['80-82:80-81', 'as many host ports as container ports, got 80-82:80-81'],
    ['80:80-81', 'as many host ports as container ports, got 80:80-81'],
    ['1.2.3:80:80', 'a host address, got 1.2.3'],
    ['[1.2.3.4]:80:80', 'an IPv6 address in [], got 1.2.3.4'],
    ['::1:80:80', '[hostIP:][hostPort]:containerPort, got ::1:80:80'],
    ['[::1]:80', '[hostIP:][hostPort]:containerPort, got [::1]:80'],
  ];
  for (const [text, problem] of cases)
    assert.equal(
      problemsOf(() => parsePublish(text!, 'ports[0]')),
      [`ports[0]: expected ${problem}`],
    );
});

function asker(allocator: PortAllocator) {
  return (addresses: string, first?: number, last = first, count = 1): number =>
    allocator.allocate({
      addresses: addresses.split(' '),
      protocol: 'tcp',
      count,
      within: first === undefined ? undefined : { first, last: last! },
    }).first;
}

test('ports: a port is given once an address and protocol, in the words of Docker', () => {
  const allocator = new PortAllocator();
  const ask = asker(allocator);
  assert.is(ask('10.0.0.1', 80), 80);
  assert.is(ask('10.0.0.2', 80), 80);
  assert.throws(
    () => ask('10.0.0.1', 80),
    (error: Error) => error.message === 'Bind for 10.0.0.1:80 failed: port is already allocated',
  );
  const udp = { addresses: ['10.0.0.1'], protocol: 'udp', count: 1 } as const;
  assert.equal(allocator.allocate({ ...udp, within: { first: 80, last: 80 } }), {
    first: 80,
    last: 80,
  });
});

test('ports: 0.0.0.0 takes a port from every address of its family, and the other way', () => {
  const ask = asker(new PortAllocator());
  ask('0.0.0.0', 80);
  assert.throws(
    () => ask('10.0.0.1', 80),
    /Bind for 10.0.0.1:80 failed: port is already allocated/,
  );
  assert.is(ask('::', 80), 80);
  ask('fd00::1', 81);
  assert.throws(() => ask('::', 81), /Bind for :::81 failed: port is already allocated/);
  assert.is(ask('0.0.0.0', 81), 81);
});

test('ports: chosen ports go on from the last one, wrap, and pass over taken and reserved', () => {
  const range = { first: 100, last: 105 };
  const allocator = new PortAllocator({ range, reserved: [{ first: 102, last: 102 }] });
  const ask = asker(allocator);
  ask('0.0.0.0', 104);
  assert.equal([ask('0.0.0.0'), ask('0.0.0.0'), ask('0.0.0.0')], [100, 101, 103]);
  allocator.release(['0.0.0.0'], 'tcp', { first: 100, last: 101 });
  assert.equal([ask('0.0.0.0'), ask('0.0.0.0'), ask('0.0.0.0')], [105, 100, 101]);
  assert.throws(() => ask('0.0.0.0'), 'all ports of 100-105 are allocated');
  assert.is(ask('0.0.0.0', 102), 102);
});

test('ports: of a longer range the first that is free, all ports of a block together', () => {
  const ask = asker(new PortAllocator({ range: { first: 100, last: 109 } }));
  ask('0.0.0.0', 8001);
  assert.is(ask('0.0.0.0', 8000, 8002), 8000);
  assert.is(ask('0.0.0.0', 8000, 8002), 8002);
  assert.throws(() => ask('0.0.0.0', 8000, 8002), 'all ports of 8000-8002 are allocated');
  ask('0.0.0.0', 102);
  assert.is(ask('0.0.0.0', undefined, undefined, 4), 103);
});

test('publish: both families get the same port, and both give it back', () => {
  const allocator = new PortAllocator();
  allocator.allocate({
    addresses: ['::'],
    protocol: 'tcp',
    count: 1,
    within: { first: 32768, last: 32768 },
  });
  const ports = bindPort(parsePublish('80'), BOTH, allocator);
  assert.equal(
    ports.map(port => [port.containerIp, port.hostIp, port.hostPorts]),
    [
      ['10.1.0.2', '0.0.0.0', { first: 32769, last: 32769 }],
      ['fd00::2', '::', { first: 32769, last: 32769 }],
    ],
  );
  assert.throws(() => bindPort(parsePublish('32769:80'), BOTH, allocator), /already allocated/);
  unbindPort(ports, allocator);
  assert.is(bindPort(parsePublish('32769:80'), BOTH, allocator).length, 2);
});

test('publish: a refused port takes nothing of the other family', () => {
  const allocator = new PortAllocator();
  bindPort(parsePublish('[::]:80:80'), BOTH, allocator);
  assert.throws(() => bindPort(parsePublish('80:80'), BOTH, allocator), /Bind for :::80 failed/);
  assert.is(bindPort(parsePublish('0.0.0.0:80:80'), BOTH, allocator).length, 1);
});

test('publish: the host address is that of -p, of the network, or all', () => {
  const hosts = (text: string, network: ZoneNetwork): string[] =>
    bindPort(parsePublish(text), { ...BOTH, network }, new PortAllocator()).map(
      port => port.hostIp,
    );
  const bound = { ...NETWORK, hostBinding: { ipv4: '192.0.2.1' } };
  assert.equal(hosts('80', NETWORK), ['0.0.0.0', '::']);
  assert.equal(hosts('80', bound), ['192.0.2.1', '::']);
  assert.equal(hosts('127.0.0.1::80', bound), ['127.0.0.1']);
  assert.equal(hosts('80', { ...NETWORK, internal: true }), []);
  assert.equal(hosts('80', { ...NETWORK, gatewayMode: { ipv4: 'isolated' } }), ['::']);
});

test('publish: a routed network takes no host port', () => {
  const routed = { ...NETWORK, gatewayMode: { ipv4: 'routed', ipv6: 'routed' } } as const;
  const ports = bindPort(parsePublish('80:80'), { ...BOTH, network: routed }, new PortAllocator());
  assert.equal(
    ports.map(port => port.hostPorts),
    [undefined, undefined],
  );
});

test.run();
