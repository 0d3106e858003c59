/**
 * TCP windows where a zone checks them (features CT-3, CT-4): what is dropped and counted, what
 * explain says, and the timers of what is not answered, to the millisecond. What is in a window
 * and what is not is compared with a kernel's: test/e2e/netfilter-window.test.ts.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop } from '../../assembly/abi.js';
import { FlowProfile, FlowStatus, ZoneCounter, ZoneOption } from '../../assembly/zone-abi.js';
import { walkFrame, type Names } from '../../src/explain/walk.js';
import type { Frame, TcpOptions } from '../support/frame.js';
import { IN, NatRig, type NatOptions, OUT, inward, outward } from '../support/nat-rig.js';

const FLAG = { syn: 2, rst: 4, ack: 0x10 };
const CLIENT = 1000;
const SERVER = 900000;
const WINDOW = 1000;
const SCALE_7 = Uint8Array.of(1, 3, 3, 7);

const strict = (options: NatOptions = {}): NatRig =>
  NatRig.create(options).configure(ZoneOption.Liberal, 0);
const segment = (frame: Frame, ports: [number, number], options: TcpOptions): Frame =>
  frame.tcp(...ports, { flags: FLAG.ack, window: WINDOW, ...options });
const client = (options: TcpOptions): Frame => segment(outward(2, 2), [40000, 80], options);
const server = (options: TcpOptions): Frame => segment(inward(2), [80, 40000], options);

/** A handshake: next come CLIENT + 1 and SERVER + 1. */
function open(rig: NatRig, options?: Uint8Array): NatRig {
  const more = options === undefined ? {} : { options };
  rig.pass(IN, client({ sequence: CLIENT, acknowledged: 0, flags: FLAG.syn, ...more }));
  const answer = { sequence: SERVER, acknowledged: CLIENT + 1, flags: FLAG.syn | FLAG.ack };
  rig.pass(OUT, server({ ...answer, ...more }));
  rig.pass(IN, client({ sequence: CLIENT + 1, acknowledged: SERVER + 1 }));
  return rig;
}
const leftMs = (rig: NatRig): number => rig.flow().leftMs;
const data = (sequence: number, bytes = 100): Frame =>
  client({ sequence, acknowledged: SERVER + 1 }).payload(bytes);

test('window: a segment behind the window of a NAT zone is dropped by name, and counted', () => {
  const rig = open(strict());
  assert.ok((rig.flow().status & FlowStatus.Windowed) !== 0);
  // The receiver takes up to CLIENT + 1 + WINDOW, and a window beyond that is a network's error.
  const far = CLIENT + 1 + 2 * WINDOW;
  assert.equal(rig.stop(IN, data(far + 1)), ['OutOfWindow']);
  const unsent = server({ sequence: SERVER + 1, acknowledged: CLIENT + 2 });
  assert.equal(rig.stop(OUT, unsent), ['OutOfWindow']);
  assert.is(rig.drops(Drop.OutOfWindow), 2);
  assert.is(rig.counter(ZoneCounter.OutOfWindow), 2);
  assert.is(rig.counter(ZoneCounter.Invalid), 2);
  rig.pass(IN, data(CLIENT + 1));
});

test('window: scales of both SYNs widen it, that of one does not', () => {
  const wide = CLIENT + 1 + 100 * WINDOW;
  // Windows of SYNs themselves are never scaled, RFC 7323 §2.2.
  const offer = (rig: NatRig): NatRig => {
    rig.pass(OUT, server({ sequence: SERVER + 1, acknowledged: CLIENT + 1 }));
    return rig;
  };
  offer(open(strict(), SCALE_7)).pass(IN, data(wide));
  const rig = strict();
  const call = { sequence: CLIENT, acknowledged: 0, flags: FLAG.syn };
  rig.pass(IN, client({ ...call, options: SCALE_7 }));
  const answer = { sequence: SERVER, acknowledged: CLIENT + 1, flags: FLAG.syn | FLAG.ack };
  rig.pass(OUT, server(answer));
  assert.equal(offer(rig).stop(IN, data(wide)), ['OutOfWindow']);
});

