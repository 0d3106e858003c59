/** What happens to connections, as `conntrack -E` of a kernel tells it about the same packets. */
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FlowProfile, FlowTimer, JournalKind } from '../../assembly/zone-abi.js';
import { flowEventView } from '../../src/api/flow-event-stream.js';
import { readJournal } from '../../src/journal-record.js';
import { flowEventLine } from '../../src/zone/flow-event-text.js';
import { whyNoNetfilter } from '../support/netfilter.js';
import { byConnection, whyNoConntrack } from '../support/netfilter-events.js';
import { Pair, type Stimulus, type Side, USUAL_SEED } from '../support/netfilter-pair.js';
import { LATER, OPENED, STATES, numbered, orders, play } from '../support/netfilter-tcp.js';
import { FLAG, Sender, oneOf } from '../support/netfilter-traffic.js';
import { seededRandom } from '../support/random.js';
import { saveText } from '../support/zone-rig.js';

const reason = whyNoNetfilter() ?? whyNoConntrack();
if (reason !== undefined) console.log(`skipped: netfilter events: ${reason}`);
const check = reason === undefined ? test : test.skip;

/** All orders of this many packets, and some of more that begin as connections do. */
const LENGTH = 3;
const MORE = { orders: 200, length: 4 };
const ALL = JournalKind.New | JournalKind.Update | JournalKind.Destroy;
/** Between whom nobody else talks. */
const MARKED = 9;
const FIRST_MARKER = 50000;
/** Connections between two comparisons: netlink loses what comes in large bursts. */
const CHUNK = 100;
const DEAD_MS = 2100;

/** A pair with somebody who listens on either side. */
class Heard {
  private readonly ours: string[] = [];
  private markers = 0;
  readonly sender = new Sender();

  private constructor(
    readonly pair: Pair,
    private readonly kernel: { lines: string[]; until: (text: string) => Promise<void> },
  ) {}

  static async with(rules: string, use: (heard: Heard) => Promise<void>): Promise<void> {
    await Pair.with({ rules, flows: 8192 }, async pair => {
      pair.rig.core.zones.journal.want(ALL);
      await use(new Heard(pair, await pair.kernel.events()));
    });
  }

  /** Lets both judge a packet alike. */
  async same(side: Side, stimulus: Stimulus): Promise<void> {
    await this.pair.same(side, stimulus);
  }

  /** Takes down what ours has told. */
  private take(): void {
    const { bridge, core } = this.pair.rig;
    const taken = core.zones.journal.take();
    assert.is(taken.lost, 0);
    const times = { wallMs: bridge.nowMs, clockMs: bridge.nowMs };
    for (const news of readJournal({ ...taken, ...times })) {
      this.ours.push(flowEventLine(flowEventView(news, () => 'test')));
    }
  }

  /**
   * Ends all connections. Both have told the same of each but those of `aside`, of `uncounted`
   * without counters; the lines that ours told since the last time.
   */
  async compare({ aside, uncounted }: Apart = {}): Promise<string[]> {
    this.pair.kernel.conntrack('-F');
    this.pair.rig.core.zones.flushFlows(0);
    const marker = FIRST_MARKER + this.markers++;
    const text = `sport=${marker} dport=${MARKED}`;
    const head = this.sender.frame('in', '10.0.1.9', '203.0.113.3');
    await this.pair.send('in', head.udp(marker, MARKED));
    await this.kernel.until(text);
    this.take();
    const theirs = byConnection(this.kernel.lines.splice(0), uncounted);
    const own = this.ours.splice(0);
    const ours = byConnection(own, uncounted);
    for (const key of aside ?? []) {
      theirs.delete(key);
      ours.delete(key);
    }
    for (const [key, lines] of theirs) assert.equal(ours.get(key), lines, `connection ${key}`);
    assert.is(ours.size, theirs.size);
    return own;
  }
}

/** Connections, as `tcp 1024`, that are not compared as others are. */
interface Apart {
  aside?: ReadonlySet<string>;
  uncounted?: ReadonlySet<string>;
}

/** Whether the kernel may leave out packets: EVENT_DIFFERENCES, 'uncounted SYN'. */
function hasUncounted(order: readonly string[]): boolean {
  const isCall = order[0] === '>S' && order[1] === '<SA';
  return order.slice(isCall ? 2 : 0).some(step => step.includes('S'));
}

check('netfilter events: TCP packets in every order tell alike', async () => {
  const random = seededRandom('netfilter-events', USUAL_SEED);
  const more = Array.from({ length: MORE.orders }, () =>
    OPENED.concat(Array.from({ length: MORE.length }, () => oneOf(random, LATER))),
  );
  await Heard.with(STATES, async heard => {
    const { pair, sender } = heard;
    const counts = { lines: 0, connections: 0, aside: 0, uncounted: 0 };
    const [aside, uncounted] = [new Set<string>(), new Set<string>()];
    const compare = async (): Promise<void> => {
      counts.lines += (await heard.compare({ aside, uncounted })).length;
      counts.aside += aside.size;
      counts.uncounted += uncounted.size;
      aside.clear();
      uncounted.clear();
    };
    for (const [i, order] of [...orders(LENGTH), ...more].entries()) {
      const flow = numbered(i);
      const name = `tcp ${flow.sourcePort}`;
      if (!(await play(pair, sender, order, flow))) aside.add(name);
      if (hasUncounted(order)) uncounted.add(name);
      counts.connections++;
      if (i % CHUNK === CHUNK - 1) await compare();
    }
    await compare();
    console.log(`netfilter-events: ${JSON.stringify(counts)}`);
    assert.ok(counts.lines > 2 * counts.connections);
    assert.ok(counts.aside < counts.connections / 20);
  });
});

