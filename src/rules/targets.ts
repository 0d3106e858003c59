/** Targets that decide or mark: iptables-extensions(8). Those of NAT are in target-nat.ts. */
import { bare, valued, type Options, type TargetExtension } from './extension.js';
import { NAT_TARGETS } from './target-nat.js';
import { HEADER_TARGETS } from './target-header.js';
import type { Family, LogOptions, RejectWith, Target } from './model.js';
import { TCP } from './protocols.js';
import { MAX_U16, MAX_U32, readMasked, readName, readNumber } from './values.js';
import { expected, type Word } from './words.js';

/** The name of a reason and its short forms. */
type Reasons = Readonly<Record<string, RejectWith>>;

const REASONS_V4: Reasons = {
  'icmp-net-unreachable': 'icmp-net-unreachable',
  'net-unreach': 'icmp-net-unreachable',
  'icmp-host-unreachable': 'icmp-host-unreachable',
  'host-unreach': 'icmp-host-unreachable',
  'icmp-proto-unreachable': 'icmp-proto-unreachable',
  'proto-unreach': 'icmp-proto-unreachable',
  'icmp-port-unreachable': 'icmp-port-unreachable',
  'port-unreach': 'icmp-port-unreachable',
  'icmp-net-prohibited': 'icmp-net-prohibited',
  'net-prohib': 'icmp-net-prohibited',
  'icmp-host-prohibited': 'icmp-host-prohibited',
  'host-prohib': 'icmp-host-prohibited',
  'icmp-admin-prohibited': 'icmp-admin-prohibited',
  'admin-prohib': 'icmp-admin-prohibited',
  'tcp-reset': 'tcp-reset',
  'tcp-rst': 'tcp-reset',
};

const REASONS_V6: Reasons = {
  'icmp6-no-route': 'icmp6-no-route',
  'no-route': 'icmp6-no-route',
  'icmp6-adm-prohibited': 'icmp6-adm-prohibited',
  'adm-prohibited': 'icmp6-adm-prohibited',
  'icmp6-addr-unreachable': 'icmp6-addr-unreachable',
  'addr-unreach': 'icmp6-addr-unreachable',
  'icmp6-port-unreachable': 'icmp6-port-unreachable',
  'port-unreach': 'icmp6-port-unreachable',
  'icmp6-policy-fail': 'icmp6-policy-fail',
  'policy-fail': 'icmp6-policy-fail',
  'icmp6-reject-route': 'icmp6-reject-route',
  'reject-route': 'icmp6-reject-route',
  'tcp-reset': 'tcp-reset',
};

function readReason(word: Word | undefined, family: Family): RejectWith {
  const reasons = family === 'ipv4' ? REASONS_V4 : REASONS_V6;
  if (word === undefined)
    return family === 'ipv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable';
  return reasons[readName(word, Object.keys(reasons))]!;
}

const reject: TargetExtension = {
  name: 'REJECT',
  flags: [valued('--reject-with')],
  read(options, { family, protocol }) {
    const reason = readReason(options.value('--reject-with'), family);
    if (reason === 'tcp-reset' && protocol !== TCP)
      throw options.fault('expected -p tcp in the same rule for tcp-reset, got none');
    return { kind: 'reject', with: reason };
  },
};

const MARK_FLAGS = ['--set-xmark', '--set-mark', '--and-mark', '--or-mark', '--xor-mark'];

/** What the setting options come to, as `--set-xmark` has it. */
function readMark(name: string, word: Word): { value: number; mask: number } {
  if (name === '--set-xmark') return readMasked(word);
  if (name === '--set-mark') {
    const { value, mask } = readMasked(word);
    return { value, mask: (mask | value) >>> 0 };
  }
  const bits = readNumber(word, MAX_U32);
  if (name === '--and-mark') return { value: 0, mask: ~bits >>> 0 };
  return { value: bits, mask: name === '--or-mark' ? bits : 0 };
}

const mark: TargetExtension = {
  name: 'MARK',
  flags: MARK_FLAGS.map(name => valued(name)),
  read(options) {
    const name = options.one(MARK_FLAGS);
    return { kind: 'mark', mark: readMark(name, options.needed(name)) };
  },
};

const MOVES = ['--save-mark', '--restore-mark'];

function readMasks(options: Options): { nfmask: number; ctmask: number } {
  const number = (name: string, otherwise: number): number => {
    const word = options.value(name);
    return word === undefined ? otherwise : readNumber(word, MAX_U32);
  };
  const both = number('--mask', MAX_U32);
  if (options.has('--mask') && (options.has('--nfmask') || options.has('--ctmask')))
    throw options.fault('expected --mask or --nfmask and --ctmask, got all');
  return { nfmask: number('--nfmask', both), ctmask: number('--ctmask', both) };
}

