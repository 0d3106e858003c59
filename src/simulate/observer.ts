/** What happens to frames in a simulation, one event a frame. */
import type { SimFrame } from './frame.js';

export interface SimEvent {
  /** in, out: of a port of a host or a station; drop: by a core; lost: by a link. */
  kind: 'in' | 'out' | 'drop' | 'lost';
  /** Simulated time, whole nanoseconds. */
  atNs: number;
  /** `host.port`, a station's name, or `link from>to`. */
  where: string;
  frame: SimFrame;
  /** Of drops and losses. */
  reason?: string;
}

export type Observer = (event: SimEvent) => void;
