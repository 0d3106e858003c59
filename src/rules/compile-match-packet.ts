/** Matches about the packet itself, and those of what is not there, as criteria. */
import { Op, State } from '../../assembly/rules-abi.js';
import { bpfNumbers } from './compile-bpf.js';
import { Refused, asked, bytePair, type Answer, type MatchContext } from './compile-criterion.js';
import { wordOf, wordsOf } from './compile-words.js';
import type { IpRange, Match } from './model.js';

const MOST_TTL = 255;

/** Refuses what it does not know. */
export function askPacket(match: Match, context: MatchContext): Answer {
  switch (match.kind) {
    case 'length':
      return asked(Op.Length, 0, [match.bytes.first, match.bytes.last]);
    case 'ttl': {
      const { compare, ttl } = match;
      const first = compare === 'lt' ? 0 : compare === 'gt' ? ttl + 1 : ttl;
      const last = compare === 'gt' ? MOST_TTL : compare === 'lt' ? ttl - 1 : ttl;
      return first <= last && asked(Op.Ttl, bytePair(first, last));
    }
    case 'dscp':
      return asked(Op.Tos, bytePair(match.dscp << 2, 0xfc));
    case 'tos':
      return asked(Op.Tos, bytePair(match.tos.value, match.tos.mask));
    case 'macSource': {
      const [low, high] = wordsOf(
        Uint8Array.from([...match.mac, ...new Array<number>(10).fill(0)]),
      );
      return asked(Op.MacSource, 0, [low!, high!]);
    }
    case 'sourceRange':
      return ranged(Op.SourceRange, Op.SourceRange6, match.range);
    case 'destinationRange':
      return ranged(Op.DestinationRange, Op.DestinationRange6, match.range);
    case 'bpf':
      return asked(Op.Bpf, 0, bpfNumbers(match.program));
    default:
      return askOther(match, context);
  }
}

function askOther(match: Match, context: MatchContext): Answer {
  switch (match.kind) {
    case 'limit':
      return asked(Op.Limit, 0, [context.takeState(), match.packets, match.perMs, match.burst]);
    case 'statisticRandom':
      return asked(Op.StatisticRandom, 0, [match.chance]);
    case 'statisticNth':
      return asked(Op.StatisticNth, 0, [context.takeState(), match.every, match.packet]);
    // There is no IPsec: no packet has a policy of it.
    case 'policy':
      return match.policy === 'none';
    // As xt_ipvs: whether IPVS has had the packet (`ipvs_property`), not its connection.
    case 'ipvs':
      return asked(Op.CtState, State.Balanced);
    case 'ipvsProtocol':
      throw new Refused('--vproto');
    case 'ipvsAddress':
      throw new Refused('--vaddr');
    case 'ipvsPort':
      throw new Refused('--vport');
    case 'ipvsPortControl':
      throw new Refused('--vportctl');
    case 'ipvsDirection':
      throw new Refused('--vdir');
    case 'ipvsMethod':
      throw new Refused('--vmethod');
    default:
      throw new Refused(match.kind);
  }
}

function ranged(op: Op, op6: Op, { first, last }: IpRange): Answer {
  if (first.length === 4) return asked(op, 0, [wordOf(first), wordOf(last)]);
  return asked(op6, 0, [...wordsOf(first), ...wordsOf(last)]);
}
