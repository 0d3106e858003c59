/**
 * What the core tells of flows (features CT-14): each begin, change and end once, in order,
 * with the flow as it was then; nothing while nobody listens.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FlowStatus, JOURNAL_RECORDS, JournalKind, TcpState } from '../../assembly/zone-abi.js';
import { parseIp } from '../../src/frame/address.js';
import { type FlowNews, readJournal } from '../../src/journal-record.js';
import { IN, NatRig, OUT, inward, outward } from '../support/nat-rig.js';
import { TcpPair } from '../support/tcp-pair.js';
import { natRules } from '../support/zone-rig.js';

const ALL = JournalKind.New | JournalKind.Update | JournalKind.Destroy;
const UDP_MS = 30000;
const ask = (port: number) => outward(2, 2).udp(port, 7777);

/** A rig that somebody listens to. */
function heard(options: Parameters<typeof NatRig.create>[0] = {}, kinds = ALL): NatRig {
  const rig = NatRig.create(options);
  rig.zone.core.zones.journal.want(kinds);
  return rig;
}

/** What has been told since, and how much was lost behind it. */
function told(rig: NatRig): { news: FlowNews[]; lost: number } {
  const { nowMs } = rig.zone.bridge;
  const taken = rig.zone.core.zones.journal.take();
  return { news: readJournal({ ...taken, wallMs: nowMs, clockMs: nowMs }), lost: taken.lost };
}

/** `New SynSent`, `Destroy`: kinds, of TCP with the state. */
const words = ({ news }: { news: FlowNews[] }): string[] =>
  news.map(({ kind, flow }) =>
    [JournalKind[kind], ...(flow.protocol === 6 ? [TcpState[flow.state]] : [])].join(' '),
  );

test('journal: a connection of TCP tells each of its states once', () => {
  const rig = heard();
  const pair = TcpPair.of(rig).client('S').server('SA').client('A');
  pair.client('PA', 'ask').server('PA', 'answer').client('A');
  assert.equal(words(told(rig)), ['New SynSent', 'Update SynRecv', 'Update Established']);
  pair.client('FA').server('A').server('FA').client('A');
  assert.equal(words(told(rig)), [
    'Update FinWait',
    'Update CloseWait',
    'Update LastAck',
    'Update TimeWait',
  ]);
});

test('journal: packets of an established connection write nothing', () => {
  const rig = heard();
  const pair = TcpPair.open(rig);
  told(rig);
  for (let i = 0; i < 50; i++) pair.client('PA', 'x').server('A');
  assert.is(rig.zone.core.zones.journal.count, 0);
});

test('journal: a stream tells its first answer, then that it is assured', () => {
  const rig = heard();
  rig.pass(IN, ask(5000));
  rig.pass(OUT, inward(2).udp(7777, 5000));
  rig.wait(2001).pass(IN, ask(5000));
  rig.pass(IN, ask(5000));
  const { news } = told(rig);
  assert.equal(
    news.map(({ kind, flow }) => [kind, flow.status & ~FlowStatus.SourceNat]),
    [
      [JournalKind.New, 0],
      [JournalKind.Update, FlowStatus.SeenReply],
      [JournalKind.Update, FlowStatus.SeenReply | FlowStatus.Assured],
    ],
  );
});

test('journal: another mark is told', () => {
  const rules = [
    '*mangle',
    ':PREROUTING ACCEPT [0:0]',
    ':FORWARD ACCEPT [0:0]',
    '-A FORWARD -p udp --dport 7777 -m length --length 29 -j CONNMARK --set-mark 9',
    'COMMIT',
    '',
  ].join('\n');
  const rig = heard({ rules });
  rig.pass(IN, ask(5000));
  rig.pass(IN, ask(5000).payload('x'));
  rig.pass(IN, ask(5000).payload('x'));
  const { news } = told(rig);
  assert.equal(
    news.map(({ kind, flow }) => [kind, flow.mark]),
    [
      [JournalKind.New, 0],
      [JournalKind.Update, 9],
    ],
  );
});

/** What ends a flow that has begun with `ask(5000)`. */
const ENDS: Record<string, (rig: NatRig) => unknown> = {
  'of age, found by a packet': rig => {
    rig.zone.bridge.nowMs += UDP_MS;
    return rig.send(OUT, inward(2).udp(7777, 5000));
  },
  'of age, found by the sweep': rig => {
    rig.zone.bridge.nowMs += UDP_MS;
    return rig.zone.bridge.batch([]);
  },
  deleted: rig => rig.zone.core.zones.removeFlow(rig.flow()),
  'flushed with its zone': rig => rig.zone.core.zones.flushFlows(0),
  'with the address it is masqueraded as': rig =>
    rig.zone.core.zones.setAddress(
      rig.zone.indexOf('out'),
      { ip: parseIp('203.0.113.1')!, bits: 24 },
      false,
    ),
  'with its interface': rig => rig.zone.core.zones.resetInterface(rig.zone.indexOf('out')),
};
for (const [how, end] of Object.entries(ENDS)) {
  test(`journal: an end is told with the last counters: ${how}`, () => {
    const rig = heard();
    rig.pass(IN, ask(5000));
    rig.pass(OUT, inward(2).udp(7777, 5000).payload('four'));
    rig.pass(IN, ask(5000));
    told(rig);
    end(rig);
    const { news } = told(rig);
    assert.equal(words({ news }), ['Destroy']);
    const { original, reply } = news[0]!.flow;
    assert.equal([original.packets, original.bytes], [2n, 56n]);
    assert.equal([reply.packets, reply.bytes], [1n, 32n]);
    assert.equal(rig.flows(), []);
  });
}

