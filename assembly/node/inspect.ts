/**
 * Inspect: IP packets that stay within a segment, where its router interface wants to see
 * them: as bridge netfilter does (features FW-9, BR-12), by the forward chain of the filter
 * table; and for as long as there are flows that the zone has sent back into the segment they
 * came from with another destination: their answers go by the segment alone, and must be
 * translated as well (walk W3b).
 *
 * The packet keeps its MAC addresses and its TTL. New flows are tracked, but not translated.
 * Drops: those of passage.ts, Invalid, OutOfWindow, RuleDrop, RuleReject, FlowsFull, NoBuffer.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { Core } from '../memory';
import { Packet, own } from '../packet';
import { Hook, State } from '../rules-abi';
import { LINE_DESTINATION_NAT, LINE_SOURCE_NAT } from '../table/flow-line';
import { Iface } from '../table/iface';
import { note } from '../trace';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { Ipv4, TYPE_IPV4 } from '../wire/ipv4';
import { Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import { isLinkTalk } from '../wire/nd';
import { holdAddresses, letGo, sayBecomes } from './addresses';
import { begins, countInvalid, follows, isSignOfLife, traceWindow } from './follow';
import { beginFlow, lookUpFlow, tellNews } from './flows';
import { Passage } from './passage';
import { ask, conclude, openSubject, translates } from './rules';
import { translate } from './translate';
import { translate6 } from './translate6';

/** Drop.None: the packet, translated where it must be, may go on; or why not. */
export function inspect(core: Core, p: Packet, iface: Iface): Drop {
  const type = Ethernet.at(p.data).type;
  if (type == TYPE_IPV6 ? isLinkTalk(p) : type != TYPE_IPV4) return Drop.None;
  const t = Passage.at(core.passage);
  p.iface = <u32>changetype<usize>(iface);
  const refused = look(core, p, iface, t);
  if (t.heldCount != 0) letGo(core, t);
  return refused;
}

function look(core: Core, p: Packet, iface: Iface, t: Passage): Drop {
  const length = p.length;
  const refused = t.open(core, p);
  p.length = length; // padding stays: this is no router
  if (refused != Drop.None) return iface.inspects != 0 ? refused : Drop.None;
  if (t.isFragment != 0 || t.isIcmpError) return Drop.None;
  if (!holdAddresses(core, t)) return iface.inspects != 0 ? Drop.FlowsFull : Drop.None;
  t.newSource = t.source;
  t.newDestination = t.destination;
  t.newPorts = t.ports;
  t.out = iface;
  t.adjacency = 0;
  lookUpFlow(core, t);
  const isKnown = changetype<usize>(t.line) != 0;
  if (!isKnown && iface.inspects == 0) return Drop.None;
  const isSound = isKnown ? follows(core, t) : begins(t);
  if (!isSound) {
    const refusal = countInvalid(t);
    traceWindow(core, p, t);
    if (translates(core, t)) return refusal;
    t.ctState = State.Invalid;
  }
  const verdict = iface.inspects != 0 ? judge(core, p, t, isSound) : rewrite(core, p, t);
  if (t.news != 0) tellNews(core, t);
  return verdict;
}

function judge(core: Core, p: Packet, t: Passage, isSound: bool): Drop {
  openSubject(core, p, t);
  let refused = ask(core, p, t, Hook.FilterForward);
  if (refused != Drop.None) return refused;
  const isNew = isSound && changetype<usize>(t.line) == 0;
  if (isNew) refused = beginFlow(core, p, t);
  if (refused != Drop.None) return refused;
  conclude(core, t, true);
  return isSound ? rewrite(core, p, t) : Drop.None;
}

/** Puts in what the flow says. */
function rewrite(core: Core, p: Packet, t: Passage): Drop {
  const line = t.line;
  if (changetype<usize>(line) == 0) return Drop.None;
  line.packets++;
  line.bytes += t.total;
  if (isSignOfLife(t)) line.seenMs = core.nowMs;
  if (!line.has(LINE_SOURCE_NAT | LINE_DESTINATION_NAT)) return Drop.None;
  if (!own(core, p)) return Drop.NoBuffer;
  const ip: usize = p.data + ETHERNET_BYTES;
  const l4 = ip + (t.l4 - changetype<usize>(t.ip));
  if (t.isIpv6 != 0) translate6(core, p, Ipv6.at(ip), l4, t.l4Bytes, line);
  else translate(p, Ipv4.at(ip), l4, t.l4Bytes, line, 0);
  if (p.has(RxFlag.Trace)) {
    const ports = (line.ports << 16) | (line.newPorts & 0xffff);
    const at = note(core, p, Node.Zone, Trace.SourceTranslated);
    sayBecomes(core, t, at, line.source, line.newSource, ports);
  }
  return Drop.None;
}
