/** Matches about the flow of a packet, and about kinds of addresses, as criteria. */
import { AddressTypeBit, Op, State } from '../../assembly/rules-abi.js';
import { asked, pairOf, type Answer } from './compile-criterion.js';
import { askPacket } from './compile-match-packet.js';
import { wordOf, wordsOf } from './compile-words.js';
import type { AddressType, CtState, IpMask, Match } from './model.js';
import type { MatchContext } from './compile-criterion.js';

const STATES: Record<CtState, State> = {
  INVALID: State.Invalid,
  NEW: State.New,
  RELATED: State.Related,
  ESTABLISHED: State.Established,
  UNTRACKED: State.Untracked,
  SNAT: State.Snat,
  DNAT: State.Dnat,
};
const ADDRESS_TYPES: Record<AddressType, AddressTypeBit> = {
  UNSPEC: AddressTypeBit.Unspecified,
  UNICAST: AddressTypeBit.Unicast,
  LOCAL: AddressTypeBit.Local,
  BROADCAST: AddressTypeBit.Broadcast,
  ANYCAST: AddressTypeBit.Anycast,
  MULTICAST: AddressTypeBit.Multicast,
  BLACKHOLE: AddressTypeBit.Blackhole,
  UNREACHABLE: AddressTypeBit.Unreachable,
  PROHIBIT: AddressTypeBit.Prohibit,
};

/** Hands on what is not about a flow. */
export function askFlow(match: Match, context: MatchContext): Answer {
  switch (match.kind) {
    case 'ctstate':
      return asked(
        Op.CtState,
        match.states.reduce((bits, state) => bits | STATES[state], 0),
      );
    case 'ctdir':
      return asked(Op.CtDirection, match.direction === 'REPLY' ? 1 : 0);
    case 'ctproto':
      return asked(Op.CtProtocol, match.protocol);
    case 'ctorigdst':
      return flowAddress(match.prefix);
    case 'ctorigdstport':
      return asked(Op.CtOriginalDestinationPort, 0, [pairOf(match.ports)]);
    case 'connmark':
      return asked(Op.ConnMark, 0, [match.mark.value >>> 0, match.mark.mask >>> 0]);
    case 'sourceType':
      return asked(
        typeOp([Op.SourceType, Op.SourceTypeIn, Op.SourceTypeOut], match.limitTo),
        typeBits(match.types),
      );
    case 'destinationType':
      return asked(
        typeOp([Op.DestinationType, Op.DestinationTypeIn, Op.DestinationTypeOut], match.limitTo),
        typeBits(match.types),
      );
    default:
      return askPacket(match, context);
  }
}

/** Unlike that of the packet, a mask of 0 still asks whether there is a flow. */
function flowAddress({ ip, mask }: IpMask): Answer {
  if (ip.length === 4) return asked(Op.CtOriginalDestination, 0, [wordOf(ip), wordOf(mask)]);
  return asked(Op.CtOriginalDestination6, 0, [...wordsOf(ip), ...wordsOf(mask)]);
}

function typeOp([plain, toIn, toOut]: [Op, Op, Op], limitTo: 'in' | 'out' | undefined): Op {
  if (limitTo === undefined) return plain;
  return limitTo === 'in' ? toIn : toOut;
}

function typeBits(types: readonly AddressType[]): number {
  return types.reduce((bits, type) => bits | ADDRESS_TYPES[type], 0);
}
