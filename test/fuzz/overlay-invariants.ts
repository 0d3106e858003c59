/**
 * What must hold for frames that cross a tunnel's end: what leaves by the underlay is a sound
 * packet no longer than its path, of a source port in range, with what came in inside;
 * what comes out of it was in it; nothing goes from a tunnel back into one.
 */
import * as assert from 'uvu/assert';
import { TxFlag } from '../../assembly/abi.js';
import { isL4Valid, slowSum } from '../support/checksum.js';
import { Frame, hex } from '../support/frame.js';
import { ipOf, openTunnel } from '../support/outer.js';
import type { Input, Sent } from '../support/test-switch.js';
import { GSO_UDP, readVirtio } from '../support/virtio.js';
import { type FuzzOverlay, TUNNEL, UNDERLAY } from './overlay.js';

const ETHERNET = 14;
const IPV4_BYTES = 20;
const UDP = 17;
const FIRST_SOURCE_PORT = 49152;
const RIGHT_SUM = 0xffff;
const PROTOCOLS_WITH_SUMS = [1, 6, UDP, 58];
/** Bytes 14 to 25 of an inner frame: the ECN field and what checksum it changes. */
const ECN_END = 26;

const bytesOf = ({ frame }: Input) => (frame instanceof Frame ? frame.bytes() : frame);

/** Whether a sent frame has to do with the tunnel, and is checked here. */
export function isOfOverlay(inputs: Input[], sent: Sent): boolean {
  const input = inputs[sent.origin];
  if (sent.port === UNDERLAY || input?.port === UNDERLAY) return true;
  return input !== undefined && isAnswer(input, sent) && isTooBig(sent);
}

/** Back to whoever sent the frame. */
function isAnswer(input: Input, { port, bytes }: Sent): boolean {
  return port === input.port && hex(bytes.slice(0, 6)) === hex(bytesOf(input).slice(6, 12));
}

/** An answer by ICMP that a packet is too big for the path; its tags are those of the packet. */
function isTooBig({ bytes }: Sent): boolean {
  const frame = Buffer.from(bytes.slice(tagBytesOf(bytes)));
  const type = Buffer.from(bytes).readUInt16BE(12 + tagBytesOf(bytes));
  if (frame.length < 62) return false;
  if (type === 0x0800) return frame[23] === 1 && frame.readUInt16BE(34) === 0x304;
  return type === 0x86dd && frame[20] === 58 && frame[54] === 2;
}

function tagBytesOf(bytes: Uint8Array): number {
  const frame = Buffer.from(bytes);
  let tags = 0;
  while (frame.length >= 18 + tags && [0x8100, 0x88a8].includes(frame.readUInt16BE(12 + tags))) {
    tags += 4;
  }
  return tags;
}

export function checkOverlaySent(overlay: FuzzOverlay, inputs: Input[], sent: Sent): void {
  const input = inputs[sent.origin];
  assert.is.not(sent.port, TUNNEL, 'a tunnel port has no device');
  if (sent.port === UNDERLAY) return checkOuter(overlay, input, sent);
  if (input !== undefined && input.port === UNDERLAY) checkInner(input, sent);
  else checkAnswer(sent);
}

/** A message of ours about a packet. */
function checkAnswer({ bytes }: Sent): void {
  const tags = tagBytesOf(bytes);
  const plain = Buffer.concat([bytes.subarray(0, 12), bytes.subarray(12 + tags)]);
  const ip = ipOf(plain);
  checkL4(plain, ETHERNET + ip.ipHeaderBytes, ip.protocol, plain.readUInt16BE(12) === 0x86dd);
}

function checkOuter(overlay: FuzzOverlay, input: Input | undefined, sent: Sent): void {
  const frame = Buffer.from(sent.bytes);
  assert.ok(frame.length >= ETHERNET + IPV4_BYTES, 'shorter than headers');
  const type = frame.readUInt16BE(12);
  if (type === 0x0806) return;
  const ip = ipOf(frame);
  const isIpv6 = type === 0x86dd;
  if (!isIpv6) {
    const header = frame.subarray(ETHERNET, ETHERNET + ip.ipHeaderBytes);
    assert.is(slowSum(header), RIGHT_SUM, 'outer IPv4 checksum');
  }
  if (sent.txFlags & TxFlag.Offload) return checkSuper(sent, ip.ipHeaderBytes);
  checkL4(frame, ETHERNET + ip.ipHeaderBytes, ip.protocol, isIpv6);
  if (ip.protocol !== UDP) return;
  const outer = openTunnel(sent.bytes, overlay.encapsulation);
  assert.is.not(input?.port, UNDERLAY, 'from a tunnel into a tunnel');
  assert.equal([outer.udpPort, outer.vni], [overlay.udpPort, overlay.vni]);
  assert.ok(outer.sourcePort >= FIRST_SOURCE_PORT, `source port ${outer.sourcePort}`);
  if (input !== undefined && isPlain(input)) checkCarried(input, outer.inner);
}

/** A frame of which the overlay may only have taken a tag off, or lowered an MSS. */
function isPlain(input: Input): boolean {
  const bytes = bytesOf(input);
  return input.offload === undefined && bytes[12] === 0x88 && bytes[13] === 0xb5;
}

function checkCarried(input: Input, inner: Uint8Array): void {
  assert.is(hex(inner), hex(bytesOf(input)), 'the inner frame');
}

/** Datagrams of one length, each with a tunnel header, for a device to cut apart. */
function checkSuper({ bytes, virtio }: Sent, ipHeaderBytes: number): void {
  const header = readVirtio(virtio!);
  const headers = ETHERNET + ipHeaderBytes + 8;
  assert.is(header.gsoType, GSO_UDP);
  assert.is(header.headerBytes, headers);
  assert.equal([header.checksumStart, header.checksumOffset], [headers - 8, 6]);
  const chunks = (bytes.length - headers) / header.gsoBytes;
  assert.ok(chunks > 1 && Math.ceil(chunks) <= 64, `${chunks} datagrams`);
}

function checkL4(frame: Buffer, at: number, protocol: number, isIpv6: boolean): void {
  if (!PROTOCOLS_WITH_SUMS.includes(protocol)) return;
  const l4 = frame.subarray(at);
  if (protocol === UDP && l4.readUInt16BE(6) === 0) return;
  const addresses = frame.subarray(isIpv6 ? 22 : 26, isIpv6 ? 54 : 34);
  const isValid = protocol === 1 ? slowSum(l4) === RIGHT_SUM : isL4Valid(addresses, protocol, l4);
  assert.ok(isValid, `checksum of protocol ${protocol}: ${hex(frame)}`);
}

/** What came out was in the datagram, but for ECN; pieces and unfinished ones are not whole. */
function checkInner(input: Input, sent: Sent): void {
  const whole = bytesOf(input);
  const isWhole = input.offload === undefined && !input.checked && !isFragment(whole);
  if (!isWhole || sent.txFlags & TxFlag.Offload) return;
  const addresses = hex(sent.bytes.slice(0, 12));
  const rest = hex(sent.bytes.slice(Math.min(ECN_END, sent.bytes.length)));
  const carried = hex(whole);
  assert.ok(carried.includes(addresses), 'addresses that did not come in');
  assert.ok(carried.includes(rest), 'payload that did not come in');
}

function isFragment(frame: Uint8Array): boolean {
  const view = Buffer.from(frame);
  if (view.length < 34) return false;
  if (view.readUInt16BE(12) === 0x86dd) return view[20] === 44;
  return (view.readUInt16BE(20) & 0x3fff) !== 0;
}
