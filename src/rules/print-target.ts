/** A target as `iptables-save` prints it, `-j` and all. */
import type { Family, IpRange, OfKind, Range, Target } from './model.js';
import { DEFAULT_LOG_LEVEL } from './targets.js';
import { hex, printIpRange, printRange } from './values.js';
import { quote } from './words.js';

type Kind = Target['kind'];
type Of<K extends Kind> = OfKind<Target, K>;
type Printers = { readonly [K in Kind]: (target: Of<K>, family: Family) => string };

/** `-j DNAT --to-destination 10.0.0.2:80`; nothing for no target. */
export function printTarget(target: Target, family: Family): string {
  return (PRINTERS[target.kind] as (target: Target, family: Family) => string)(target, family);
}

function translated(
  addresses: IpRange | undefined,
  ports: Range | undefined,
  base: number | undefined,
): string {
  const plain = addresses === undefined ? '' : printIpRange(addresses);
  if (ports === undefined) return plain;
  const isIpv6 = addresses !== undefined && addresses.first.length > 4;
  const address = isIpv6 ? `[${plain}]` : plain;
  return `${address}:${printRange(ports, '-')}${base === undefined ? '' : `/${base}`}`;
}

function flags(target: { random?: boolean; randomFully?: boolean; persistent?: boolean }): string {
  const { random = false, randomFully = false, persistent = false } = target;
  return (
    (random ? ' --random' : '') +
    (randomFully ? ' --random-fully' : '') +
    (persistent ? ' --persistent' : '')
  );
}

function toPorts(ports: Range | undefined): string {
  return ports === undefined ? '' : ` --to-ports ${printRange(ports, '-')}`;
}

function connmark(target: Of<'connmark'>): string {
  if (target.action === 'set')
    return `-j CONNMARK --set-xmark ${hex(target.mark.value)}/${hex(target.mark.mask)}`;
  const { action, nfmask, ctmask } = target;
  return `-j CONNMARK --${action}-mark --nfmask ${hex(nfmask)} --ctmask ${hex(ctmask)}`;
}

function log({ options: { prefix, level, flags } }: Of<'log'>): string {
  const parts = ['-j LOG'];
  if (prefix !== '') parts.push(`--log-prefix ${quote(prefix)}`);
  if (level !== DEFAULT_LOG_LEVEL) parts.push(`--log-level ${level}`);
  return [...parts, ...flags.map(flag => `--log-${flag}`)].join(' ');
}

function nflog({ prefix, group, sizeBytes, threshold }: Of<'nflog'>): string {
  const parts = ['-j NFLOG'];
  if (prefix !== '') parts.push(`--nflog-prefix ${quote(prefix)}`);
  if (group !== 0) parts.push(`--nflog-group ${group}`);
  if (sizeBytes !== undefined) parts.push(`--nflog-size ${sizeBytes}`);
  if (threshold !== undefined) parts.push(`--nflog-threshold ${threshold}`);
  return parts.join(' ');
}

const PRINTERS: Printers = {
  none: () => '',
  accept: () => '-j ACCEPT',
  drop: () => '-j DROP',
  return: () => '-j RETURN',
  trace: () => '-j TRACE',
  notrack: t => (t.viaCt === true ? '-j CT --notrack' : '-j NOTRACK'),
  reject: t => `-j REJECT --reject-with ${t.with}`,
  jump: t => `-j ${t.chain}`,
  goto: t => `-g ${t.chain}`,
  mark: t => `-j MARK --set-xmark ${hex(t.mark.value)}/${hex(t.mark.mask)}`,
  connmark,
  dnat: t => `-j DNAT --to-destination ${translated(t.addresses, t.ports, t.base)}${flags(t)}`,
  snat: t => `-j SNAT --to-source ${translated(t.addresses, t.ports, undefined)}${flags(t)}`,
  masquerade: t => `-j MASQUERADE${toPorts(t.ports)}${flags(t)}`,
  redirect: t => `-j REDIRECT${toPorts(t.ports)}${flags(t)}`,
  ct: t => `-j CT --zone ${t.zone}`,
  tcpmss: t =>
    t.mss === undefined ? '-j TCPMSS --clamp-mss-to-pmtu' : `-j TCPMSS --set-mss ${t.mss}`,
  log,
  nflog,
  ttl: (t, family) =>
    family === 'ipv4' ? `-j TTL --ttl-${t.action} ${t.ttl}` : `-j HL --hl-${t.action} ${t.ttl}`,
  tos: t => `-j TOS --set-tos ${hex(t.tos.value, 2)}/${hex(t.tos.mask, 2)}`,
  dscp: t => `-j DSCP --set-dscp ${hex(t.dscp, 2)}`,
  checksum: () => '-j CHECKSUM --checksum-fill',
};
