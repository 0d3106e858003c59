import { Core } from '../memory';
import { Packet } from '../packet';
export function answerTooBig(core: Core, p: Packet, mtuBytes: u32): void {}
