/** Rules of one zone in the core's unit build, asked about the reference's subjects. */
import {
  AddressTypeBit,
  Hook,
  MSS_OF_PATH,
  NatFlag,
  NatKind,
  RejectWith,
  SUBJECT_BYTES,
  State,
  SubjectField,
  UNCHANGED,
  Verdict,
} from '../../assembly/rules-abi.js';
import { Status } from '../../assembly/abi.js';
import { compileRules, type CompileOptions, type CompiledRules } from '../../src/rules/compile.js';
import type { AddressType, IpRange, RuleSet, Target } from '../../src/rules/model.js';
import type { ReferenceOutcome, ReferenceSubject } from './reference-rules.js';
import { Unit, type UnitBuild } from './unit.js';

export interface RigOptions extends CompileOptions {
  build?: UnitBuild;
  interfaces?: ReadonlyMap<string, number>;
  /** Room for a program. */
  programBytes?: number;
  memoryBytes?: number;
  paths?: number;
  /** Most counters. */
  counters?: number;
  /** Another module's memory to lie in. */
  unit?: Unit;
  /** Number of the zone. */
  zone?: number;
}

/** What the core said, in the words of the reference. */
export interface RigOutcome extends Omit<ReferenceOutcome, 'target'> {
  nat: NatAsked | undefined;
  rejectWith: string | undefined;
  isVolatile: boolean;
  dependsOnSyn: boolean;
}

export interface NatAsked {
  kind: string;
  first: string | undefined;
  last: string | undefined;
  ports: string | undefined;
  base: number | undefined;
  flags: string;
}

const MOST_COUNTERS = 1 << 17;
const MOST_STATES = 1024;
const PACKET_BYTES = 2048;
const STATE_NAMES: Record<string, State> = {
  INVALID: State.Invalid,
  NEW: State.New,
  ESTABLISHED: State.Established,
  RELATED: State.Related,
  UNTRACKED: State.Untracked,
  SNAT: State.Snat,
  DNAT: State.Dnat,
};
const TYPE_NAMES: Record<AddressType, AddressTypeBit> = {
  UNSPEC: AddressTypeBit.Unspecified,
  UNICAST: AddressTypeBit.Unicast,
  LOCAL: AddressTypeBit.Local,
  BROADCAST: AddressTypeBit.Broadcast,
  ANYCAST: AddressTypeBit.Anycast,
  MULTICAST: AddressTypeBit.Multicast,
  BLACKHOLE: AddressTypeBit.Blackhole,
  UNREACHABLE: AddressTypeBit.Unreachable,
  PROHIBIT: AddressTypeBit.Prohibit,
};

export class RulesRig {
  readonly unit: Unit;
  readonly rules: number;
  readonly subject: number;
  private readonly packet: number;
  private readonly zone: number;
  private readonly interfaces: ReadonlyMap<string, number>;
  compiled: CompiledRules;

  constructor(
    sets: RuleSet | readonly RuleSet[],
    private readonly options: RigOptions = {},
  ) {
    const { build = 'test', programBytes = 1 << 21, paths = 64 } = options;
    const { counters = MOST_COUNTERS, memoryBytes = 1 << 24 } = options;
    this.unit = options.unit ?? Unit.create(build, memoryBytes);
    this.zone = options.zone ?? 0;
    this.interfaces = options.interfaces ?? new Map();
    const bytes = this.unit.call('rulesBytes', programBytes, counters, MOST_STATES, paths);
    this.rules = this.unit.place(bytes);
    this.unit.call('createRules', this.rules, programBytes, counters, MOST_STATES, paths);
    this.subject = this.unit.place(SUBJECT_BYTES);
    this.packet = this.unit.place(PACKET_BYTES);
    this.compiled = this.load('tables' in sets ? [sets] : sets);
  }

  load(sets: readonly RuleSet[]): CompiledRules {
    this.compiled = compileRules(
      [{ zone: this.zone, sets, interfaces: this.interfaces, path: 'zones.test.rules' }],
      this.options,
    );
    const { program } = this.compiled;
    this.unit.bytes.set(program, this.unit.call('stagedProgram', this.rules));
    const status = this.unit.call('useProgram', this.rules, program.length);
    if (status !== Status.Ok) throw new Error(`the core refuses the program: ${Status[status]}`);
    return this.compiled;
  }

