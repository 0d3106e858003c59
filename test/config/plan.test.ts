import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PortOption, SegmentOption } from '../../assembly/abi.js';
import { ConfigError } from '../../src/config/config-error.js';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, domainOwner, planOf } from '../../src/config/plan.js';
import { domainOf } from '../../src/config/plan-domains.js';

function plan(text: string, previous?: Plan): Plan {
  return planOf(parseConfig(text, 'net.yaml'), previous);
}

function indexes(entries: { name: string; index: number }[]): Record<string, number> {
  return Object.fromEntries(entries.map(({ name, index }) => [name, index]));
}

const THREE = `
segments: { a: , b: }
ports:
  p1: { kind: memory, segment: a }
  p2: { kind: memory, segment: a }
  p3: { kind: memory, segment: b }`;

const TRUNK = `
segments: { lan: { vlanAware: true } }
ports:
  p1: { kind: memory, segment: lan, vlan: { mode: trunk, allowed: "10,12", native: 11 } }
  p2: { kind: memory, segment: lan, vlan: { mode: access, vid: 10 } }`;

test('plan: the same configuration gives the same plan', () => {
  assert.equal(plan(THREE), plan(THREE));
});

test('plan: indexes follow the file, segments are numbered from 1 in port options', () => {
  const { ports } = plan(THREE);
  assert.equal(indexes(ports), { p1: 0, p2: 1, p3: 2 });
  assert.equal(
    ports.map(port => port.options[PortOption.Segment]),
    [1, 1, 2],
  );
});

test('plan: every option of the core has a value', () => {
  const { ports, segments } = plan(THREE);
  const isNumber = (value: unknown): boolean => Number.isInteger(value);
  assert.is(ports[0]!.options.length, PortOption.NeighbourSuppress + 1);
  assert.ok(Array.from(ports[0]!.options).every(isNumber));
  assert.is(segments[0]!.options.length, SegmentOption.AnswerNeighbours + 1);
  assert.ok(Array.from(segments[0]!.options).every(isNumber));
});

test('plan: a name keeps its index across reloads, a new one takes a free one', () => {
  const before = plan(THREE);
  const text = THREE.replace('p1: { kind: memory, segment: a }', '').replace('a: , b:', 'b: , c:');
  const after = plan(text.replaceAll('segment: a', 'segment: c'), before);
  assert.equal(indexes(after.ports), { p2: 1, p3: 2 });
  assert.equal(indexes(after.segments), { b: 1, c: 2 });
});

test('plan: when all indexes are taken, one that was just freed is used', () => {
  const text = `capacities: { ports: 3 }${THREE}`;
  const after = plan(text.replace('p2:', 'p9:'), plan(text));
  assert.equal(indexes(after.ports), { p1: 0, p9: 1, p3: 2 });
});

test('plan: a VLAN keeps its domain, and a freed number is not used again at once', () => {
  const before = plan(TRUNK);
  const [lan] = before.segments;
  const ids = [10, 11, 12].map(vid => domainOf(lan!.domains, vid));
  assert.equal(ids, [1, 2, 3]);
  const after = plan(TRUNK.replace('"10,12"', '"10,12,13"').replace(', native: 11', ''), before);
  const now = [10, 11, 12, 13].map(vid => domainOf(after.segments[0]!.domains, vid));
  assert.equal(now, [1, 0, 3, 4]);
});

test('plan: a domain is told back as segment and VLAN', () => {
  const made = plan(TRUNK);
  assert.is(domainOwner(made, 3)!.vid, 12);
  assert.is(domainOwner(made, 3)!.segment.name, 'lan');
  assert.is(domainOwner(made, 4), undefined);
});

test('plan: a trunk of all VLANs gives each its domain', () => {
  const made = plan(TRUNK.replace('"10,12", native: 11', 'all'));
  assert.equal(made.segments[0]!.domains, [{ first: 1, last: 4094, domain: 1 }]);
});

test('plan: too many domains are refused', () => {
  assert.throws(
    () => plan(`capacities: { domains: 2 }${TRUNK}`),
    /^segments.lan: expected at most 2 VLANs and plain segments \(capacities.domains\), got more$/,
  );
});

test('plan: trunk, native and access are memberships', () => {
  const [trunk, access] = plan(TRUNK).ports;
  assert.equal(trunk!.vlans.untagged, [[11, 11]]);
  assert.equal(trunk!.vlans.tagged, [
    [10, 10],
    [12, 12],
  ]);
  assert.is(trunk!.options[PortOption.Pvid], 11);
  assert.is(trunk!.options[PortOption.AcceptTagged], 1);
  assert.equal(access!.vlans, { tagged: [], untagged: [[10, 10]] });
  assert.is(access!.options[PortOption.AcceptTagged], 0);
});

test('plan: tag rewriting is TPID and VLAN in one number', () => {
  const tags = '{ match: ["802.1ad 200", "802.1q 100"], pop: 1, push: ["802.1ad 300"] }';
  const [port] = plan(`ports: { p1: { kind: memory, tags: ${tags} } }`).ports;
  const { MatchTags, MatchOuter, MatchInner, PopTags, PushTags, PushOuter } = PortOption;
  const picked = [MatchTags, MatchOuter, MatchInner, PopTags, PushTags, PushOuter];
  assert.equal(
    picked.map(option => port!.options[option]),
    [2, 0x88a800c8, 0x81000064, 1, 1, 0x88a8012c],
  );
});

test('plan: a change of capacities, seed or control is refused with the reason', () => {
  const before = plan(`seed: 5\n${THREE}`);
  assert.throws(
    () => plan(`capacities: { fdbEntries: 100 }\nseed: 6\ncontrol: /tmp/x\n${THREE}`, before),
    (error: unknown) => {
      assert.instance(error, ConfigError);
      assert.equal((error as Error).message.split('\n'), [
        'capacities.fdbEntries: expected 65536 as long as the switch runs (restart it), got 100',
        'seed: expected 5 as long as the switch runs, got 6',
        'control: expected none as long as the switch runs, got /tmp/x',
      ]);
      return true;
    },
  );
});

test('plan: segments that evict have places of their own, which stay', () => {
  const evicting = (limits: number[]): string =>
    `capacities: { evictEntries: 30 }\nsegments:\n` +
    limits.map((n, i) => `  s${i}: { learnLimit: ${n}, limitPolicy: evictOldest }\n`).join('');
  const starts = (made: Plan): (number | undefined)[] =>
    made.segments.map(({ options }) => options[SegmentOption.ArrivalStart]);
  const before = plan(evicting([10, 5]));
  assert.equal(starts(before), [0, 10]);
  assert.equal(starts(plan(evicting([12, 5]), before)), [15, 10]);
  assert.throws(() => plan(evicting([16, 5]), before), /s0.learnLimit: expected 16 places/);
});

test('plan: a configured address in a VLAN that no port carries is refused', () => {
  const fdb = '{ vlanAware: true, fdb: [{ mac: "02:00:00:00:00:01", port: p1, vid: 99 }] }';
  assert.throws(
    () => plan(TRUNK.replace('{ vlanAware: true }', fdb)),
    /^segments.lan.fdb\[0\].vid: expected a VLAN of one of its ports, got 99$/,
  );
});

test.run();
