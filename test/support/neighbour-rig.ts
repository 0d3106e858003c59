/**
 * A switch that knows one neighbour, of both families, and the questions about it with
 * their answers. Port 1 asks, port 3 is plain.
 */
import type { Frame } from './frame.js';
import { advertisement, know, reply, request, solicitation } from './neighbour.js';
import { TestSwitch } from './test-switch.js';

/** The asker, and the neighbour that is known. */
export const ME = '02:00:00:00:01:01';
export const IT = '02:00:00:00:01:02';
export const MY_IP = '10.0.0.1';
export const ITS_IP = '10.0.0.2';
export const MY_IP6 = 'fd00::1';
export const ITS_IP6 = 'fd00::2';
export const ARP_ASKED = request(ME, MY_IP, ITS_IP);
export const ARP_ANSWER = reply(IT, ITS_IP, ME, MY_IP);
export const ND_ASKED = solicitation(ME, MY_IP6, ITS_IP6);
export const ND_ANSWER = advertisement(IT, ITS_IP6, [ME, MY_IP6]);
export const QUESTIONS: [Frame, Frame][] = [
  [ARP_ASKED, ARP_ANSWER],
  [ND_ASKED, ND_ANSWER],
];

export function suppressing(): TestSwitch {
  const bridge = TestSwitch.create().port(2, { NeighbourSuppress: 1 });
  know(bridge, ITS_IP, IT);
  know(bridge, ITS_IP6, IT);
  return bridge;
}

export function terminating(): TestSwitch {
  const bridge = TestSwitch.create().segment(0, { AnswerNeighbours: 1 });
  know(bridge, ITS_IP, IT);
  know(bridge, ITS_IP6, IT);
  return bridge;
}
