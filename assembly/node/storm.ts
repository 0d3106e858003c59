/**
 * Storm control: token buckets a port for frames that would be flooded. A bucket holds
 * one second of its rate, in thousandths of a packet.
 */
import { Drop, STORM_MOST_PER_SEC } from '../abi';
import { Core } from '../memory';
import { PORT_BROADCAST_FLOOD, PORT_MULTICAST_FLOOD, Port } from '../table/port';

const TOKENS_PER_PACKET: u32 = 1000;
const WINDOW_MS: u32 = 1000;

/** Takes a token for a frame of this kind. Returns the reason when there is none. */
export function exceedsStorm(core: Core, port: Port, kind: u32): Drop {
  if ((port.broadcastPerSec | port.multicastPerSec | port.unicastPerSec) == 0) return Drop.None;
  refill(port, core.nowMs);
  if (kind == PORT_BROADCAST_FLOOD) {
    if (port.broadcastPerSec == 0) return Drop.None;
    if (port.broadcastTokens < TOKENS_PER_PACKET) return Drop.StormBroadcast;
    port.broadcastTokens -= TOKENS_PER_PACKET;
    return Drop.None;
  }
  if (kind == PORT_MULTICAST_FLOOD) {
    if (port.multicastPerSec == 0) return Drop.None;
    if (port.multicastTokens < TOKENS_PER_PACKET) return Drop.StormMulticast;
    port.multicastTokens -= TOKENS_PER_PACKET;
    return Drop.None;
  }
  if (port.unicastPerSec == 0) return Drop.None;
  if (port.unicastTokens < TOKENS_PER_PACKET) return Drop.StormUnicast;
  port.unicastTokens -= TOKENS_PER_PACKET;
  return Drop.None;
}

/** A millisecond gives one thousandth of the rate: `perSec` tokens. */
function refill(port: Port, nowMs: u32): void {
  const elapsedMs = min(nowMs - port.stormMs, WINDOW_MS);
  if (elapsedMs == 0) return;
  port.stormMs = nowMs;
  port.broadcastTokens = filled(port.broadcastTokens, port.broadcastPerSec, elapsedMs);
  port.multicastTokens = filled(port.multicastTokens, port.multicastPerSec, elapsedMs);
  port.unicastTokens = filled(port.unicastTokens, port.unicastPerSec, elapsedMs);
}

function filled(tokens: u32, perSec: u32, elapsedMs: u32): u32 {
  const rate = <u32>min(perSec, STORM_MOST_PER_SEC);
  return min(tokens + rate * elapsedMs, rate * TOKENS_PER_PACKET);
}

/** Fills a port's buckets: a new limit starts with a second of its rate. */
export function fillStorm(core: Core, port: Port): void {
  port.stormMs = core.nowMs;
  port.broadcastTokens = filled(0, port.broadcastPerSec, WINDOW_MS);
  port.multicastTokens = filled(0, port.multicastPerSec, WINDOW_MS);
  port.unicastTokens = filled(0, port.unicastPerSec, WINDOW_MS);
}
