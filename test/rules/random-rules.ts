/** Random rule texts that iptables-restore(8) accepts. */

type Below = (below: number) => number;

const USER_CHAINS = ['ONE', 'TWO', 'THREE'];
const CHAINS = { filter: ['INPUT', 'FORWARD', 'OUTPUT'], raw: ['PREROUTING', 'OUTPUT'] };

function pick<T>(below: Below, from: readonly T[]): T {
  return from[below(from.length)]!;
}

function some<T>(below: Below, from: readonly T[]): T[] {
  const chosen = from.filter(() => below(2) === 0);
  return chosen.length === 0 ? [pick(below, from)] : chosen;
}

/** Ports in order, now and then a range or an open one. */
function ports(below: Below): string {
  const low = below(60000);
  return pick(below, [`${low}`, `${low}:${low + 1 + below(5000)}`, `:${low + 1}`, `${low + 1}:`]);
}

class RuleWriter {
  constructor(
    private readonly below: Below,
    private readonly isIpv6: boolean,
  ) {}

  rule(chain: string): string {
    const protocol = pick(this.below, ['', 'tcp', 'udp', 'sctp', this.icmp(), 'gre', '6', '200']);
    const parts = [
      this.maybe(() => `-s ${this.address()}`),
      this.maybe(() => `--dst ${this.address()}`),
      chain === 'OUTPUT' ? '' : this.maybe(() => `-i ${this.interface()}`),
      chain === 'INPUT' || chain === 'PREROUTING' ? '' : this.maybe(() => `-o ${this.interface()}`),
      protocol === '' ? '' : `-p ${protocol} ${this.transport(protocol)}`,
      ...some(this.below, ['', '', this.match()]),
      this.target(chain, protocol),
    ];
    return parts.filter(part => part !== '').join(' ');
  }

  private icmp(): string {
    return this.isIpv6 ? 'icmpv6' : 'icmp';
  }

  /** One time in three, and then one time in three negated. */
  private maybe(make: () => string): string {
    if (this.below(3) !== 0) return '';
    return this.not() + make();
  }

  private not(): string {
    return this.below(3) === 0 ? '! ' : '';
  }

  private address(): string {
    const { below } = this;
    if (this.isIpv6) {
      const groups = Array.from({ length: 8 }, () => pick(below, ['0', '0', '1', 'fd00', 'a1b']));
      return `${groups.join(':')}/${1 + below(128)}`;
    }
    return `${[1, 2, 3, 4].map(() => below(256)).join('.')}/${1 + below(32)}`;
  }

  private interface(): string {
    return pick(this.below, ['eth0', 'br-0123456789ab', 'veth+', 'lo']);
  }

  private transport(protocol: string): string {
    const { below } = this;
    if (protocol === this.icmp())
      return `${this.not()}--${this.isIpv6 ? 'icmpv6' : 'icmp'}-type ${pick(below, ['echo-request', '3/1', '5'])}`;
    if (!['tcp', 'udp', 'sctp'].includes(protocol)) return '';
    return pick(below, [
      '',
      `${this.not()}--dport ${ports(below)}`,
      `--dport ${ports(below)} ${this.not()}--sport ${ports(below)}`,
      `-m multiport ${this.not()}--dports ${below(100)},${below(100)}:${100 + below(100)},7`,
      ...(protocol === 'tcp' ? ['--syn', '! --tcp-flags SYN,FIN,URG SYN', '--tcp-option 8'] : []),
    ]);
  }

