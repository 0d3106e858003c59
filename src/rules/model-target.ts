/** What a rule does with the packets it applies to. */
import type { IpRange, Masked, Range } from './model-match.js';

/** Of IPv4 and IPv6, in the words of `--reject-with`. */
export type RejectWith =
  | 'icmp-net-unreachable'
  | 'icmp-host-unreachable'
  | 'icmp-proto-unreachable'
  | 'icmp-port-unreachable'
  | 'icmp-net-prohibited'
  | 'icmp-host-prohibited'
  | 'icmp-admin-prohibited'
  | 'icmp6-no-route'
  | 'icmp6-adm-prohibited'
  | 'icmp6-addr-unreachable'
  | 'icmp6-port-unreachable'
  | 'icmp6-policy-fail'
  | 'icmp6-reject-route'
  | 'tcp-reset';

export interface LogOptions {
  readonly prefix: string;
  /** syslog(3): 0 emerg … 7 debug. */
  readonly level: number;
  /** `--log-tcp-sequence` and its like, by name. */
  readonly flags: readonly ('tcp-sequence' | 'tcp-options' | 'ip-options' | 'uid' | 'macdecode')[];
}

export type Target =
  /** No `-j`: the rule only counts. */
  | { readonly kind: 'none' }
  | { readonly kind: 'accept' | 'drop' | 'return' | 'trace' }
  /** `viaCt`: written `-j CT --notrack`. */
  | { readonly kind: 'notrack'; readonly viaCt?: boolean }
  | { readonly kind: 'reject'; readonly with: RejectWith }
  /** A user chain; `goto` does not come back to this one but to its caller. */
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  /** `mark = (mark & ~mask) ^ value`: what `--set-mark`, `--and-mark`, … come to. */
  | { readonly kind: 'mark'; readonly mark: Masked }
  | {
      readonly kind: 'connmark';
      /** set: `ctmark = (ctmark & ~mask) ^ value`. */
      readonly action: 'set';
      readonly mark: Masked;
    }
  | {
      readonly kind: 'connmark';
      /**
       * save: `ctmark = (ctmark & ~ctmask) ^ (mark & nfmask)`;
       * restore: `mark = (mark & ~nfmask) ^ (ctmark & ctmask)`.
       */
      readonly action: 'save' | 'restore';
      readonly nfmask: number;
      readonly ctmask: number;
    }
  /** `addresses` or `ports` undefined: stays; `base`: new port = first + (old port - base). */
  | {
      readonly kind: 'dnat';
      readonly addresses: IpRange | undefined;
      readonly ports: Range | undefined;
      readonly base: number | undefined;
      readonly random: boolean;
      readonly persistent: boolean;
    }
  | {
      readonly kind: 'snat';
      readonly addresses: IpRange | undefined;
      readonly ports: Range | undefined;
      readonly random: boolean;
      readonly randomFully: boolean;
      readonly persistent: boolean;
    }
  | {
      readonly kind: 'masquerade';
      readonly ports: Range | undefined;
      readonly random: boolean;
      readonly randomFully: boolean;
    }
  /** DNAT to this host: to the first address of the interface in, 127.0.0.1 in OUTPUT. */
  | { readonly kind: 'redirect'; readonly ports: Range | undefined; readonly random: boolean }
  /** `-j CT`; `-j CT --notrack` is `notrack`. */
  | { readonly kind: 'ct'; readonly zone: number }
  /** `mss` undefined: clamp to the path MTU less 40 or 60 bytes. */
  | { readonly kind: 'tcpmss'; readonly mss: number | undefined }
  | { readonly kind: 'log'; readonly options: LogOptions }
  | {
      readonly kind: 'nflog';
      readonly group: number;
      readonly prefix: string;
      readonly sizeBytes: number | undefined;
      readonly threshold: number | undefined;
    }
  /** TTL of IPv4, hop limit of IPv6. */
  | { readonly kind: 'ttl'; readonly action: 'set' | 'inc' | 'dec'; readonly ttl: number }
  /** `tos = (tos & ~mask) ^ value`, the whole byte. */
  | { readonly kind: 'tos'; readonly tos: Masked }
  | { readonly kind: 'dscp'; readonly dscp: number }
  /** Fills a checksum that offload left open. */
  | { readonly kind: 'checksum' };
