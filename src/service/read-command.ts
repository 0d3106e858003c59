/** One command line of ipvsadm(8): what it asks for. */
import { expected, LineFault, type Word } from '../rules/words.js';
import type { ListOptions, ServiceCommand, Timeouts } from './command.js';
import type { Backend, Forwarding, Service, ServiceKey } from './model.js';
import { readCommandLine, type CommandLine, type Given } from './options.js';
import type { PortNames } from './port-names.js';
import {
  illegal,
  readAddressAndPort,
  readDecimal,
  readMaskBits,
  readScheduler,
  readSchedulerFlags,
} from './read-values.js';
import type { OptionName } from './words.js';

const MAX_TIMEOUT_SEC = 86400 * 31;
/** IPVS_SVC_PERSISTENT_TIMEOUT. */
const DEFAULT_PERSISTENCE_SEC = 300;
const MAX_MARK = 0xffffffff;
const MAX_WEIGHT = 0xffff;
const MAX_THRESHOLD = 0xffff;
const SERVICE_WORDS = 'illegal virtual server address[:port] specified';
const SERVER_WORDS = 'illegal real server address[:port] specified';
const PROTOCOLS = { 'tcp-service': 'tcp', 'udp-service': 'udp', 'sctp-service': 'sctp' } as const;
const FORWARDING: Readonly<Record<string, Forwarding>> = {
  masquerading: 'nat',
  ipip: 'tunnel',
  gatewaying: 'direct',
};

/** A command and the place of its word. */
export interface ReadLine {
  readonly command: ServiceCommand;
  readonly column: number;
}

/** Throws LineFault. */
export function readCommand(words: readonly Word[], names: PortNames | undefined): ReadLine {
  const line = readCommandLine(words);
  return { command: new CommandReader(line, names).read(), column: line.at.column };
}

export function familyOf(key: ServiceKey): 'ipv4' | 'ipv6' {
  if (key.kind === 'mark') return key.family;
  return key.address.length === 4 ? 'ipv4' : 'ipv6';
}

class CommandReader {
  constructor(
    private readonly line: CommandLine,
    private readonly names: PortNames | undefined,
  ) {}

  read(): ServiceCommand {
    const kind = this.line.name;
    switch (kind) {
      case 'add-service':
      case 'edit-service':
        return { kind, service: this.readService() };
      case 'delete-service':
        return { kind, key: this.readKey() };
      case 'zero':
        return { kind, key: this.has('service-address') ? this.readKey() : undefined };
      case 'add-server':
      case 'edit-server':
        return this.readServer(kind);
      case 'delete-server': {
        const key = this.readKey();
        return { kind, key, ...this.readServerAddress(key) };
      }
      case 'set':
        return { kind, timeouts: this.readTimeouts() };
      case 'list':
        return this.readList();
      case 'clear':
      case 'save':
      case 'restore':
        return { kind };
      case 'start-daemon':
      case 'stop-daemon':
        throw new Error(`${kind} is refused with its word`);
    }
  }

  private has(name: OptionName): boolean {
    return this.line.options.has(name);
  }

  private given(name: OptionName): Given | undefined {
    return this.line.options.get(name);
  }

  private value(name: OptionName): Word | undefined {
    return this.given(name)?.value;
  }

  private readKey(): ServiceKey {
    const { long, value } = this.given('service-address')!;
    const six = this.given('ipv6');
    if (long === 'fwmark-service') {
      const mark = readDecimal(
        value!,
        1,
        MAX_MARK,
        `invalid fwmark value \`${value!.text}' specified`,
      );
      return { kind: 'mark', mark, family: six === undefined ? 'ipv4' : 'ipv6' };
    }
    if (six !== undefined) throw expected('-f with -6', { ...six.at, text: `--${long}` });
    const protocol = PROTOCOLS[long as keyof typeof PROTOCOLS];
    const rules = { protocol, hasRanges: true, names: this.names };
    const { address, port = 0, lastPort } = readAddressAndPort(value!, SERVICE_WORDS, rules);
    const key = { kind: 'address', protocol, address, port } as const;
    return lastPort === undefined ? key : { ...key, lastPort };
  }

  private readService(): Omit<Service, 'backends'> {
    const key = this.readKey();
    const schedulerWord = this.value('scheduler');
    const scheduler = schedulerWord === undefined ? 'wlc' : readScheduler(schedulerWord);
    const flagWord = this.value('sched-flags');
    const flags = flagWord === undefined ? [] : readSchedulerFlags(flagWord, scheduler);
    const persistence = this.readPersistence(familyOf(key));
    const isOnePacket = this.has('ops');
    if (key.kind === 'address' && key.port === 0 && persistence === undefined)
      throw illegal(
        'Zero port specified for non-persistent service',
        'a port or -p',
        this.keyWord(),
      );
    if (isOnePacket && key.kind === 'address' && key.protocol !== 'udp') {
      const what = 'One-Packet Scheduling is only for UDP virtual services';
      throw illegal(what, '-u or -f', this.given('ops')!.at);
    }
    return { key, scheduler, flags, ...(persistence && { persistence }), isOnePacket };
  }

  private keyWord(): Word {
    return this.value('service-address')!;
  }

