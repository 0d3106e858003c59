/** Configured addresses as the core takes them. */
import { FdbKind } from '../../assembly/abi.js';
import type { SegmentConfig } from './config.js';
import { ConfigError } from './config-error.js';
import { type DomainRun, domainOf } from './plan-domains.js';
import { type VtepKey, vtepKey } from './plan-overlay.js';

export interface PlannedFdb {
  mac: bigint;
  domain: number;
  /** `Capacities.Ports` is the switch itself, and where there is a `vtep`. */
  port: number;
  /** The tunnel end it is behind, rather than a port. */
  vtep?: VtepKey;
  kind: FdbKind;
}

interface Segment {
  name: string;
  config: SegmentConfig;
  domains: readonly DomainRun[];
}

interface Numbers {
  /** By name. */
  ports: ReadonlyMap<string, number>;
  nobody: number;
}

export function planFdb({ name, config, domains }: Segment, numbers: Numbers): PlannedFdb[] {
  const { ports, nobody } = numbers;
  return config.fdb.map(({ mac, vid, kind, port, dst }, index) => {
    const domain = domainOf(domains, vid);
    if (domain === 0) {
      const path = `segments.${name}.fdb[${index}].vid`;
      throw new ConfigError(path, `expected a VLAN of one of its ports, got ${vid}`);
    }
    return {
      mac,
      domain,
      port: port === undefined ? nobody : ports.get(port)!,
      ...(dst !== undefined && { vtep: vtepKey(config.overlay!.underlay, dst) }),
      kind: kind === 'static' ? FdbKind.Static : FdbKind.Permanent,
    };
  });
}