  /** Asks at a hook, of a subject that nothing was said of yet. */
  ask(hook: Hook, s: ReferenceSubject): RigOutcome {
    this.write(s);
    return this.askAgain(hook);
  }

  /** Asks about the subject as it is. */
  askAgain(hook: Hook): RigOutcome {
    this.unit.call('evaluateRules', this.rules, this.subject, hook);
    return this.outcome();
  }

  /** Fills the subject at `at`, its packet at `packet`. */
  write(s: ReferenceSubject, at = this.subject, packet = this.packet): void {
    const { view, bytes } = this.unit;
    const put = (field: SubjectField, value: number): void =>
      view.setUint32(at + field, value, true);
    const isIpv4 = s.source.length === 4;
    this.unit.call('forgetSubject', at);
    bytes.set(s.mac ?? [], packet + 6);
    bytes.set(s.packet, packet + 16);
    put(SubjectField.Zone, this.zone);
    put(SubjectField.Family, isIpv4 ? 4 : 6);
    put(SubjectField.Protocol, s.protocol);
    put(SubjectField.IsFragment, s.isFragment ? 1 : 0);
    this.putAddress(at + SubjectField.Source, s.source);
    this.putAddress(at + SubjectField.Destination, s.destination);
    this.putAddress(at + SubjectField.OriginalDestination, s.original);
    put(SubjectField.SourcePort, s.sourcePort);
    put(SubjectField.DestinationPort, s.destinationPort);
    put(SubjectField.OriginalDestinationPort, s.originalPort);
    put(SubjectField.IcmpType, s.icmpType);
    put(SubjectField.IcmpCode, s.icmpCode);
    put(SubjectField.In, s.in === '' ? 0 : this.interfaces.get(s.in)!);
    put(SubjectField.Out, s.out === '' ? 0 : this.interfaces.get(s.out)!);
    put(
      SubjectField.State,
      s.states.reduce((bits, name) => bits | STATE_NAMES[name]!, 0),
    );
    put(SubjectField.Direction, s.isReply ? 1 : 0);
    put(SubjectField.Mark, s.mark);
    put(SubjectField.ConnMark, s.connMark);
    put(SubjectField.SourceTypes, typeBits(s.types.source.any));
    put(SubjectField.SourceTypesIn, typeBits(s.types.source.in));
    put(SubjectField.SourceTypesOut, typeBits(s.types.source.out));
    put(SubjectField.DestinationTypes, typeBits(s.types.destination.any));
    put(SubjectField.DestinationTypesIn, typeBits(s.types.destination.in));
    put(SubjectField.DestinationTypesOut, typeBits(s.types.destination.out));
    put(SubjectField.NowMs, s.nowMs);
    put(SubjectField.Network, packet + 16);
    put(SubjectField.Bytes, s.packet.length);
    put(SubjectField.L4, s.l4);
    put(SubjectField.L4Bytes, s.packet.length - s.l4);
    put(SubjectField.Frame, s.mac === undefined ? 0 : packet);
  }

  /** Packets and bytes of a counter. */
  counter(id: number): [bigint, bigint] {
    const at = this.unit.call('rulesCounters', this.rules) + id * 16;
    return [this.unit.view.getBigUint64(at, true), this.unit.view.getBigUint64(at + 8, true)];
  }

  /** `filter.FORWARD[3]` or `filter.FORWARD` of a counter. */
  nameOf(id: number): string {
    const { rules, policies } = this.compiled;
    const rule = rules[id];
    if (rule !== undefined) return `${rule.table}.${rule.chain}[${rule.index}]`;
    const policy = policies[id - rules.length]!;
    return `${policy.table}.${policy.chain}`;
  }

  private putAddress(at: number, address: Uint8Array): void {
    if (address.length === 16) {
      this.unit.bytes.set(address, at);
      return;
    }
    this.unit.view.setBigUint64(at, 0xffn, true);
    const number = Buffer.from(address).readUInt32BE(0);
    this.unit.view.setBigUint64(at + 8, BigInt(number), true);
  }

