/** What a topology file says once it fits schema/simulate.schema.json, defaults filled in. */

export interface RawSchedule {
  atMs: number;
  count: number;
  intervalMs: number;
}

export interface RawStation {
  port?: string;
  mac: string;
  addresses: string[];
  vid: number;
}

export interface RawLink {
  ends: string[];
  delayMs: number;
  jitterMs: number;
  lossPercent: number;
  duplicatePercent: number;
  reorderPercent: number;
  reorderMs: number;
  mtuBytes?: number;
  tooBig: 'drop' | 'icmp';
  routers: string[];
  rateMbitPerSec?: number;
  queueBytes: number;
  partitions: { fromMs: number; toMs: number; ends: string[] }[];
}

export interface RawFrames extends RawSchedule {
  port: string;
  words: string;
}

export interface RawCapture {
  port: string;
  file: string;
  atMs: number;
}

export interface RawFlow extends RawSchedule {
  from: string;
  to?: string;
  address?: string;
  sizeBytes: number;
  df: boolean;
}

export interface RawStream extends RawFlow {
  to: string;
  udpPort?: number;
}

export interface RawTopology {
  seed: number;
  seconds: number;
  pollMs: number;
  hosts: Record<string, unknown>;
  stations: Record<string, RawStation>;
  links: Record<string, RawLink>;
  frames: RawFrames[];
  captures: RawCapture[];
  pings: Record<string, RawFlow>;
  streams: Record<string, RawStream>;
  expect: string[];
}
