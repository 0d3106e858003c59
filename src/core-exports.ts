/** What the module exports; assembly/index.ts says what each does. */
export interface Exports {
  abiVersion(): number;
  setCapacity(core: number, which: number, value: number): void;
  capacity(core: number, which: number): number;
  nowMs(core: number): number;
  endOf(core: number): number;
  init(core: number, seedLow: number, seedHigh: number): void;
  regionAddress(core: number, region: number): number;
  process(core: number, received: number, nowMs: number): number;
  sentCount(core: number): number;
  droppedCount(core: number): number;
  refuseMarked(core: number): number;
  traceCount(core: number): number;
  traceClear(core: number): void;
  configurePort(core: number, port: number, option: number, value: number): number;
  resetPort(core: number, port: number): number;
  configureVlan(core: number, port: number, vid: number, member: number): number;
  configureSegment(core: number, segment: number, option: number, value: number): number;
  configureVlanDomain(core: number, segment: number, vid: number, domain: number): number;
  fdbInsert(core: number): number;
  fdbRemove(core: number): number;
  fdbFlush(core: number, port: number, domain: number, all: number): number;
  fdbWalk(core: number, first: number): number;
  neighbourInsert(core: number): number;
  neighbourRemove(core: number): number;
  neighbourFlush(core: number, domain: number): number;
  neighbourWalk(core: number, first: number): number;
  housekeep(core: number, nowMs: number, buckets: number): void;
  captureFill(batch: number): number;
}
