/**
 * The rules of a host with bridge networks, as Docker 28 and later makes them without its
 * userland proxy: published ports are translated for everyone, the container itself and the
 * host too, and what a container sends to itself by way of the host is masqueraded.
 *
 * filter: FORWARD -> DOCKER-USER, DOCKER-FORWARD -> DOCKER-CT (replies), DOCKER-INTERNAL
 * (networks without a way out), DOCKER-BRIDGE -> DOCKER (published ports; the rest of what
 * enters a bridge from elsewhere is dropped), then what leaves a bridge.
 * nat: PREROUTING, OUTPUT -> DOCKER (translation to the container); POSTROUTING.
 * raw: what is sent to a container by its own address from elsewhere is dropped.
 */
import { isIpv4Text } from '../config/ip.js';
import { parseRules } from './apply.js';
import type { Family, Range, RuleSet } from './model.js';
import type { PublishedPort } from './publish.js';
import { printRange } from './values.js';
import { gatewayMode, isInternal, isRouted, type Zone, type ZoneNetwork } from './zone-network.js';

const USER_CHAIN = 'DOCKER-USER';
const CHAINS = ['DOCKER', 'DOCKER-BRIDGE', 'DOCKER-CT', 'DOCKER-FORWARD', 'DOCKER-INTERNAL'];
const LOOPBACK = /^127\./;
const WILDCARDS = ['0.0.0.0', '::'];
const LINK_LOCAL = 'fe80::/10'; // RFC 4291 §2.5.6

/** Rules of one family: a network without a subnet of it has none. */
export function zoneRules(zone: Zone, family: Family, current?: RuleSet): RuleSet {
  const text = zoneText(zone, family, current);
  return parseRules({ text, family, file: `rules of the zone, ${family}` });
}

/**
 * The same as a text for `iptables-restore`. Chain DOCKER-USER is the user's: it and the
 * chains it calls are as in `current`, or it has one `-j RETURN` where there is none yet.
 */
export function zoneText(zone: Zone, family: Family, current?: RuleSet): string {
  const writer = new ZoneWriter(zone, family);
  const filter = writer.filter(userChains(current));
  const tables = { raw: writer.raw(), filter, nat: writer.nat() };
  return Object.entries(tables)
    .flatMap(([name, lines]) => [`*${name}`, ...lines, 'COMMIT'])
    .map(line => `${line}\n`)
    .join('');
}

/** A chain that is the user's own, with its rules less `-A CHAIN`. */
interface UserChain {
  readonly name: string;
  readonly rules: readonly string[];
}

/** DOCKER-USER as it is now, and the chains that it calls. */
function userChains(current: RuleSet | undefined): UserChain[] {
  const chains = current?.tables.find(({ name }) => name === 'filter')?.chains ?? [];
  const byName = new Map(chains.map(chain => [chain.name, chain]));
  if (!byName.has(USER_CHAIN)) return [{ name: USER_CHAIN, rules: ['-j RETURN'] }];
  const found = new Map<string, UserChain>();
  const waiting = [USER_CHAIN];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const chain = byName.get(name);
    if (chain === undefined || found.has(name) || CHAINS.includes(name)) continue;
    found.set(name, { name, rules: chain.rules.map(({ text }) => text) });
    for (const { target } of chain.rules)
      if (target.kind === 'jump' || target.kind === 'goto') waiting.push(target.chain);
  }
  return [...found.values()];
}

class ZoneWriter {
  private readonly networks: readonly ZoneNetwork[];
  private readonly open: readonly ZoneNetwork[];
  private readonly ports: readonly PublishedPort[];

  constructor(
    zone: Zone,
    private readonly family: Family,
  ) {
    this.networks = zone.networks.filter(({ subnet }) => subnet[family] !== undefined);
    this.open = this.networks.filter(network => !isInternal(network, family));
    const isOpen = new Set(this.open.map(({ bridge }) => bridge));
    this.ports = zone.ports.filter(
      ({ bridge, containerIp }) =>
        isOpen.has(bridge) && isIpv4Text(containerIp) === (family === 'ipv4'),
    );
  }

  /** What must not reach a container or a loopback port, before anything else sees it. */
  raw(): string[] {
    const rules = [...this.open.flatMap(network => this.directGuard(network))];
    const onLoopback = this.ports.filter(({ hostIp }) => LOOPBACK.test(hostIp));
    for (const { hostIp, protocol, hostPorts } of onLoopback)
      if (hostPorts !== undefined)
        rules.push(`-d ${hostIp} ! -i lo ${transport(protocol, hostPorts)} -j DROP`);
    return rules.map(rule => `-A PREROUTING ${rule}`);
  }

  private directGuard(network: ZoneNetwork): string[] {
    const { bridge, containers, trustedInterfaces = [], allowDirectRouting } = network;
    if (gatewayMode(network, this.family) !== 'nat' || allowDirectRouting === true) return [];
    return (containers[this.family] ?? []).flatMap(ip => [
      ...trustedInterfaces.map(name => `-d ${ip} -i ${name} -j ACCEPT`),
      `-d ${ip} ! -i ${bridge} -j DROP`,
    ]);
  }

