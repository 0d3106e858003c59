/** Classic BPF, one instruction after the other, by what tcpdump calls them. */
import type { BpfInstruction } from '../../src/rules/model.js';

const BINARY: Record<number, (a: number, b: number) => number | undefined> = {
  0x00: (a, b) => a + b,
  0x10: (a, b) => a - b,
  0x20: (a, b) => Math.imul(a, b),
  0x30: (a, b) => (b === 0 ? undefined : Math.floor(a / b)),
  0x40: (a, b) => a | b,
  0x50: (a, b) => a & b,
  0x60: (a, b) => (b > 31 ? 0 : a << b),
  0x70: (a, b) => (b > 31 ? 0 : a >>> b),
  0x80: a => -a,
  0x90: (a, b) => (b === 0 ? undefined : a % b),
  0xa0: (a, b) => a ^ b,
};

/** What the program returns; reading behind the packet and dividing by 0 return 0. */
export function referenceBpf(program: readonly BpfInstruction[], packet: Uint8Array): number {
  const memory = new Array<number>(16).fill(0);
  let a = 0;
  let x = 0;
  const bytesAt = (offset: number, count: number): number | undefined => {
    if (offset + count > packet.length) return undefined;
    return packet.subarray(offset, offset + count).reduce((sum, byte) => sum * 256 + byte, 0);
  };
  for (let at = 0; ; at++) {
    const { code, jumpTrue, jumpFalse, k } = program[at]!;
    const other = (code & 8) === 0 ? k : x;
    let loaded: number | undefined;
    switch (code & 7) {
      case 6:
        return code === 0x16 || code === 0x1e ? a : other;
      case 5: {
        if (code >> 4 === 0) {
          at += k;
          break;
        }
        const holds = [false, a === other, a > other, a >= other, (a & other) !== 0];
        at += holds[code >> 4] === true ? jumpTrue : jumpFalse;
        break;
      }
      case 4:
        loaded = BINARY[code & 0xf0]!(a, other);
        if (loaded === undefined) return 0;
        a = loaded >>> 0;
        break;
      case 7:
        if (code === 0x07) x = a;
        else a = x;
        break;
      case 2:
        memory[k] = a;
        break;
      case 3:
        memory[k] = x;
        break;
      default: {
        const width = [4, 2, 1][(code >> 3) & 3]!;
        const mode = code >> 5;
        if (mode === 0) loaded = k;
        if (mode === 1) loaded = bytesAt(k, width);
        if (mode === 2) loaded = bytesAt((k + x) % 2 ** 32, width);
        if (mode === 3) loaded = memory[k];
        if (mode === 4) loaded = packet.length;
        if (mode === 5) loaded = bytesAt(k, 1);
        if (loaded === undefined) return 0;
        if (mode === 5) loaded = (loaded & 15) * 4;
        if ((code & 7) === 0) a = loaded;
        else x = loaded;
      }
    }
  }
}
