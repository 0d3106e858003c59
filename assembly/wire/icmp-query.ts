/**
 * ICMP messages of IPv4 that ask, and those that answer them: RFC 792, RFC 950 §3. Only such
 * have an identifier, and begin flows.
 */
import { ICMP_ECHO, ICMP_ECHO_REPLY } from './icmp';

const TIMESTAMP: u32 = 13; // RFC 792
const TIMESTAMP_REPLY: u32 = 14;
const INFORMATION: u32 = 15;
const INFORMATION_REPLY: u32 = 16;
const MASK: u32 = 17; // RFC 950
const MASK_REPLY: u32 = 18;

/** What answers an ICMP query of a type; another type itself. */
function replyTypeOf(type: u32): u32 {
  switch (type) {
    case ICMP_ECHO:
      return ICMP_ECHO_REPLY;
    case TIMESTAMP:
      return TIMESTAMP_REPLY;
    case INFORMATION:
      return INFORMATION_REPLY;
    case MASK:
      return MASK_REPLY;
    default:
      return type;
  }
}

/** Whether an ICMP message of a type answers one. */
export function isReplyType(type: u32): bool {
  return (
    type == ICMP_ECHO_REPLY ||
    type == TIMESTAMP_REPLY ||
    type == INFORMATION_REPLY ||
    type == MASK_REPLY
  );
}

/** Whether an ICMP message of a type can begin a flow. */
export function isQueryType(type: u32): bool {
  return replyTypeOf(type) != type;
}

/** What an ICMP answer of a type answers; another type itself. */
function queryTypeOf(type: u32): u32 {
  switch (type) {
    case ICMP_ECHO_REPLY:
      return ICMP_ECHO;
    case TIMESTAMP_REPLY:
      return TIMESTAMP;
    case INFORMATION_REPLY:
      return INFORMATION;
    case MASK_REPLY:
      return MASK;
    default:
      return type;
  }
}

/** Type of the message in the other direction: an answer for a query, a query for an answer. */
export function turnedType(type: u32): u32 {
  return isReplyType(type) ? queryTypeOf(type) : replyTypeOf(type);
}
