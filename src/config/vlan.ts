/** VLAN settings of a port: which keys go with which mode, and what they mean. */
import type { VidRange, VlanConfig } from './config.js';
import type { Problem } from './config-error.js';
import type { RawSegment, RawVids, RawVlan } from './raw.js';
import { show } from './schema.js';
import { mergeVids, parseVids } from './vids.js';

const TRUNK_KEYS = ['native', 'nativeTagged', 'allowed'] as const;

/** Adds what is wrong to `problems`; the result only counts if nothing was added. */
export function normaliseVlan(
  path: string,
  vlan: RawVlan | undefined,
  segment: RawSegment | undefined,
  problems: Problem[],
): VlanConfig | undefined {
  const isAware = segment?.vlanAware === true;
  if (vlan === undefined && isAware) {
    const problem = 'expected a VLAN mode, as the segment is VLAN aware, got nothing';
    problems.push({ path, problem });
  }
  if (vlan === undefined) return undefined;
  if (!isAware) {
    const problem = `expected none, as the segment is not VLAN aware, got mode ${vlan.mode}`;
    problems.push({ path, problem });
  }
  return vlan.mode === 'trunk' ? trunk(path, vlan, problems) : single(path, vlan, problems);
}

/** Access and tunnel ports: one VLAN. */
function single(path: string, vlan: RawVlan, problems: Problem[]): VlanConfig {
  if (vlan.vid === undefined) {
    problems.push({ path: `${path}.vid`, problem: 'expected 1..4094, got nothing' });
  }
  for (const key of TRUNK_KEYS) {
    if (vlan[key] === undefined) continue;
    const problem = `expected only with mode trunk, got it with mode ${vlan.mode}`;
    problems.push({ path: `${path}.${key}`, problem });
  }
  const vid = vlan.vid ?? 0;
  const { mode, priorityTags } = vlan;
  return { mode, vid, native: 0, nativeTagged: false, allowed: [[vid, vid]], priorityTags };
}

function trunk(path: string, vlan: RawVlan, problems: Problem[]): VlanConfig {
  if (vlan.vid !== undefined) {
    const problem = 'expected only with mode access or tunnel, got it with mode trunk';
    problems.push({ path: `${path}.vid`, problem: `${problem} (did you mean native?)` });
  }
  if (vlan.nativeTagged !== undefined && vlan.native === undefined) {
    const problem = 'expected only with a native VLAN, got it without';
    problems.push({ path: `${path}.nativeTagged`, problem });
  }
  const native = vlan.native ?? 0;
  const { mode, nativeTagged = false, priorityTags } = vlan;
  const listed = allowedVids(path, vlan.allowed ?? 'all', problems);
  const allowed = native === 0 ? listed : mergeVids([...listed, [native, native]]);
  return { mode, vid: 0, native, nativeTagged, allowed, priorityTags };
}

function allowedVids(path: string, raw: RawVids, problems: Problem[]): VidRange[] {
  const allowed = parseVids(raw);
  if (allowed !== undefined) return allowed;
  const problem = `expected all, or VLANs 1..4094 as numbers and ranges, got ${show(raw)}`;
  problems.push({ path: `${path}.allowed`, problem });
  return [];
}

/** A configured entry names a VLAN where there are any, and only there. */
export function checkEntryVid(
  path: string,
  segment: RawSegment,
  vid: number | undefined,
  problems: Problem[],
): void {
  if (segment.vlanAware === (vid !== undefined)) return;
  const problem = segment.vlanAware
    ? 'expected a VLAN, as the segment is VLAN aware, got nothing'
    : `expected none, as the segment is not VLAN aware, got ${vid}`;
  problems.push({ path, problem });
}
