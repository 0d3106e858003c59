/** Counts of services as rows of numbers: objects would take the loop too long to send. */
import type { ServiceTable } from './service-table.js';

/** Columns of a backend; those up to OutBytes and Refused are of a service. */
export enum Count {
  Connections = 0,
  InPackets,
  InBytes,
  OutPackets,
  OutBytes,
  Refused,
  Active = Refused,
  Inactive,
  IsOverloaded,
  Columns,
}

/** Rows of `Count.Columns`. Of services: what backends that are gone have counted, and refused. */
export interface ServiceCounts {
  services: Float64Array;
  backends: Float64Array;
}

/** After `fold`. */
export function writeServiceCounts(table: ServiceTable, numbers: readonly number[]): Float64Array {
  const rows = new Float64Array(numbers.length * Count.Columns);
  numbers.forEach((number, i) => {
    const { connections, inPackets, inBytes, outPackets, outBytes, refused } = table.sums(number);
    const row = [connections, inPackets, inBytes, outPackets, outBytes, refused].map(Number);
    rows.set(row, i * Count.Columns);
  });
  return rows;
}

/** After `fold`. A backend that is not there has a row of zeros. */
export function writeBackendCounts(table: ServiceTable, numbers: readonly number[]): Float64Array {
  const rows = new Float64Array(numbers.length * Count.Columns);
  numbers.forEach((number, i) => {
    const counts = table.counts(number);
    if (counts === undefined) return;
    const { connections, inPackets, inBytes, outPackets, outBytes } = counts;
    const sums = [connections, inPackets, inBytes, outPackets, outBytes].map(Number);
    rows.set(sums, i * Count.Columns);
    const { active, inactive, isOverloaded } = counts;
    rows.set([active, inactive, Number(isOverloaded)], i * Count.Columns + Count.Active);
  });
  return rows;
}