  filter(ofUser: readonly UserChain[]): string[] {
    const { open } = this;
    return [
      ...[...CHAINS, ...ofUser.map(({ name }) => name)].map(chain => `:${chain} - [0:0]`),
      `-A FORWARD -j ${USER_CHAIN}`,
      '-A FORWARD -j DOCKER-FORWARD',
      ...this.ports.flatMap(port => this.accept(port)),
      ...open.flatMap(network => this.entry(network)),
      ...open.map(({ bridge }) => `-A DOCKER-BRIDGE -o ${bridge} -j DOCKER`),
      ...open.map(
        ({ bridge }) =>
          `-A DOCKER-CT -o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      ),
      ...['DOCKER-CT', 'DOCKER-INTERNAL', 'DOCKER-BRIDGE'].map(
        chain => `-A DOCKER-FORWARD -j ${chain}`,
      ),
      ...this.networks.flatMap(network => this.exit(network)),
      ...this.networks.flatMap(network => this.confine(network)),
      ...ofUser.flatMap(({ name, rules }) => rules.map(rule => `-A ${name} ${rule}`)),
    ];
  }

  /** A published port at the container; a network that is open has no need of it. */
  private accept(port: PublishedPort): string[] {
    const network = this.open.find(({ bridge }) => bridge === port.bridge)!;
    if (gatewayMode(network, this.family) === 'nat-unprotected') return [];
    const { bridge, containerIp, protocol, containerPorts } = port;
    const ports = transport(protocol, containerPorts);
    return [`-A DOCKER -d ${containerIp} ! -i ${bridge} -o ${bridge} ${ports} -j ACCEPT`];
  }

  /** What enters a bridge from elsewhere and is no published port. */
  private entry(network: ZoneNetwork): string[] {
    const { bridge } = network;
    const mode = gatewayMode(network, this.family);
    const icmp = this.family === 'ipv4' ? 'icmp' : 'ipv6-icmp';
    const ping = mode === 'routed' ? [`-A DOCKER -o ${bridge} -p ${icmp} -j ACCEPT`] : [];
    const rest = mode === 'nat-unprotected' ? 'ACCEPT' : 'DROP';
    return [...ping, `-A DOCKER ! -i ${bridge} -o ${bridge} -j ${rest}`];
  }

  /** What comes from a bridge: to its other containers, and away. */
  private exit(network: ZoneNetwork): string[] {
    const { bridge, icc } = network;
    const chain = '-A DOCKER-FORWARD';
    if (isInternal(network, this.family))
      return [`${chain} -i ${bridge} -o ${bridge} -j ${icc ? 'ACCEPT' : 'DROP'}`];
    if (icc) return [`${chain} -i ${bridge} -j ACCEPT`];
    return [
      `${chain} -i ${bridge} -o ${bridge} -j DROP`,
      `${chain} -i ${bridge} ! -o ${bridge} -j ACCEPT`,
    ];
  }

  /** Keeps an internal network to its own subnet; IPv6 has link-local addresses besides. */
  private confine(network: ZoneNetwork): string[] {
    if (!isInternal(network, this.family)) return [];
    const { bridge, subnet } = network;
    const [notIn, notOut] =
      this.family === 'ipv4' ? ['', ''] : [`! -i ${bridge} `, ` ! -o ${bridge}`];
    return [
      `-A DOCKER-INTERNAL ! -s ${subnet[this.family]} ${notIn}-o ${bridge} -j DROP`,
      `-A DOCKER-INTERNAL ! -d ${subnet[this.family]} -i ${bridge}${notOut} -j DROP`,
    ];
  }

  nat(): string[] {
    const toLocal = '-m addrtype --dst-type LOCAL -j DOCKER';
    const published = this.ports.filter(({ hostPorts }) => hostPorts !== undefined);
    return [
      ':DOCKER - [0:0]',
      `-A PREROUTING ${toLocal}`,
      `-A OUTPUT ${toLocal}`,
      ...this.open.flatMap(network => this.leave(network)),
      ...published.map(port => this.hairpin(port)),
      ...published.map(port => this.translate(port)),
    ];
  }

  /** The source of what the host sends to a container, and of what a container sends away. */
  private leave(network: ZoneNetwork): string[] {
    const { bridge, subnet, masquerade, hostAddress } = network;
    const address = hostAddress?.[this.family];
    const target = address === undefined ? 'MASQUERADE' : `SNAT --to-source ${address}`;
    const chain = '-A POSTROUTING';
    const rules = [`${chain} -o ${bridge} -m addrtype --src-type LOCAL -j ${target}`];
    if (masquerade && !isRouted(network, this.family))
      rules.push(`${chain} -s ${subnet[this.family]} ! -o ${bridge} -j ${target}`);
    return rules;
  }

  /** What a container sends to its own published port. */
  private hairpin({ containerIp, protocol, containerPorts }: PublishedPort): string {
    const ports = transport(protocol, containerPorts);
    return `-A POSTROUTING -s ${containerIp} -d ${containerIp} ${ports} -j MASQUERADE`;
  }

  private translate(port: PublishedPort): string {
    const { hostIp, protocol, hostPorts } = port;
    const from = this.family === 'ipv6' ? `! -s ${LINK_LOCAL} ` : '';
    const to = WILDCARDS.includes(hostIp) ? '' : `-d ${hostIp} `;
    const ports = transport(protocol, hostPorts!);
    return `-A DOCKER ${from}${to}${ports} -j DNAT --to-destination ${destination(port)}`;
  }
}

function transport(protocol: string, ports: Range): string {
  return `-p ${protocol} -m ${protocol} --dport ${printRange(ports)}`;
}

/** One rule for all ports of a range: each goes as far above the first as it came. */
function destination({ containerIp, containerPorts, hostPorts }: PublishedPort): string {
  const ip = isIpv4Text(containerIp) ? containerIp : `[${containerIp}]`;
  const { first, last } = containerPorts;
  const ports = first === last ? String(first) : `${first}-${last}/${hostPorts!.first}`;
  return `${ip}:${ports}`;
}
