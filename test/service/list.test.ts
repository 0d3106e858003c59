/** Listings, against lines that ipvsadm has printed elsewhere. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyServiceText } from '../../src/service/edit.js';
import {
  largeNumber,
  listPersistent,
  listRates,
  listServices,
  listStats,
  listThresholds,
  listTunnels,
  type BackendConnections,
  type Rates,
  type Seen,
  type SeenWhole,
  type Totals,
} from '../../src/service/list.js';
import { listConnections, listTimeouts } from '../../src/service/list-connections.js';
import { parseIp } from '../../src/frame/address.js';

const TABLE = { tableSize: 4096 };
const NONE: BackendConnections = { active: 0, inactive: 0, persistent: 0 };

function services(text: string) {
  return applyServiceText([], { text, file: 't' }).services;
}

function seen(
  text: string,
  counts: readonly BackendConnections[] = [],
): Seen<BackendConnections>[] {
  let next = 0;
  return services(text).map(service => ({
    service,
    backends: service.backends.map(() => counts[next++] ?? NONE),
  }));
}

function seenWhole<T>(text: string, numbers: readonly T[]): SeenWhole<T>[] {
  let next = 0;
  return services(text).map(service => {
    const whole = numbers[next++]!;
    return { service, whole, backends: service.backends.map(() => numbers[next++]!) };
  });
}

type Five = [number, number, number, number, number];

function totals(...[connections, inPackets, outPackets, inBytes, outBytes]: Five): Totals {
  return { connections, inPackets, outPackets, inBytes, outBytes };
}

function rates(...numbers: Five): Rates {
  const [connectionsPerSec, inPacketsPerSec, outPacketsPerSec, inBytesPerSec, outBytesPerSec] =
    numbers;
  return { connectionsPerSec, inPacketsPerSec, outPacketsPerSec, inBytesPerSec, outBytesPerSec };
}

test('-Ln: flags, persistence, marks, forwarding, blanks to the end of the columns', () => {
  const text = `-A -t 10.254.66.97:8080 -s rr -p 10800
-a -t 10.254.66.97:8080 -r 172.20.104.7:8080 -m
-a -t 10.254.66.97:8080 -r 172.20.135.6:8080 -m -w 3
-A -u [fd00::1]:53 -s mh -b mh-port -o -p 60 -M 64
-a -u [fd00::1]:53 -r 10.0.0.9:53 -i
-A -t 10.0.0.1:0 -p 300 -M 255.255.255.0
-A -f 8 -s rr
-a -f 8 -r 192.168.1.197 -w 2 -g
-A -f 8 -6 -s sh -b sh-fallback,sh-port`;
  const counts = [{ active: 12, inactive: 345678, persistent: 0 }];
  assert.is(
    listServices(seen(text, counts), TABLE),
    [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
      'TCP  10.0.0.1:0 wlc persistent 300 mask 255.255.255.0',
      'TCP  10.254.66.97:8080 rr persistent 10800',
      '  -> 172.20.104.7:8080            Masq    1      12         345678    ',
      '  -> 172.20.135.6:8080            Masq    3      0          0         ',
      'UDP  [fd00::1]:53 mh (mh-port) persistent 60 mask 64 ops',
      '  -> 10.0.0.9:53                  Tunnel  1      0          0         ',
      'FWM  8 rr',
      '  -> 192.168.1.197:0              Route   2      0          0         ',
      'FWM  8 IPv6 sh (sh-fallback,sh-port)\n',
    ].join('\n'),
  );
});

const TWO = `-A -t 172.25.116.175:80 -s rr
-a -t 172.25.116.175:80 -r 192.168.1.182:80 -x 10000 -y 100
-a -t 172.25.116.175:80 -r 192.168.1.181:80 -x 10000
-a -t 172.25.116.175:80 -r 192.168.1.180:80 -i`;

test('without the size of a table there is no first line; unsorted, the order they were added', () => {
  const lines = listServices(seen(TWO), { sort: false }).split('\n');
  assert.is(lines[0], 'Prot LocalAddress:Port Scheduler Flags');
  assert.equal(
    lines.slice(3, 6).map(line => line.slice(5, 18)),
    ['192.168.1.182', '192.168.1.181', '192.168.1.180'],
  );
});

test('--thresholds, --persistent-conn and --tun-info', () => {
  // By the order they were added; sorted, the last comes first.
  const counts = [NONE, { active: 7, inactive: 0, persistent: 2 }, NONE];
  const rows = seen(TWO, counts);
  assert.is(
    listThresholds(rows, TABLE),
    [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ',
      '  -> RemoteAddress:Port',
      'TCP  172.25.116.175:80 rr',
      '  -> 192.168.1.180:80             0          0          0          0         ',
      '  -> 192.168.1.181:80             10000      0          7          0         ',
      '  -> 192.168.1.182:80             10000      100        0          0         \n',
    ].join('\n'),
  );
  assert.is(
    listPersistent(rows),
    [
      'Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn ',
      '  -> RemoteAddress:Port',
      'TCP  172.25.116.175:80 rr',
      '  -> 192.168.1.180:80             1         0           0          0         ',
      '  -> 192.168.1.181:80             1         2           7          0         ',
      '  -> 192.168.1.182:80             1         0           0          0         \n',
    ].join('\n'),
  );
  assert.is(
    listTunnels(rows).split('\n').slice(1, 5).join('\n'),
    [
      '  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn',
      'TCP  172.25.116.175:80 rr',
      '  -> 192.168.1.180:80             Tunnel  ipip          1      0          0         ',
      '  -> 192.168.1.181:80             Route   n/a           1      7          0         ',
    ].join('\n'),
  );
});

test('--stats: large numbers are shortened, with --exact they are not', () => {
  const text = `-A -t 20.20.20.1:2020
-a -t 20.20.20.1:2020 -r 17.17.17.1:5001 -m
-a -t 20.20.20.1:2020 -r 32.32.32.1:5001 -m`;
  const rows = seenWhole(text, [
    totals(401, 8939187, 8953980, 830843111, 1135000999),
    totals(134, 3026088, 3031335, 281255222, 384268333),
    totals(134, 2953608, 2958191, 99999999, 100000000),
  ]);
  assert.is(
    listStats(rows, TABLE),
    [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes',
      '  -> RemoteAddress:Port',
      'TCP  20.20.20.1:2020                   401  8939187  8953980  830843K    1135M',
      '  -> 17.17.17.1:5001                   134  3026088  3031335  281255K  384268K',
      '  -> 32.32.32.1:5001                   134  2953608  2958191 99999999  100000K\n',
    ].join('\n'),
  );
  const exact = listStats(rows, { exact: true }).split('\n')[2];
  assert.is(
    exact,
    'TCP  20.20.20.1:2020                   401  8939187  8953980 830843111 1135000999',
  );
});

test('--rate: of a backend only bytes are shortened', () => {
  const text = `-A -t 10.96.6.131:80 -s rr\n-a -t 10.96.6.131:80 -r 10.244.210.154:80 -m`;
  const rows = seenWhole(text, [rates(1, 4, 2, 234, 268), rates(123456789, 1, 1, 123456789, 113)]);
  assert.is(
    listRates(rows, TABLE),
    [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS',
      '  -> RemoteAddress:Port',
      'TCP  10.96.6.131:80                      1        4        2      234      268',
      '  -> 10.244.210.154:80            123456789        1        1  123456K      113\n',
    ].join('\n'),
  );
});

test('numbers change their unit where ipvsadm changes it', () => {
  const shortened = [99999999, 1e8, 999999999, 1e9, 99999999999, 1e11, 99999999999999, 1e14];
  assert.equal(
    shortened.map(number => largeNumber(number)),
    [
      ' 99999999',
      '  100000K',
      '  999999K',
      '    1000M',
      '   99999M',
      '     100G',
      '   99999G',
      '     100T',
    ],
  );
  assert.equal(
    [7, 12345678, 123456789].map(number => largeNumber(number, true)),
    ['        7', ' 12345678', ' 123456789'],
  );
});

test('-Lnc: connections, longer than their columns or not; --timeout', () => {
  const at = (text: string, port: number) => ({ address: parseIp(text)!, port });
  const virtual = at('169.46.7.238', 27234);
  const listed = listConnections([
    {
      protocol: 'tcp',
      expiresSec: 899,
      state: 'ESTABLISHED',
      client: at('169.60.24.86', 52470),
      virtual,
      backend: at('169.48.180.244', 27234),
    },
    {
      protocol: 'tcp',
      expiresSec: 180 * 60 + 3,
      state: 'NONE',
      client: at('192.168.123.248', 0),
      virtual: at('10.254.66.97', 8080),
      backend: at('172.20.135.6', 8080),
    },
    {
      protocol: 'udp',
      expiresSec: 5.9,
      state: 'UDP',
      client: at('fd00::9', 1),
      virtual: at('fd00::1', 53),
      backend: at('fd00::2', 53),
    },
  ]);
  assert.is(
    listed,
    [
      'IPVS connection entries',
      'pro expire state       source             virtual            destination',
      'TCP 14:59  ESTABLISHED 169.60.24.86:52470 169.46.7.238:27234 169.48.180.244:27234',
      'TCP 180:03 NONE        192.168.123.248:0  10.254.66.97:8080  172.20.135.6:8080',
      'UDP 00:05  UDP         [fd00::9]:1        [fd00::1]:53       [fd00::2]:53\n',
    ].join('\n'),
  );
  assert.is(
    listTimeouts({ tcpSec: 900, tcpFinSec: 120, udpSec: 300 }),
    'Timeout (tcp tcpfin udp): 900 120 300\n',
  );
});

test.run();
