/**
 * Writes underlays, overlays and tunnel ends of a plan into a core: what differs from the
 * plan before.
 *
 * Two steps around the ports, since an overlay works on a port that is in a segment, and an
 * underlay on one that is in none: `releaseOverlays` takes out of service what goes or
 * changes its place, before the ports change; `writeOverlays` writes behind them.
 */
import { Capacity, Status } from '../../assembly/abi.js';
import { OverlayOption, UnderlayOption } from '../../assembly/overlay-abi.js';
import type { Core } from '../core.js';
import { formatIp, parseIp } from '../frame/address.js';
import { parseMac } from '../frame/mac.js';
import { type FlushFilter, flushLearned } from './apply-fdb.js';
import { ConfigError } from './config-error.js';
import {
  type OverlayOptions,
  type UnderlayOptions,
  overlayOptions,
  underlayOptions,
} from './overlay-options.js';
import type { Plan, PlannedOverlay, PlannedUnderlay, PlannedVtep } from './plan.js';
import { type VtepKey, ipOf, vtepKey } from './plan-overlay.js';

/** The core's numbers of tunnel ends, from 1 on. */
export type VtepNumbers = Map<VtepKey, number>;

/** Numbers of all tunnel ends the core has, learned ones too. */
function vtepNumbers(core: Core, plan: Pick<Plan, 'underlays'> | undefined): VtepNumbers {
  const names = new Map(plan?.underlays.map(({ index, name }) => [index, name]));
  const numbers: VtepNumbers = new Map();
  if (names.size === 0) return numbers;
  for (const { index, underlay, ip } of core.overlays.vteps()) {
    numbers.set(vtepKey(names.get(underlay) ?? '', formatIp(ip)), index);
  }
  return numbers;
}

function byName<T extends { name: string }>(all: readonly T[] | undefined): Map<string, T> {
  return new Map(all?.map(one => [one.name, one]));
}

/** What an overlay is, other than how its frames travel. */
function placeOf(overlay: PlannedOverlay, ports: ReadonlyMap<number, string>): string {
  const { index, domain, underlay, tunnelPort, config } = overlay;
  const network = [config.underlay, underlay, config.udpPort, config.encapsulation, config.vni];
  return [index, domain, tunnelPort, ports.get(tunnelPort), ...network].join();
}

/** Overlays that `previous` has in the same place, so that they go on: as they were. */
function keptOverlays(plan: Plan, previous: Plan | undefined): Map<string, PlannedOverlay> {
  if (previous === undefined) return new Map();
  const before = byName(previous.overlays);
  const [oldPorts, ports] = [portNames(previous), portNames(plan)];
  const kept = new Map<string, PlannedOverlay>();
  for (const overlay of plan.overlays) {
    const old = before.get(overlay.name);
    if (old === undefined || placeOf(old, oldPorts) !== placeOf(overlay, ports)) continue;
    kept.set(overlay.name, old);
  }
  return kept;
}

function portNames({ ports }: Plan): Map<number, string> {
  return new Map(ports.map(({ index, name }) => [index, name]));
}

/** The port of an underlay, by name and index. */
function carrierOf({ port, config }: PlannedUnderlay): string {
  return `${port} ${config.port}`;
}

export function releaseOverlays(core: Core, plan: Plan, previous: Plan): void {
  const numbers = vtepNumbers(core, previous);
  const kept = keptOverlays(plan, previous);
  const now = byName(plan.overlays);
  const learned: FlushFilter[] = [];
  for (const { name, index, domain, senders } of previous.overlays) {
    const isKept = kept.has(name);
    const stay = new Set(isKept ? now.get(name)!.senders : []);
    for (const key of senders) {
      const number = numbers.get(key);
      if (stay.has(key) || number === undefined) continue;
      core.overlays.allowPeer(index, number, false);
      learned.push({ domain, port: core.overlays.placeOf(number) });
    }
    if (isKept) continue;
    core.overlays.resetOverlay(index);
    learned.push({ domain });
  }
  flushLearned(core, learned);
  const vteps = new Set(plan.vteps.map(({ key }) => key));
  for (const { key } of previous.vteps) {
    const number = numbers.get(key);
    if (!vteps.has(key) && number !== undefined) core.overlays.removeVtep(number);
  }
  releaseUnderlays(core, plan, previous);
}

/** Tunnel ends of underlays that are no more go too, learned ones among them. */
function releaseUnderlays(core: Core, plan: Plan, previous: Plan): void {
  const now = byName(plan.underlays);
  for (const underlay of previous.underlays) {
    const next = now.get(underlay.name);
    if (next !== undefined && carrierOf(next) === carrierOf(underlay)) continue;
    core.overlays.configureUnderlay(underlay.index, UnderlayOption.Port, 0);
    if (next !== undefined) continue;
    const left = [...core.overlays.vteps()].filter(vtep => vtep.underlay === underlay.index);
    for (const { index } of left) core.overlays.removeVtep(index);
  }
}

