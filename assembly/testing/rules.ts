/** Doors to rules/. */
import { SUBJECT_BYTES } from '../rules-abi';
import { countTrail as countOfTrail } from '../rules/count';
import { evaluate as verdictOf } from '../rules/evaluate';
import { countPath as countOfPath, foldPaths as fold, pathOf as numberOf } from '../rules/path';
import {
  Rules,
  createRules as create,
  hooksOf,
  rulesBytesFor as bytesFor,
  useProgram as use,
} from '../rules/rules';
import { Core } from '../memory';
import { Packet } from '../packet';
import { runBpf as run } from '../rules/bpf';
import { Subject } from '../rules/subject';

export function rulesBytes(program: u32, counters: u32, states: u32, paths: u32): usize {
  return bytesFor(program, counters, states, paths);
}

/** In memory of any content. */
export function createRules(
  rules: usize,
  program: u32,
  counters: u32,
  states: u32,
  paths: u32,
): void {
  memory.fill(rules, 0, bytesFor(program, counters, states, paths));
  create(rules, program, counters, states, paths);
}

/** Where the next program is written. */
export function stagedProgram(rules: usize): usize {
  return Rules.at(rules).staged;
}

export function useProgram(rules: usize, bytes: u32): u32 {
  return use(Rules.at(rules), bytes);
}

export function rulesGeneration(rules: usize): u32 {
  return Rules.at(rules).generation;
}

export function rulesCounters(rules: usize): usize {
  return Rules.at(rules).counters;
}

export function rulesHooks(rules: usize, zone: u32, family: u32): u32 {
  return hooksOf(Rules.at(rules), zone, family);
}

export function forgetSubject(subject: usize): void {
  Subject.at(subject).forget();
}

export function evaluateRules(rules: usize, subject: usize, hook: u32): u32 {
  return verdictOf(Rules.at(rules), Subject.at(subject), hook);
}

/** Asks at one hook about `subjects` subjects that lie one behind the other, `rounds` times. */
export function evaluateMany(
  rules: usize,
  first: usize,
  subjects: u32,
  hook: u32,
  rounds: u32,
): u32 {
  let sum: u32 = 0;
  for (let round: u32 = 0; round < rounds; round++) {
    for (let i: u32 = 0; i < subjects; i++) {
      const subject = Subject.at(first + <usize>i * SUBJECT_BYTES);
      subject.trailLength = 0;
      sum += verdictOf(Rules.at(rules), subject, hook);
    }
  }
  return sum;
}

export function pathOf(rules: usize, subject: usize): u32 {
  return numberOf(Rules.at(rules), Subject.at(subject));
}

export function countPath(rules: usize, path: u32, packets: u32, bytes: u32): void {
  countOfPath(Rules.at(rules), path, packets, bytes);
}

export function countTrail(rules: usize, subject: usize, first: u32, bytes: u32): void {
  countOfTrail(Rules.at(rules), Subject.at(subject), first, bytes);
}

export function foldPaths(rules: usize): void {
  fold(Rules.at(rules));
}

export function runBpf(instructions: usize, scratch: usize, packet: usize, length: u32): u32 {
  return run(instructions, scratch, packet, length);
}

/** From now on the subject is packet `index` of the core's batch, and traced. */
export function traceSubject(subject: usize, core: usize, index: u32): void {
  const p = Packet.at(Core.at(core).packets, index);
  p.origin = index;
  Subject.at(subject).core = <u32>core;
  Subject.at(subject).packet = <u32>changetype<usize>(p);
}
