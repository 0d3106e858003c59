/**
 * Doors to node/: each makes packet 0 of an opened core out of a frame of port 0, lets one
 * function see it, and returns what that says. What was sent is in the core's descriptors.
 */
import { Core } from '../memory';
import { clampMss } from '../node/clamp-mss';
import { answerTooBig } from '../node/too-big';
import { Packet } from '../packet';
import { Port } from '../table/port';
import { Ethernet, MAC_BITS } from '../wire/ethernet';

export function packetOf(core: Core, frame: usize, length: u32, flags: u32): Packet {
  const p = Packet.at(core.packets, 0);
  p.data = <u32>frame;
  p.length = length;
  p.flags = flags;
  p.origin = 0;
  p.tag = p.variant = 0;
  p.port = Port.at(core.ports, 0);
  const domain = (<u64>p.port.domain) << MAC_BITS;
  p.source = Ethernet.at(frame).source | domain;
  p.destination = Ethernet.at(frame).destination | domain;
  return p;
}

/** Opens a batch at `nowMs`. */
export function openBatch(core: usize, nowMs: u32): void {
  Core.at(core).open(nowMs);
}

export function tellTooBig(core: usize, frame: usize, length: u32, mtu: u32, from: usize): bool {
  const c = Core.at(core);
  return answerTooBig(c, packetOf(c, frame, length, 0), mtu, from);
}

export function clamp(frame: usize, length: u32, mtu: u32, isPartial: bool): bool {
  return clampMss(frame, length, mtu, isPartial);
}
