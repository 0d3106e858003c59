/** A segment's configuration as `SegmentOption` values, and its part of the arrivals. */
import { LimitPolicy, SegmentOption, StaticMove } from '../../assembly/abi.js';
import type { Config, SegmentConfig } from './config.js';
import { ConfigError } from './config-error.js';
import { type DomainRun, domainOf } from './plan-domains.js';

const MS_PER_SEC = 1000;

/** A segment's part of the ring of arrivals; only segments that evict have places. */
export interface ArrivalPlaces {
  start: number;
  places: number;
}

/** `table` is the index of the segment's VLAN table, if it is aware. */
export function segmentOptions(
  segment: SegmentConfig,
  table: number | undefined,
  domains: readonly DomainRun[],
  arrivals: ArrivalPlaces,
): number[] {
  const evicts = segment.limitPolicy === 'evictOldest';
  const options: number[] = [];
  options[SegmentOption.VlanAware] = table === undefined ? 0 : table + 1;
  options[SegmentOption.Domain] = domainOf(domains, 0);
  options[SegmentOption.AgeMs] = segment.ageSec * MS_PER_SEC;
  options[SegmentOption.LearnLimit] = segment.learnLimit;
  options[SegmentOption.LimitPolicy] = evicts ? LimitPolicy.EvictOldest : LimitPolicy.Refuse;
  options[SegmentOption.Tpid] = segment.tpid;
  options[SegmentOption.StaticMove] =
    segment.staticMove === 'forward' ? StaticMove.Forward : StaticMove.Drop;
  options[SegmentOption.ArrivalStart] = arrivals.start;
  options[SegmentOption.ArrivalPlaces] = arrivals.places;
  options[SegmentOption.AnswerNeighbours] = Number(segment.arpTermination);
  return options;
}

interface Before {
  name: string;
  options: readonly number[];
}

/** Places of the segments that evict; they stay where they were while their limit does. */
export function allocateArrivals(
  config: Config,
  previous: readonly Before[],
): Map<string, ArrivalPlaces> {
  const before = new Map(previous.map(({ name, options }) => [name, placesOf(options)]));
  const evicting = config.segments.filter(segment => segment.limitPolicy === 'evictOldest');
  const result = new Map<string, ArrivalPlaces>();
  for (const { name, learnLimit } of evicting) {
    const old = before.get(name);
    if (old?.places === learnLimit) result.set(name, old);
  }
  for (const { name, learnLimit } of evicting) {
    if (result.has(name)) continue;
    const start = firstGap([...result.values()], learnLimit);
    if (start + learnLimit > config.capacities.EvictEntries) throw noGap(name, learnLimit);
    result.set(name, { start, places: learnLimit });
  }
  return result;
}

function placesOf(options: readonly number[]): ArrivalPlaces {
  return {
    start: options[SegmentOption.ArrivalStart]!,
    places: options[SegmentOption.ArrivalPlaces]!,
  };
}

function firstGap(used: ArrivalPlaces[], places: number): number {
  let start = 0;
  for (const other of used.sort((a, b) => a.start - b.start)) {
    if (start + places <= other.start) break;
    start = other.start + other.places;
  }
  return start;
}

function noGap(name: string, places: number): ConfigError {
  const problem = `expected ${places} places in one piece (capacities.evictEntries), got none`;
  return new ConfigError(`segments.${name}.learnLimit`, problem);
}
