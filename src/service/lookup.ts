/** The lookup table of a service, as the core takes it. */
import { DEFAULT_TABLE_SLOTS, maglevTable } from './maglev.js';
import type { Service } from './model.js';
import { HASH_BUCKETS, destinationHashTable, sourceHashTable } from './source-hash.js';
import { weightedOf } from './weighted.js';

/** Slots of the table; 0: none. */
export function lookupSlots({ scheduler, tableSlots }: Service): number {
  if (scheduler === 'mh') return tableSlots ?? DEFAULT_TABLE_SLOTS;
  return scheduler === 'sh' || scheduler === 'dh' ? HASH_BUCKETS : 0;
}

/**
 * Places in the list of backends, NO_BACKEND for nobody; undefined: its scheduler has no table.
 * Made outside the packets' way; milliseconds for the largest.
 */
export function lookupTable(service: Service): Uint16Array | undefined {
  const backends = service.backends.map(weightedOf);
  switch (service.scheduler) {
    case 'mh':
      return maglevTable(backends, service.tableSlots ?? DEFAULT_TABLE_SLOTS);
    case 'sh':
      return sourceHashTable(backends);
    case 'dh':
      return destinationHashTable(backends);
    default:
      return undefined;
  }
}
