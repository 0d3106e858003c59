/** Networks of a zone and what its containers publish there: its rules follow from them. */
import { formatIp, parseIp } from '../frame/address.js';
import type { Family, RuleSet } from '../rules/model.js';
import {
  bindPort,
  type Endpoint,
  parsePublish,
  PortAllocator,
  PortTakenError,
  type PublishedPort,
  type PublishSpec,
  type ZoneNetwork,
  zoneRules,
} from '../rules/publish.js';
import { portCount } from '../rules/publish-spec.js';
import { isInternal } from '../rules/zone-network.js';
import { ConfigError, type Problem } from './config-error.js';
import { isInPrefix, isIpv4Text, isLinkLocal, subnetOf } from './ip.js';
import type { RawNetwork, RawZone } from './raw.js';
import { show } from './schema.js';
import { unknownName } from './unknown-name.js';
import type { ChosenPorts, InterfaceConfig, ZoneRuleSet } from './zone-config.js';
import { rulesKey } from './zone-rules.js';

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];
const USER_CHAIN = 'DOCKER-USER';
const WILDCARDS = ['0.0.0.0', '::'];
const LOOPBACK_IPV4 = { ip: '127.0.0.0', prefixBits: 8 };
const LOOPBACK_IPV6 = '::1';

export interface Published {
  /** Undefined: the zone has no networks, and its rules are those of its texts. */
  rules: ZoneRuleSet[] | undefined;
  ports: PublishedPort[];
  chosen: ChosenPorts[];
  /** Addresses of containers. */
  containers: string[];
}

const NOTHING: Omit<Published, 'rules'> = { ports: [], chosen: [], containers: [] };

type ByFamily = Partial<Record<Family, string>>;

/**
 * `texts`: rules that stand beside the networks; `chosen`: ports of before. Adds what is wrong
 * to `problems`; the result only counts if nothing was added.
 */
export function normaliseNetworks(
  path: string,
  zone: Pick<RawZone, 'networks' | 'publish'>,
  interfaces: readonly InterfaceConfig[],
  { texts, chosen }: { texts: readonly ZoneRuleSet[]; chosen: readonly ChosenPorts[] },
  problems: Problem[],
): Published {
  const before = problems.length;
  const { networks: raw } = zone;
  if (raw === undefined && zone.publish.length > 0)
    problems.push({ path: `${path}.publish`, problem: 'expected none without networks, got some' });
  if (raw === undefined) return { ...NOTHING, rules: undefined };
  for (const { set } of texts) checkUserChains(`${path}.${rulesKey(set.family)}`, set, problems);
  const networks = Object.entries(raw).flatMap(([name, network]) =>
    networkOf(`${path}.networks.${name}`, name, network, interfaces, problems),
  );
  if (problems.length > before) return { ...NOTHING, rules: [] };
  const publisher = new Publisher(networks, interfaces, problems);
  publisher.publish(`${path}.publish`, zone.publish, chosen);
  const { ports, containers } = publisher;
  const full = networks.map(network => ({ ...network, containers: publisher.of(network.bridge) }));
  const families = FAMILIES.filter(
    family =>
      networks.some(({ subnet }) => subnet[family] !== undefined) ||
      texts.some(({ set }) => set.family === family),
  );
  const rules = families.map((family): ZoneRuleSet => {
    const current = texts.find(({ set }) => set.family === family)?.set;
    const set = zoneRules({ networks: full, ports }, family, current);
    return { set, file: `${path}.networks` };
  });
  return { rules, ports, chosen: publisher.chosen, containers: [...containers.keys()] };
}