  private readPersistence(family: 'ipv4' | 'ipv6'): Service['persistence'] {
    const given = this.given('persistent');
    const mask = this.value('netmask');
    if (given === undefined) {
      if (mask !== undefined) throw expected('-p with -M', this.given('netmask')!.at);
      return undefined;
    }
    const { value } = given;
    const timeoutSec = value === undefined ? DEFAULT_PERSISTENCE_SEC : readTimeout(value, 1);
    const whole = family === 'ipv4' ? 32 : 128;
    return { timeoutSec, maskBits: mask === undefined ? whole : readMaskBits(mask, family) };
  }

  private readServer(kind: 'add-server' | 'edit-server'): ServiceCommand {
    const key = this.readKey();
    const forwarding = FORWARDING[this.given('forwarding-method')?.long ?? 'gatewaying']!;
    const { address, port } = this.readServerAddress(key);
    this.checkFamily(key, address, forwarding);
    this.checkTunnel(forwarding);
    const weight = this.readNumber('weight', MAX_WEIGHT, 'illegal weight specified') ?? 1;
    const own = key.kind === 'mark' || forwarding === 'nat' ? port : portOf(key);
    const backend: Backend = { address, port: own, forwarding, weight, ...this.readThresholds() };
    return { kind, key, backend };
  }

  /** Without a port that of the service; 0 where that is no single one. */
  private readServerAddress(key: ServiceKey): { address: Uint8Array; port: number } {
    const protocol = key.kind === 'mark' ? 'tcp' : key.protocol;
    const rules = { protocol, hasRanges: false, names: this.names } as const;
    const word = this.value('real-server')!;
    const { address, port } = readAddressAndPort(word, SERVER_WORDS, rules);
    return { address, port: port ?? portOf(key) };
  }

  private checkFamily(key: ServiceKey, address: Uint8Array, forwarding: Forwarding): void {
    const family = address.length === 4 ? 'ipv4' : 'ipv6';
    if (family === familyOf(key) || forwarding === 'tunnel') return;
    const what = 'Different address family is allowed only for tunneling servers';
    throw illegal(what, `an address of ${familyOf(key)} or -i`, this.value('real-server')!);
  }

  private checkTunnel(forwarding: Forwarding): void {
    const given = this.given('tun-type');
    if (given === undefined) return;
    if (forwarding !== 'tunnel')
      throw illegal('Tunnel options conflict with forward method', '-i', given.at);
    if (given.value!.text !== 'ipip')
      throw illegal('illegal tunnel type specified', 'ipip', given.value!);
  }

  private readThresholds(): { upper: number; lower: number } {
    const upper = this.readNumber('u-threshold', MAX_THRESHOLD, 'illegal u_threshold specified');
    const lower = this.readNumber('l-threshold', MAX_THRESHOLD, 'illegal l_threshold specified');
    // The kernel refuses it with ERANGE (ip_vs_add_dest).
    if ((lower ?? 0) > (upper ?? 0))
      throw expected(
        `a lower threshold up to the upper, ${upper ?? 0}`,
        this.value('l-threshold')!,
      );
    return { upper: upper ?? 0, lower: lower ?? 0 };
  }

  private readNumber(name: OptionName, most: number, what: string): number | undefined {
    const word = this.value(name);
    return word === undefined ? undefined : readDecimal(word, 0, most, what);
  }

  private readTimeouts(): Timeouts {
    const { at, rest } = this.line;
    const [tcp, tcpFin, udp, more] = rest;
    if (udp === undefined) throw new LineFault(at.column, '--set option requires 3 timeout values');
    if (more !== undefined) throw new LineFault(more.column, `unexpected argument ${more.text}`);
    return {
      tcpSec: readTimeout(tcp!, 0),
      tcpFinSec: readTimeout(tcpFin!, 0),
      udpSec: readTimeout(udp, 0),
    };
  }

  private readList(): ServiceCommand {
    this.checkList();
    if (this.has('connection'))
      return { kind: 'list-connections', hasPersistence: this.has('persistent-conn') };
    if (this.has('timeout')) return { kind: 'list-timeouts' };
    const key = this.has('service-address') ? this.readKey() : undefined;
    const isSorted = !this.has('nosort');
    return {
      kind: 'list',
      options: { what: this.whatToList(), key, isExact: this.has('exact'), isSorted },
    };
  }

  /** As ipvsadm: the first of them that is given. */
  private whatToList(): ListOptions['what'] {
    if (this.has('stats')) return 'stats';
    if (this.has('rate')) return 'rate';
    if (this.has('thresholds')) return 'thresholds';
    if (this.has('persistent-conn')) return 'persistent';
    return this.has('tun-info') ? 'tunnels' : 'services';
  }

  private checkList(): void {
    const alone = (['connection', 'service-address', 'timeout'] as const).filter(name =>
      this.has(name),
    );
    const [first, second] = alone;
    if (second !== undefined)
      throw new LineFault(
        this.given(second)!.at.column,
        `The option '${second}' conflicts with the '${first}' option in the 'list' command`,
      );
    const clashes: OptionName[] = ['stats', 'rate', 'thresholds'];
    if (first === 'timeout') clashes.push('persistent-conn');
    const clash = clashes.find(name => this.has(name));
    if (clash !== undefined && (first === 'connection' || first === 'timeout'))
      throw new LineFault(this.given(clash)!.at.column, 'options conflicts in the list command');
  }
}

/** Of one port; 0 for all of them, a range and a mark. */
function portOf(key: ServiceKey): number {
  return key.kind === 'address' && key.lastPort === undefined ? key.port : 0;
}

function readTimeout(word: Word, least: number): number {
  const what = `invalid timeout value \`${word.text}' specified`;
  return readDecimal(word, least, MAX_TIMEOUT_SEC, what);
}
