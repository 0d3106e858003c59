/**
 * Where everything of services lies in a core, behind its zones (zones.ts), and how it begins.
 * A core without services has a few lines of it.
 */
import { Capacity } from './abi';
import {
  BACKEND_BYTES,
  Core,
  SERVICE_BYTES,
  SERVICE_KEY_ROW_BYTES,
  SHARE_BYTES,
  VIP_BYTES,
  alignLine,
} from './memory';
import { Blocks } from './table/blocks';
import { Buckets, mix } from './table/buckets';

/** Assigns places from `start` on. Returns the first free address. */
export function placeServices(core: Core, start: usize): usize {
  const keys = core.capacity(Capacity.ServiceKeys);
  const shares = core.capacity(Capacity.Shares);
  let at = alignLine(start);
  core.services = at;
  core.backends = at = alignLine(at + <usize>core.capacity(Capacity.Services) * SERVICE_BYTES);
  core.serviceKeys = at = alignLine(at + <usize>core.capacity(Capacity.Backends) * BACKEND_BYTES);
  core.serviceKeyRows = at = alignLine(at + Buckets.bytesFor(keys));
  core.vips = at = alignLine(at + <usize>keys * SERVICE_KEY_ROW_BYTES);
  core.shares = at = alignLine(at + <usize>keys * VIP_BYTES);
  core.shareRows = at = alignLine(at + Buckets.bytesFor(shares));
  core.balanceBlocks = at = alignLine(at + <usize>shares * SHARE_BYTES);
  return alignLine(at + Blocks.bytesFor(core.capacity(Capacity.BalanceBytes)));
}

/** In zeroed memory. */
export function createServices(core: Core, seed: u64): void {
  const keys = core.capacity(Capacity.ServiceKeys);
  Buckets.create(core.serviceKeys, keys, mix(seed + 1), mix(seed + 2));
  Buckets.create(core.shares, core.capacity(Capacity.Shares), mix(seed + 3), mix(seed + 4));
  Blocks.create(core.balanceBlocks, core.capacity(Capacity.BalanceBytes));
}
