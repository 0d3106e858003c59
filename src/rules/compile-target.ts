/** Targets of a rule as words of a program (assembly/rules-abi.ts, TargetKind). */
import { NatFlag, NatKind, RejectWith, TargetKind, TtlAction } from '../../assembly/rules-abi.js';
import { Refused } from './compile-criterion.js';
import { wordOf, wordsOf } from './compile-words.js';
import type { IpRange, Range, RejectWith as RejectName, Target } from './model.js';

const ARGUMENT_SHIFT = 8;
const BYTE_BITS = 8;
const HALF_BITS = 16;
/** First half of an address of IPv4: assembly/table/neighbour.ts. */
const IPV4_HEAD = 0xff;

const REJECTS: Record<RejectName, RejectWith> = {
  'icmp-net-unreachable': RejectWith.IcmpNetUnreachable,
  'icmp-host-unreachable': RejectWith.IcmpHostUnreachable,
  'icmp-proto-unreachable': RejectWith.IcmpProtoUnreachable,
  'icmp-port-unreachable': RejectWith.IcmpPortUnreachable,
  'icmp-net-prohibited': RejectWith.IcmpNetProhibited,
  'icmp-host-prohibited': RejectWith.IcmpHostProhibited,
  'icmp-admin-prohibited': RejectWith.IcmpAdminProhibited,
  'icmp6-no-route': RejectWith.Icmp6NoRoute,
  'icmp6-adm-prohibited': RejectWith.Icmp6AdmProhibited,
  'icmp6-addr-unreachable': RejectWith.Icmp6AddrUnreachable,
  'icmp6-port-unreachable': RejectWith.Icmp6PortUnreachable,
  'icmp6-policy-fail': RejectWith.Icmp6PolicyFail,
  'icmp6-reject-route': RejectWith.Icmp6RejectRoute,
  'tcp-reset': RejectWith.TcpReset,
};
const TTL_ACTIONS = {
  set: TtlAction.Set,
  inc: TtlAction.Increase,
  dec: TtlAction.Decrease,
};

/** `chainOffset`: where the chain of that name is in the program. */
export function compileTarget(target: Target, chainOffset: (name: string) => number): number[] {
  switch (target.kind) {
    case 'none':
      return [TargetKind.None];
    case 'accept':
      return [TargetKind.Accept];
    case 'drop':
      return [TargetKind.Drop];
    case 'return':
      return [TargetKind.Return];
    case 'reject':
      return [first(TargetKind.Reject, REJECTS[target.with])];
    case 'jump':
      return [TargetKind.Jump, chainOffset(target.chain)];
    case 'goto':
      return [TargetKind.Goto, chainOffset(target.chain)];
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      return natTarget(target);
    default:
      return change(target);
  }
}

function first(kind: TargetKind, argument: number): number {
  return (kind | (argument << ARGUMENT_SHIFT)) >>> 0;
}

/** Targets after which the walk goes on. */
function change(target: Target): number[] {
  switch (target.kind) {
    case 'mark':
      return [TargetKind.Mark, target.mark.value >>> 0, target.mark.mask >>> 0];
    case 'connmark':
      if (target.action === 'set') {
        return [TargetKind.ConnMarkSet, target.mark.value >>> 0, target.mark.mask >>> 0];
      }
      return [
        target.action === 'save' ? TargetKind.ConnMarkSave : TargetKind.ConnMarkRestore,
        target.nfmask >>> 0,
        target.ctmask >>> 0,
      ];
    case 'notrack':
      return [TargetKind.NoTrack];
    case 'trace':
      return [TargetKind.Trace];
    case 'tcpmss':
      return [first(TargetKind.TcpMss, target.mss ?? 0)];
    case 'log':
    case 'nflog':
      return [TargetKind.Log];
    case 'ttl':
      return [first(TargetKind.Ttl, TTL_ACTIONS[target.action] | (target.ttl << BYTE_BITS))];
    case 'tos':
      return [first(TargetKind.Tos, target.tos.value | (target.tos.mask << BYTE_BITS))];
    case 'dscp':
      return [first(TargetKind.Tos, (target.dscp << 2) | (0xfc << BYTE_BITS))];
    case 'checksum':
      return [TargetKind.Checksum];
    default:
      throw new Refused(`target ${target.kind}`, true);
  }
}

type NatTarget = Extract<Target, { kind: 'dnat' | 'snat' | 'masquerade' | 'redirect' }>;

const NAT_KINDS: Record<NatTarget['kind'], NatKind> = {
  dnat: NatKind.Dnat,
  snat: NatKind.Snat,
  masquerade: NatKind.Masquerade,
  redirect: NatKind.Redirect,
};

function natTarget(target: NatTarget): number[] {
  const addresses = 'addresses' in target ? target.addresses : undefined;
  const base = 'base' in target ? target.base : undefined;
  const is = (flag: NatFlag, isSet: boolean): number => (isSet ? flag : 0);
  const flags =
    is(NatFlag.Addresses, addresses !== undefined) |
    is(NatFlag.Ports, target.ports !== undefined) |
    is(NatFlag.Base, base !== undefined) |
    is(NatFlag.Random, target.random) |
    is(NatFlag.RandomFully, 'randomFully' in target && target.randomFully) |
    is(NatFlag.Persistent, 'persistent' in target && target.persistent);
  return [
    first(TargetKind.Nat, NAT_KINDS[target.kind] | (flags << BYTE_BITS)),
    portsOf(target.ports),
    base ?? 0,
    ...(addresses === undefined ? new Array<number>(8).fill(0) : addressNumbers(addresses)),
  ];
}

function portsOf(ports: Range | undefined): number {
  return ports === undefined ? 0 : (ports.first | (ports.last << HALF_BITS)) >>> 0;
}

function addressNumbers({ first: low, last: high }: IpRange): number[] {
  return [low, high].flatMap(ip => (ip.length === 4 ? [IPV4_HEAD, 0, wordOf(ip), 0] : wordsOf(ip)));
}
