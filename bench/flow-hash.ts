/** The outer source port of frames that are in the cache: what an encapsulation adds. */
import { eth } from '../test/support/frame.js';
import { Unit } from '../test/support/unit.js';
import { reportWork } from './support/measure.js';
import type { Workload } from './support/workload.js';

const FRAMES = 256;
const STRIDE = 128;
/** Rounds over all frames a timed call: milliseconds. */
const ROUNDS = 4096;

export const workload: Workload = {
  about: 'outer source ports',
  run(report) {
    const unit = Unit.create('release');
    const flow = (i: number, vid: number) => {
      const frame = vid === 0 ? eth(1, 2) : eth(1, 2).vlan(vid);
      return frame.ipv4('10.0.0.1', `10.0.1.${i}`).tcp(1000 + i, 80);
    };
    for (const [name, vid] of [
      ['ipv4-tcp', 0],
      ['vlan-ipv4-tcp', 7],
    ] as const) {
      const frames = Array.from({ length: FRAMES }, (_, i) => flow(i, vid).payload(128).bytes());
      const at = unit.place(Buffer.concat(frames.map(bytes => bytes.subarray(0, STRIDE))));
      for (const isSymmetric of [false, true]) {
        reportWork(report, {
          case: isSymmetric ? `${name}-symmetric` : name,
          packets: FRAMES * ROUNDS,
          run() {
            for (let i = 0; i < ROUNDS; i++) {
              unit.call('hashOften', at, FRAMES, STRIDE, +isSymmetric);
            }
          },
          note: '256 flows',
        });
      }
    }
  },
};
