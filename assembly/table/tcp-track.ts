/**
 * TCP connections as somebody in the middle sees them: states of RFC 9293 §3.3.2, moved by
 * the flags of packets of either direction (features CT-2, CT-3).
 *
 * What a packet means is one of: a state to go to; KEEP, it passes and changes nothing (the
 * receiver answers it with a challenge, RFC 5961 §4); REFUSE, no connection has such a packet
 * now; AGAIN, a new connection begins with the addresses and ports of a finished one.
 */
import { TcpState } from '../zone-abi';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../wire/tcp';

export const TCP_KEEP: u32 = 16;
export const TCP_REFUSE: u32 = 17;
export const TCP_AGAIN: u32 = 18;

/** State after a packet with `flags`, sound in themselves, of a connection in `state`. */
export function nextTcpState(state: u32, flags: u32, isReply: bool): u32 {
  if ((flags & TCP_RST) != 0) return state == TcpState.None ? TCP_REFUSE : TcpState.Close;
  if ((flags & TCP_SYN) != 0) {
    const isAnswer = (flags & TCP_ACK) != 0;
    return isAnswer ? afterSynAck(state, isReply) : afterSyn(state, isReply);
  }
  if ((flags & TCP_FIN) != 0) return afterFin(state);
  return afterAck(state, isReply);
}

function afterSyn(state: u32, isReply: bool): u32 {
  switch (state) {
    case TcpState.None:
      return isReply ? TCP_REFUSE : TcpState.SynSent;
    case TcpState.SynSent:
      return isReply ? TcpState.SynSent2 : TcpState.SynSent; // both ends at once, or again
    case TcpState.SynSent2:
      return TcpState.SynSent2;
    case TcpState.TimeWait:
      return TCP_AGAIN;
    case TcpState.Close:
      return isReply ? TCP_REFUSE : TCP_AGAIN;
    default:
      return isReply ? TCP_REFUSE : TCP_KEEP;
  }
}

function afterSynAck(state: u32, isReply: bool): u32 {
  switch (state) {
    case TcpState.None:
      return TCP_REFUSE;
    case TcpState.SynSent:
      return isReply ? TcpState.SynRecv : TCP_REFUSE;
    case TcpState.SynSent2:
      return TcpState.SynRecv;
    case TcpState.SynRecv:
      return TCP_KEEP;
    default:
      return isReply ? TCP_KEEP : TCP_REFUSE; // who called has nothing to answer
  }
}

function afterFin(state: u32): u32 {
  switch (state) {
    case TcpState.None:
    case TcpState.SynSent:
    case TcpState.SynSent2:
      return TCP_REFUSE;
    case TcpState.SynRecv:
    case TcpState.Established:
      return TcpState.FinWait;
    case TcpState.FinWait:
    case TcpState.CloseWait:
      return TcpState.LastAck;
    default:
      return state;
  }
}

function afterAck(state: u32, isReply: bool): u32 {
  switch (state) {
    case TcpState.None:
      return TcpState.Established; // in its middle
    case TcpState.SynSent:
    case TcpState.SynSent2:
      return isReply ? TCP_KEEP : TCP_REFUSE;
    case TcpState.SynRecv:
      return isReply ? TcpState.SynRecv : TcpState.Established;
    case TcpState.FinWait:
      return TcpState.CloseWait;
    case TcpState.LastAck:
      return TcpState.TimeWait;
    default:
      return state;
  }
}
