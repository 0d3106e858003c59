/** IP protocols by the names that rules use (IANA assigned internet protocol numbers). */

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const DCCP = 33;
export const ICMPV6 = 58;
export const SCTP = 132;
export const UDPLITE = 136;

/** The first name of a number is the one that is printed. */
const NAMES: readonly (readonly [string, number])[] = [
  ['icmp', ICMP],
  ['igmp', 2],
  ['ggp', 3],
  ['ipencap', 4],
  ['st', 5],
  ['tcp', TCP],
  ['egp', 8],
  ['igp', 9],
  ['pup', 12],
  ['udp', UDP],
  ['hmp', 20],
  ['xns-idp', 22],
  ['rdp', 27],
  ['iso-tp4', 29],
  ['dccp', DCCP],
  ['xtp', 36],
  ['ddp', 37],
  ['idpr-cmtp', 38],
  ['ipv6', 41],
  ['ipv6-route', 43],
  ['ipv6-frag', 44],
  ['idrp', 45],
  ['rsvp', 46],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['skip', 57],
  ['ipv6-icmp', ICMPV6],
  ['icmpv6', ICMPV6],
  ['ipv6-nonxt', 59],
  ['ipv6-opts', 60],
  ['rspf', 73],
  ['vmtp', 81],
  ['eigrp', 88],
  ['ospf', 89],
  ['ax.25', 93],
  ['ipip', 94],
  ['etherip', 97],
  ['encap', 98],
  ['pim', 103],
  ['ipcomp', 108],
  ['vrrp', 112],
  ['l2tp', 115],
  ['isis', 124],
  ['sctp', SCTP],
  ['fc', 133],
  ['mobility-header', 135],
  ['ipv6-mh', 135],
  ['mh', 135],
  ['udplite', UDPLITE],
  ['mpls-in-ip', 137],
  ['manet', 138],
  ['hip', 139],
  ['shim6', 140],
  ['wesp', 141],
  ['rohc', 142],
];

export const PROTOCOL_NAMES: readonly string[] = NAMES.map(([name]) => name);

export function protocolNumber(name: string): number | undefined {
  return NAMES.find(([known]) => known === name.toLowerCase())?.[1];
}

/** Its name, or the number in digits. */
export function protocolName(protocol: number): string {
  return NAMES.find(([, number]) => number === protocol)?.[0] ?? String(protocol);
}

/** Whether ports stand in its first four bytes. */
export function hasPorts(protocol: number | undefined): boolean {
  return [TCP, UDP, SCTP, DCCP, UDPLITE].some(number => number === protocol);
}
