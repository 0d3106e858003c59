/** Random frames: mostly sound ones between a few hosts, some cut, some with bits flipped. */
import { Frame, eth } from './frame.js';
import { HOSTS, VIDS, pick, type Random } from './random-switch.js';

const DESTINATIONS = [
  'ff:ff:ff:ff:ff:ff',
  '01:00:5e:00:00:01',
  '33:33:00:00:00:01',
  '01:80:c2:00:00:0e',
  '01:80:c2:00:00:21',
];

export function randomFrame(random: Random): Uint8Array {
  const to = random(100) < 65 ? 1 + random(HOSTS) : pick(random, DESTINATIONS);
  const frame = eth(1 + random(HOSTS), to);
  addTags(random, frame);
  const bytes = frame.payload(random(80)).bytes();
  const fate = random(100);
  if (fate < 85) return bytes;
  if (fate < 92) return bytes.slice(0, random(bytes.length + 1));
  for (let flips = 1 + random(4); flips > 0; flips--) {
    bytes[random(Math.min(bytes.length, 24))]! ^= 1 << random(8);
  }
  return bytes;
}

function addTags(random: Random, frame: Frame): void {
  for (let tags = Math.max(0, random(5) - 1); tags > 0; tags--) {
    const vid = random(100) < 80 ? pick(random, VIDS) : pick(random, [0, 0, 2, 4095]);
    const priority = random(3) === 0 ? random(8) : 0;
    const tpid = random(100) < 75 ? 0x8100 : 0x88a8;
    frame.vlan(vid, { priority, tpid, dropEligible: random(10) === 0 });
  }
}
