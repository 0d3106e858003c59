/**
 * Stations: hosts with a MAC address each, behind ports in turn (station `i` is behind port
 * `i % ports`), and tables of the frames they send one another.
 */
import { BATCH_PACKETS } from '../../assembly/abi.js';

/** Destination and source address. */
export const ADDRESS_WORDS = 3;
/** The addresses and a VLAN tag. */
export const TAGGED_WORDS = 4;
/** Bytes of TPID 0x8100, read as little endian. */
const TPID_LOW = 0x0081;

/** One frame: numbers of stations, and the VLAN of its tag (0: none). */
export interface Sent {
  source: number;
  destination: number;
  vid: number;
}

export type Random = (below: number) => number;

/** Marsaglia's xorshift, 32 bits: the same frames in every run. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0 || 1;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** First words of the frames of `batches` batches, made by `send` in order. */
export function makeTemplate(
  batches: number,
  frameWords: number,
  send: (slot: number, batch: number) => Sent,
): Uint32Array {
  const template = new Uint32Array(batches * BATCH_PACKETS * frameWords);
  let at = 0;
  for (let batch = 0; batch < batches; batch++) {
    for (let slot = 0; slot < BATCH_PACKETS; slot++) {
      const { source, destination, vid } = send(slot, batch);
      template[at] = macLow(destination);
      template[at + 1] = macHigh(destination) | (macLow(source) << 16);
      template[at + 2] = (macLow(source) >>> 16) | (macHigh(source) << 16);
      if (frameWords === TAGGED_WORDS) template[at + 3] = TPID_LOW | (swap16(vid) << 16);
      at += frameWords;
    }
  }
  return template;
}

/** Bytes 0 to 3 of a station's address, little endian: 02, then bits 16-23, then a mix. */
function macLow(station: number): number {
  const mixed = Math.imul(station + 1, 0x9e3779b1) & 0xffff0000;
  return (mixed | ((station >>> 8) & 0xff00) | 0x02) >>> 0;
}

/** Bytes 4 and 5: bits 0-15 of its number, so addresses differ. */
function macHigh(station: number): number {
  return station & 0xffff;
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

/** Port of a slot when a batch holds one burst of each port. */
export function burstPort(slot: number, ports: number): number {
  return Math.floor((slot * ports) / BATCH_PACKETS);
}

/** Every station speaks once, from its own port, to one behind another that spoke before. */
export function everyoneSpeaks(stations: number, ports: number, first = 0): Uint32Array {
  const perPort = BATCH_PACKETS / ports;
  return makeTemplate(Math.ceil(stations / BATCH_PACKETS), ADDRESS_WORDS, (slot, batch) => {
    const turn = batch * perPort + (slot % perPort);
    const port = burstPort(slot, ports);
    const source = (turn * ports + port) % stations;
    // The first burst of a batch looks back to the second one of the batch before.
    const back = port > 0 ? 1 : BATCH_PACKETS - 1;
    const destination = (source + stations - (back % stations)) % stations;
    return { source: first + source, destination: first + destination, vid: 0 };
  });
}

/** Uniformly random stations speak to uniformly random stations behind other ports. */
export function anyoneSpeaks(stations: number, ports: number, batches: number): Uint32Array {
  const random = seededRandom(stations);
  const perPort = stations / ports;
  return makeTemplate(batches, ADDRESS_WORDS, slot => {
    const from = burstPort(slot, ports);
    const to = (from + 1 + random(ports - 1)) % ports;
    const source = random(perPort) * ports + from;
    return { source, destination: random(perPort) * ports + to, vid: 0 };
  });
}
