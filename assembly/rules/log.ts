/**
 * Log: packets that meet a LOG or NFLOG rule, for the host to print (table/journal.ts). What
 * is written is the packet as iptables shows it at that hook: a zone rewrites packets only when
 * all hooks have passed, so what rules know better than the bytes goes over them. What an ICMP
 * error quotes is shown as it came.
 */
import { Family } from '../abi';
import { Core } from '../memory';
import { Hook } from '../rules-abi';
import { Journal } from '../table/journal';
import { JournalKind, JournalRecord, LOG_PACKET_BYTES, LogRecord } from '../zone-abi';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { tosOf, ttlOf } from './criteria-packet';
import { Subject } from './subject';

const IPV4_TOS: usize = 1;
const IPV4_TTL: usize = 8;
const IPV4_SOURCE: usize = 12;
const IPV4_DESTINATION: usize = 16;
const DESTINATION_PORT: usize = 2;
const PORT_BYTES: u32 = 4;

/** Writes the packet down, which has met rule `rule` at `hook`, if that is wanted. */
export function logPacket(s: Subject, rule: u32, hook: Hook): void {
  if (s.core == 0) return;
  const core = changetype<Core>(<usize>s.core);
  const journal = Journal.at(core.journal);
  if (!journal.wants(JournalKind.Log)) return;
  const record = journal.open(core, JournalKind.Log);
  if (record == 0) return;
  const at = record + <usize>JournalRecord.Log;
  const kept = min(s.bytes, <u32>LOG_PACKET_BYTES);
  store<u32>(at, rule, LogRecord.Rule);
  store<u32>(at, s.mark, LogRecord.Mark);
  store<u16>(at, <u16>(isBehind(hook) ? 0 : s.inInterface), LogRecord.In);
  store<u16>(at, <u16>(isBefore(hook) ? 0 : s.outInterface), LogRecord.Out);
  store<u16>(at, <u16>kept, LogRecord.Kept);
  store<u16>(at, <u16>s.zone, LogRecord.Zone);
  memory.copy(at + <usize>LogRecord.Frame, s.frame, ETHERNET_BYTES);
  const packet = at + <usize>LogRecord.Packet;
  memory.copy(packet, s.network, kept);
  if (s.family == Family.Ipv4) correct(s, packet, kept);
}

/** Writes what rules know better into the copy of an IPv4 packet. */
function correct(s: Subject, packet: usize, kept: u32): void {
  store<u8>(packet, <u8>tosOf(s), IPV4_TOS);
  store<u8>(packet, <u8>ttlOf(s), IPV4_TTL);
  store<u32>(packet, bswap<u32>(<u32>s.sourceTail), IPV4_SOURCE);
  store<u32>(packet, bswap<u32>(<u32>s.destinationTail), IPV4_DESTINATION);
  if (s.destinationPort == 0 || s.l4 + PORT_BYTES > kept) return;
  store<u16>(packet + s.l4, bswap<u16>(<u16>s.destinationPort), DESTINATION_PORT);
}

/** Hooks that know no way in. */
function isBehind(hook: Hook): bool {
  return hook == Hook.ManglePostrouting || hook == Hook.NatPostrouting;
}

/** Hooks that know no way out. */
function isBefore(hook: Hook): bool {
  const isEarly =
    hook == Hook.RawPrerouting || hook == Hook.ManglePrerouting || hook == Hook.NatPrerouting;
  const isOwn = hook == Hook.MangleInput || hook == Hook.NatInput || hook == Hook.FilterInput;
  return isEarly || isOwn;
}