function networkOf(
  path: string,
  name: string,
  raw: RawNetwork,
  interfaces: readonly InterfaceConfig[],
  problems: Problem[],
): ZoneNetwork[] {
  const names = interfaces.map(iface => iface.name);
  const own = interfaces.find(iface => iface.name === name);
  if (own === undefined) {
    problems.push(unknownName(path, name, names));
    return [];
  }
  raw.trustedInterfaces.forEach((trusted, index) => {
    if (names.includes(trusted)) return;
    problems.push(unknownName(`${path}.trustedInterfaces[${index}]`, trusted, names));
  });
  const subnet: ByFamily = {};
  for (const address of own.addresses) {
    if (isLinkLocal(address.ip)) continue;
    subnet[isIpv4Text(address.ip) ? 'ipv4' : 'ipv6'] ??= subnetOf(address);
  }
  const { icc, internal, masquerade, gatewayMode, trustedInterfaces, allowDirectRouting } = raw;
  return [
    {
      bridge: name,
      subnet,
      containers: {},
      icc,
      internal,
      masquerade,
      gatewayMode: { ipv4: gatewayMode, ipv6: gatewayMode },
      hostAddress: byFamily(`${path}.masqueradeAs`, raw.masqueradeAs, problems),
      hostBinding: byFamily(`${path}.hostBinding`, raw.hostBinding, problems),
      trustedInterfaces,
      allowDirectRouting,
    },
  ];
}

/** Addresses, at most one of each family. */
function byFamily(
  path: string,
  said: string | readonly string[] | undefined,
  problems: Problem[],
): ByFamily {
  const found: ByFamily = {};
  for (const text of typeof said === 'string' ? [said] : (said ?? [])) {
    const bytes = parseIp(text);
    const ip = bytes === undefined ? '' : formatIp(bytes);
    const family = isIpv4Text(ip) ? 'ipv4' : 'ipv6';
    if (bytes === undefined || found[family] !== undefined) {
      const problem = `expected an IP address, or one of each family, got ${show(text)}`;
      problems.push({ path, problem });
      continue;
    }
    found[family] = ip;
  }
  return found;
}

/** Of a text beside networks: it fills DOCKER-USER and the chains that one calls. */
function checkUserChains(path: string, set: RuleSet, problems: Problem[]): void {
  for (const { name: table, chains } of set.tables) {
    const byName = new Map(chains.map(chain => [chain.name, chain]));
    const called = new Set(table === 'filter' ? [USER_CHAIN] : []);
    for (const name of called) {
      for (const { target } of byName.get(name)?.rules ?? [])
        if (target.kind === 'jump' || target.kind === 'goto') called.add(target.chain);
    }
    for (const { name, policy, rules } of chains) {
      if (called.has(name)) continue;
      if (policy === 'ACCEPT' && rules.length === 0) continue;
      const expected = `expected ${USER_CHAIN} of filter and chains it calls, beside networks`;
      problems.push({ path, problem: `${expected}, got chain ${name} of ${table}` });
    }
  }
}

/** One port or range of a container, not bound yet. */
interface Wish {
  path: string;
  spec: PublishSpec;
  endpoint: Endpoint;
  /** ChosenPorts.entry */
  entry: string;
}

/** Whether host ports are not all said. */
function isChosen({ hostPorts, containerPorts }: PublishSpec): boolean {
  return hostPorts === undefined || portCount(hostPorts) > portCount(containerPorts);
}

class Publisher {
  readonly ports: PublishedPort[] = [];
  readonly chosen: ChosenPorts[] = [];
  /** The network of each container address. */
  readonly containers = new Map<string, string>();
  private readonly allocator = new PortAllocator();

  constructor(
    private readonly networks: readonly ZoneNetwork[],
    private readonly interfaces: readonly InterfaceConfig[],
    private readonly problems: Problem[],
  ) {}

  /**
   * Ports that are named are bound first, then those that stay as they were chosen `before`,
   * then the first that are free of a range, then of all.
   */
  publish(path: string, publish: RawZone['publish'], before: readonly ChosenPorts[]): void {
    const wishes = publish.flatMap((raw, index) => this.wishes(`${path}[${index}]`, raw));
    for (const wish of wishes.filter(({ spec }) => !isChosen(spec))) this.bind(wish);
    const kept = [...before];
    const isNew = (wish: Wish): boolean => isChosen(wish.spec) && !this.keep(wish, kept);
    const left = wishes.filter(isNew);
    const isNamed = ({ spec }: Wish): boolean => spec.hostPorts !== undefined;
    for (const wish of left.filter(isNamed)) this.bind(wish);
    for (const wish of left.filter(wish => !isNamed(wish))) this.bind(wish);
  }