const connmark: TargetExtension = {
  name: 'CONNMARK',
  flags: [
    ...MARK_FLAGS.map(name => valued(name)),
    ...MOVES.map(name => bare(name)),
    valued('--nfmask'),
    valued('--ctmask'),
    valued('--mask'),
  ],
  read(options) {
    const name = options.one([...MARK_FLAGS, ...MOVES]);
    if (MOVES.includes(name)) {
      const action = name === '--save-mark' ? 'save' : 'restore';
      return { kind: 'connmark', action, ...readMasks(options) };
    }
    const stray = ['--nfmask', '--ctmask'].find(mask => options.has(mask));
    if (stray !== undefined)
      throw options.fault(`expected --save-mark or --restore-mark with ${stray}, got ${name}`);
    const mark = readMark(name, options.needed(name));
    if (!options.has('--mask')) return { kind: 'connmark', action: 'set', mark };
    const mask = readNumber(options.needed('--mask'), MAX_U32);
    return { kind: 'connmark', action: 'set', mark: { value: mark.value, mask } };
  },
};

/** syslog(3); the later of two names for one number is the older. */
const LEVELS: Readonly<Record<string, number>> = {
  emerg: 0,
  panic: 0,
  alert: 1,
  crit: 2,
  error: 3,
  err: 3,
  warning: 4,
  warn: 4,
  notice: 5,
  info: 6,
  debug: 7,
};
export const DEFAULT_LOG_LEVEL = 4;
const MAX_LOG_PREFIX = 29; // of struct ipt_log_info
const MAX_NFLOG_PREFIX = 63; // of struct xt_nflog_info
const MAX_LEVEL = 7;
/** In the order in which they are printed. */
const LOG_FLAGS = ['tcp-sequence', 'tcp-options', 'ip-options', 'uid', 'macdecode'] as const;

function readLevel(word: Word | undefined): number {
  if (word === undefined) return DEFAULT_LOG_LEVEL;
  if (/^\d+$/.test(word.text)) return readNumber(word, MAX_LEVEL);
  return LEVELS[readName(word, Object.keys(LEVELS))]!;
}

function readPrefix(word: Word | undefined, most: number): string {
  if (word === undefined) return '';
  if (word.text.length === 0 || word.text.length > most)
    throw expected(`1..${most} characters`, word);
  return word.text;
}

const log: TargetExtension = {
  name: 'LOG',
  flags: [
    valued('--log-prefix'),
    valued('--log-level'),
    ...LOG_FLAGS.map(name => bare(`--log-${name}`)),
  ],
  read(given) {
    const options: LogOptions = {
      prefix: readPrefix(given.value('--log-prefix'), MAX_LOG_PREFIX),
      level: readLevel(given.value('--log-level')),
      flags: LOG_FLAGS.filter(name => given.has(`--log-${name}`)),
    };
    return { kind: 'log', options };
  },
};

const nflog: TargetExtension = {
  name: 'NFLOG',
  flags: [
    valued('--nflog-group'),
    valued('--nflog-prefix'),
    valued('--nflog-size'),
    valued('--nflog-threshold'),
  ],
  read(options) {
    const number = (name: string, most: number): number | undefined => {
      const word = options.value(name);
      return word === undefined ? undefined : readNumber(word, most);
    };
    return {
      kind: 'nflog',
      group: number('--nflog-group', MAX_U16) ?? 0,
      prefix: readPrefix(options.value('--nflog-prefix'), MAX_NFLOG_PREFIX),
      sizeBytes: number('--nflog-size', MAX_U32),
      threshold: number('--nflog-threshold', MAX_U16),
    };
  },
};

const ct: TargetExtension = {
  name: 'CT',
  flags: [bare('--notrack'), valued('--zone')],
  read(options) {
    const name = options.one(['--notrack', '--zone']);
    if (name === '--notrack') return { kind: 'notrack', viaCt: true };
    return { kind: 'ct', zone: readNumber(options.needed(name), MAX_U16) };
  },
};

function plain(name: string, target: Target): TargetExtension {
  return { name, flags: [], read: () => target };
}

export const TARGETS: readonly TargetExtension[] = [
  plain('ACCEPT', { kind: 'accept' }),
  plain('DROP', { kind: 'drop' }),
  plain('RETURN', { kind: 'return' }),
  plain('TRACE', { kind: 'trace' }),
  plain('NOTRACK', { kind: 'notrack' }),
  reject,
  mark,
  connmark,
  log,
  nflog,
  ct,
  ...NAT_TARGETS,
  ...HEADER_TARGETS,
];

/** Targets that Linux has and we do not: refused by name. */
export const REFUSED_TARGETS: readonly string[] = (
  'AUDIT CLASSIFY CLUSTERIP CONNSECMARK DNPT ECN HMARK IDLETIMER LED MIRROR NETMAP NFQUEUE ' +
  'QUEUE RATEEST SECMARK SET SNPT SYNPROXY TCPOPTSTRIP TEE TPROXY ULOG'
).split(' ');
