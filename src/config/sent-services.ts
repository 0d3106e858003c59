/**
 * Planned services on their way to the thread of the packets: what it has is named by number,
 * since reading a hundred backends takes it longer than writing one.
 */
import type { Service } from '../service/model.js';
import type { PlannedBackend, PlannedService } from './plan-services.js';

export interface SentService extends Omit<PlannedService, 'service' | 'backends' | 'lookup'> {
  service: Omit<Service, 'backends'>;
  /** A number: that one, as it is. */
  backends: (number | PlannedBackend)[];
  /** Absent: none. */
  lookup?: Uint16Array | 'as it is';
}

/** `old` is what the other thread has by that number; undefined: nothing, or another. */
export function packService(planned: PlannedService, old: PlannedService | undefined): SentService {
  const { service, backends, lookup, ...place } = planned;
  const had = new Map(old?.backends.map(one => [one.index, one.backend]));
  const { backends: _, ...rest } = service;
  return {
    ...place,
    service: rest,
    backends: backends.map(one => (had.get(one.index) === one.backend ? one.index : one)),
    ...(lookup !== undefined && { lookup: lookup === old?.lookup ? 'as it is' : lookup }),
  };
}

/** `old` is what it was packed against. */
export function unpackService(sent: SentService, old: PlannedService | undefined): PlannedService {
  const { service, backends, lookup, ...place } = sent;
  const had = new Map(old?.backends.map(one => [one.index, one]));
  const kept = lookup === 'as it is' ? old?.lookup : lookup;
  return {
    ...place,
    // The core is written from the planned ones.
    service: { ...service, backends: [] },
    backends: backends.map(one => (typeof one === 'number' ? had.get(one)! : one)),
    ...(kept !== undefined && { lookup: kept }),
  };
}
