import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/config/load.js';
import { walkMermaid, walkText } from '../../src/explain/render.js';
import { type Walk, walkFrame } from '../../src/explain/walk.js';
import { frameFromWords } from '../../src/frame/words.js';
import { packagePath } from '../../src/package-path.js';
import { inputsOf, namesOf, portNames, prepareCore } from '../../src/replay/prepare.js';
import { replay } from '../../src/replay/replay.js';

const CONFIG = `
ports:
  p1: { kind: memory, segment: lan, vlan: { mode: access, vid: 10 } }
  p2: { kind: memory, segment: lan, vlan: { mode: trunk, allowed: all } }
  p3: { kind: memory, segment: lan, vlan: { mode: access, vid: 20 } }
segments:
  lan: { vlanAware: true }
`;
const MACS = 'eth 02:00:00:00:00:01→02:00:00:00:00:02';

function walker(): (port: string, words: string) => Walk {
  const { core, plan } = prepareCore(parseConfig(CONFIG, 'test.yaml'), 1);
  return (port, words) => {
    const index = plan.ports.find(({ name }) => name === port)!.index;
    return walkFrame(core, frameFromWords(words), { port: index, nowMs: 5 }, namesOf(plan));
  };
}

test('explain: every decision of a flooded frame, with the tag it gets', () => {
  const walk = walker()('p1', `${MACS} ipv4 10.0.0.2→10.0.0.3 udp 1→2`);
  assert.equal(
    walk.steps.map(step => `${step.stage}: ${step.text}`),
    [
      'Ingress: 60 bytes from p1',
      'Ingress: VLAN 10, priority 0, untagged: lan vlan 10',
      'Bridge: source 02:00:00:00:00:01 in lan vlan 10: new, learned at p1',
      'Flood: destination 02:00:00:00:00:02 in lan vlan 10: no entry, flooded',
      'Flood: not to p1: it came from there and hairpin is off',
      'Flood: not to p3: it is not in the VLAN',
      'Output: for p2: tag 0x8100 VID 10 priority 0 put on',
      'Output: 64 bytes to p2',
    ],
  );
  assert.is(walk.verdict, 'sent to p2');
  assert.is(walk.out[0]!.hex.slice(24, 32), '8100000a');
});

test('explain: a known destination is a hit, and a drop has its name', () => {
  const walk = walker();
  walk('p2', 'eth 02:00:00:00:00:02→02:00:00:00:00:01 vlan 10');
  const hit = walk('p1', MACS);
  assert.ok(hit.steps.some(step => step.event === 'DestinationHit' && step.text.includes('p2')));
  const dropped = walk('p1', 'eth 01:00:00:00:00:01→02:00:00:00:00:02');
  assert.is(dropped.verdict, 'dropped at p1: BadSource');
  assert.is(dropped.steps.at(-1)!.text, 'BadSource, counted at p1');
});

test('explain: text has the verdict and the bytes, Mermaid a box a stage', () => {
  const walk = walker()('p1', MACS);
  const text = walkText(walk);
  assert.match(text, /verdict: sent to p2/);
  assert.match(text, /bytes in at p1:\n  0000  02 00 00 00 00 02/);
  assert.match(text, /bytes out at p2: .*vlan 10/);
  const mermaid = walkMermaid(walk);
  assert.match(mermaid, /^flowchart LR\n/);
  for (const stage of ['Ingress', 'Bridge', 'Flood', 'Output']) {
    assert.match(mermaid, new RegExp(`<b>${stage}</b>`));
  }
});

test('explain: a packet of a capture meets the state it met there', async () => {
  const config = parseConfig(
    'ports: { h1: { kind: pcap, segment: lan }, h2: { kind: pcap, segment: lan } }\nsegments: { lan: }',
    'test.yaml',
  );
  const { core, plan } = prepareCore(config, 2);
  const inputs = ['h1', 'h2'].map(host => `${host}=${packagePath(`fixtures/lan-${host}.pcap`)}`);
  let walk: Walk | undefined;
  const names = namesOf(plan);
  await replay(core, {
    inputs: inputsOf(plan, inputs),
    ports: portNames(plan),
    traced: { packet: 2, names, onWalk: found => (walk = found) },
  });
  // The second packet is h2's answer to h1's ARP request: h1 was learned from the first.
  assert.is(walk?.in.port, 'h2');
  assert.is(walk?.verdict, 'sent to h1');
  assert.ok(walk?.steps.some(step => step.event === 'DestinationHit'));
});

test('explain: tracing changes nothing but the trace', () => {
  const { core, plan } = prepareCore(parseConfig(CONFIG, 'test.yaml'), 1);
  const copy = core.fork();
  const frame = frameFromWords(MACS);
  walkFrame(core, frame, { port: 0, nowMs: 5 }, namesOf(plan));
  walkFrame(copy, frame, { port: 0, nowMs: 5 }, namesOf(plan));
  assert.equal([...core.fdbEntries()], [...copy.fdbEntries()]);
});

test.run();
