/** `explain --why-not`: who refused a packet, and what all but let it pass. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/config/load.js';
import { type WhyNot, whyNot } from '../../src/explain/why-not.js';
import { frameFromWords } from '../../src/frame/words.js';
import { namesOf, prepareCore } from '../../src/replay/prepare.js';

/** A UDP packet to port 53 of 10.0.0.2, from eth0. */
function ask(forward: string): WhyNot | undefined {
  const { core, plan } = prepareCore(
    parseConfig(
      `
ports: { e0: { kind: memory, segment: uplink } }
segments: { lan: , uplink: }
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: [10.0.0.1/16] }
      eth0: { segment: uplink, addresses: [192.168.0.2/24] }
    iptables: |
      *filter
      :FORWARD DROP [0:0]
      :WEB - [0:0]
${forward.replace(/^\s*/gm, '      ')}
      COMMIT
`,
      'net.yaml',
    ),
    1,
  );
  const words = 'eth 02:00:00:00:00:01→02:42:c0:a8:00:02 ipv4 192.168.0.9→10.0.0.2 udp 1000→53';
  const names = namesOf({ ...plan, zones: plan.zones }, core);
  const before = core.snapshot();
  const port = plan.ports.find(({ name }) => name === 'e0')!.index;
  const at = { port, nowMs: 0 };
  const why = whyNot(core, { frame: frameFromWords(words), at, names, zones: plan.zones });
  assert.ok(Buffer.compare(core.snapshot(), before) === 0, 'the core has changed');
  return why;
}

/** Without places in the text. */
const told = (why: WhyNot | undefined): unknown =>
  why &&
  [why.decided, why.nearest, why.failed].map(
    x => JSON.parse(JSON.stringify(x).replace(/ \([^)]*\)/g, '')) as unknown,
  );

test('why not: the policy, and the rule that fails by least', () => {
  const why = ask(`
    -A FORWARD -s 10.9.0.0/16 -p udp -m udp --dport 54 -j ACCEPT
    -A FORWARD -d 10.0.0.2/32 -p udp -m udp --dport 54 -j WEB
    -A FORWARD -i eth0 -j WEB
    -A WEB -d 10.0.0.2/32 -p udp -m udp --dport 54 -j ACCEPT`);
  assert.equal(told(why), [
    'filter FORWARD policy',
    'filter WEB rule 1: -A WEB -d 10.0.0.2/32 -p udp -m udp --dport 54 -j ACCEPT',
    ['--dport 54'],
  ]);
});

test('why not: a rule behind the one that refused fails by nothing', () => {
  const why = ask(`
    -A FORWARD -p udp -m udp --dport 54 -j ACCEPT
    -A FORWARD -p udp -j REJECT
    -A FORWARD ! -i docker0 -j ACCEPT`);
  assert.equal(told(why), [
    'filter FORWARD rule 2: -A FORWARD -p udp -j REJECT --reject-with icmp-port-unreachable',
    'filter FORWARD rule 3: -A FORWARD ! -i docker0 -j ACCEPT',
    [],
  ]);
});

test('why not: chains that the packet is not led to say nothing', () => {
  const why = ask(`
    -A FORWARD -p tcp -j WEB
    -A WEB -j ACCEPT`);
  assert.equal(told(why), ['filter FORWARD policy', null, []]);
});

test('why not: of many rules the nearest is found', () => {
  const far = (i: number): string => `-A FORWARD -s 10.9.0.${i}/32 -p tcp -j ACCEPT`;
  const many = Array.from({ length: 60 }, (_, i) => far(i));
  const near = '-A FORWARD -i eth0 ! -p udp -m connmark --mark 0x0 -j ACCEPT';
  const why = ask([...many, near, ...many].join('\n'));
  assert.equal((told(why) as string[][])[2], ['! -p udp']);
  assert.match(why!.nearest!, /^filter FORWARD rule 61 /);
});

test('why not: nothing to say of a packet that passes', () => {
  assert.is(ask('-A FORWARD -j ACCEPT'), undefined);
});

test.run();
