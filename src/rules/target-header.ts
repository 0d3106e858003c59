/** Targets that change a header: iptables-extensions(8). */
import { readDscpClass, readTosTarget, TOS_FLAGS } from './dscp.js';
import { bare, valued, type TargetExtension } from './extension.js';
import type { Family } from './model.js';
import { TCP } from './protocols.js';
import { MAX_U16, MAX_U8, readNumber } from './values.js';

const MAX_DSCP = 0x3f; // RFC 2474 §3

const tcpmss: TargetExtension = {
  name: 'TCPMSS',
  flags: [valued('--set-mss'), bare('--clamp-mss-to-pmtu')],
  read(options, { protocol }) {
    if (protocol !== TCP) throw options.fault('expected -p tcp in the same rule, got none');
    const name = options.one(['--set-mss', '--clamp-mss-to-pmtu']);
    if (name === '--clamp-mss-to-pmtu') return { kind: 'tcpmss', mss: undefined };
    return { kind: 'tcpmss', mss: readNumber(options.needed(name), MAX_U16) };
  },
};

/** `TTL` for IPv4, `HL` for IPv6. */
function ttl(name: 'TTL' | 'HL', family: Family): TargetExtension {
  const flags = ['set', 'inc', 'dec'].map(action => `--${name.toLowerCase()}-${action}`);
  return {
    name,
    family,
    flags: flags.map(flag => valued(flag)),
    read(options) {
      const flag = options.one(flags);
      const action = flag.slice(-3) as 'set' | 'inc' | 'dec';
      const word = options.needed(flag);
      return { kind: 'ttl', action, ttl: readNumber(word, MAX_U8, action === 'set' ? 0 : 1) };
    },
  };
}

const tos: TargetExtension = {
  name: 'TOS',
  flags: TOS_FLAGS.map(name => valued(name)),
  read(options) {
    const name = options.one(TOS_FLAGS);
    return { kind: 'tos', tos: readTosTarget(name, options.needed(name)) };
  },
};

const dscp: TargetExtension = {
  name: 'DSCP',
  flags: [valued('--set-dscp'), valued('--set-dscp-class')],
  read(options) {
    const name = options.one(['--set-dscp', '--set-dscp-class']);
    const word = options.needed(name);
    const number = name === '--set-dscp' ? readNumber(word, MAX_DSCP) : readDscpClass(word);
    return { kind: 'dscp', dscp: number };
  },
};

const checksum: TargetExtension = {
  name: 'CHECKSUM',
  flags: [bare('--checksum-fill')],
  read(options) {
    options.one(['--checksum-fill']);
    return { kind: 'checksum' };
  },
};

export const HEADER_TARGETS: readonly TargetExtension[] = [
  tcpmss,
  ttl('TTL', 'ipv4'),
  ttl('HL', 'ipv6'),
  tos,
  dscp,
  checksum,
];
