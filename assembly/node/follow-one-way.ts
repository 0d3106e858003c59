/**
 * What a client's packet means to a TCP connection whose answers go another way: of a backend
 * that answers itself (features VS-3, VS-8). Nobody here sees whether the other end agrees, so
 * an acknowledgment makes it established, and a FIN or a reset the beginning of its end.
 */
import { Core } from '../memory';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../wire/tcp';
import { FlowStatus, FlowTimer, TcpState } from '../zone-abi';
import { beginsAgain, moveTo } from './follow-tcp';
import { setTimer } from './flows';
import { Passage } from './passage';

export function followsOneWay(core: Core, t: Passage): bool {
  const now: u32 = t.state.phase;
  const next = stateAfter(now, t.tcpFlags);
  if (next == TcpState.None) return beginsAgain(core, t);
  if (next == now) return true;
  moveTo(t, next);
  if (next == TcpState.Established) {
    t.state.set(FlowStatus.Assured);
    setTimer(t, FlowTimer.TcpEstablished);
  }
  return true;
}

/** None: a new connection. */
function stateAfter(now: u32, flags: u32): u32 {
  const isOver = now == TcpState.Close || now == TcpState.TimeWait || now == TcpState.FinWait;
  if ((flags & TCP_RST) != 0) return TcpState.Close;
  if ((flags & TCP_SYN) != 0) return isOver ? TcpState.None : now;
  if ((flags & TCP_FIN) != 0) return now == TcpState.SynSent ? TcpState.Close : TcpState.FinWait;
  const isGoing = (flags & TCP_ACK) != 0 && now == TcpState.SynSent;
  return isGoing ? TcpState.Established : now;
}
