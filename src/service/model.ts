/**
 * Services: virtual addresses whose connections are shared out among backends, as IPVS and
 * ipvsadm(8) know them; what the text of ipvsadm is read into and the core is set up from.
 *
 * Addresses are bytes in wire order (4 or 16), ports and marks are in host order.
 */

/** What a service of an address can be for; IPVS has no other. */
export type ServiceProtocol = 'tcp' | 'udp' | 'sctp';

/** ipvsadm(8) `--scheduler`; the names of the modules `net/netfilter/ipvs/ip_vs_*.c`. */
export type SchedulerName =
  | 'rr'
  | 'wrr'
  | 'lc'
  | 'wlc'
  | 'sed'
  | 'nq'
  | 'sh'
  | 'dh'
  | 'mh'
  | 'lblc'
  | 'lblcr'
  | 'fo'
  | 'ovf'
  | 'twos';

/**
 * ipvsadm(8) `--sched-flags`. `fallback`: another backend where the hash meets one that takes
 * no connection; `port`: the source port is hashed too.
 */
export type SchedulerFlag = 'sh-fallback' | 'sh-port' | 'mh-fallback' | 'mh-port';

/**
 * How a packet comes to a backend: its addresses rewritten (`-m`), only its MAC address
 * rewritten (`-g`), or in another IP header (`-i`).
 */
export type Forwarding = 'nat' | 'direct' | 'tunnel';

/** What a packet must be for the service; no two services have the same key. */
export type ServiceKey =
  | {
      readonly kind: 'address';
      readonly protocol: ServiceProtocol;
      readonly address: Uint8Array;
      /** 0: all ports of the address. */
      readonly port: number;
      /** Of a range that begins with `port`, above it; absent for one port. */
      readonly lastPort?: number;
    }
  | {
      readonly kind: 'mark';
      /** Firewall mark, 1..2^32-1: all protocols and addresses of the family that carry it. */
      readonly mark: number;
      readonly family: 'ipv4' | 'ipv6';
    };

export interface Service {
  readonly key: ServiceKey;
  readonly scheduler: SchedulerName;
  /** Only those of the scheduler, each once, in the order of `SchedulerFlag`. */
  readonly flags: readonly SchedulerFlag[];
  /** Connections of one client go to one backend (ipvsadm(8) `--persistent`). */
  readonly persistence?: {
    /** Since the last connection of the client ended, 1..2678400 (31 days). */
    readonly timeoutSec: number;
    /** Clients that agree in so many leading address bits are one: 1..32, 1..128. */
    readonly maskBits: number;
  };
  /** Of the table of mh, a prime; IPVS has it compiled in. Absent: 4093. */
  readonly tableSlots?: number;
  /** Every datagram is scheduled by itself and leaves no connection (`--ops`); UDP only. */
  readonly isOnePacket: boolean;
  /** In the order they were added; no two have the same address and port. */
  readonly backends: readonly Backend[];
}

/** A "real server" of ipvsadm(8). */
export interface Backend {
  readonly address: Uint8Array;
  /**
   * With any forwarding but `nat` that of the service. 0: the port that the packet is for, in
   * services of a mark, of all ports or of a range.
   */
  readonly port: number;
  readonly forwarding: Forwarding;
  /** Share against the others, 0..65535. 0: no new connections, those it has go on. */
  readonly weight: number;
  /** Connections at which it takes no new one, 0..65535; 0: none. */
  readonly upper: number;
  /** Connections below which it takes new ones again; 0: 3/4 of `upper`. */
  readonly lower: number;
}
