/** The commands and options of ipvsadm(8), and which go with which (`commands_v_options`). */

export type CommandName =
  | 'add-service'
  | 'edit-service'
  | 'delete-service'
  | 'clear'
  | 'list'
  | 'zero'
  | 'add-server'
  | 'edit-server'
  | 'delete-server'
  | 'set'
  | 'restore'
  | 'save'
  | 'start-daemon'
  | 'stop-daemon';

/** As ipvsadm names them in its errors (`optnames`). */
export type OptionName =
  | 'numeric'
  | 'connection'
  | 'service-address'
  | 'scheduler'
  | 'persistent'
  | 'netmask'
  | 'real-server'
  | 'forwarding-method'
  | 'weight'
  | 'u-threshold'
  | 'l-threshold'
  | 'timeout'
  | 'stats'
  | 'rate'
  | 'thresholds'
  | 'persistent-conn'
  | 'nosort'
  | 'exact'
  | 'ops'
  | 'sched-flags'
  | 'tun-info'
  | 'tun-type'
  | 'ipv6';

interface CommandWord {
  /** Letters, each of which is the command. */
  readonly short?: string;
  readonly long: string;
  /** As ipvsadm names it in its errors (`cmdnames`). */
  readonly title: string;
  readonly needs: readonly OptionName[];
  readonly takes: readonly OptionName[];
  /** Why there is no such thing here. */
  readonly refused?: string;
}

export interface OptionWord {
  readonly short?: string;
  readonly long: string;
  /** Undefined: it changes nothing. */
  readonly name: OptionName | undefined;
  readonly argument: 'none' | 'one' | 'optional';
  readonly refused?: string;
}

function command(
  short: string | undefined,
  long: string,
  needs: readonly OptionName[] = [],
  takes: readonly OptionName[] = [],
): CommandWord {
  return { long, title: long, needs, takes, ...(short === undefined ? {} : { short }) };
}

const SERVICE_OPTIONS: readonly OptionName[] = [
  'scheduler',
  'persistent',
  'netmask',
  'ops',
  'sched-flags',
  'ipv6',
];
const SERVER_OPTIONS: readonly OptionName[] = [
  'forwarding-method',
  'weight',
  'u-threshold',
  'l-threshold',
  'tun-type',
  'ipv6',
];
const LIST_OPTIONS: readonly OptionName[] = [
  'numeric',
  'connection',
  'service-address',
  'timeout',
  'stats',
  'rate',
  'thresholds',
  'persistent-conn',
  'nosort',
  'exact',
  'tun-info',
  'ipv6',
];
const NO_DAEMON = 'there is no synchronization daemon';

export const COMMANDS: Readonly<Record<CommandName, CommandWord>> = {
  'add-service': command('A', 'add-service', ['service-address'], SERVICE_OPTIONS),
  'edit-service': command('E', 'edit-service', ['service-address'], SERVICE_OPTIONS),
  'delete-service': command('D', 'delete-service', ['service-address'], ['ipv6']),
  clear: { ...command('C', 'clear'), title: 'flush' },
  list: command('Ll', 'list', [], LIST_OPTIONS),
  zero: command('Z', 'zero', [], ['service-address', 'ipv6']),
  'add-server': command('a', 'add-server', ['service-address', 'real-server'], SERVER_OPTIONS),
  'edit-server': command('e', 'edit-server', ['service-address', 'real-server'], SERVER_OPTIONS),
  'delete-server': command('d', 'delete-server', ['service-address', 'real-server'], ['ipv6']),
  set: command(undefined, 'set'),
  restore: command('R', 'restore'),
  save: command('S', 'save', [], ['numeric']),
  'start-daemon': { ...command(undefined, 'start-daemon'), refused: NO_DAEMON },
  'stop-daemon': { ...command(undefined, 'stop-daemon'), refused: NO_DAEMON },
};

function option(
  short: string | undefined,
  long: string,
  argument: OptionWord['argument'] = 'none',
  name = long as OptionName,
): OptionWord {
  return { long, name, argument, ...(short === undefined ? {} : { short }) };
}

function refused(long: string, why: string): OptionWord {
  return { long, name: undefined, argument: 'none', refused: why };
}

const ONLY_IPIP = 'tunnels to real servers are ipip, which has no such option';

export const OPTIONS: readonly OptionWord[] = [
  option('t', 'tcp-service', 'one', 'service-address'),
  option('u', 'udp-service', 'one', 'service-address'),
  option(undefined, 'sctp-service', 'one', 'service-address'),
  option('f', 'fwmark-service', 'one', 'service-address'),
  option('6', 'ipv6'),
  option('s', 'scheduler', 'one'),
  option('p', 'persistent', 'optional'),
  option('M', 'netmask', 'one'),
  option('o', 'ops'),
  option('b', 'sched-flags', 'one'),
  option('r', 'real-server', 'one'),
  option('m', 'masquerading', 'none', 'forwarding-method'),
  option('i', 'ipip', 'none', 'forwarding-method'),
  option('g', 'gatewaying', 'none', 'forwarding-method'),
  option('w', 'weight', 'one'),
  option('x', 'u-threshold', 'one'),
  option('y', 'l-threshold', 'one'),
  option(undefined, 'tun-type', 'one'),
  option('n', 'numeric'),
  option('c', 'connection'),
  option(undefined, 'timeout'),
  option(undefined, 'stats'),
  option(undefined, 'rate'),
  option(undefined, 'thresholds'),
  option(undefined, 'persistent-conn'),
  option(undefined, 'tun-info'),
  option(undefined, 'nosort'),
  { long: 'sort', name: undefined, argument: 'none' },
  option('X', 'exact'),
  refused('pe', 'there are no persistence engines'),
  refused('daemon', NO_DAEMON),
  refused('tun-port', ONLY_IPIP),
  refused('tun-nocsum', ONLY_IPIP),
  refused('tun-csum', ONLY_IPIP),
  refused('tun-remcsum', ONLY_IPIP),
];
