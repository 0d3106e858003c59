/**
 * What the ports of a switch are bound to, on the control thread. A reload prepares first:
 * devices of new ports are opened, those whose port was only renamed change hands, and
 * nothing else is touched. Then either `commit` closes what is no longer wanted, or
 * `rollback` closes what was opened.
 */
import { PortOption } from '../../assembly/abi.js';
import { ConfigError, type Problem } from '../config/config-error.js';
import type { PortConfig, PortKind } from '../config/config.js';
import type { Plan, PlannedPort } from '../config/plan.js';
import type { Binding } from '../loop-messages.js';
import { closeHandle } from './addon.js';
import { openPacket } from './packet.js';
import type { DeviceFacts } from './port.js';
import { openTap } from './tap.js';
import { type Udp, openUdp } from './udp.js';

interface Device {
  handles: readonly number[];
  /** Configuration it was opened with. */
  config: PortConfig;
  facts?: DeviceFacts;
  /** Of a port of kind udp. */
  udp?: Udp;
}

export interface PreparedDevices {
  /** With what the devices say of themselves. */
  plan: Plan;
  bindings: Binding[];
  commit: () => void;
  rollback: () => void;
}

/** What is fixed as long as a device exists; kinds that are not here have none. */
const FIXED_KEYS: Partial<Record<PortKind, readonly (keyof PortConfig)[]>> = {
  tap: ['kind', 'device', 'netns', 'mac', 'mtuBytes', 'offload'],
  packet: ['kind', 'interface', 'netns'],
  udp: ['kind', 'netns'],
};

export class Devices {
  /** By port name. */
  private devices = new Map<string, Device>();

  /** Opens what `plan` needs. Throws when a device cannot be opened; nothing is left open. */
  prepare(plan: Plan, previous: Plan | undefined): PreparedDevices {
    checkFixed(plan, previous);
    const next = new Map<string, Device>();
    const given = new Set<Device>();
    const had = new Set(Array.from(this.devices.values()).flatMap(({ handles }) => handles));
    const rollback = (): void => closeOthers(next, had);
    try {
      for (const port of plan.ports) {
        if (FIXED_KEYS[port.config.kind] === undefined) continue;
        const old = this.devices.get(port.name) ?? this.orphan(port.config, plan, given);
        if (old !== undefined) given.add(old);
        next.set(port.name, open(port, old));
      }
    } catch (error) {
      rollback();
      throw error;
    }
    const bindings = this.bindings(plan, next);
    return { plan: withFacts(plan, next), bindings, commit: () => this.replace(next), rollback };
  }

  /** The same device, of a port that the plan no longer has. */
  private orphan(config: PortConfig, plan: Plan, given: ReadonlySet<Device>): Device | undefined {
    for (const [name, device] of this.devices) {
      const isKept = given.has(device) || plan.ports.some(port => port.name === name);
      if (!isKept && changedKeys(config, device.config).length === 0) return device;
    }
    return undefined;
  }

  /** Of ports that have handles they had not before. */
  private bindings(plan: Plan, next: ReadonlyMap<string, Device>): Binding[] {
    const bindings: Binding[] = [];
    for (const { name, index } of plan.ports) {
      const device = next.get(name);
      const before = this.devices.get(name)?.handles;
      if (device === undefined || isSame(device.handles, before)) continue;
      bindings.push({ port: index, handles: [...device.handles] });
    }
    return bindings;
  }

  private replace(next: Map<string, Device>): void {
    const kept = new Set(Array.from(next.values()).flatMap(({ handles }) => handles));
    closeOthers(this.devices, kept);
    this.devices = next;
  }

  /** Forgets a device that has vanished; the next reload opens it anew. */
  forget(name: string): void {
    this.devices.get(name)?.handles.forEach(closeHandle);
    this.devices.delete(name);
  }

  closeAll(): void {
    this.replace(new Map());
  }
}

function isSame(handles: readonly number[], before: readonly number[] | undefined): boolean {
  return before?.length === handles.length && handles.every((handle, i) => handle === before[i]);
}

/** Closes the handles of `devices` but those. */
function closeOthers(devices: ReadonlyMap<string, Device>, kept: ReadonlySet<number>): void {
  for (const { handles } of devices.values()) {
    for (const handle of handles) if (!kept.has(handle)) closeHandle(handle);
  }
}

function checkFixed(plan: Plan, previous: Plan | undefined): void {
  const problems: Problem[] = [];
  for (const { name, config } of plan.ports) {
    const before = previous?.ports.find(port => port.name === name)?.config;
    if (before === undefined) continue;
    for (const key of changedKeys(config, before)) {
      const wanted = `expected ${String(before[key] ?? 'none')} as long as the device exists`;
      const problem = `${wanted} (remove the port, then add it), got ${String(config[key] ?? 'none')}`;
      problems.push({ path: `ports.${name}.${key}`, problem });
    }
  }
  ConfigError.throwIfAny(problems);
}

/** What is fixed and yet not the same. */
function changedKeys(config: PortConfig, before: PortConfig): (keyof PortConfig)[] {
  if (config.kind === before.kind) {
    return (FIXED_KEYS[config.kind] ?? []).filter(key => config[key] !== before[key]);
  }
  const hasDevice = [config, before].some(({ kind }) => FIXED_KEYS[kind] !== undefined);
  return hasDevice ? ['kind'] : [];
}

/** `old`: what the port has already. */
function open({ config, underlay }: PlannedPort, old: Device | undefined): Device {
  const where = config.netns === undefined ? {} : { netns: config.netns };
  if (config.kind === 'udp') {
    const udp = openUdp({ addresses: [], udpPorts: [], ...underlay, ...where }, old?.udp);
    return { handles: udp.handles, config, udp };
  }
  if (old !== undefined) return { ...old, config };
  if (config.kind === 'packet') {
    const { handles, facts } = openPacket({ interface: config.interface!, ...where });
    return { handles, config, facts };
  }
  const { handle } = openTap({
    name: config.device,
    mtuBytes: config.mtuBytes,
    offload: config.offload,
    ...where,
    ...(config.mac !== undefined && { mac: config.mac }),
  });
  return { handles: [handle], config };
}

/** An MTU that is not configured is the device's. */
function withFacts(plan: Plan, devices: ReadonlyMap<string, Device>): Plan {
  const ports = plan.ports.map((port): PlannedPort => {
    const device = devices.get(port.name)?.facts;
    if (device === undefined) return port;
    const options = [...port.options];
    options[PortOption.MtuBytes] ||= device.mtuBytes;
    return { ...port, options, device };
  });
  return { ...plan, ports };
}
