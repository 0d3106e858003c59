/** Random control operations between batches, sound and absurd. */
import { Capacity, PortOption, SegmentOption, VlanMember } from '../../assembly/abi.js';
import { macNumber } from '../support/frame.js';
import { HOSTS, PORTS, SEGMENTS, VIDS, pick, type Random } from '../support/random-switch.js';
import { type FuzzOverlay, TUNNEL, changeOverlay } from './overlay.js';
import type { TestSwitch } from '../support/test-switch.js';

const VALUES = [0, 1, 2, 3, 10, 64, 100, 0x8100, 0x88a8, 0x8100000a, 0x88a80014, 0xffffffff];
const OPTIONS = 26;

/** A world knows in which segment each port is, to tell when a frame crosses. */
export class World {
  readonly segmentOf = new Map<number, number>();

  /** `overlay`: what segment 0 is behind its tunnel port, if it has one. */
  constructor(
    readonly to: TestSwitch,
    readonly overlay?: FuzzOverlay,
  ) {
    if (overlay === undefined) return;
    to.tunnelPorts.add(TUNNEL);
    this.segmentOf.set(TUNNEL, 0);
  }

  /** Domains 1 to 10 are segment 0's, 11 to 20 segment 1's, and so for ever. */
  domain(random: Random, segment: number): number {
    return 1 + segment * 10 + random(10);
  }

  act(random: Random): void {
    try {
      this.actOnce(random);
    } catch (error) {
      if (!/OutOfRange/.test(String(error))) throw error;
    }
  }

  private actOnce(random: Random): void {
    const { core } = this.to;
    if (this.overlay !== undefined && random(4) === 0) return changeOverlay(random, this.to);
    const port = 1 + random(PORTS);
    const segment = random(SEGMENTS);
    const what = random(14);
    if (what < 3) this.changeEntry(random);
    else if (what === 3) core.fdbFlush({ ...(random(2) && { port }), all: random(2) === 0 });
    else if (what === 4) this.reset(random, port);
    else if (what < 9) this.setPort(random, port);
    else if (what < 11) this.setSegment(random, segment);
    else if (what === 11) core.configureVlan(port, pick(random, VIDS), random(3) as VlanMember);
    else if (what === 12) {
      const domain = random(4) === 0 ? 0 : this.domain(random, segment);
      core.configureVlanDomain(segment, pick(random, VIDS), domain);
    } else core.housekeep(this.to.nowMs, random(200));
  }

  private changeEntry(random: Random): void {
    const mac = macNumber(1 + random(HOSTS));
    const domain = random(10) === 0 ? random(65536) : 1 + random(20);
    if (random(3) === 0) this.to.core.fdbRemove(mac, domain);
    else {
      const port = random(10) === 0 ? random(65536) : 1 + random(PORTS);
      this.to.core.fdbInsert({ mac, domain, port, kind: random(random(10) === 0 ? 256 : 3) });
    }
  }

  private reset(random: Random, port: number): void {
    this.to.core.resetPort(port);
    this.segmentOf.delete(port);
    if (random(4) === 0) return;
    this.join(port, random(SEGMENTS));
  }

  join(port: number, segment: number): void {
    this.to.port(port, { Segment: segment + 1, Up: 1 });
    this.segmentOf.set(port, segment);
  }

  private setPort(random: Random, port: number): void {
    const option: PortOption = random(OPTIONS);
    if (option === PortOption.Segment) return this.join(port, random(SEGMENTS));
    const keepsUp = option === PortOption.Up && random(3) !== 0;
    const value = keepsUp ? 1 : random(5) === 0 ? random(2 ** 32) : pick(random, VALUES);
    this.to.core.configurePort(port, option, value);
  }

  private setSegment(random: Random, segment: number): void {
    const option: SegmentOption = random(SegmentOption.ArrivalPlaces + 1);
    this.to.core.configureSegment(segment, option, this.segmentValue(random, segment, option));
  }

  /** Tables and domains are each segment's own: sharing them joins segments, by intent. */
  private segmentValue(random: Random, segment: number, option: SegmentOption): number {
    if (option === SegmentOption.VlanAware) return random(2) === 0 ? 0 : segment + 1;
    if (option === SegmentOption.Domain) return this.domain(random, segment);
    if (option === SegmentOption.ArrivalStart) {
      return random(5) === 0 ? random(2 ** 32) : (segment * this.places) / SEGMENTS;
    }
    if (option === SegmentOption.ArrivalPlaces) {
      return random(5) === 0 ? 0x10000000 + random(2 ** 31) : random(this.places / SEGMENTS + 1);
    }
    return random(5) === 0 ? random(2 ** 32) : pick(random, VALUES);
  }

  private get places(): number {
    return this.to.core.capacity(Capacity.EvictEntries);
  }
}
