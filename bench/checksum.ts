/** The Internet checksum over frames that are in the cache: what an encapsulation adds. */
import { Unit } from '../test/support/unit.js';
import { reportWork } from './support/measure.js';
import type { Workload } from './support/workload.js';

const LENGTHS = [20, 64, 1460, 65536];
/** Bytes summed a timed call: milliseconds. */
const WORK_BYTES = 1 << 25;
const LEAST_SUM_BYTES = 64;

export const workload: Workload = {
  about: 'sums of frames in the cache',
  run(report) {
    const unit = Unit.create('release');
    const at = unit.place(65536);
    for (const bytes of LENGTHS) {
      const times = WORK_BYTES / Math.max(bytes, LEAST_SUM_BYTES);
      reportWork(report, {
        case: `bytes=${bytes}`,
        packets: times,
        run: () => unit.call('sumOften', at, bytes, times),
        note: 'the same bytes again and again',
      });
    }
  },
};
