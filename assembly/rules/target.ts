/** Targets after which the walk goes on, and what NAT targets ask for. */
import { MSS_OF_PATH, NatField, TargetKind, TtlAction } from '../rules-abi';
import { tosOf, ttlOf } from './criteria-packet';
import { Subject } from './subject';

const TAIL: usize = 8;
const MOST_TTL: u32 = 255;

function changeMarks(s: Subject, kind: u32, target: usize): void {
  const first = load<u32>(target, 4);
  const second = load<u32>(target, 8);
  if (kind == TargetKind.Mark) {
    s.mark = (s.mark & ~second) ^ first;
    return;
  }
  if (!s.hasFlow) return;
  if (kind == TargetKind.ConnMarkSet) s.connMark = (s.connMark & ~second) ^ first;
  if (kind == TargetKind.ConnMarkSave) s.connMark = (s.connMark & ~second) ^ (s.mark & first);
  if (kind == TargetKind.ConnMarkRestore) s.mark = (s.mark & ~first) ^ (s.connMark & second);
}

/** The new TTL: within 0 to 255, as the field. */
function changeTtl(s: Subject, argument: u32): void {
  const value = argument >>> 8;
  const action = argument & 0xff;
  const before = ttlOf(s);
  s.isVolatile = 1;
  if (action == TtlAction.Set) s.ttl = value;
  else if (action == TtlAction.Increase) s.ttl = min(before + value, MOST_TTL);
  else s.ttl = before > value ? before - value : 0;
}

/** Does what a target says that is not the last word on the packet. */
export function act(s: Subject, kind: u32, target: usize): void {
  const argument = load<u32>(target) >>> 8;
  switch (kind) {
    case TargetKind.Mark:
    case TargetKind.ConnMarkSet:
    case TargetKind.ConnMarkSave:
    case TargetKind.ConnMarkRestore:
      changeMarks(s, kind, target);
      return;
    case TargetKind.NoTrack:
      s.noTrack = 1;
      return;
    case TargetKind.Trace:
      s.isMarkedForTrace = 1;
      s.isVolatile = 1;
      return;
    case TargetKind.TcpMss:
      s.tcpMss = argument == 0 ? MSS_OF_PATH : argument;
      return;
    case TargetKind.Log:
      s.logs++;
      s.isVolatile = 1;
      return;
    case TargetKind.Ttl:
      changeTtl(s, argument);
      return;
    case TargetKind.Tos:
      s.tos = (tosOf(s) & ~(argument >>> 8)) ^ (argument & 0xff);
      s.isVolatile = 1;
      return;
    case TargetKind.Checksum:
      s.fillsChecksum = 1;
      return;
  }
}

/** Writes down the binding that the NAT target asks for. */
export function ask(s: Subject, target: usize): void {
  const argument = load<u32>(target) >>> 8;
  const ports = load<u32>(target, NatField.Ports);
  s.natKind = argument & 0xff;
  s.natFlags = argument >>> 8;
  s.natPortFirst = ports & 0xffff;
  s.natPortLast = ports >>> 16;
  s.natPortBase = load<u32>(target, NatField.Base);
  s.natFirstHead = load<u64>(target, NatField.First);
  s.natFirstTail = load<u64>(target + TAIL, NatField.First);
  s.natLastHead = load<u64>(target, NatField.Last);
  s.natLastTail = load<u64>(target + TAIL, NatField.Last);
}
