import { CAPTURE_RECORD_BYTES, CaptureFault } from '../../assembly/capture-abi.js';
import { linkTypeName, magicName } from './names.js';

const MAX_RECORD = `at most ${CAPTURE_RECORD_BYTES} are read`;

type Text = (a: number, b: number) => string;

/** A reason in words for every fault of the walker. */
const TEXTS: Record<CaptureFault, Text> = {
  [CaptureFault.None]: () => 'no fault',
  [CaptureFault.Magic]: magicText,
  [CaptureFault.Version]: (a, b) => `format version ${a}.${b} is not read`,
  [CaptureFault.LinkType]: a => `link type ${linkTypeName(a)} is not read, only 1 (ETHERNET)`,
  [CaptureFault.InterfaceLinkType]: (a, b) =>
    `link type ${linkTypeName(a)} of interface ${b} is not read, only 1 (ETHERNET)`,
  [CaptureFault.RecordLength]: a => `record claims ${a} bytes, ${MAX_RECORD}`,
  [CaptureFault.BlockLength]: a => `block claims an impossible length of ${a} bytes`,
  [CaptureFault.BlockTrailer]: (a, b) => `block begins with length ${a} and ends with length ${b}`,
  [CaptureFault.ByteOrder]: a => `section has the unknown byte-order magic ${hex(a)}`,
  [CaptureFault.PacketLength]: (a, b) =>
    `packet claims ${a} bytes, its block has room for ${b} and ${MAX_RECORD}`,
  [CaptureFault.NoInterface]: (a, b) => `packet of interface ${a}, the section has ${b} so far`,
  [CaptureFault.ManyInterfaces]: a => `more than ${a} interfaces in one section`,
  [CaptureFault.OptionLength]: (a, b) => `option ${a} has a wrong length of ${b} bytes`,
  [CaptureFault.Resolution]: a => `if_tsresol ${hex(a)} is out of range`,
};

/** What the walker found wrong, in words. */
export function faultText(fault: CaptureFault, a: number, b: number): string {
  return TEXTS[fault](a, b);
}

function magicText(magic: number): string {
  const name = magicName(magic);
  if (name === undefined) return `neither pcap nor pcapng: first bytes ${firstBytes(magic)}`;
  return `neither pcap nor pcapng, but ${name}`;
}

function firstBytes(magic: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(magic);
  return bytes.toString('hex');
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
