/** What LOG and NFLOG rules write of the packets they meet, as the kernel's log has it. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { JOURNAL_RECORDS, JournalKind } from '../../assembly/zone-abi.js';
import { readJournal, readLogged } from '../../src/journal-record.js';
import { logLine } from '../../src/rules/log-line.js';
import { IN, NatRig, OUT, errorAbout, inward, ipOf, outward } from '../support/nat-rig.js';
import { MASQUERADE, saveText } from '../support/zone-rig.js';

const IFACES = ['', 'in', 'out'];

/** A rig whose log is read. */
function heard(rules: string): NatRig {
  const rig = NatRig.create({ rules });
  rig.zone.core.zones.journal.want(JournalKind.Log);
  return rig;
}

function taken(rig: NatRig) {
  const { nowMs } = rig.zone.bridge;
  return { ...rig.zone.core.zones.journal.take(), wallMs: nowMs, clockMs: nowMs };
}

/** Lines since the last time. */
function lines(rig: NatRig): string[] {
  return readLogged(taken(rig)).map(({ rule, in: from, out, mark, frame, packet }) => {
    const { target } = rig.zone.compiled!.rules[rule]!.rule;
    assert.ok(target.kind === 'log' || target.kind === 'nflog');
    const { prefix, flags } =
      target.kind === 'log' ? target.options : { prefix: target.prefix, flags: [] };
    const names = { in: IFACES[from]!, out: IFACES[out]! };
    return logLine({ prefix, flags, ...names, mark, frame, packet });
  });
}

const MAC_IN = 'MAC=02:42:0a:00:01:01:02:00:00:00:01:02:08:00';
const MAC_OUT = 'MAC=02:42:cb:00:71:01:02:00:00:00:02:02:08:00';

test('log: each hook shows the packet as it is there', () => {
  const rig = heard(
    saveText('mangle', [
      '-A PREROUTING -j LOG --log-prefix "pre: "',
      '-A PREROUTING -j MARK --set-mark 0x2a',
      '-A FORWARD -j LOG --log-prefix "fwd: "',
      '-A POSTROUTING -j LOG --log-prefix "post: "',
    ]) +
      saveText('nat', [
        '-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.1.2:80',
      ]),
  );
  rig.pass(OUT, inward(2, '203.0.113.1', { id: 7, isDf: true }).tcp(5000, 8080, { flags: 2 }));
  const rest = (ttl: number): string => `LEN=40 TOS=0x00 PREC=0x00 TTL=${ttl} ID=7 DF PROTO=TCP`;
  const tcp = (port: number): string => `SPT=5000 DPT=${port} WINDOW=65535 RES=0x00 SYN URGP=0`;
  const inside = 'SRC=203.0.113.2 DST=10.0.1.2';
  assert.equal(
    lines(rig).map(line => line.replace(/WINDOW=\d+/, 'WINDOW=65535')),
    [
      `pre: IN=out OUT= ${MAC_OUT} SRC=203.0.113.2 DST=203.0.113.1 ${rest(64)} ${tcp(8080)}`,
      `fwd: IN=out OUT=in ${MAC_OUT} ${inside} ${rest(63)} ${tcp(80)} MARK=0x2a`,
      `post: IN= OUT=in ${inside} ${rest(63)} ${tcp(80)} MARK=0x2a`,
    ],
  );
});

test('log: packets that are refused behind it, and each packet of a connection', () => {
  const rig = heard(
    saveText('filter', [
      '-A INPUT -j NFLOG --nflog-prefix "own " --nflog-group 3',
      '-A FORWARD -p udp -m udp --dport 53 -j LOG',
      '-A FORWARD -p udp -m udp --dport 54 -j LOG --log-prefix "no: "',
      '-A FORWARD -p udp -m udp --dport 54 -j DROP',
    ]),
  );
  const head = 'IN=in OUT=out ' + MAC_IN + ' SRC=10.0.1.2 DST=203.0.113.2';
  const udp = (port: number): string =>
    `LEN=31 TOS=0x00 PREC=0x00 TTL=63 ID=0 PROTO=UDP SPT=4000 DPT=${port} LEN=11`;
  for (let i = 0; i < 3; i++) rig.pass(IN, outward(2, 2, { id: 0 }).udp(4000, 53).payload('who'));
  assert.equal(
    lines(rig).map(line => line.replace(' DF', '')),
    Array.from({ length: 3 }, () => `${head} ${udp(53)}`),
  );
  rig.stop(IN, outward(2, 2, { id: 0 }).udp(4000, 54).payload('who'));
  assert.equal(
    lines(rig).map(line => line.replace(' DF', '')),
    [`no: ${head} ${udp(54)}`],
  );
  rig.send(IN, outward(2, '10.0.1.1', { id: 0 }).icmp(8, 0, 0x00070001));
  assert.equal(
    lines(rig).map(line => line.replace(' DF', '')),
    [
      `own IN=in OUT= ${MAC_IN} SRC=10.0.1.2 DST=10.0.1.1 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ` +
        'ID=0 PROTO=ICMP TYPE=8 CODE=0 ID=7 SEQ=1',
    ],
  );
});

test('log: an error is shown with the packet it quotes, as that came', () => {
  const rig = heard(
    MASQUERADE + saveText('filter', ['-A FORWARD -m conntrack --ctstate RELATED -j LOG']),
  );
  const { sent } = rig.send(IN, outward(2, 2, { id: 0 }).udp(4000, 53));
  rig.send(OUT, errorAbout(2, ipOf(sent[0]!.bytes), { code: 4, rest: 1400 }));
  const [line] = lines(rig);
  assert.match(line!, /^IN=out OUT=in .* SRC=203\.0\.113\.2 DST=10\.0\.1\.2 LEN=56 /);
  assert.match(
    line!,
    /PROTO=ICMP TYPE=3 CODE=4 \[SRC=203\.0\.113\.1 DST=203\.0\.113\.2 LEN=28 .*PROTO=UDP SPT=4000 DPT=53 LEN=8 \] MTU=1400$/,
  );
});

test('log: nothing is written while nobody reads, and it is no event of a flow', () => {
  const rig = NatRig.create({ rules: saveText('filter', ['-A FORWARD -j LOG']) });
  rig.pass(IN, outward(2, 2).udp(4000, 53));
  assert.is(rig.zone.core.zones.journal.count, 0);
  rig.zone.core.zones.journal.want(JournalKind.Log | JournalKind.New);
  rig.pass(IN, outward(2, 2).udp(4001, 53));
  const part = taken(rig);
  assert.is(readLogged(part).length, 1);
  assert.equal(
    readJournal(part).map(({ kind }) => kind),
    [JournalKind.New],
  );
});

test('log: more than the ring holds is counted', () => {
  const rig = heard(saveText('filter', ['-A FORWARD -j LOG']));
  const frames = Array.from({ length: 250 }, () => outward(2, 2).udp(4000, 53));
  for (let sent = 0; sent < JOURNAL_RECORDS + 250; sent += 250) {
    rig.batch(frames.map(frame => ({ port: IN, frame })));
  }
  const part = taken(rig);
  assert.is(readLogged(part).length, JOURNAL_RECORDS);
  assert.is(part.lost, Math.ceil((JOURNAL_RECORDS + 250) / 250) * 250 - JOURNAL_RECORDS);
});

test.run();
