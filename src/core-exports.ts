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
  configureUnderlay(core: number, underlay: number, option: number, value: number): number;
  refreshUnderlay(core: number, underlay: number): number;
  configureOverlay(core: number, overlay: number, option: number, value: number): number;
  resetOverlay(core: number, overlay: number): number;
  allowPeer(core: number, overlay: number, vtep: number, isAllowed: number): number;
  vtepInsert(core: number): number;
  vtepRemove(core: number, vtep: number): number;
  vtepRead(core: number, vtep: number): number;
  configureZone(core: number, zone: number, option: number, value: number): number;
  configureInterface(core: number, iface: number, option: number, value: number): number;
  resetInterface(core: number, iface: number): number;
  interfaceAddress(core: number, iface: number, isOwn: number): number;
  adjacencyInsert(core: number, iface: number): number;
  adjacencyRemove(core: number, iface: number): number;
  adjacencyWalk(core: number, first: number): number;
  routeInsert(core: number): number;
  routeRemove(core: number): number;
  routeWalk(core: number, after: number): number;
  setFlowTimer(core: number, timer: number, ms: number): void;
  flowWalk(core: number, first: number): number;
  flowRemove(core: number, entry: number, id: number): number;
  flowFlush(core: number, zone: number): number;
  journalWant(core: number, kinds: number): void;
  journalTake(core: number, records: number): void;
  rulesUse(core: number, bytes: number): number;
  rulesFold(core: number): void;
  serviceSet(core: number, service: number): number;
  serviceRemove(core: number, service: number): number;
  serviceKey(core: number, service: number, isWanted: number): number;
  backendSet(core: number, backend: number, service: number): number;
  backendRemove(core: number, backend: number): number;
  blockTake(core: number, words: number): number;
  blockGiveBack(core: number, block: number): void;
  serviceMembers(
    core: number,
    service: number,
    list: number,
    count: number,
    table: number,
    size: number,
  ): number;
  servicesFold(core: number): void;
  affinityWalk(core: number, first: number): number;
  backendRead(core: number, backend: number): number;
  serviceRead(core: number, service: number): number;
  serviceZero(core: number, service: number): number;
  eventCount(core: number): number;
  housekeep(core: number, nowMs: number, buckets: number): void;
  captureFill(batch: number): number;
}
