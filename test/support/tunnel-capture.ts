/**
 * Datagrams of VXLAN or Geneve in captured frames, found by this file alone: Ethernet, IP
 * without extensions, UDP to a known port.
 */
import { isL4Valid } from './checksum.js';
import { type Outer, openTunnel } from './outer.js';

export const TUNNEL_PORTS: Record<number, 'vxlan' | 'geneve'> = {
  4789: 'vxlan',
  4790: 'vxlan', // VXLAN-GPE: a frame only where it says so
  8472: 'vxlan',
  6081: 'geneve',
};
const ETHERNET = 14;
const GPE_PORT = 4790;
const GPE_NEXT_ETHERNET = 3;

export interface Found {
  frame: Uint8Array;
  encapsulation: 'vxlan' | 'geneve';
  outer: Outer;
  /** It has a UDP checksum that is wrong: most often it was left to a device. */
  isWrong: boolean;
}

/** What is in a frame, or why it is of no use here. */
export function findTunnel(frame: Uint8Array): Found | string {
  const udpPort = udpPortOf(Buffer.from(frame));
  const encapsulation = udpPort === undefined ? undefined : TUNNEL_PORTS[udpPort];
  if (udpPort === undefined || encapsulation === undefined) return 'no tunnel';
  let outer: Outer;
  try {
    outer = openTunnel(trimmed(frame), encapsulation);
  } catch (error) {
    return (error as Error).message.replace(/:.*/, '');
  }
  const header = Buffer.from(outer.header, 'hex');
  if (udpPort === GPE_PORT && header[3] !== GPE_NEXT_ETHERNET) return 'GPE without a frame';
  if (encapsulation === 'geneve' && header.readUInt16BE(2) !== 0x6558) {
    return 'Geneve without a frame';
  }
  return { frame, encapsulation, outer, isWrong: hasWrongSum(trimmed(frame), outer) };
}

function hasWrongSum(frame: Uint8Array, outer: Outer): boolean {
  if (outer.udpChecksum === 0) return false;
  const udp = ETHERNET + outer.ipHeaderBytes;
  const addressBytes = outer.source.includes(':') ? 32 : 8;
  return !isL4Valid(frame.subarray(udp - addressBytes, udp), 17, frame.subarray(udp));
}

function udpPortOf(frame: Buffer): number | undefined {
  if (frame.length < ETHERNET + 48) return undefined;
  const type = frame.readUInt16BE(12);
  if (type === 0x0800 && frame[ETHERNET + 9] === 17) {
    return frame.readUInt16BE(ETHERNET + (frame[ETHERNET]! & 15) * 4 + 2);
  }
  return type === 0x86dd && frame[ETHERNET + 6] === 17 ? frame.readUInt16BE(56) : undefined;
}

/** Without what pads a short frame. */
function trimmed(frame: Uint8Array): Uint8Array {
  const view = Buffer.from(frame);
  const isIpv6 = view.readUInt16BE(12) === 0x86dd;
  const total = isIpv6 ? view.readUInt16BE(18) + 40 : view.readUInt16BE(16);
  return frame.slice(0, ETHERNET + total);
}
