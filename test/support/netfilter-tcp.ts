/** TCP packets in any order, of a kernel's router and ours side by side. */
import { type Pair } from './netfilter-pair.js';
import { FLAG, type Flow, Sender, tcpSegment } from './netfilter-traffic.js';
import { saveText } from './zone-rig.js';

/** TTL and DSCP of what comes out say how it was judged. */
export const STATES = saveText('mangle', [
  '-A FORWARD -m conntrack --ctstate NEW -j TTL --ttl-set 21',
  '-A FORWARD -m connmark --mark 0 -m conntrack --ctstate NEW -j TTL --ttl-set 20',
  '-A FORWARD -j CONNMARK --set-mark 1',
  '-A FORWARD -m conntrack --ctstate ESTABLISHED -j TTL --ttl-set 22',
  '-A FORWARD -m conntrack --ctstate RELATED -j TTL --ttl-set 23',
  '-A FORWARD -m conntrack --ctstate INVALID -j TTL --ttl-set 24',
  '-A FORWARD -m conntrack --ctdir ORIGINAL -j DSCP --set-dscp 0x01',
  '-A FORWARD -m conntrack --ctdir REPLY -j DSCP --set-dscp 0x02',
]);
const KINDS = {
  S: FLAG.syn,
  SA: FLAG.syn | FLAG.ack,
  A: FLAG.ack,
  FA: FLAG.fin | FLAG.ack,
  R: FLAG.rst | FLAG.ack,
};
const FIRST = 20;
const ESTABLISHED = 22;
const INVALID = 24;
const TTL_AT = 22;
const FIRST_PORT = 1024;
const PORTS = 40000;
const STEPS = Object.keys(KINDS).flatMap(kind => [`>${kind}`, `<${kind}`]);
export const LATER = STEPS.filter(step => !step.includes('S'));
export const OPENED = ['>S', '<SA', '>A'];

/** All orders of so many packets. */
export function orders(length: number): string[][] {
  if (length === 0) return [[]];
  return orders(length - 1).flatMap(begun => STEPS.map(step => [...begun, step]));
}

/**
 * Sends the packets of one connection. Both ends say what is right after what came before.
 * False: the two see another connection from a packet on (DIFFERENCES, 'reopened').
 */
export async function play(
  pair: Pair,
  sender: Sender,
  order: readonly string[],
  flow: Flow,
): Promise<boolean> {
  let isCalling = false; // nobody has answered yet
  for (const [i, step] of order.entries()) {
    const before: Flow['next'] = [...flow.next];
    const flags = KINDS[step.slice(1) as keyof typeof KINDS];
    const { side, frame } = tcpSegment(sender, flow, { isBack: step[0] === '<', flags });
    const answer = await pair.send(side, frame);
    const [state, own] = [answer.kernel, answer.ours].map(came => came[0]?.bytes[TTL_AT]);
    if (flags === FLAG.syn && state === ESTABLISHED && own === FIRST) return false;
    pair.compare(frame, answer, `at the end of ${order.slice(0, i + 1).join(' ')}`);
    const isCall = flags === FLAG.syn;
    if (state === FIRST) isCalling = isCall;
    else if (state !== INVALID && !isCall) isCalling = false;
    const isStray = isCall && !isCalling;
    if (state === INVALID || isStray) flow.next = before; // DIFFERENCES, 'exact numbers'
  }
  return true;
}

/** Connection number `i` of many: each has its own ports. */
export function numbered(i: number): Flow {
  return {
    protocol: 'tcp',
    side: 'in',
    source: '10.0.1.2',
    destination: '203.0.113.2',
    sourcePort: FIRST_PORT + (i % PORTS),
    destinationPort: 80 + Math.floor(i / PORTS),
    next: [100, 5000],
    packets: 0,
  };
}
