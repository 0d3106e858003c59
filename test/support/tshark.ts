/** What tshark thinks of frames: an opinion that is not ours. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { hex } from './frame.js';
import { runTool } from './tools.js';

const MAGIC = 0xa1b2c3d4;
const MOST_BYTES = 262144;
const ETHERNET = 1;
const CHECKED = ['ip', 'tcp', 'udp'];
const SUMMED = ['ip', 'tcp', 'udp', 'icmp', 'icmpv6'];
const FAULTS = [...SUMMED.map(name => `${name}.checksum.status==0`), '_ws.malformed'].join('||');
const MOST_SHOWN = 5;

/** A capture file of these frames, all of time 0. */
function pcapOf(frames: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(MOST_BYTES, 16);
  header.writeUInt32LE(ETHERNET, 20);
  const records = frames.flatMap(frame => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([header, ...records]);
}

/**
 * Lines of tshark about frames: with `filter` those it matches, else those with a wrong
 * checksum or a fault; then the fields. Undefined, and a line on stdout, without tshark.
 */
export function tshark(
  frames: readonly Uint8Array[],
  { filter = FAULTS, fields = [] as string[], decodeAs = [] as readonly string[] } = {},
): string[] | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tshark-'));
  const file = join(folder, 'frames.pcap');
  writeFileSync(file, pcapOf(frames));
  const checks = checksOf(decodeAs);
  const columns = fields.length === 0 ? [] : ['-T', 'fields', ...fields.flatMap(f => ['-e', f])];
  const read = (...more: string[]): string[] | undefined =>
    runTool('tshark', ['-n', '-r', file, ...checks, ...more])
      ?.split('\n')
      .filter(line => line !== '');
  const all = read();
  const lines = all && read('-Y', filter, ...columns);
  rmSync(folder, { recursive: true });
  // No line may mean that tshark did not run: it must have shown every frame.
  if (all && all.length !== frames.length) throw new Error(`tshark read ${all.length} frames`);
  return lines;
}

/** Options that check everything; `udp.port==8472,vxlan`: what tshark does not know itself. */
function checksOf(decodeAs: readonly string[]): string[] {
  const checks = CHECKED.flatMap(name => ['-o', `${name}.check_checksum:TRUE`]);
  // It calls a retransmission that it puts together with what it has a malformed packet.
  checks.push('-o', 'tcp.desegment_tcp_streams:FALSE');
  return [...checks, ...decodeAs.flatMap(rule => ['-d', rule])];
}

export interface CheckOptions {
  decodeAs?: readonly string[];
}

/**
 * Of a live TCP checksum: 0xffff for 0, which adds up to the same (RFC 1624 §3). Kernels send
 * it for what they finish in software, so in a capture with them it is no fault.
 */
const OTHER_ZERO = 'tcp.checksum.ffff';

/** Lines of tshark about faulty frames of a capture file from real devices. */
export function faultsIn(path: string, { decodeAs = [] }: CheckOptions = {}): string[] {
  const filter = `(${FAULTS}) && !(${OTHER_ZERO})`;
  const out = runTool('tshark', ['-n', '-r', path, ...checksOf(decodeAs), '-Y', filter]) ?? '';
  return out.split('\n').filter(line => line !== '');
}

/** Fails when tshark finds a fault in one of the frames (conformance §0); one call for all. */
export function expectClean(frames: readonly Uint8Array[], options: CheckOptions = {}): void {
  const lines = tshark(frames, { ...options, fields: ['frame.number'] }) ?? [];
  const shown = lines.slice(0, MOST_SHOWN).map(number => hex(frames[Number(number) - 1]!));
  if (lines.length === 0) return;
  const what = `${lines.length} of ${frames.length} frames are faulty`;
  assert.unreachable(`tshark: ${what}:\n  ${shown.join('\n  ')}`);
}
