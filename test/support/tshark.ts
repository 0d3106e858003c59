/** What tshark thinks of frames: an opinion that is not ours. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from './tools.js';

const MAGIC = 0xa1b2c3d4;
const MOST_BYTES = 262144;
const ETHERNET = 1;
const CHECKED = ['ip', 'tcp', 'udp'];
const SUMMED = ['ip', 'tcp', 'udp', 'icmp', 'icmpv6'];

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
  { filter = faultFilter(), fields = [] as string[] } = {},
): string[] | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tshark-'));
  const file = join(folder, 'frames.pcap');
  writeFileSync(file, pcapOf(frames));
  const checks = CHECKED.flatMap(name => ['-o', `${name}.check_checksum:TRUE`]);
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

function faultFilter(): string {
  return [...SUMMED.map(name => `${name}.checksum.status==0`), '_ws.malformed'].join('||');
}
