/** Targets as `iptables -L -n` prints them: the name in its column, the rest at the end. */
import type { Family, Masked, OfKind, Target } from './model.js';
import { hex, MAX_U32, printRange } from './values.js';
import { printTarget } from './print-target.js';
import { quote } from './words.js';

type Kind = Target['kind'];
type Of<K extends Kind> = OfKind<Target, K>;

/** Of LOG, as in the kernel's `xt_LOG` interface. */
const LOG_FLAGS = {
  'tcp-sequence': 1,
  'tcp-options': 2,
  'ip-options': 4,
  uid: 8,
  macdecode: 32,
} as const;

/** `ACCEPT`, or the chain that is called; '' for no target. */
export function targetName(target: Target, family: Family): string {
  if (target.kind === 'jump' || target.kind === 'goto') return target.chain;
  if (target.kind === 'notrack') return 'CT';
  if (target.kind === 'ttl') return family === 'ipv4' ? 'TTL' : 'HL';
  return target.kind === 'none' ? '' : target.kind.toUpperCase();
}

/** `to:10.0.0.2:80`; '' where there is nothing to say. */
export function listTarget(target: Target, family: Family): string {
  return (LISTERS[target.kind] as (target: Target, family: Family) => string)(target, family);
}

/** What `printTarget` says behind an option, with flags in words: `10.0.0.2:80 random`. */
function translation(target: Of<'dnat' | 'snat'>, family: Family): string {
  const [, , , to = '', ...flags] = printTarget(target, family).split(' ');
  return [`to:${to}`, ...flags.map(flag => flag.slice(2))].join(' ');
}

function ports(name: string, target: Of<'masquerade' | 'redirect'>): string {
  const range = target.ports === undefined ? [] : [`${name} ${printRange(target.ports, '-')}`];
  const random = target.random ? ['random'] : [];
  const fully = target.kind === 'masquerade' && target.randomFully ? ['random-fully'] : [];
  return [...range, ...random, ...fully].join(' ');
}

/** By the option that would say the same in fewest words. */
function setMark(name: string, { value, mask }: Masked): string {
  if (value === 0) return `${name} and ${hex(~mask >>> 0)}`;
  if (value === mask) return `${name} or ${hex(value)}`;
  if (mask === 0) return `${name} xor ${hex(value)}`;
  if (mask === MAX_U32) return `${name} set ${hex(value)}`;
  return `${name} xset ${hex(value)}/${hex(mask)}`;
}

function connmark(target: Of<'connmark'>): string {
  if (target.action === 'set') return setMark('CONNMARK', target.mark);
  const { action, nfmask, ctmask } = target;
  const name = `CONNMARK ${action}`;
  if (nfmask === MAX_U32 && ctmask === MAX_U32) return name;
  if (nfmask === ctmask) return `${name} mask ${hex(nfmask)}`;
  if (action === 'save') return `${name} nfmask ${hex(nfmask)} ctmask ~${hex(ctmask)}`;
  return `${name} ctmask ${hex(ctmask)} nfmask ~${hex(nfmask)}`;
}

function log({ options: { prefix, level, flags } }: Of<'log'>): string {
  const bits = flags.reduce((sum, flag) => sum | LOG_FLAGS[flag], 0);
  const text = prefix === '' ? '' : ` prefix "${prefix}"`;
  return `LOG flags ${bits} level ${level}${text}`;
}

function nflog({ prefix, group, sizeBytes, threshold }: Of<'nflog'>): string {
  const parts: string[] = [];
  if (prefix !== '') parts.push(`nflog-prefix ${quote(prefix)}`);
  if (group !== 0) parts.push(`nflog-group ${group}`);
  if (sizeBytes !== undefined) parts.push(`nflog-size ${sizeBytes}`);
  if (threshold !== undefined) parts.push(`nflog-threshold ${threshold}`);
  return parts.join(' ');
}

function ttl({ action, ttl: value }: Of<'ttl'>, family: Family): string {
  const words = { set: 'set to', inc: 'increment by', dec: 'decrement by' };
  return `${family === 'ipv4' ? 'TTL' : 'HL'} ${words[action]} ${value}`;
}

const nothing = (): string => '';

const LISTERS: { readonly [K in Kind]: (target: Of<K>, family: Family) => string } = {
  none: nothing,
  accept: nothing,
  drop: nothing,
  return: nothing,
  trace: nothing,
  jump: nothing,
  goto: nothing,
  notrack: t => (t.viaCt === true ? 'CT notrack' : 'NOTRACK'),
  reject: t => `reject-with ${t.with}`,
  mark: t => setMark('MARK', t.mark),
  connmark,
  dnat: translation,
  snat: translation,
  masquerade: t => ports('masq ports:', t),
  redirect: t => ports('redir ports', t),
  ct: t => `CT zone ${t.zone}`,
  tcpmss: t => `TCPMSS ${t.mss === undefined ? 'clamp to PMTU' : `set ${t.mss}`}`,
  log,
  nflog,
  ttl,
  tos: t => `TOS set ${hex(t.tos.value, 2)}/${hex(t.tos.mask, 2)}`,
  dscp: t => `DSCP set ${hex(t.dscp, 2)}`,
  checksum: () => 'CHECKSUM fill',
};
