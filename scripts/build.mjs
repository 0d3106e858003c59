/**
 * Builds everything into build/ (the core) and dist/ (the host), and the addon where a
 * compiler is there.
 *
 *   node scripts/build.mjs [core] [host] [native]     default: all three
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import binaryen from 'binaryen';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = name => `${root}node_modules/.bin/${name}`;
const run = (command, args) => execFileSync(command, args, { cwd: root, stdio: 'inherit' });

/**
 * What stays a call: the loops themselves, once a batch, and what leaves the common path,
 * so that the loops stay small. Everything else is inlined: Node 20 inlines no WASM call,
 * and `asc` by itself stops at 200 nodes.
 */
const CALLED = [
  'assembly/graph/run',
  'assembly/node/ingress/ingress',
  'assembly/node/decap/decap',
  'assembly/node/bridge/bridge',
  'assembly/node/encap/encap',
  'assembly/table/buckets/Buckets#findElsewhere',
  'assembly/fate/drop',
  'assembly/fate/traceDrop',
  'assembly/trace/*',
  'assembly/node/ingress/admit',
  'assembly/node/ingress/admitTags',
  'assembly/node/ingress/hasSoundOffload',
  'assembly/node/learn/learn',
  'assembly/node/flood/flood',
  'assembly/node/suppress/suppress',
  'assembly/node/bridge/forwardSlow',
  'assembly/node/bridge/traceEntry',
  'assembly/node/age/sweep',
  'assembly/node/arrive/traceReceived',
  'assembly/node/decap/openInner',
  'assembly/node/decap/openChunks',
  'assembly/node/decap/traceOpened',
  'assembly/node/decap/learnVtep',
  'assembly/node/decap/strip',
  'assembly/node/ecn/ecnIn',
  'assembly/node/unfinished/adopt',
  'assembly/node/outer/openIpv6',
  'assembly/node/outer/hasRightSum',
  'assembly/node/underlay/host',
  'assembly/node/resolve/resolve',
  'assembly/node/dress/dress',
  'assembly/node/encap/trace*',
  'assembly/node/replicate/replicate',
  'assembly/node/fragment/encapFragments',
  'assembly/node/path-mtu/tooBig',
  'assembly/node/super/encapSuper',
  'assembly/tunnel/outer-headers/sealChecksum',
  'assembly/tunnel/outer-headers/pushIpv6',
  'assembly/tunnel/flow-hash/portOfOther',
  'assembly/node/decap/openLong',
  'assembly/table/vtep/findVtep',
  'assembly/table/overlay/findOverlay',
  'assembly/tunnel/flow-hash/portOfOther',
  'assembly/wire/checksum/sumBytes',
  'assembly/node/track/track',
  'assembly/node/judge/judge',
  'assembly/node/judge/pass',
  'assembly/node/judge/decide',
  'assembly/node/enter/other',
  'assembly/node/enter/enterCopy',
  'assembly/node/inject/*',
  'assembly/node/adjacent-send/*',
  'assembly/node/adjacent/*',
  'assembly/node/flows/lookUpFlow',
  'assembly/node/flows/beginFlow',
  'assembly/node/flows/endFlow',
  'assembly/node/flows/takeOut',
  'assembly/node/flows/takeEntry',
  'assembly/node/flows/sweep',
  'assembly/node/flows/ageFlows',
  'assembly/node/flows/rewriteTo',
  'assembly/node/leave/leave',
  'assembly/node/rules/ask',
  'assembly/node/rules/askNat',
  'assembly/node/rules/openSubject',
  'assembly/node/rules/setDestination',
  'assembly/node/rules/conclude',
  'assembly/node/rules/reject',
  'assembly/node/bind/*',
  'assembly/node/port-choice/choosePort',
  'assembly/node/port-choice/tryHinted',
  'assembly/node/port-choice/tryPorts',
  'assembly/node/port-choice/isAnswerFree',
  'assembly/node/endpoint/bindEndpoint',
  'assembly/table/mapping/*',
  'assembly/node/route/routeTo',
  'assembly/node/route/checkSource',
  'assembly/node/route/isForZone',
  'assembly/node/related/*',
  'assembly/node/local/deliver',
  'assembly/node/gather/gather',
  'assembly/node/errors/*',
  'assembly/node/follow/follows',
  'assembly/node/passage/Passage#open',
  'assembly/node/passage/Passage#openLayer4',
  'assembly/node/passage/turned',
  'assembly/rules/evaluate/evaluate',
  'assembly/rules/path/pathOf',
  'assembly/table/flow/Flows#find',
  'assembly/table/flow/Flows#slotOf',
  'assembly/table/flow/Flows#enter',
  'assembly/table/flow/Flows#insert',
  'assembly/table/flow/Flows#makeRoom',
  'assembly/table/flow/Flows#remove',
  'assembly/table/flow/Flows#leastOf',
];
const INLINE_NODES = 600;

function optimise(file) {
  const module = binaryen.readBinary(readFileSync(file));
  const { SIMD128, BulkMemory, BulkMemoryOpt, SignExt, NontrappingFPToInt } = binaryen.Features;
  module.setFeatures(SIMD128 | BulkMemory | BulkMemoryOpt | SignExt | NontrappingFPToInt);
  binaryen.setDebugInfo(true);
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  binaryen.setAlwaysInlineMaxSize(INLINE_NODES);
  binaryen.setFlexibleInlineMaxSize(INLINE_NODES);
  binaryen.setOneCallerInlineMaxSize(INLINE_NODES);
  for (const pattern of CALLED) {
    binaryen.setPassArgument('no-inline', pattern);
    module.runPasses(['no-inline']);
  }
  module.optimize();
  module.optimize();
  if (!module.validate()) throw new Error(`${file}: not valid after optimisation`);
  writeFileSync(file, module.emitBinary());
  return module;
}

function buildCore() {
  run(bin('asc'), ['--config', 'asconfig.json', '--target', 'test']);
  run(bin('asc'), ['--config', 'asconfig.json', '--target', 'release']);
  const shipped = optimise(`${root}build/sluice.wasm`);
  writeFileSync(`${root}build/sluice.wat`, shipped.emitText());
  run(bin('asc'), ['--config', 'asconfig.unit.json', '--target', 'test']);
  run(bin('asc'), ['--config', 'asconfig.unit.json', '--target', 'release']);
  optimise(`${root}build/unit.wasm`);
}

const parts = process.argv.slice(2);
const wants = part => parts.length === 0 || parts.includes(part);
if (wants('core')) buildCore();
if (wants('host')) run(bin('tsc'), ['-p', 'tsconfig.json']);
if (wants('native')) run('npm', ['run', '--silent', 'build:native', '--', '--optional']);
if (parts.length === 0) writeFileSync(`${root}build/built`, '');