/** Hosts inside are masqueraded, a port is published. */
const NAT =
  saveText('nat', [
    '-A PREROUTING -d 203.0.113.1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.1.2:80',
    '-A POSTROUTING -s 10.0.1.0/24 -o out -j MASQUERADE',
  ]) +
  saveText('filter', [
    '-A FORWARD -p udp -m udp --dport 54 -j DROP',
    '-A FORWARD -p tcp -m tcp --dport 23 -j REJECT --reject-with tcp-reset',
  ]);
const EXTERNAL = '203.0.113.1';
const STREAM_MS = 2100;

/** Lets both get older. */
async function seconds({ rig }: Pair, ms: number): Promise<void> {
  rig.bridge.nowMs += ms;
  await sleep(ms);
}

/** Packets by side, from and to whom, of translated connections. */
async function talk(heard: Heard): Promise<void> {
  const { pair, sender } = heard;
  const out = () => sender.frame('in', '10.0.1.2', '203.0.113.2');
  const back = (to = EXTERNAL) => sender.frame('out', '203.0.113.2', to);
  // A call that is answered, one that is refused, one that nobody answers.
  await heard.same('in', out().tcp(2000, 80, { sequence: 100, flags: FLAG.syn }));
  const answer = { sequence: 500, acknowledged: 101, flags: FLAG.syn | FLAG.ack };
  await heard.same('out', back().tcp(80, 2000, answer));
  const taken = { sequence: 101, acknowledged: 501, flags: FLAG.ack };
  await heard.same('in', out().tcp(2000, 80, taken));
  const asked = { ...taken, flags: FLAG.ack | FLAG.psh };
  await heard.same('in', out().tcp(2000, 80, asked).payload(40));
  await heard.same('in', out().tcp(2001, 80, { sequence: 100, flags: FLAG.syn }));
  const refusal = { sequence: 0, acknowledged: 101, flags: FLAG.rst | FLAG.ack };
  await heard.same('out', back().tcp(80, 2001, refusal));
  await heard.same('in', out().tcp(2002, 80, { sequence: 100, flags: FLAG.syn }));
  // What is called off; what rules refuse is no connection.
  await heard.same('in', out().tcp(2003, 80, { sequence: 100, flags: FLAG.syn }));
  await heard.same('in', out().tcp(2003, 80, { sequence: 101, flags: FLAG.rst }));
  await heard.same('in', out().udp(2004, 54));
  await heard.same('in', out().tcp(2005, 23, { sequence: 100, flags: FLAG.syn }));
  // A published port.
  const caller = () => sender.frame('out', '203.0.113.3', EXTERNAL);
  await heard.same('out', caller().tcp(2006, 8080, { sequence: 100, flags: FLAG.syn }));
  const server = sender.frame('in', '10.0.1.2', '203.0.113.3');
  await heard.same('in', server.tcp(80, 2006, answer));
  // Datagrams: a question, an answer, a stream; an echo.
  await heard.same('in', out().udp(2007, 53).payload(10));
  await heard.same('in', out().udp(2008, 53).payload(10));
  await heard.same('out', back().udp(53, 2008).payload(20));
  await heard.same('in', out().icmp(8, 0, (2009 << 16) | 1));
  await heard.same('out', back().icmp(0, 0, (2009 << 16) | 1));
  await seconds(pair, STREAM_MS);
  await heard.same('in', out().udp(2008, 53).payload(10));
  await heard.same('in', out().udp(2008, 53).payload(10));
}

check('netfilter events: translated connections tell alike, and their ends', async () => {
  await Heard.with(NAT, async heard => {
    await talk(heard);
    const told = await heard.compare();
    const ends = told.filter(line => line.startsWith('[DESTROY]'));
    assert.is(ends.length, 8);
    assert.is(told.filter(line => line.includes('[ASSURED]') && line.includes(' udp ')).length, 2);
  });
});

check('netfilter events: an old flow ends before the one in its place begins', async () => {
  await Heard.with(NAT, async heard => {
    const { pair, sender } = heard;
    pair.kernel.sysctl('net.netfilter.nf_conntrack_udp_timeout=1');
    pair.rig.core.zones.setTimer(FlowProfile.Linux, FlowTimer.Udp, 1000);
    for (let i = 0; i < 4; i++) {
      if (i > 0) await seconds(pair, DEAD_MS);
      await heard.same('in', sender.frame('in', '10.0.1.2', '203.0.113.2').udp(2000, 53));
    }
    const told = await heard.compare();
    assert.equal(
      told.filter(line => line.includes('sport=2000 ')).map(line => line.slice(0, 9).trim()),
      Array.from({ length: 4 }, () => ['[NEW]', '[DESTROY]']).flat(),
    );
  });
});

test.run();
