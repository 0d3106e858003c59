/** Which kinds of ports a live switch can have, here. */
import type { Config, PortKind } from '../config/config.js';
import { ConfigError } from '../config/config-error.js';
import { type Availability, isAddonAvailable } from './addon.js';
import { isPacketAvailable } from './packet.js';
import { isTapAvailable } from './tap.js';

/** Whether ports of a kind can be opened here. */
const AVAILABLE: Partial<Record<PortKind, () => Availability>> = {
  tap: isTapAvailable,
  packet: isPacketAvailable,
  udp: isAddonAvailable,
};

/** Throws for what a live switch cannot have: a ConfigError, or an error of the system. */
export function checkKinds(config: Config): void {
  const problems = config.ports
    .filter(port => port.kind === 'pcap')
    .map(port => ({
      path: `ports.${port.name}.kind`,
      problem: 'expected tap, packet, udp or memory in a live switch, got pcap (for replay)',
    }));
  ConfigError.throwIfAny(problems);
  for (const kind of new Set(config.ports.map(port => port.kind))) {
    const available = AVAILABLE[kind]?.();
    if (available?.ok === false) throw new Error(available.missing);
  }
}
