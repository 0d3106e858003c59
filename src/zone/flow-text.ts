/** Flows in the form of conntrack(8), and which of them are meant. */
import type { FlowView, TupleView } from '../api/zone-views.js';

/** Names of protocols that are written instead of numbers. */
const NAMES: Record<number, string> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  47: 'gre',
  58: 'icmpv6',
  132: 'sctp',
};
const NAME_WIDTH = 8;
const ICMP = new Set([1, 58]);
/** Protocols whose flows have ports. */
export const PORTED: ReadonlySet<number> = new Set([6, 17, 132]);

/** `tcp`, or the number where there is no name. */
export function protocolName(protocol: number): string {
  return NAMES[protocol] ?? `${protocol}`;
}

/** A name or number as a number. */
export function protocolNumber(text: string): number | undefined {
  const named = Object.entries(NAMES).find(([, name]) => name === text.toLowerCase());
  if (named !== undefined) return Number(named[0]);
  return /^\d+$/.test(text) && Number(text) < 256 ? Number(text) : undefined;
}

/** One line of `conntrack -L`. */
export function flowLine(flow: FlowView): string {
  return `${flowText(flow, { isCounted: true })} mark=${flow.mark} use=1`;
}

/**
 * What lines of `conntrack -L` and `-E` have in common, with or without counters. Of one that
 * died of age (`isOver`) there is no time to say.
 */
export function flowText(
  flow: FlowView,
  { isCounted, isOver = false }: { isCounted: boolean; isOver?: boolean },
): string {
  const name = protocolName(flow.protocol).padEnd(NAME_WIDTH);
  const parts = [`${NAMES[flow.protocol] === undefined ? 'unknown ' : name} ${flow.protocol}`];
  if (!isOver) parts.push(String(flow.leftSec));
  if (flow.state !== null) parts.push(flow.state);
  parts.push(directionText(flow.protocol, flow.original, isCounted));
  if (!flow.seenReply) parts.push('[UNREPLIED]');
  parts.push(directionText(flow.protocol, flow.reply, isCounted));
  if (flow.assured) parts.push('[ASSURED]');
  return parts.join(' ');
}

function directionText(protocol: number, tuple: TupleView, isCounted: boolean): string {
  const { src, dst, sport, dport, packets, bytes } = tuple;
  const parts = [`src=${src}`, `dst=${dst}`];
  if (PORTED.has(protocol)) parts.push(`sport=${sport}`, `dport=${dport}`);
  if (ICMP.has(protocol)) parts.push(`type=${dport >> 8}`, `code=${dport & 0xff}`, `id=${sport}`);
  if (isCounted) parts.push(`packets=${packets}`, `bytes=${bytes}`);
  return parts.join(' ');
}
