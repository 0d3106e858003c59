/** Tests of ports of kind udp, each with a rig of its own, for each way of sending. */
import { test } from 'uvu';
import { whyNot } from './tap-rig.js';
import { type Datagram, MODES, type Mode, UdpRig, payloadOf } from './udp-rig.js';

export const V4 = { from: '10.0.1.1', to: '10.0.1.2' };
export const V6 = { from: 'fd00:1::1', to: 'fd00:1::2' };
export const FAMILIES = [V4, V6];
export const PORT = 50000;

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ports of kind udp (${reason})`);

/** With a rig of its own, which goes away whatever happens. */
export function rigTest(name: string, body: (rig: UdpRig) => void | Promise<void>): void {
  if (reason !== undefined) return;
  test(name, async () => {
    const rig = new UdpRig('udp');
    try {
      await body(rig);
    } finally {
      rig.close();
    }
  });
}

/** With ports at both ends, for each way of sending. */
export function modesTest(
  name: string,
  body: (rig: UdpRig, mode: Mode) => void | Promise<void>,
): void {
  for (const mode of MODES) {
    rigTest(`udp, ${mode}: ${name}`, async rig => {
      rig.openBoth(mode);
      await body(rig, mode);
    });
  }
}

/** From left to right, unless told otherwise. */
export function datagram(more: Partial<Datagram> = {}): Datagram {
  return { ...V4, fromPort: PORT, payload: payloadOf(100), ...more };
}
