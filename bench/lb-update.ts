/**
 * Changing one backend among 10 000 services of 100 backends each: what the thread of the
 * packets spends (the message read, the core written), and the control thread before it (the
 * command of ipvsadm, numbers, lookup table). And what the core's memory takes for them.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { ZonesPlan } from '../src/config/plan-zones.js';
import { ServiceBook, type ServicesChange } from '../src/config/service-book.js';
import type { Sizes } from '../src/core.js';
import type { Capacities } from '../src/core.js';
import { ServiceControl } from '../src/service-control.js';
import { applyCommand } from '../src/service/edit.js';
import type { ChangeCommand } from '../src/service/command.js';
import type { SchedulerName, Service } from '../src/service/model.js';
import { parseServiceArguments } from '../src/service/parse.js';
import { makeCore } from './support/receive.js';
import type { Report, Workload } from './support/workload.js';

const SERVICES = 10_000;
const BACKENDS = 100;
/** The last ones look up in the larger of the two tables that are common. */
const MAGLEV_SERVICES = 10;
const MAGLEV_SLOTS = 65537;
const CHANGES = 200;
const MAGLEV_CHANGES = 20;
const BYTES_PER_MB = 1e6;
const NS_PER_US = 1000;

const ZONE_SIZES = { Zones: 1, Interfaces: 2, Routes: 16, Adjacencies: 16, Flows: 1024, Paths: 16 };
const SERVICE_SIZES = {
  Services: SERVICES,
  ServiceKeys: 2 * SERVICES,
  Backends: SERVICES * BACKENDS + BACKENDS,
  Shares: 4 * SERVICES * BACKENDS,
  BalanceBytes: 1 << 25,
};

export const workload: Workload = {
  about: `one change among ${SERVICES} services of ${BACKENDS} backends`,
  run(report) {
    const rig = new Rig(report);
    rig.memory();
    rig.measure('weight', 0, CHANGES, i => `-e -t SERVICE -r BACKEND -m -w ${2 + (i % 2)}`);
    const addOrRemove = (i: number): string =>
      i % 2 === 0 ? '-a -t SERVICE -r 10.9.9.9:80 -m' : '-d -t SERVICE -r 10.9.9.9:80';
    rig.measure('add-remove', 1, CHANGES, addOrRemove);
    const maglev = SERVICES - 1;
    const weight = (i: number): string => `-e -t SERVICE -r BACKEND -m -w ${2 + (i % 2)}`;
    rig.measure(`weight-mh-${MAGLEV_SLOTS}`, maglev, MAGLEV_CHANGES, weight);
    rig.measure(`add-remove-mh-${MAGLEV_SLOTS}`, maglev, MAGLEV_CHANGES, addOrRemove);
    rig.close();
  },
};

class Rig {
  private readonly core = makeCore(0, { ...ZONE_SIZES, ...SERVICE_SIZES } as Partial<Sizes>);
  private readonly control = new ServiceControl(this.core);
  private readonly book: ServiceBook;
  private zones: ZonesPlan;
  private readonly toLoop: MessagePort;
  private readonly atLoop: MessagePort;

  constructor(private readonly report: Report) {
    const { port1, port2 } = new MessageChannel();
    this.toLoop = port1;
    this.atLoop = port2;
    const config = { interfaces: [{ name: 'out', addresses: [] }], services: [] };
    this.zones = {
      zones: [{ name: 'host', index: 0, config }],
      interfaces: [{ name: 'host.out', index: 0, config: config.interfaces[0] }],
      services: [],
    } as unknown as ZonesPlan;
    this.book = new ServiceBook(this.zones, SERVICE_SIZES as Capacities);
    report.progress('making the services');
    this.control.reset([], SERVICE_SIZES as Capacities);
    const services = Array.from({ length: SERVICES }, (_, i) => serviceOf(i));
    const planned = this.book.change(this.zones.zones[0]!, services);
    for (const one of this.book.sent(planned).changed) {
      this.use({ changed: [one], removed: [] });
    }
    this.zones = this.book.commit(planned, this.zones);
  }

  memory(): void {
    const { report } = this;
    const zone = makeCore(0, ZONE_SIZES as Partial<Sizes>).end;
    const bytes = this.core.end - zone;
    const note = `${SERVICES} services of ${BACKENDS} backends, 4 shares a backend`;
    report.row('MB', 'memory', [bytes / BYTES_PER_MB], `${note}: regions of the core`);
    report.row('bytes', 'memory-backend', [bytes / (SERVICES * BACKENDS)], 'the same, a backend');
  }

  /** `words` of change `i`; SERVICE stands for the address of service `n`. */
  measure(name: string, n: number, changes: number, words: (i: number) => string): void {
    const { report } = this;
    report.progress(name);
    const core: number[] = [];
    const control: number[] = [];
    for (let i = 0; i < changes; i++) {
      const line = words(i)
        .replace('SERVICE', `${vipOf(n).join('.')}:80`)
        .replace('BACKEND', `10.${n >> 8}.${n & 255}.1:80`);
      const [controlUs, coreUs] = this.change(line);
      control.push(controlUs);
      core.push(coreUs);
    }
    report.row('us', `${name}-loop`, core, 'thread of the packets: message read, core written');
    report.row('us', `${name}-control`, control, 'control thread: command, plan, message sent');
  }

  /** Microseconds of the control thread and of the loop's. */
  private change(line: string): [number, number] {
    const zone = this.zones.zones[0]!;
    const began = process.hrtime.bigint();
    const command = parseServiceArguments(line.split(' ')) as ChangeCommand;
    const before = this.book.servicesOf(zone).map(({ service }) => service);
    const planned = this.book.change(zone, applyCommand(before, command).services);
    this.toLoop.postMessage({ kind: 'servicesUse', ...this.book.sent(planned) });
    const sent = process.hrtime.bigint();
    const { message } = receiveMessageOnPort(this.atLoop) as { message: ServicesChange };
    this.use(message);
    const done = process.hrtime.bigint();
    this.zones = this.book.commit(planned, this.zones);
    const committed = process.hrtime.bigint();
    const controlNs = sent - began + (committed - done);
    return [Number(controlNs) / NS_PER_US, Number(done - sent) / NS_PER_US];
  }

  private use(change: ServicesChange): void {
    this.control.perform({ kind: 'servicesUse', ...change });
  }

  close(): void {
    this.toLoop.close();
  }
}

function vipOf(n: number): Uint8Array {
  return Uint8Array.of(172, 16, n >> 8, n & 0xff);
}

function serviceOf(n: number): Service {
  const isMaglev = n >= SERVICES - MAGLEV_SERVICES;
  const scheduler: SchedulerName = isMaglev ? 'mh' : 'wlc';
  return {
    key: { kind: 'address', protocol: 'tcp', address: vipOf(n), port: 80 },
    scheduler,
    flags: [],
    ...(isMaglev && { tableSlots: MAGLEV_SLOTS }),
    isOnePacket: false,
    backends: Array.from({ length: BACKENDS }, (_, i) => ({
      address: Uint8Array.of(10, n >> 8, n & 0xff, 1 + i),
      port: 80,
      forwarding: 'nat',
      weight: 1,
      upper: 0,
      lower: 0,
    })),
  };
}
