/** Frames that must not pass between separated ports: the list of no_forwarding.sh. */
import { BROADCAST, Frame, eth } from './frame.js';

const VIDS = [undefined, 0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 4000, 4094];
const SOURCE = '00:01:02:03:04:05';

function of(destination: string, vid: number | undefined): Frame {
  const frame = eth(SOURCE, destination);
  return vid === undefined ? frame : frame.vlan(vid);
}

function kinds(vid: number | undefined): Frame[] {
  return [
    ...['00:0a:0b:0c:0d:0e', '01:02:03:04:05:06', BROADCAST].map(destination =>
      of(destination, vid).type(0x0004).payload('HELO'),
    ),
    of('00:0a:0b:0c:0d:0e', vid).ipv4('192.0.2.1', '192.0.2.2').udp(1, 2).payload('x'),
    of('01:00:5e:01:02:03', vid).ipv4('192.0.2.1', '239.1.2.3').udp(1, 2).payload('x'),
    of('00:0a:0b:0c:0d:0e', vid).ipv6('2001:db8::1', '2001:db8::2').udp(1, 2).payload('x'),
    of('33:33:00:00:00:01', vid).ipv6('2001:db8::1', 'ff02::1').udp(1, 2).payload('x'),
  ];
}

export const NO_FORWARDING_FRAMES: Frame[] = VIDS.flatMap(kinds);
