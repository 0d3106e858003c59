/**
 * Walks W1, W2, W3a, W3b and W9 of features §21, as a Linux host with iptables passed them
 * (fixtures/record-walks.sh): the same frames in, the same frames out, byte for byte.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig } from '../../src/config/load.js';
import { summarize } from '../../src/frame/dissect.js';
import { packagePath } from '../../src/package-path.js';
import { inputsOf, portNames, prepareCore } from '../../src/replay/prepare.js';
import { replay } from '../../src/replay/replay.js';
import { framesOf, pcapFrames } from '../support/capture-frames.js';

const ENDS = ['c2', 'c3', 'out'];
/** What hosts say of themselves to find groups: the kernel's router does so, too. */
const IGMP = ' igmp';

function bytesOf(frame: string): Uint8Array {
  return Uint8Array.from(Buffer.from(frame, 'hex'));
}

/** IPv4 that is no IGMP: byte 23 is the protocol. */
function isTraffic(frame: string): boolean {
  const bytes = bytesOf(frame);
  return bytes[12] === 0x08 && bytes[13] === 0x00 && bytes[23] !== 2;
}

/**
 * What the kernel sends back into the bridge it came from it has bridged: the source MAC stays
 * that of the container, and the TTL. Ours has been routed. So between containers, and to
 * oneself, neither is compared, nor the header checksum that follows.
 */
function asBridged(frame: string): string {
  const bytes = bytesOf(frame);
  const isPrivate = (at: number): boolean => bytes[at] === 10;
  const isPublished = bytes[26] === 192 && bytes[30] === 10;
  if (!isPublished && !(isPrivate(26) && isPrivate(30))) return frame;
  bytes.fill(0, 6, 12);
  bytes[22] = 0;
  bytes.fill(0, 24, 26);
  return Buffer.from(bytes).toString('hex');
}

test('walks: each end gets what the kernel sent it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-walks-'));
  const inputs = ENDS.map(end => `${end}=${packagePath(`fixtures/walks-${end}.pcap`)}`);
  const config = loadConfig(packagePath('fixtures/walks.yaml'));
  const { core, plan } = prepareCore(config, inputs.length);
  await replay(core, { inputs: inputsOf(plan, inputs), ports: portNames(plan), outDir: folder });
  for (const end of ENDS) {
    const kernel = pcapFrames(packagePath(`fixtures/walks-${end}-kernel.pcap`)).filter(isTraffic);
    const ours = framesOf(join(folder, `${end}.pcapng`)).filter(isTraffic);
    const told = (frames: string[]): string[] => frames.map(frame => summarize(bytesOf(frame)));
    assert.equal(told(ours.map(asBridged)), told(kernel.map(asBridged)), end);
    assert.equal(ours.map(asBridged), kernel.map(asBridged), end);
    assert.ok(kernel.length > 5, end);
  }
  rmSync(folder, { recursive: true });
});

test('walks: the header sets of W1, W2, W3a, W3b and W9 are in them', () => {
  const sent = (end: string): string[] =>
    pcapFrames(packagePath(`fixtures/walks-${end}-kernel.pcap`)).map(f => summarize(bytesOf(f)));
  const has = (end: string, text: string): void => {
    assert.ok(
      sent(end).some(line => line.includes(text) && !line.includes(IGMP)),
      `${end}: ${text}`,
    );
  };
  has('out', '192.168.0.2:33920 > 93.184.216.34:80'); // W1
  has('c2', '93.184.216.34:80 > 10.0.0.2:33920');
  has('c2', '203.0.113.9:41000 > 10.0.0.2:80'); // W2
  has('out', '192.168.0.2:5000 > 203.0.113.9:41000');
  has('c2', '10.0.0.1:41001 > 10.0.0.2:80'); // W3a
  has('c2', '192.168.0.2:5000 > 10.0.0.2:41001');
  has('c2', '10.0.0.254:41002 > 10.0.0.2:80'); // W3b
  has('c3', '192.168.0.2:5000 > 10.0.0.254:41002');
  has('c2', '93.184.216.34 > 10.0.0.2 icmp'); // W9
});

test.run();
