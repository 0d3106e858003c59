/**
 * Forwarding domains: what separates addresses in the FDB. A plain segment is one domain;
 * in a VLAN-aware one each VLAN that a port carries has its own.
 */
import type { Config, PortConfig, SegmentConfig } from './config.js';
import { ConfigError } from './config-error.js';
import { routerPorts } from './router-ports.js';
import { eachVid, mergeVids } from './vids.js';

/** VLANs `first` to `last` have the domains from `domain` on. */
export interface DomainRun {
  first: number;
  last: number;
  domain: number;
}

/** Domain 0 means none. */
const FIRST_DOMAIN = 1;

interface Before {
  name: string;
  domains: readonly DomainRun[];
}

/** Domain of a VLAN, 0 of a plain segment; 0 when there is none. */
export function domainOf(runs: readonly DomainRun[], vid: number): number {
  const run = runs.find(({ first, last }) => first <= vid && vid <= last);
  return run === undefined ? 0 : run.domain + vid - run.first;
}

export function* eachDomain(runs: readonly DomainRun[]): Generator<[vid: number, domain: number]> {
  for (const { first, last, domain } of runs) {
    for (let vid = first; vid <= last; vid++) yield [vid, domain + vid - first];
  }
}

/**
 * Domains of every segment. What had one in `previous` keeps it; a number that just became
 * free is not used again at once, so an old entry can never be taken for a new one.
 */
export function allocateDomains(
  config: Config,
  previous: readonly Before[],
): Map<string, DomainRun[]> {
  const before = new Map(previous.map(({ name, domains }) => [name, domains]));
  const taken = new Set<number>();
  for (const { domains } of previous)
    for (const [, domain] of eachDomain(domains)) taken.add(domain);
  const ports = [...config.ports, ...routerPorts(config.zones)];
  let next = FIRST_DOMAIN;
  const result = new Map<string, DomainRun[]>();
  for (const segment of config.segments) {
    const old = before.get(segment.name) ?? [];
    const runs: DomainRun[] = [];
    for (const vid of vidsOf(ports, segment)) {
      let domain = domainOf(old, vid);
      if (domain === 0) {
        while (taken.has(next)) next++;
        taken.add(next);
        domain = next;
      }
      if (domain > config.capacities.Domains) throw tooMany(config, segment);
      append(runs, vid, domain);
    }
    result.set(segment.name, runs);
  }
  return result;
}

function vidsOf(ports: readonly PortConfig[], segment: SegmentConfig): Iterable<number> {
  if (!segment.vlanAware) return [0];
  const members = ports.filter(port => port.segment === segment.name);
  return eachVid(mergeVids(members.flatMap(port => port.vlan?.allowed ?? [])));
}

function append(runs: DomainRun[], vid: number, domain: number): void {
  const last = runs.at(-1);
  const continues =
    last !== undefined && vid === last.last + 1 && domain === last.domain + vid - last.first;
  if (continues) last.last = vid;
  else runs.push({ first: vid, last: vid, domain });
}

function tooMany(config: Config, segment: SegmentConfig): ConfigError {
  const most = config.capacities.Domains;
  const what = 'VLANs and plain segments (capacities.domains)';
  return new ConfigError(`segments.${segment.name}`, `expected at most ${most} ${what}, got more`);
}
