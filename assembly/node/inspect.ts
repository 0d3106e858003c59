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
import { note, say } from '../trace';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { Ipv4, TYPE_IPV4 } from '../wire/ipv4';
import { begins, countInvalid, follows, isSignOfLife, traceWindow } from './follow';
import { beginFlow, lookUpFlow, tellNews } from './flows';
import { Passage } from './passage';
import { ask, conclude, openSubject, translates } from './rules';
import { translate } from './translate';

/** Drop.None: the packet, translated where it must be, may go on; or why not. */
export function inspect(core: Core, p: Packet, iface: Iface): Drop {
  if (Ethernet.at(p.data).type != TYPE_IPV4) return Drop.None;
  const t = Passage.at(core.passage);
  p.iface = <u32>changetype<usize>(iface);
  const length = p.length;
  const refused = t.open(core, p);
  p.length = length; // padding stays: this is no router
  if (refused != Drop.None) return iface.inspects != 0 ? refused : Drop.None;
  if (t.ip.isFragment || t.isIcmpError) return Drop.None;
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
    if (translates(core, t.zone)) return refusal;
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
  const ip = Ipv4.at(p.data + ETHERNET_BYTES);
  const l4 = p.data + ETHERNET_BYTES + ip.headerBytes;
  translate(p, ip, l4, t.l4Bytes, line, 0);
  if (p.has(RxFlag.Trace)) {
    const ports = (line.ports << 16) | (line.newPorts & 0xffff);
    say(note(core, p, Node.Zone, Trace.SourceTranslated), line.source, line.newSource, ports);
  }
  return Drop.None;
}
