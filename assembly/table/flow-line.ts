/**
 * One direction of a flow, and what both share: the rows of table/flow.ts.
 */
import { FLOW_LINE_BYTES, FLOW_STATE_BYTES } from '../memory';
import { NEXT_ICMP6 } from '../wire/icmp6';
import { PROTOCOL_ICMP } from '../wire/ipv4';
import { FlowStatus } from '../zone-abi';

const ZONE_MASK: u32 = 0xffff;

/** Flags of a line. */
export const LINE_FAST: u8 = 1; // judged, and nothing about its packets needs a closer look
export const LINE_REPLY: u8 = 2;
export const LINE_SOURCE_NAT: u8 = 4; // this direction's source is rewritten
export const LINE_DESTINATION_NAT: u8 = 8;
export const LINE_TCP: u8 = 16;
export const LINE_NO_CHECKSUM: u8 = 32; // layer 4 has none that goes over addresses or ports
export const LINE_SACK: u8 = 64; // who sends in this direction takes selective acknowledgments
export const LINE_UNACKNOWLEDGED: u8 = 128; // what it sent last is not acknowledged: if Windowed

/** Bits of a flow's state above those of FlowStatus: of its protocol. */
const NOTES_SHIFT: u32 = 10;
const PUBLIC_STATUS: u32 = (1 << NOTES_SHIFT) - 1;
const WORDS_BYTES: usize = 8;

/** In the scope of IPv6 flows, whose addresses are numbers: table/flow-address.ts. */
export const IPV6_SCOPE: u32 = 1 << 29;
/** Bits of the scope of entries that are no flows: mapping.ts, affinity.ts. Above all zones. */
export const PERMIT_SCOPE: u32 = 1 << 30;
export const MAPPING_SCOPE: u32 = 1 << 31;
export const AFFINITY_SCOPE: u32 = PERMIT_SCOPE | MAPPING_SCOPE;

/**
 * One direction. Addresses and ports as they are loaded from the wire; of IPv6 an address is
 * its number.
 */
@unmanaged
export class FlowLine {
  source: u32;
  destination: u32;
  /** Source port, destination port; of ICMP identifier, type and code. */
  ports: u32;
  /** Protocol | zone << 8 | IPV6_SCOPE. Never 0 in an entry that is in use. */
  scope: u32;
  newSource: u32;
  newDestination: u32;
  newPorts: u32;
  /** What to add to the complement of a checksum: for addresses; for addresses and ports. */
  addressDelta: u16;
  layer4Delta: u16;
  /** Way out: table/adjacency.ts. */
  adjacency: u32;
  /** What rules said: rules/path.ts; of balanced flows share.ts. */
  path: u32;
  packets: u32;
  /** TCP: where the next segment begins. Of an answer not yet seen: what it must acknowledge. */
  sequenceEnd: u32;
  bytes: u64;
  seenMs: u32;
  /** Of rules and routes, when the line was last judged. */
  generation: u16;
  flags: u8;
  timer: u8;

  has(flag: u8): bool {
    return (this.flags & flag) != 0;
  }

  get protocol(): u32 {
    return this.scope & 0xff;
  }

  get zone(): u32 {
    return (this.scope >> 8) & ZONE_MASK;
  }

  get isIpv6(): bool {
    return (this.scope & IPV6_SCOPE) != 0;
  }

  /** ICMP of its family. */
  get isIcmp(): bool {
    return this.protocol == (this.isIpv6 ? NEXT_ICMP6 : PROTOCOL_ICMP);
  }

  /** Whether its entry is a flow: not free, and nothing of mapping.ts or affinity.ts. */
  get isFlow(): bool {
    return this.scope != 0 && this.scope < PERMIT_SCOPE;
  }

  /** Forgets what was decided: its next packet meets the rules. */
  judgeAgain(): void {
    this.flags &= ~LINE_FAST;
    this.adjacency = 0;
  }

  /** The other direction of the same flow: lines come in pairs. */
  get other(): FlowLine {
    return changetype<FlowLine>(changetype<usize>(this) ^ FLOW_LINE_BYTES);
  }

  /** The line of the original direction. */
  get original(): FlowLine {
    return changetype<FlowLine>(changetype<usize>(this) & ~FLOW_LINE_BYTES);
  }
}

if (offsetof<FlowLine>() != FLOW_LINE_BYTES) ERROR('FlowLine must be one line');

/** What both directions share. */
@unmanaged
export class FlowState {
  /** FlowStatus bits, and above them six of the protocol. */
  private bits: u16;
  /** TcpState; of SCTP SctpState. */
  phase: u8;
  /** TCP: window scales (tcp-window.ts). SCTP: sctp-track.ts. */
  detail: u8;
  mark: u32;
  beganMs: u32;
  id: u32;
  /** Packets of both lines above 32 bits. */
  packetsHigh: u16;
  replyPacketsHigh: u16;
  /** Interface whose address is the masqueraded source: index + 1. */
  masquerade: u16;
  /** Interface whose segment answers may stay in: index + 1. */
  hairpin: u16;
  /** Mappings and permits: flows that hold it; affinities: their backend. Of flows the first of four words of a protocol. */
  holders: u32;
  private word1: u32;
  private word2: u32;
  private word3: u32;

  /** FlowStatus bits. The setter leaves the notes as they are. */
  get status(): u32 {
    return this.bits & PUBLIC_STATUS;
  }

  set status(bits: u32) {
    this.bits = <u16>((this.bits & ~PUBLIC_STATUS) | (bits & PUBLIC_STATUS));
  }

  /** Six bits of the protocol: tcp-last.ts. */
  get notes(): u32 {
    return (<u32>this.bits) >>> NOTES_SHIFT;
  }

  set notes(bits: u32) {
    this.bits = <u16>((this.bits & PUBLIC_STATUS) | (bits << NOTES_SHIFT));
  }

  has(bit: FlowStatus): bool {
    return (this.bits & (<u16>bit)) != 0;
  }

  set(bit: FlowStatus): void {
    this.bits |= <u16>bit;
  }

  clear(bit: FlowStatus): void {
    this.bits &= ~(<u16>bit);
  }

  /** Four words of the protocol, two a direction: address of those of a line. */
  wordsOf(line: FlowLine): usize {
    const own = changetype<usize>(this) + offsetof<FlowState>('holders');
    return line.has(LINE_REPLY) ? own + WORDS_BYTES : own;
  }

  /** The packets of a line have run over. */
  carry(line: FlowLine): void {
    if (line.has(LINE_REPLY)) this.replyPacketsHigh++;
    else this.packetsHigh++;
  }
}

if (offsetof<FlowState>() != FLOW_STATE_BYTES) ERROR('FlowState must be FLOW_STATE_BYTES long');

/** Whether a line has this key. */
export function isKey(line: FlowLine, source: u32, destination: u32, ports: u32, scope: u32): bool {
  const differs =
    (line.source ^ source) |
    (line.destination ^ destination) |
    (line.ports ^ ports) |
    (line.scope ^ scope);
  return differs == 0;
}
