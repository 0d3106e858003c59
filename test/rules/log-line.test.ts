/** Lines of the kernel's log, part by part: net/netfilter/nf_log_syslog.c. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Logged, logLine } from '../../src/rules/log-line.js';

const IP = '4500003c1c4640004006b1e60a000102cb007102';
const TCP = '9c4000500000000a0000000ba012fde8000000070204057804020101';
const FRAME = Uint8Array.from(Buffer.from('0242cb0071010200000002020800', 'hex'));

function line(packet: string, more: Partial<Logged> = {}): string {
  const bytes = Uint8Array.from(Buffer.from(packet, 'hex'));
  const about = { prefix: '', flags: [], in: '', out: 'out', mark: 0, frame: FRAME };
  return logLine({ ...about, packet: bytes, ...more });
}

const HEAD = 'SRC=10.0.1.2 DST=203.0.113.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=7238 DF';
const head = (from: number, hex: string): string =>
  IP.slice(0, from * 2) + hex + IP.slice(from * 2 + hex.length);

test('log line: TCP, with what options ask for', () => {
  const plain = `IN= OUT=out ${HEAD} PROTO=TCP SPT=40000 DPT=80`;
  assert.is(line(IP + TCP), `${plain} WINDOW=65000 RES=0x00 ACK SYN URGP=7`);
  assert.is(
    line(IP + TCP, { flags: ['tcp-sequence', 'tcp-options'], mark: 255 }),
    `${plain} SEQ=10 ACK=11 WINDOW=65000 RES=0x00 ACK SYN URGP=7 OPT (02040578040201` +
      '01) MARK=0xff',
  );
  const strange = TCP.replace('a012', '5ffd');
  assert.match(line(IP + strange), / RES=0x3c CWR ECE URG ACK PSH RST FIN URGP=7$/);
});

test('log line: Ethernet, as it is or by name', () => {
  const named = line(IP + TCP, { in: 'eth0', prefix: 'x: ' });
  assert.match(named, /^x: IN=eth0 OUT=out MAC=02:42:cb:00:71:01:02:00:00:00:02:02:08:00 SRC=/);
  const decoded = line(IP + TCP, { in: 'eth0', flags: ['macdecode'] });
  assert.match(
    decoded,
    /OUT=out MACSRC=02:00:00:00:02:02 MACDST=02:42:cb:00:71:01 MACPROTO=0800 SRC=/,
  );
});

test('log line: header bits, options and fragments', () => {
  assert.match(line(head(1, 'b6') + TCP), / TOS=0x16 PREC=0xA0 /);
  assert.match(line(head(6, 'e000') + TCP), / ID=7238 CE DF MF PROTO=TCP SPT=/);
  assert.match(line(head(6, '2064') + TCP), / ID=7238 MF FRAG:100 PROTO=TCP$/);
  const withOptions = `46${IP.slice(2)}94040000${TCP}`;
  assert.match(line(withOptions, { flags: ['ip-options'] }), / DF OPT \(94040000\) PROTO=TCP SPT=/);
  assert.match(line(withOptions), / DF PROTO=TCP SPT=40000 /);
});

test('log line: other protocols', () => {
  assert.match(line(head(9, '11') + '13880035000b0000'), / PROTO=UDP SPT=5000 DPT=53 LEN=11$/);
  assert.match(
    line(head(9, '01') + '0800000012340005'),
    / PROTO=ICMP TYPE=8 CODE=0 ID=4660 SEQ=5$/,
  );
  assert.match(line(head(9, '01') + '0c000000140000004500'), / TYPE=12 CODE=0 PARAMETER=20$/);
  assert.match(line(head(9, '32') + '0000001000000001'), / PROTO=ESP SPI=0x10$/);
  assert.match(line(head(9, '84') + TCP), / PROTO=132$/);
});

test('log line: a redirect, and what it quotes, once', () => {
  const inner = `${head(9, '01')}03000000000000004500`;
  assert.match(
    line(`${head(9, '01')}050100000a000101${inner}`),
    / TYPE=5 CODE=1 GATEWAY=10\.0\.1\.1 \[SRC=10\.0\.1\.2 .* PROTO=ICMP TYPE=3 CODE=0 \]$/,
  );
});

test('log line: what is cut off', () => {
  assert.match(line(IP + TCP.slice(0, 20)), / PROTO=TCP INCOMPLETE \[40 bytes\]$/);
  assert.match(line(head(9, '11') + '1388'), / PROTO=UDP INCOMPLETE \[40 bytes\]$/);
  assert.match(line(head(9, '01')), / PROTO=ICMP INCOMPLETE \[40 bytes\]$/);
  assert.is(line(IP.slice(0, 20)), 'IN= OUT=out TRUNCATED');
});

test.run();