  /** Container addresses of a network. */
  of(bridge: string): Record<Family, string[]> {
    const all = [...this.containers].flatMap(([ip, network]) => (network === bridge ? [ip] : []));
    return { ipv4: all.filter(isIpv4Text), ipv6: all.filter(ip => !isIpv4Text(ip)) };
  }

  private wishes(path: string, { ip, network: name, ports }: RawZone['publish'][number]): Wish[] {
    const network = this.networks.find(({ bridge }) => bridge === name);
    if (network === undefined) {
      const names = this.networks.map(({ bridge }) => bridge);
      this.problems.push(unknownName(`${path}.network`, name, names));
      return [];
    }
    const addresses = byFamily(`${path}.ip`, ip, this.problems);
    for (const address of Object.values(addresses)) this.checkContainer(path, address, network);
    return ports.flatMap((text, index): Wish[] => {
      const place = `${path}.ports[${index}]`;
      try {
        const spec = parsePublish(String(text), place);
        const entry = JSON.stringify([name, addresses, spec]);
        return [{ path: place, spec, endpoint: { network, ...addresses }, entry }];
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        this.problems.push(...error.problems);
        return [];
      }
    });
  }

  private checkContainer(path: string, ip: string, { bridge }: ZoneNetwork): void {
    const own = this.interfaces.find(({ name }) => name === bridge)!.addresses;
    const isFit = own.some(address => isInPrefix(ip, address) && address.ip !== ip);
    if (isFit && !this.containers.has(ip)) {
      this.containers.set(ip, bridge);
      return;
    }
    const expected = isFit ? 'an address of its own' : `a container's address in ${bridge}`;
    this.problems.push({ path: `${path}.ip`, problem: `expected ${expected}, got ${ip}` });
  }

  /** Binds an entry to the ports it had; false: it had none, or others have them now. */
  private keep(wish: Wish, kept: ChosenPorts[]): boolean {
    const at = kept.findIndex(({ entry }) => entry === wish.entry);
    const [had] = at < 0 ? [] : kept.splice(at, 1);
    if (had === undefined || !this.isLocal(wish.spec.hostIp)) return false;
    try {
      return this.take(wish, had.hostPorts).length > 0;
    } catch (error) {
      if (error instanceof PortTakenError) return false;
      throw error;
    }
  }

  private take({ spec, endpoint, entry }: Wish, hostPorts = spec.hostPorts): PublishedPort[] {
    const bound = bindPort({ ...spec, hostPorts }, endpoint, this.allocator);
    this.ports.push(...bound);
    const given = bound.find(port => port.hostPorts !== undefined)?.hostPorts;
    if (isChosen(spec) && given !== undefined) this.chosen.push({ entry, hostPorts: given });
    return bound;
  }

  private bind(wish: Wish): void {
    const { path, spec, endpoint } = wish;
    const refuse = (problem: string): unknown => this.problems.push({ path, problem });
    if (!this.isLocal(spec.hostIp))
      return void refuse(`expected an address of the zone, got ${spec.hostIp}`);
    try {
      const bound = this.take(wish);
      const isClosed = FAMILIES.every(family => isInternal(endpoint.network, family));
      if (bound.length > 0 || isClosed) return;
      refuse('expected a host address of a family that the container has');
    } catch (error) {
      refuse((error as Error).message);
    }
  }

  /** Of what a port says; undefined: nothing. */
  private isLocal(ip: string | undefined): boolean {
    if (ip === undefined) return true;
    if (WILDCARDS.includes(ip) || ip === LOOPBACK_IPV6 || isInPrefix(ip, LOOPBACK_IPV4))
      return true;
    return this.interfaces.some(({ addresses }) => addresses.some(own => own.ip === ip));
  }
}
