/** What a rule may ask of a packet: one entry for each option that was given. */

/** Of ports, codes, lengths; both ends belong to it. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** `address & mask` is compared; `ip` has no bit outside `mask`. Any mask, not only a prefix. */
export interface IpMask {
  readonly ip: Uint8Array;
  readonly mask: Uint8Array;
}

/** Of addresses; both ends belong to it. */
export interface IpRange {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

/** `(field & mask) == value`. */
export interface Masked {
  readonly value: number;
  readonly mask: number;
}

export type CtState = 'INVALID' | 'NEW' | 'RELATED' | 'ESTABLISHED' | 'UNTRACKED' | 'SNAT' | 'DNAT';
export type CtStatus = 'NONE' | 'EXPECTED' | 'SEEN_REPLY' | 'ASSURED' | 'CONFIRMED';
export type AddressType =
  | 'UNSPEC'
  | 'UNICAST'
  | 'LOCAL'
  | 'BROADCAST'
  | 'ANYCAST'
  | 'MULTICAST'
  | 'BLACKHOLE'
  | 'UNREACHABLE'
  | 'PROHIBIT';

/** One instruction of classic BPF, run over the packet from its IP header on. */
export interface BpfInstruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly k: number;
}

/** Bits of the TCP flags as in the header (RFC 9293 §3.1): FIN 1, SYN 2, … URG 32. */
export interface TcpFlags {
  readonly mask: number;
  readonly set: number;
}

type Not = { readonly negated: boolean };

export type Match = Not &
  (
    | { readonly kind: 'source' | 'destination'; readonly prefix: IpMask }
    /** `name` without the `+`; `isPrefix`: every interface whose name begins so. */
    | { readonly kind: 'in' | 'out'; readonly name: string; readonly isPrefix: boolean }
    /** IANA number; the last header of IPv6. 0 with `negated` false never stands here. */
    | { readonly kind: 'protocol'; readonly protocol: number }
    /** `-f`: not the first fragment (IPv4 only). */
    | { readonly kind: 'fragment' }
    /** Of TCP, UDP, SCTP: the protocol match stands in the same rule. */
    | { readonly kind: 'sourcePort' | 'destinationPort'; readonly ports: Range }
    | {
        readonly kind: 'multiport';
        readonly field: 'source' | 'destination' | 'either';
        readonly ranges: readonly Range[];
      }
    | { readonly kind: 'tcpFlags'; readonly flags: TcpFlags }
    | { readonly kind: 'tcpOption'; readonly option: number }
    /** ICMP or ICMPv6, as the family says; `type` undefined: any. */
    | { readonly kind: 'icmpType'; readonly type: number | undefined; readonly codes: Range }
    | { readonly kind: 'ctstate'; readonly states: readonly CtState[] }
    | { readonly kind: 'ctstatus'; readonly statuses: readonly CtStatus[] }
    | { readonly kind: 'ctproto'; readonly protocol: number }
    | {
        readonly kind: 'ctorigsrc' | 'ctorigdst' | 'ctreplsrc' | 'ctrepldst';
        readonly prefix: IpMask;
      }
    | {
        readonly kind: 'ctorigsrcport' | 'ctorigdstport' | 'ctreplsrcport' | 'ctrepldstport';
        readonly ports: Range;
      }
    /** Seconds until the flow ends. */
    | { readonly kind: 'ctexpire'; readonly seconds: Range }
    | { readonly kind: 'ctdir'; readonly direction: 'ORIGINAL' | 'REPLY' }
    | { readonly kind: 'mark' | 'connmark'; readonly mark: Masked }
    /** `limitTo`: an address is local only if it is on the interface in or out. */
    | {
        readonly kind: 'sourceType' | 'destinationType';
        readonly types: readonly AddressType[];
        readonly limitTo: 'in' | 'out' | undefined;
      }
    /** `packets` each `perMs`, after a burst of `burst` packets. */
    | {
        readonly kind: 'limit';
        readonly packets: number;
        readonly perMs: number;
        readonly burst: number;
      }
    /** `chance` of 2^31. */
    | { readonly kind: 'statisticRandom'; readonly chance: number }
    /** Packet `packet` (from 0) of each `every`. */
    | { readonly kind: 'statisticNth'; readonly every: number; readonly packet: number }
    | { readonly kind: 'comment'; readonly comment: string }
    | { readonly kind: 'macSource'; readonly mac: Uint8Array }
    | { readonly kind: 'sourceRange' | 'destinationRange'; readonly range: IpRange }
    | {
        readonly kind: 'physdevIn' | 'physdevOut';
        readonly name: string;
        readonly isPrefix: boolean;
      }
    | { readonly kind: 'physdevIsIn' | 'physdevIsOut' | 'physdevIsBridged' }
    /** IPsec policy; what is undefined may be anything. */
    | {
        readonly kind: 'policy';
        readonly direction: 'in' | 'out';
        readonly policy: 'ipsec' | 'none';
        readonly reqid: number | undefined;
        readonly spi: number | undefined;
        readonly protocol: 'ah' | 'esp' | 'ipcomp' | undefined;
        readonly mode: 'transport' | 'tunnel' | undefined;
        readonly strict: boolean;
      }
    | { readonly kind: 'ipvs' }
    | { readonly kind: 'ipvsProtocol'; readonly protocol: number }
    | { readonly kind: 'ipvsAddress'; readonly prefix: IpMask }
    | { readonly kind: 'ipvsPort' | 'ipvsPortControl'; readonly port: number }
    | { readonly kind: 'ipvsDirection'; readonly direction: 'ORIGINAL' | 'REPLY' }
    | { readonly kind: 'ipvsMethod'; readonly method: 'GATE' | 'IPIP' | 'MASQ' }
    | { readonly kind: 'bpf'; readonly program: readonly BpfInstruction[] }
    /** Of the IP packet: total length of IPv4, payload length of IPv6 + 40. */
    | { readonly kind: 'length'; readonly bytes: Range }
    /** TTL of IPv4, hop limit of IPv6. */
    | { readonly kind: 'ttl'; readonly compare: 'eq' | 'lt' | 'gt'; readonly ttl: number }
    | { readonly kind: 'dscp'; readonly dscp: number }
    | { readonly kind: 'tos'; readonly tos: Masked }
    | { readonly kind: 'pkttype'; readonly type: 'unicast' | 'broadcast' | 'multicast' }
  );
