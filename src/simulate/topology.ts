/** A topology file with every default filled in and every name known to stand for something. */
import type { Config } from '../config/config.js';
import type { Schedule } from './flows.js';
import type { Impairments } from './impairments.js';
import type { Expectation } from './expect.js';
import type { StationOptions } from './station.js';

export interface NamedStation extends StationOptions {
  name: string;
  /** Port it is plugged into by a cable of its own. */
  port?: string;
}

export interface NamedLink {
  name: string;
  ends: readonly string[];
  impairments: Impairments;
}

export interface FrameTraffic extends Schedule {
  port: string;
  bytes: Uint8Array;
}

export interface CaptureTraffic {
  port: string;
  file: string;
  atNs: number;
}

export interface FlowTraffic extends Schedule {
  name: string;
  /** Station. */
  from: string;
  to: Uint8Array;
  sizeBytes: number;
  df: boolean;
}

export interface StreamTraffic extends FlowTraffic {
  /** Station. */
  receiver: string;
  udpPort: number;
}

export interface Topology {
  seed: number;
  untilNs: number;
  pollNs: number;
  hosts: readonly { name: string; config: Config }[];
  stations: readonly NamedStation[];
  links: readonly NamedLink[];
  frames: readonly FrameTraffic[];
  captures: readonly CaptureTraffic[];
  pings: readonly FlowTraffic[];
  streams: readonly StreamTraffic[];
  expect: readonly Expectation[];
}

export const NS_PER_MS = 1e6;
export const NS_PER_SEC = 1e9;

/** Times of a file are milliseconds with fractions; those of a simulation, whole nanoseconds. */
export function nsOf(ms: number): number {
  return Math.round(ms * NS_PER_MS);
}
