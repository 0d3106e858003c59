/** What happens to connections over the API: who hears what, and the ends that requests make. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ApiClient, FlowEventLine, Query } from '../../src/api/client.js';
import type { FlowEventView } from '../../src/api/flow-event-stream.js';
import { type Frame, eth, hex } from '../support/frame.js';
import { refusal, type Served, withServed } from '../support/served.js';

const BRIDGE = '02:42:0a:00:00:01';
const NET = `
ports:
  c2: { kind: memory, segment: lan }
  up: { kind: memory, segment: uplink }
segments: { lan: , uplink: }
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: [10.0.0.1/16] }
      eth0: { segment: uplink, addresses: [192.168.0.2/24] }
    routes: [{ to: default, via: 192.168.0.1 }]
    neighbours: [{ ip: 192.168.0.1, mac: '02:00:00:00:00:01', interface: eth0 }]
    networks:
      docker0: {}
    publish:
      - { ip: 10.0.0.2, network: docker0, ports: ['8080:80'] }
`;

const out = (host = 2): Frame =>
  eth(`02:00:00:00:00:0${host}`, BRIDGE).ipv4(`10.0.0.${host}`, '93.184.216.34');

/** Lines of a listener that is there when this is. */
class Listener {
  private constructor(private readonly lines: AsyncGenerator<FlowEventLine>) {}

  static async on(client: ApiClient, query: Query = {}): Promise<Listener> {
    const lines = client.flowEvents(query);
    const listener = new Listener(lines);
    listener.first = lines.next();
    // The listener is there when the answer to a later request is.
    await client.stats();
    await client.stats();
    return listener;
  }

  private first: Promise<IteratorResult<FlowEventLine>> | undefined;

  async next(): Promise<FlowEventView> {
    const { value } = await (this.first ?? this.lines.next());
    this.first = undefined;
    assert.ok(!('lostEvents' in value));
    return value;
  }

  async words(count: number): Promise<string[]> {
    const words: string[] = [];
    while (words.length < count) {
      const { event, state, original } = await this.next();
      words.push([event, ...(state === null ? [] : [state]), original.sport].join(' '));
    }
    return words;
  }

  async stop(): Promise<void> {
    await this.lines.return(undefined);
  }
}

const withApi = (run: (served: Served) => Promise<void>): Promise<void> =>
  withServed({ text: NET }, run);
const send = (client: ApiClient, ...frames: Frame[]) =>
  client.inject(
    'c2',
    frames.map(frame => hex(frame.bytes())),
  );

test('api: each listener hears the kinds and connections it asked for', () =>
  withApi(async ({ client }) => {
    const all = await Listener.on(client);
    const ends = await Listener.on(client, { events: 'DESTROY' });
    const udp = await Listener.on(client, { events: 'new,updates', protocol: 'udp', zone: 'host' });
    await send(client, out().tcp(4000, 80, { flags: 2 }), out().udp(5000, 53).payload('who'));
    assert.equal(await all.words(2), ['new SYN_SENT 4000', 'new 5000']);
    assert.equal(await udp.words(1), ['new 5000']);
    await client.endFlows({ protocol: 'udp' });
    assert.equal(await ends.words(1), ['destroy 5000']);
    assert.equal(await all.words(1), ['destroy 5000']);
    await send(client, out().udp(5001, 53));
    assert.equal(await udp.words(1), ['new 5001']);
    await Promise.all([all, ends, udp].map(listener => listener.stop()));
  }));

test('api: an event says when it was, when its connection began, and what it counted', () =>
  withApi(async ({ client }) => {
    const before = Date.now() / 1000;
    const all = await Listener.on(client);
    await send(client, out().udp(5000, 53).payload('who'));
    const begun = await all.next();
    await client.endFlows({});
    const ended = await all.next();
    const after = Date.now() / 1000;
    assert.equal([begun.event, begun.endedSec, begun.zone], ['new', null, 'host']);
    assert.equal([ended.event, ended.endedSec], ['destroy', ended.timeSec]);
    assert.is(ended.id, begun.id);
    // The core's clock has a millisecond.
    assert.ok(Math.abs(ended.beganSec - begun.timeSec) < 0.01);
    assert.ok(before - 0.01 <= begun.timeSec && begun.timeSec <= ended.timeSec);
    assert.ok(ended.timeSec <= after + 0.01);
    assert.equal(ended.original, {
      src: '10.0.0.2',
      dst: '93.184.216.34',
      sport: 5000,
      dport: 53,
      packets: 1,
      bytes: 31,
    });
    await all.stop();
  }));

test('api: the connections of a container that a reload takes away end', () =>
  withApi(async ({ client, reload }) => {
    const ends = await Listener.on(client, { events: 'DESTROY' });
    await send(client, out(2).udp(5000, 53), out(3).udp(5001, 53));
    await reload(NET.replace('ip: 10.0.0.2,', 'ip: 10.0.0.9,'));
    assert.equal(await ends.words(1), ['destroy 5000']);
    await reload(NET.replace(/\nzones:[^]*/, '\n'));
    const { original, zone } = await ends.next();
    assert.equal([original.sport, zone], [5001, 'host']);
    await ends.stop();
  }));

test('api: flow events refuse kinds and filters that there are none of', () =>
  withApi(async ({ client }) => {
    const ask = (query: Query) => refusal(client.flowEvents(query).next());
    const kinds = '400 events: expected some of NEW, UPDATES, DESTROY, ALL, got';
    assert.is(await ask({ events: 'NEW,OLD' }), `${kinds} OLD`);
    assert.is(await ask({ events: '' }), `${kinds} nothing`);
    assert.match(await ask({ zone: 'hots' }), /^404 zone: .*got hots \(did you mean host\?\)$/);
    assert.match(await ask({ colour: 1 }), /^400 query: expected one of zone.*events/);
  }));

test.run();
