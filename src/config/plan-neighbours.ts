/** Neighbours of a segment as the core takes them. */
import type { SegmentConfig } from './config.js';
import { ConfigError } from './config-error.js';
import { type DomainRun, domainOf } from './plan-domains.js';

export interface PlannedNeighbour {
  /** In the one form RFC 5952 gives it. */
  ip: string;
  domain: number;
  mac: bigint;
  isRouter: boolean;
}

interface Segment {
  name: string;
  config: SegmentConfig;
  domains: readonly DomainRun[];
}

export function planNeighbours({ name, config, domains }: Segment): PlannedNeighbour[] {
  return config.neighbours.map(({ ip, mac, vid, router }, index) => {
    const domain = domainOf(domains, vid);
    if (domain === 0) {
      const path = `segments.${name}.neighbours[${index}].vid`;
      throw new ConfigError(path, `expected a VLAN of one of its ports, got ${vid}`);
    }
    return { ip, domain, mac, isRouter: router };
  });
}