test('window: old segments pass, move nothing and are no sign of life', () => {
  const rig = open(strict());
  rig.pass(IN, data(CLIENT + 1, 900));
  rig.pass(OUT, server({ sequence: SERVER + 1, acknowledged: CLIENT + 901 }));
  rig.pass(IN, data(CLIENT + 901, 900));
  rig.pass(OUT, server({ sequence: SERVER + 1, acknowledged: CLIENT + 1801 }));
  rig.wait(1000);
  const left = leftMs(rig);
  rig.pass(IN, data(CLIENT + 1, 100));
  assert.is(leftMs(rig), left);
  assert.is(rig.counter(ZoneCounter.WindowIgnored), 1);
  assert.is(rig.counter(ZoneCounter.Invalid), 0);
});

test('window: liberal zones check none, and what begins in its middle is not checked', () => {
  open(NatRig.create()).pass(IN, data(CLIENT + 50000000));
  const rig = strict();
  rig.pass(IN, data(5000));
  rig.pass(IN, data(50000000));
  assert.is(rig.flow().status & FlowStatus.Windowed, 0);
});

test('window: a zone that becomes liberal lets its connections pass', () => {
  const rig = open(strict());
  assert.equal(rig.stop(IN, data(CLIENT + 500000)), ['OutOfWindow']);
  rig.configure(ZoneOption.Liberal, 1).pass(IN, data(CLIENT + 500000));
});

/** Seconds of the Linux and the strict profile. */
const WAITS: Record<string, { sec: [number, number]; begin: (rig: NatRig) => void }> = {
  'answered: established': {
    sec: [432000, 7440],
    begin: rig => {
      open(rig).pass(IN, data(CLIENT + 1));
      rig.pass(OUT, server({ sequence: SERVER + 1, acknowledged: CLIENT + 101 }));
    },
  },
  'unacknowledged data': {
    sec: [300, 7440],
    begin: rig => void open(rig).pass(IN, data(CLIENT + 1)),
  },
  'sent again three times': {
    sec: [300, 7440],
    begin: rig => {
      open(rig);
      for (let i = 0; i < 3; i++) {
        rig.pass(IN, client({ sequence: CLIENT + 1, acknowledged: SERVER + 1 }));
      }
    },
  },
  'a window that is shut': {
    sec: [300, 7440],
    begin: rig => {
      const shut = { sequence: CLIENT + 1, acknowledged: SERVER + 1, window: 0 };
      open(rig).pass(IN, client(shut));
    },
  },
  'a reset in the window that is not exact': {
    sec: [10, 240],
    begin: rig => {
      const reset = { sequence: SERVER + 10, acknowledged: 0, flags: FLAG.rst };
      open(rig).pass(OUT, server(reset));
    },
  },
};

for (const profile of [FlowProfile.Linux, FlowProfile.Strict]) {
  for (const [name, { sec, begin }] of Object.entries(WAITS)) {
    const lifeMs = sec[profile]! * 1000;
    test(`window timers: ${FlowProfile[profile]}: ${name}: ${lifeMs} ms`, () => {
      const rig = strict({ profile });
      begin(rig);
      assert.is(leftMs(rig), lifeMs);
      rig.wait(lifeMs - 1);
      assert.is(leftMs(rig), 1);
      rig.wait(1);
      assert.equal(rig.flows(), []);
    });
  }
}

test('window timers: three that are the same make it short, two do not; an answer ends it', () => {
  const rig = open(strict());
  const again = client({ sequence: CLIENT + 1, acknowledged: SERVER + 1 });
  rig.pass(IN, again);
  rig.pass(IN, again);
  assert.is(leftMs(rig), 432000000);
  rig.pass(IN, again);
  assert.is(leftMs(rig), 300000);
  rig.pass(OUT, server({ sequence: SERVER + 1, acknowledged: CLIENT + 1 }));
  assert.is(leftMs(rig), 432000000);
});

const NAMES = new Proxy({} as Names, { get: () => String });

test('window: explain says the segment, its window and the bound it breaks', () => {
  const rig = open(strict());
  const frame = data(CLIENT + 1 + 3 * WINDOW).bytes();
  const { steps } = walkFrame(
    rig.zone.core,
    frame,
    { port: IN, nowMs: rig.zone.bridge.nowMs },
    NAMES,
  );
  const texts = steps.map(({ text }) => text);
  const at = texts.findIndex(text => text.startsWith('TCP segment'));
  assert.equal(texts.slice(at, at + 3), [
    `TCP segment 4001 to 4101, acknowledges ${SERVER + 1}, window 1000 bytes`,
    'out of window, begins behind what the receiver takes: 4001, limit 2001',
    'OutOfWindow, counted at 1',
  ]);
});

test.run();