  private match(): string {
    const { below } = this;
    const states = some(below, ['ESTABLISHED', 'NEW', 'RELATED', 'DNAT', 'INVALID', 'UNTRACKED']);
    const types = some(below, ['LOCAL', 'UNICAST', this.isIpv6 ? 'ANYCAST' : 'BROADCAST']);
    const ttl = this.isIpv6 ? 'hl' : 'ttl';
    return pick(below, [
      `-m conntrack ${this.not()}--ctstate ${states.join(',')}`,
      `-m conntrack --ctorigdstport ${below(65536)} --ctdir ${pick(below, ['ORIGINAL', 'REPLY'])}`,
      `-m mark ${this.not()}--mark ${below(1000)}/${below(0x7fffffff)}`,
      `-m connmark --mark 0x${below(0x7fffffff).toString(16)}`,
      `-m addrtype ${this.not()}--src-type ${types.join(',')} --dst-type LOCAL`,
      `-m limit --limit ${1 + below(50)}/${pick(below, ['s', 'min', 'hour'])} --limit-burst ${1 + below(9)}`,
      `-m statistic --mode nth --every ${2 + below(9)} --packet ${below(2)}`,
      `-m comment --comment "${pick(below, ['a b', 'x', "it's", 'a\\"b', '-A INPUT'])}"`,
      `-m length --length ${below(1000)}:${1000 + below(1000)}`,
      `-m ${ttl} --${ttl}-${pick(below, ['eq', 'lt', 'gt'])} ${below(256)}`,
      `-m dscp ${this.not()}--dscp ${below(64)}`,
      `-m pkttype --pkt-type ${pick(below, ['unicast', 'broadcast', 'multicast'])}`,
    ]);
  }

  private target(chain: string, protocol: string): string {
    const { below } = this;
    if (below(5) === 0 && !USER_CHAINS.includes(chain))
      return `-${pick(below, ['j', 'g'])} ${pick(below, USER_CHAINS)}`;
    const inFilter = chain === 'INPUT' || chain === 'FORWARD';
    return pick(below, [
      '-j ACCEPT',
      '-j DROP',
      '-j RETURN',
      `-j MARK --set-mark ${below(0x7fffffff)}/0xff`,
      `-j MARK --${pick(below, ['and', 'or', 'xor'])}-mark ${below(0x7fffffff)}`,
      '-j CONNMARK --save-mark',
      `-j CONNMARK --restore-mark --mask ${below(0x7fffffff)}`,
      `-j LOG --log-prefix "${pick(below, ['in: ', 'x'])}" --log-level ${below(8)}`,
      '',
      ...(inFilter ? [protocol === 'tcp' ? '-j REJECT --reject-with tcp-reset' : '-j REJECT'] : []),
    ]);
  }
}

/** A text for tables filter and raw: first chains, then rules. */
export function randomText(below: Below, isIpv6: boolean): string {
  const writer = new RuleWriter(below, isIpv6);
  const tables = Object.entries(CHAINS).map(([table, builtIn]) => {
    const chains = [...builtIn, ...USER_CHAINS];
    const rules = Array.from({ length: 20 }, () => pick(below, chains)).map(
      chain => `-A ${chain} ${writer.rule(chain)}`,
    );
    return [`*${table}`, ...USER_CHAINS.map(name => `:${name} - [0:0]`), ...rules, 'COMMIT'];
  });
  return tables.map(lines => lines.map(line => `${line}\n`).join('')).join('');
}

/** Changes to such tables, for `--noflush`. */
export function randomChanges(below: Below, isIpv6: boolean): string {
  const writer = new RuleWriter(below, isIpv6);
  const changes = Array.from({ length: 8 }, (_, i) => {
    const chain = pick(below, CHAINS.filter);
    return pick(below, [
      `-I ${chain} ${writer.rule(chain)}`,
      `-A ${chain} ${writer.rule(chain)}`,
      `-N NEW-${i}\n-A NEW-${i} -j RETURN`,
      `-P ${chain} ${pick(below, ['ACCEPT', 'DROP'])}`,
      `-A ${chain} -s 10.0.0.${i} -j LOG\n-D ${chain} -s 10.0.0.${i} -j LOG`,
      `-F ${pick(below, USER_CHAINS)}`,
      `:${pick(below, USER_CHAINS)} - [0:0]`,
      `-I ${chain} -j ACCEPT\n-R ${chain} 1 -j DROP\n-D ${chain} 1`,
    ]);
  });
  const text = isIpv6 ? changes.join('\n').replaceAll('10.0.0.', 'fd00::') : changes.join('\n');
  return `*filter\n${text}\nCOMMIT\n`;
}
