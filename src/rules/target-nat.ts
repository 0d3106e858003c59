/** Targets that translate: iptables-extensions(8), DNAT, SNAT, MASQUERADE, REDIRECT. */
import { bare, valued, type Options, type RuleContext, type TargetExtension } from './extension.js';
import type { Family, IpRange, Range } from './model.js';
import { hasPorts } from './protocols.js';
import { MAX_U16, readIpRange, readNumber } from './values.js';
import { behind, expected, splitAt, type Word } from './words.js';

interface Destination {
  addresses: IpRange | undefined;
  ports: Range | undefined;
  base: number | undefined;
}

/** `a-b:p-q/base`, each part but one may be absent; IPv6 addresses before a port in `[]`. */
function readDestination(word: Word, family: Family): Destination {
  const { address, ports } = family === 'ipv4' ? cutIpv4(word) : cutIpv6(word);
  if (address === undefined && ports === undefined) throw expected('address:port', word);
  const read = ports && readPorts(ports);
  return {
    addresses: address && readIpRange(address, family),
    ports: read?.ports,
    base: read?.base,
  };
}

interface Parts {
  address: Word | undefined;
  ports: Word | undefined;
}

function cutIpv4(word: Word): Parts {
  const colon = word.text.indexOf(':');
  if (colon < 0) return { address: word, ports: undefined };
  const address = { text: word.text.slice(0, colon), column: word.column };
  return { address: address.text === '' ? undefined : address, ports: behind(word, colon + 1) };
}

function cutIpv6(word: Word): Parts {
  if (/^:\d/.test(word.text)) return { address: undefined, ports: behind(word, 1) };
  if (!word.text.startsWith('[')) return { address: word, ports: undefined };
  const end = word.text.indexOf(']');
  if (end < 0) throw expected('] behind the address', word);
  const address = { text: word.text.slice(1, end), column: word.column + 1 };
  const rest = behind(word, end + 1);
  if (rest.text !== '' && !rest.text.startsWith(':')) throw expected(':port', rest);
  return { address, ports: rest.text === '' ? undefined : behind(rest, 1) };
}

function readPorts(word: Word): { ports: Range; base: number | undefined } {
  const [range, base, more] = splitAt(word, '/');
  if (more !== undefined) throw expected('port-port/base', word);
  const ports = readNatPorts(range!);
  return { ports, base: base && readNumber(base, MAX_U16, 1) };
}

/** `80`, `80-90`: no open end, no port 0. */
function readNatPorts(word: Word): Range {
  const [low, high, more] = splitAt(word, '-');
  if (more !== undefined) throw expected('port-port', word);
  const first = readNumber(low!, MAX_U16, 1);
  const last = high === undefined ? first : readNumber(high, MAX_U16, 1);
  if (first > last) throw expected('the lower port first', word);
  return { first, last };
}

/** Refuses ports in a rule that is not about one protocol that has ports. */
function needPorts(options: Options, context: RuleContext, ports: Range | undefined): void {
  if (ports === undefined || hasPorts(context.protocol)) return;
  throw options.fault('expected -p tcp, udp or sctp in the same rule for a port, got none');
}

const dnat: TargetExtension = {
  name: 'DNAT',
  flags: [valued('--to-destination'), bare('--random'), bare('--persistent')],
  read(options, context) {
    const to = readDestination(options.needed('--to-destination'), context.family);
    needPorts(options, context, to.ports);
    return {
      kind: 'dnat',
      ...to,
      random: options.has('--random'),
      persistent: options.has('--persistent'),
    };
  },
};

const snat: TargetExtension = {
  name: 'SNAT',
  flags: [valued('--to-source'), bare('--random'), bare('--random-fully'), bare('--persistent')],
  read(options, context) {
    const word = options.needed('--to-source');
    const { addresses, ports, base } = readDestination(word, context.family);
    if (base !== undefined) throw expected('ports without /base', word);
    needPorts(options, context, ports);
    return {
      kind: 'snat',
      addresses,
      ports,
      random: options.has('--random'),
      randomFully: options.has('--random-fully'),
      persistent: options.has('--persistent'),
    };
  },
};

function readToPorts(options: Options, context: RuleContext): Range | undefined {
  const word = options.value('--to-ports');
  const ports = word && readNatPorts(word);
  needPorts(options, context, ports);
  return ports;
}

const masquerade: TargetExtension = {
  name: 'MASQUERADE',
  flags: [valued('--to-ports'), bare('--random'), bare('--random-fully')],
  read: (options, context) => ({
    kind: 'masquerade',
    ports: readToPorts(options, context),
    random: options.has('--random'),
    randomFully: options.has('--random-fully'),
  }),
};

const redirect: TargetExtension = {
  name: 'REDIRECT',
  flags: [valued('--to-ports'), bare('--random')],
  read: (options, context) => ({
    kind: 'redirect',
    ports: readToPorts(options, context),
    random: options.has('--random'),
  }),
};

export const NAT_TARGETS: readonly TargetExtension[] = [dnat, snat, masquerade, redirect];
