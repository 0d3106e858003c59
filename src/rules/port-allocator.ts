/**
 * Host ports that are given away, for each address and protocol. The address of a family
 * that means all (`0.0.0.0`, `::`) takes a port from every other address of the family.
 */
import { parseIp } from '../frame/address.js';
import type { Range } from './model.js';
import { portCount, type PublishProtocol } from './publish-spec.js';

/** `net.ipv4.ip_local_port_range` of Linux; what to use where it cannot be read. */
export const LOCAL_PORTS: Range = { first: 32768, last: 60999 };
export const FALLBACK_PORTS: Range = { first: 49153, last: 65535 };
const ALL_PORTS = 65536;

export interface AllocatorOptions {
  /** Of ports that are chosen; LOCAL_PORTS unless said. */
  readonly range?: Range;
  /** `ip_local_reserved_ports`: never chosen, but given where they are asked for. */
  readonly reserved?: readonly Range[];
}

/** What is asked for: the same ports of each of the addresses. */
export interface PortRequest {
  readonly addresses: readonly string[];
  readonly protocol: PublishProtocol;
  /** How many, one behind the other. */
  readonly count: number;
  /** Undefined: any of the allocator's range. */
  readonly within: Range | undefined;
}

/** A port that is asked for is taken, in the words of Docker. */
export class PortTakenError extends Error {
  constructor(address: string, port: number) {
    super(`Bind for ${address}:${port} failed: port is already allocated`);
    this.name = 'PortTakenError';
  }
}

/** Ports of one family and protocol: 256 KiB, and 8 KiB for each address. */
class PortTable {
  readonly byAddress = new Map<string, Uint8Array>();
  /** On how many addresses a port is taken. */
  readonly users = new Uint32Array(ALL_PORTS);

  constructor(private readonly wildcard: string) {}

  isTaken(address: string, port: number): boolean {
    if (address === this.wildcard) return this.users[port]! > 0;
    return this.has(address, port) || this.has(this.wildcard, port);
  }

  take(address: string, port: number): void {
    let bits = this.byAddress.get(address);
    if (bits === undefined) this.byAddress.set(address, (bits = new Uint8Array(ALL_PORTS / 8)));
    bits[port >> 3]! |= 1 << (port & 7);
    this.users[port]!++;
  }

  free(address: string, port: number): void {
    if (!this.has(address, port)) return;
    this.byAddress.get(address)![port >> 3]! &= ~(1 << (port & 7));
    this.users[port]!--;
  }

  private has(address: string, port: number): boolean {
    const bits = this.byAddress.get(address);
    return bits !== undefined && (bits[port >> 3]! & (1 << (port & 7))) !== 0;
  }
}

export class PortAllocator {
  private readonly tables = new Map<string, PortTable>();
  /** The last port given of the range, for each set of addresses and protocol. */
  private readonly lastGiven = new Map<string, number>();
  private readonly range: Range;
  private readonly reserved: readonly Range[];

  constructor({ range = LOCAL_PORTS, reserved = [] }: AllocatorOptions = {}) {
    this.range = range;
    this.reserved = reserved;
  }

  /** Throws PortTakenError for one certain port, Error where none of several is free. */
  allocate(request: PortRequest): Range {
    const { within, count } = request;
    const ports = within === undefined ? this.chosen(request) : this.asked(request, within);
    for (let port = ports; port < ports + count; port++)
      for (const address of request.addresses)
        this.table(address, request.protocol).take(address, port);
    return { first: ports, last: ports + count - 1 };
  }

  release(addresses: readonly string[], protocol: PublishProtocol, ports: Range): void {
    for (const address of addresses)
      for (let port = ports.first; port <= ports.last; port++)
        this.table(address, protocol).free(address, port);
  }

  /** Of a range longer than `count` the first that fit; else exactly these. */
  private asked(request: PortRequest, within: Range): number {
    const { count } = request;
    if (portCount(within) === count) {
      const taken = this.firstTaken(request, within.first);
      if (taken !== undefined) throw new PortTakenError(taken.address, taken.port);
      return within.first;
    }
    for (let first = within.first; first + count - 1 <= within.last; first++)
      if (this.firstTaken(request, first) === undefined) return first;
    throw new Error(`all ports of ${within.first}-${within.last} are allocated`);
  }

  /** Next after the last that was given, then from the start of the range. */
  private chosen(request: PortRequest): number {
    const { first, last } = this.range;
    const { count } = request;
    const key = `${request.protocol} ${request.addresses.join(' ')}`;
    const places = portCount(this.range);
    const start = (this.lastGiven.get(key) ?? first - 1) + 1;
    for (let i = 0; i < places; i++) {
      const port = first + ((start - first + i) % places);
      if (port + count - 1 > last || this.isReserved(port, count)) continue;
      if (this.firstTaken(request, port) !== undefined) continue;
      this.lastGiven.set(key, port + count - 1);
      return port;
    }
    throw new Error(`all ports of ${first}-${last} are allocated`);
  }

  private isReserved(port: number, count: number): boolean {
    return this.reserved.some(({ first, last }) => port <= last && first < port + count);
  }

  private firstTaken(
    { addresses, protocol, count }: PortRequest,
    first: number,
  ): { address: string; port: number } | undefined {
    for (let port = first; port < first + count; port++)
      for (const address of addresses)
        if (this.table(address, protocol).isTaken(address, port)) return { address, port };
    return undefined;
  }

  private table(address: string, protocol: PublishProtocol): PortTable {
    const ip = parseIp(address);
    if (ip === undefined) throw new Error(`port allocator: ${address} is no address`);
    const wildcard = ip.length === 4 ? '0.0.0.0' : '::';
    const key = `${wildcard} ${protocol}`;
    const known = this.tables.get(key);
    if (known !== undefined) return known;
    const table = new PortTable(wildcard);
    this.tables.set(key, table);
    return table;
  }
}