  private outcome(): RigOutcome {
    const at = (field: SubjectField): number =>
      this.unit.view.getUint32(this.subject + field, true);
    const verdict = at(SubjectField.Verdict);
    const mss = at(SubjectField.TcpMss);
    const unless = (value: number, none: number): number | undefined =>
      value === none ? undefined : value;
    const length = at(SubjectField.TrailLength);
    const trail = this.unit.readWords(this.subject + SubjectField.Trail, length);
    return {
      verdict: Verdict[verdict] as RigOutcome['verdict'],
      rejectWith: verdict === Verdict.Reject ? RejectWith[at(SubjectField.RejectWith)] : undefined,
      nat: verdict === Verdict.Nat ? this.nat() : undefined,
      mark: at(SubjectField.Mark),
      connMark: at(SubjectField.ConnMark),
      trail: trail.map(id => this.nameOf(id)),
      noTrack: at(SubjectField.NoTrack) === 1,
      tcpMss: unless(mss, MSS_OF_PATH),
      ttl: unless(at(SubjectField.Ttl), UNCHANGED),
      tos: unless(at(SubjectField.Tos), UNCHANGED),
      logs: at(SubjectField.Logs),
      fillsChecksum: at(SubjectField.FillsChecksum) === 1,
      isVolatile: at(SubjectField.IsVolatile) === 1,
      dependsOnSyn: at(SubjectField.DependsOnSyn) === 1,
    };
  }

  private nat(): NatAsked {
    const at = (field: SubjectField): number =>
      this.unit.view.getUint32(this.subject + field, true);
    const flags = at(SubjectField.NatFlags);
    const address = (field: SubjectField): string => {
      const isIpv4 = at(SubjectField.Family) === 4;
      const bytes = this.unit.read(this.subject + field + (isIpv4 ? 8 : 0), isIpv4 ? 4 : 16);
      return Buffer.from(isIpv4 ? bytes.reverse() : bytes).toString('hex');
    };
    const has = (flag: NatFlag): boolean => (flags & flag) !== 0;
    return {
      kind: NatKind[at(SubjectField.NatKind)]!.toLowerCase(),
      first: has(NatFlag.Addresses) ? address(SubjectField.NatFirst) : undefined,
      last: has(NatFlag.Addresses) ? address(SubjectField.NatLast) : undefined,
      ports: has(NatFlag.Ports)
        ? `${at(SubjectField.NatPortFirst)}-${at(SubjectField.NatPortLast)}`
        : undefined,
      base: has(NatFlag.Base) ? at(SubjectField.NatPortBase) : undefined,
      flags: [NatFlag.Random, NatFlag.RandomFully, NatFlag.Persistent]
        .filter(has)
        .map(flag => NatFlag[flag])
        .join(' '),
    };
  }
}

function typeBits(types: readonly AddressType[]): number {
  return types.reduce((bits, type) => bits | TYPE_NAMES[type], 0);
}

/** The reference's outcome in the same words. */
export function inWords(
  outcome: ReferenceOutcome,
): Omit<RigOutcome, 'isVolatile' | 'dependsOnSyn'> {
  const { target, ...rest } = outcome;
  return {
    ...rest,
    nat: natInWords(target),
    rejectWith:
      target?.kind === 'reject'
        ? target.with.replace(/(^|-)(\w)/g, (_, _dash, letter: string) => letter.toUpperCase())
        : undefined,
  };
}

function natInWords(target: Target | undefined): NatAsked | undefined {
  switch (target?.kind) {
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      break;
    default:
      return undefined;
  }
  const range: IpRange | undefined = 'addresses' in target ? target.addresses : undefined;
  const hex = (ip: Uint8Array): string => Buffer.from(ip).toString('hex');
  const isSet = (name: string): boolean =>
    (target as unknown as Record<string, unknown>)[name] === true;
  return {
    kind: target.kind,
    first: range && hex(range.first),
    last: range && hex(range.last),
    ports: target.ports && `${target.ports.first}-${target.ports.last}`,
    base: 'base' in target ? target.base : undefined,
    flags: ['random', 'randomFully', 'persistent']
      .filter(isSet)
      .map(name => name[0]!.toUpperCase() + name.slice(1))
      .join(' '),
  };
}