/** Behind the ports. Returns the numbers of the plan's tunnel ends, for its addresses. */
export function writeOverlays(core: Core, plan: Plan, previous: Plan | undefined): VtepNumbers {
  writeUnderlays(core, plan, previous);
  const numbers = writeVteps(core, plan, previous);
  const kept = keptOverlays(plan, previous);
  for (const overlay of plan.overlays) {
    const old = kept.get(overlay.name);
    allowSenders(core, overlay, old, numbers);
    writePeers(core, overlay, old, numbers);
    writeOptions(core, overlay, old, numbers);
  }
  return numbers;
}

function writeUnderlays(core: Core, plan: Plan, previous: Plan | undefined): void {
  const before = byName(previous?.underlays);
  for (const underlay of plan.underlays) {
    const old = before.get(underlay.name);
    const was: UnderlayOptions = old === undefined ? new Map() : optionsOf(old, previous!);
    if (old !== undefined && carrierOf(old) !== carrierOf(underlay)) {
      was.delete(UnderlayOption.Port);
    }
    let isChanged = false;
    for (const [option, value] of optionsOf(underlay, plan)) {
      if (was.get(option) === value) continue;
      core.overlays.configureUnderlay(underlay.index, option, value);
      isChanged = true;
    }
    if (isChanged) core.overlays.refreshUnderlay(underlay.index);
  }
}

/** Our MAC there is the configured one, else that of the open device. */
function optionsOf(underlay: PlannedUnderlay, { ports }: Plan): UnderlayOptions {
  if (!underlay.resolvesNextHops) return underlayOptions(underlay, undefined);
  const device = ports.find(({ index }) => index === underlay.port)?.device;
  const own = device === undefined ? undefined : parseMac(device.mac);
  return underlayOptions(underlay, underlay.mac ?? own);
}

function writeVteps(core: Core, plan: Plan, previous: Plan | undefined): VtepNumbers {
  const known = vtepNumbers(core, plan);
  const before = new Map(previous?.vteps.map(vtep => [vtep.key, vtep.mtuBytes]));
  const numbers: VtepNumbers = new Map();
  for (const vtep of plan.vteps) {
    const isThere = known.has(vtep.key) && before.get(vtep.key) === vtep.mtuBytes;
    const number = isThere ? known.get(vtep.key)! : insertVtep(core, plan, vtep);
    numbers.set(vtep.key, number);
  }
  return numbers;
}

/** Throws when there is no room. */
export function insertVtep(core: Core, plan: Plan, vtep: PlannedVtep): number {
  const number = core.overlays.insertVtep(vtep.underlay, parseIp(vtep.ip)!, vtep.mtuBytes);
  if (number !== 0) return number;
  const name = plan.underlays.find(({ index }) => index === vtep.underlay)?.name;
  throw noRoom(`underlays.${name}.vteps`, vtep.ip, 'vteps', plan.capacities.Vteps);
}

export function noRoom(
  path: string,
  what: string,
  key: string,
  most: number | undefined,
): ConfigError {
  const wanted = `expected room for ${what} (capacities.${key} is ${most})`;
  return new ConfigError(path, `${wanted}, got a full table`);
}

/** Throws when there is no room. */
function allowSenders(
  core: Core,
  { name, index, senders }: PlannedOverlay,
  old: PlannedOverlay | undefined,
  numbers: VtepNumbers,
): void {
  const had = new Set(old?.senders);
  for (const key of senders) {
    if (had.has(key)) continue;
    const status = core.overlays.allowPeer(index, numbers.get(key)!, true);
    if (status === Status.Ok) continue;
    const most = core.capacity(Capacity.Peers);
    throw noRoom(`segments.${name}.overlay.peers`, ipOf(key), 'peers', most);
  }
}

/** The replication list. */
function writePeers(
  core: Core,
  { peers, peerStart }: PlannedOverlay,
  old: PlannedOverlay | undefined,
  numbers: VtepNumbers,
): void {
  const isSame = old?.peerStart === peerStart && old.peers.join() === peers.join();
  if (isSame) return;
  peers.forEach((key, i) => core.overlays.setPeer(peerStart + i, numbers.get(key)!));
}

function writeOptions(
  core: Core,
  overlay: PlannedOverlay,
  old: PlannedOverlay | undefined,
  numbers: VtepNumbers,
): void {
  const { PeerStart, PeerCount, Group } = OverlayOption;
  const was: OverlayOptions = old === undefined ? new Map() : overlayOptions(old);
  const options = overlayOptions(overlay);
  // Setting the start empties the list, so they are always set together.
  const movesPeers = [PeerStart, PeerCount].some(one => was.get(one) !== options.get(one));
  if (old?.group !== overlay.group) {
    const number = overlay.group === undefined ? 0 : numbers.get(overlay.group)!;
    core.overlays.configureOverlay(overlay.index, Group, number);
  }
  for (const [option, value] of options) {
    const isPeers = option === PeerStart || option === PeerCount;
    if (was.get(option) === value && !(isPeers && movesPeers)) continue;
    core.overlays.configureOverlay(overlay.index, option, value);
  }
}
