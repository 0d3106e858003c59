/**
 * The TAP devices of a switch, on the control thread. A reload prepares first: devices of
 * new ports are opened, those whose port was only renamed change hands, and nothing else
 * is touched. Then either `commit` closes what is no longer wanted, or `rollback` closes
 * what was opened.
 */
import { ConfigError, type Problem } from '../config/config-error.js';
import type { PortConfig } from '../config/config.js';
import type { Plan } from '../config/plan.js';
import type { Binding } from '../loop-messages.js';
import { closeHandle, openTap } from './tap.js';

interface Device {
  handle: number;
  /** Configuration it was opened with. */
  config: PortConfig;
}

export interface PreparedDevices {
  bindings: Binding[];
  commit: () => void;
  rollback: () => void;
}

/** What is fixed as long as a device exists. */
const FIXED_KEYS = ['kind', 'device', 'netns', 'mac', 'mtuBytes', 'offload'] as const;

export class Devices {
  /** By port name. */
  private devices = new Map<string, Device>();

  /** Opens what `plan` needs. Throws when a device cannot be opened; nothing is left open. */
  prepare(plan: Plan, previous: Plan | undefined): PreparedDevices {
    this.checkFixed(plan, previous);
    const next = new Map<string, Device>();
    const opened: Device[] = [];
    const bindings: Binding[] = [];
    const rollback = (): void => opened.forEach(device => closeHandle(device.handle));
    try {
      for (const { name, index, config } of plan.ports) {
        if (config.kind !== 'tap') continue;
        const old = this.devices.get(name) ?? this.orphan(config, plan);
        const device = old ?? open(config);
        if (old === undefined) opened.push(device);
        if (old !== this.devices.get(name) || old === undefined) {
          bindings.push({ port: index, handle: device.handle });
        }
        next.set(name, { ...device, config });
      }
    } catch (error) {
      rollback();
      throw error;
    }
    return { bindings, commit: () => this.replace(next), rollback };
  }

  private checkFixed(plan: Plan, previous: Plan | undefined): void {
    const problems: Problem[] = [];
    for (const { name, config } of plan.ports) {
      const before = previous?.ports.find(port => port.name === name)?.config;
      if (before === undefined || (config.kind !== 'tap' && before.kind !== 'tap')) continue;
      for (const key of FIXED_KEYS) {
        if (config[key] === before[key]) continue;
        const wanted = `expected ${before[key] ?? 'none'} as long as the device exists`;
        const problem = `${wanted} (remove the port, then add it), got ${config[key] ?? 'none'}`;
        problems.push({ path: `ports.${name}.${key}`, problem });
      }
    }
    ConfigError.throwIfAny(problems);
  }

  /** The same device, of a port that the plan no longer has. */
  private orphan(config: PortConfig, plan: Plan): Device | undefined {
    for (const [name, device] of this.devices) {
      const isKept = plan.ports.some(port => port.name === name);
      if (!isKept && FIXED_KEYS.every(key => device.config[key] === config[key])) return device;
    }
    return undefined;
  }

  private replace(next: Map<string, Device>): void {
    const kept = new Set(Array.from(next.values(), device => device.handle));
    for (const { handle } of this.devices.values()) if (!kept.has(handle)) closeHandle(handle);
    this.devices = next;
  }

  /** Forgets a device that has vanished; the next reload opens it anew. */
  forget(name: string): void {
    const device = this.devices.get(name);
    if (device === undefined) return;
    closeHandle(device.handle);
    this.devices.delete(name);
  }

  closeAll(): void {
    this.replace(new Map());
  }
}

function open(config: PortConfig): Device {
  const { handle } = openTap({
    name: config.device,
    mtuBytes: config.mtuBytes,
    offload: config.offload,
    ...(config.netns !== undefined && { netns: config.netns }),
    ...(config.mac !== undefined && { mac: config.mac }),
  });
  return { handle, config };
}
