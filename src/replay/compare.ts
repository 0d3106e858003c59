/**
 * Compares what a replay wrote with what was expected, byte for byte, and says of the
 * first differences which packet, which field, expected and got.
 */
import { closeSync, existsSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { dissect, fieldAt } from '../frame/dissect.js';
import { PacketBlocks, type WrittenPacket } from './packet-blocks.js';

/** One difference. `packet` counts from 1 in its file; absent when it is of the file. */
export interface Difference {
  file: string;
  packet?: number;
  field: string;
  expected: string;
  got: string;
}

const SUFFIX = '.pcapng';
const CHUNK_BYTES = 1 << 20;

/** Differences of two folders' captures, the first `most` of them. */
export function compareFolders(expected: string, got: string, most: number): Difference[] {
  const differences: Difference[] = [];
  for (const file of namesIn(expected, got)) {
    if (differences.length >= most) break;
    const left = most - differences.length;
    differences.push(...compareFile(file, join(expected, file), join(got, file), left));
  }
  return differences;
}

function namesIn(...folders: readonly string[]): string[] {
  const names = folders.flatMap(folder => readdirSync(folder).filter(n => n.endsWith(SUFFIX)));
  return [...new Set(names)].sort();
}

function compareFile(file: string, expected: string, got: string, most: number): Difference[] {
  const present = [expected, got].map(path => existsSync(path));
  if (!present[0] || !present[1]) {
    const says = (is: boolean | undefined): string => (is ? 'a file' : 'none');
    return [{ file, field: 'file', expected: says(present[0]), got: says(present[1]) }];
  }
  if (statSync(expected).size === statSync(got).size && sameBytes(expected, got)) return [];
  return comparePackets(file, expected, got, most);
}

/** Of two files of one size. */
function sameBytes(a: string, b: string): boolean {
  const files = [a, b].map(path => ({ fd: openSync(path, 'r'), bytes: Buffer.alloc(CHUNK_BYTES) }));
  try {
    for (;;) {
      const [left, right] = files.map(({ fd, bytes }) =>
        bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, null)),
      );
      if (!left!.equals(right!)) return false;
      if (left!.length === 0) return true;
    }
  } finally {
    for (const { fd } of files) closeSync(fd);
  }
}

function comparePackets(file: string, expected: string, got: string, most: number): Difference[] {
  const differences: Difference[] = [];
  const theirs = new PacketBlocks(expected);
  const ours = new PacketBlocks(got);
  for (let packet = 1; differences.length < most; packet++) {
    const want = theirs.next();
    const have = ours.next();
    if (want === undefined && have === undefined) break;
    const found = want && have ? compareFields(want, have) : missing(want, have);
    differences.push(...found.map(difference => ({ file, packet, ...difference })));
  }
  theirs.close();
  ours.close();
  if (differences.length > 0) return differences.slice(0, most);
  return [{ file, field: 'file header', expected: 'the same bytes', got: 'other bytes' }];
}

type FieldDifference = Omit<Difference, 'file' | 'packet'>;

function missing(
  want: WrittenPacket | undefined,
  have: WrittenPacket | undefined,
): FieldDifference[] {
  const says = (packet: WrittenPacket | undefined): string =>
    packet === undefined ? 'none' : `${packet.data.length} bytes at ${packet.stampNs} ns`;
  return [{ field: 'packet', expected: says(want), got: says(have) }];
}

function compareFields(want: WrittenPacket, have: WrittenPacket): FieldDifference[] {
  const differences: FieldDifference[] = [];
  const check = (field: string, expected: unknown, got: unknown): void => {
    if (expected !== got) differences.push({ field, expected: `${expected}`, got: `${got}` });
  };
  check('time (ns)', want.stampNs, have.stampNs);
  check('interface', want.interface, have.interface);
  check('comment', want.comment, have.comment);
  check('length', want.data.length, have.data.length);
  const difference = firstByteDifference(want.data, have.data);
  if (difference !== undefined) differences.push(difference);
  return differences;
}

/** The field that holds the first byte that differs. */
function firstByteDifference(want: Buffer, have: Buffer): FieldDifference | undefined {
  const shorter = Math.min(want.length, have.length);
  let at = 0;
  while (at < shorter && want[at] === have[at]) at++;
  if (at === shorter) return undefined;
  const wanted = fieldAt(dissect(want), at);
  const got = fieldAt(dissect(have), at);
  const byte = (data: Buffer): string => `0x${data.subarray(at, at + 1).toString('hex')}`;
  const says = (text: string | undefined, data: Buffer): string =>
    text === undefined || text === `${data.length - (wanted?.offset ?? 0)} bytes`
      ? byte(data)
      : text;
  return {
    field: `${wanted?.name ?? 'data'} (byte ${at})`,
    expected: says(wanted?.text, want),
    got: says(got?.text, have),
  };
}
