/** Rule sets of the model, written shortly. */
import type {
  Chain,
  Family,
  IpMask,
  Match,
  Policy,
  Rule,
  RuleSet,
  TableName,
  Target,
} from '../../src/rules/model.js';
import type { ReferenceSubject } from './reference-rules.js';

const BUILT_IN: Record<TableName, readonly string[]> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};

type Chains = Record<string, readonly Rule[]>;

/** A match without its `negated`, which is false unless given. */
type Short = Match extends infer Each
  ? Each extends { negated: boolean }
    ? Omit<Each, 'negated'> & { negated?: boolean }
    : never
  : never;

/** `kinds`: a target without numbers by its kind. */
export function rule(
  target: Target | 'accept' | 'drop' | 'return' | 'none',
  ...matches: Short[]
): Rule {
  return {
    matches: matches.map(match => ({ negated: false, ...match }) as Match),
    target: typeof target === 'string' ? { kind: target } : target,
    counters: { packets: 0n, bytes: 0n },
    text: '',
    place: { line: 7, column: 1 },
    targetPlace: { line: 7, column: 30 },
  };
}

/** Built-in chains that are not named are empty; `policies`: other than ACCEPT, by name. */
export function ruleSet(
  tables: Partial<Record<TableName, Chains>>,
  policies: Record<string, Policy> = {},
  family: Family = 'ipv4',
): RuleSet {
  const names = Object.keys(tables) as TableName[];
  return {
    family,
    tables: names.map(name => {
      const chains = tables[name]!;
      const users = Object.keys(chains).filter(chain => !BUILT_IN[name].includes(chain));
      return {
        name,
        chains: [...BUILT_IN[name], ...users].map((chain): Chain => ({
          name: chain,
          policy: users.includes(chain) ? undefined : (policies[chain] ?? 'ACCEPT'),
          counters: { packets: 0n, bytes: 0n },
          rules: chains[chain] ?? [],
          place: { line: 3, column: 1 },
        })),
      };
    }),
  };
}

/** `10.0.0.0/8`; without a length: one address. */
export function prefix(text: string): IpMask {
  const [ip, bits = '32'] = text.split('/');
  const mask = Uint8Array.from({ length: 4 }, (_, i) => {
    const here = Math.min(8, Math.max(0, Number(bits) - 8 * i));
    return (0xff00 >> here) & 0xff;
  });
  return { ip: ip4(ip!), mask };
}

export function ip4(text: string): Uint8Array {
  return Uint8Array.from(text.split('.').map(Number));
}

/** A TCP packet of 40 bytes without flags from 10.0.0.1:40000 to 10.0.0.2:80, new. */
export function packet(changes: Partial<ReferenceSubject> = {}): ReferenceSubject {
  const bytes = new Uint8Array(40);
  bytes.set([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6]);
  bytes[32] = 0x50;
  const none = { any: [], in: [], out: [] };
  return {
    protocol: 6,
    isFragment: false,
    source: ip4('10.0.0.1'),
    destination: ip4('10.0.0.2'),
    original: ip4('10.0.0.2'),
    sourcePort: 40000,
    destinationPort: 80,
    originalPort: 80,
    icmpType: 0,
    icmpCode: 0,
    in: '',
    out: '',
    states: ['NEW'],
    isReply: false,
    mark: 0,
    connMark: 0,
    types: { source: none, destination: none },
    nowMs: 0,
    packet: bytes,
    l4: 20,
    mac: undefined,
    ...changes,
  };
}

/** That packet with TCP flags as in the header. */
export function withFlags(flags: number): ReferenceSubject {
  const subject = packet();
  subject.packet[33] = flags;
  return subject;
}