test('journal: a call that is refused ends with the reset, which it counts', () => {
  const rig = heard();
  TcpPair.of(rig).client('S').server('RA');
  const { news } = told(rig);
  assert.equal(words({ news }), ['New SynSent', 'Destroy Close']);
  const [, { flow }] = news as [FlowNews, FlowNews];
  assert.equal([flow.original.packets, flow.reply.packets], [1n, 1n]);
  assert.is(flow.status & FlowStatus.SeenReply, 0);
  assert.equal(rig.flows(), []);
});

test('journal: a reset of a connection is a change, its end comes with time', () => {
  const rig = heard();
  TcpPair.open(rig).server('R');
  assert.equal(words(told(rig)).slice(-1), ['Update Close']);
  rig.zone.bridge.nowMs += 10000;
  rig.zone.bridge.batch([]);
  assert.equal(words(told(rig)), ['Destroy Close']);
});

test('journal: a connection in place of a finished one is told behind its end', () => {
  const rig = heard();
  TcpPair.open(rig).client('FA').server('FA').client('A');
  told(rig);
  const again = TcpPair.of(rig);
  rig.pass(IN, again.frame('client', 'S', '', { sequence: 500000 }));
  const { news } = told(rig);
  assert.equal(words({ news }), ['Destroy TimeWait', 'New SynSent']);
  assert.is.not(news[0]!.flow.id, news[1]!.flow.id);
});

test('journal: a flow given up for another is told before it', () => {
  const rig = heard({ sizes: { Flows: 16 } });
  for (let port = 1; port <= 40; port++) rig.send(IN, ask(40000 + port));
  const { news } = told(rig);
  const alive = new Set<number>();
  for (const { kind, flow } of news) {
    if (kind === JournalKind.New) alive.add(flow.id);
    else assert.ok(alive.delete(flow.id));
    assert.ok(alive.size <= 16);
  }
  assert.ok(news.some(({ kind }) => kind === JournalKind.Destroy));
  assert.equal(
    [...alive].sort(),
    rig
      .flows()
      .map(({ id }) => id)
      .sort(),
  );
});

test('journal: what is not wanted is not written', () => {
  const rig = heard({}, JournalKind.Destroy);
  TcpPair.of(rig).client('S').server('RA');
  assert.equal(words(told(rig)), ['Destroy Close']);
  rig.zone.core.zones.journal.want(0);
  TcpPair.of(rig, { port: 40001 }).client('S').server('RA');
  assert.is(rig.zone.core.zones.journal.count, 0);
});

test('journal: nobody listens any more: what was left is gone', () => {
  const rig = heard();
  rig.pass(IN, ask(5000));
  assert.is(rig.zone.core.zones.journal.count, 1);
  rig.zone.core.zones.journal.want(0);
  assert.is(rig.zone.core.zones.journal.count, 0);
  rig.zone.core.zones.journal.want(ALL);
  rig.pass(IN, ask(5001));
  assert.equal(
    told(rig).news.map(({ flow }) => flow.original.sourcePort),
    [5001],
  );
});

test('journal: a full one keeps its oldest records and counts the others', () => {
  const rules = natRules();
  const rig = heard({ rules, sizes: { Flows: 2 * JOURNAL_RECORDS } });
  const batch = (first: number, count: number) =>
    rig.batch(Array.from({ length: count }, (_, i) => ({ port: IN, frame: ask(first + i) })));
  // Not from the start of the ring: it goes round.
  batch(100, 100);
  assert.is(told(rig).news.length, 100);
  for (let first = 1000; first < 1000 + JOURNAL_RECORDS + 256; first += 256) batch(first, 256);
  const { news, lost } = told(rig);
  assert.is(lost, 256);
  assert.equal(
    news.map(({ flow }) => flow.original.sourcePort),
    Array.from({ length: JOURNAL_RECORDS }, (_, i) => 1000 + i),
  );
  batch(50000, 1);
  assert.equal([told(rig).news.length, told(rig).lost], [1, 0]);
});

test('journal: times are those of the events, on the clock of the host', () => {
  const rig = heard();
  rig.pass(IN, ask(5000));
  const beganMs = rig.zone.bridge.nowMs;
  rig.zone.bridge.nowMs += 700;
  rig.pass(OUT, inward(2).udp(7777, 5000));
  const clockMs = rig.zone.bridge.nowMs + 5;
  const taken = rig.zone.core.zones.journal.take();
  const news = readJournal({ ...taken, wallMs: 1_000_000, clockMs });
  const at = news.map(one => [one.atMs, one.beganMs]);
  assert.equal(at, [
    [1_000_000 - 5 - (rig.zone.bridge.nowMs - beganMs), 1_000_000 - 5 - 700],
    [1_000_000 - 5, 1_000_000 - 5 - 700],
  ]);
});

test.run();
