/**
 * Checks a program of classic BPF before the core runs it: S. McCanne, V. Jacobson, "The BSD
 * Packet Filter", 1993, table 1; numbers as in linux/filter.h. The core relies on this.
 */
import { Refused } from './compile-criterion.js';
import type { BpfInstruction } from './model.js';

/** Most instructions that `-m bpf` takes. */
const MOST_INSTRUCTIONS = 64;
const MEMORY_WORDS = 16;
/** From here on, offsets mean what only Linux has: SKF_LL_OFF, SKF_NET_OFF, SKF_AD_OFF. */
const FIRST_SPECIAL_OFFSET = 0x80000000;

const LOAD = 0;
const LOAD_X = 1;
const STORE = 2;
const STORE_X = 3;
const ALU = 4;
const JUMP = 5;
const RETURN = 6;
const MOVE = 7;
const MODE = { immediate: 0, absolute: 1, indirect: 2, memory: 3, length: 4, header: 5 };
const MODE_SHIFT = 5;
const WIDTH_SHIFT = 3;
const OPERATION_SHIFT = 4;
const FROM_X = 8;
const XOR = 10;
const DIVIDE = 3;
const REMAINDER = 9;
const LAST_JUMP = 4;

/** The instructions as two numbers each. */
export function bpfNumbers(program: readonly BpfInstruction[]): number[] {
  if (program.length === 0 || program.length > MOST_INSTRUCTIONS) {
    throw new Refused(`bpf of ${program.length} instructions`);
  }
  program.forEach((instruction, at) => {
    if (!isSound(instruction, program.length - 1 - at)) {
      const { code, jumpTrue, jumpFalse, k } = instruction;
      throw new Refused(`bpf instruction ${at} (${code} ${jumpTrue} ${jumpFalse} ${k})`);
    }
  });
  return program.flatMap(({ code, jumpTrue, jumpFalse, k }) => [
    (code | (jumpTrue << 16) | (jumpFalse << 24)) >>> 0,
    k >>> 0,
  ]);
}

/** `behind`: instructions behind this one. */
function isSound({ code, jumpTrue, jumpFalse, k }: BpfInstruction, behind: number): boolean {
  const kind = code & 7;
  if (code > 0xff) return false;
  if (kind === RETURN) return code >>> OPERATION_SHIFT <= 1;
  if (behind === 0) return false;
  if (kind === JUMP) {
    const operation = code >>> OPERATION_SHIFT;
    if (operation === 0) return k < behind;
    return operation <= LAST_JUMP && jumpTrue < behind && jumpFalse < behind;
  }
  if (kind === LOAD || kind === LOAD_X) return isSoundLoad(code, kind, k);
  if (kind === STORE || kind === STORE_X) return code === kind && k < MEMORY_WORDS;
  if (kind === ALU) {
    const operation = code >>> OPERATION_SHIFT;
    const divides = operation === DIVIDE || operation === REMAINDER;
    return operation <= XOR && !(divides && (code & FROM_X) === 0 && k === 0);
  }
  return kind === MOVE && (code === 0x07 || code === 0x87);
}

function isSoundLoad(code: number, kind: number, k: number): boolean {
  const mode = code >>> MODE_SHIFT;
  const width = (code >>> WIDTH_SHIFT) & 3;
  if (mode === MODE.memory) return width === 0 && k < MEMORY_WORDS;
  if (mode === MODE.immediate || mode === MODE.length) return width === 0;
  if (k >= FIRST_SPECIAL_OFFSET) return false;
  if (kind === LOAD_X) return mode === MODE.header && width === 2;
  return (mode === MODE.absolute || mode === MODE.indirect) && width !== 3;
}
