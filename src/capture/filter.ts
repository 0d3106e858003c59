/**
 * Capture filters: a subset of the language of tcpdump (pcap-filter), compiled to a
 * function.
 *
 *   expression  = term { ("or" | "||") term }
 *   term        = factor { ("and" | "&&") factor }
 *   factor      = ("not" | "!") factor | "(" expression ")" | primitive
 *   primitive   = "ether" ("host" | "src" | "dst") MAC
 *               | "broadcast" | "multicast" | "vlan" [ VID ]
 *               | ("arp" | "ip" | "ip6" | "icmp" | "icmp6" | "tcp" | "udp") [ address | port ]
 *               | address | port
 *   address     = ("host" | "src" | "dst") ["host"] IP
 *   port        = ["src" | "dst"] "port" NUMBER
 *
 * Unlike in tcpdump, `vlan` does not move what stands behind it: tags are always looked
 * through, so `port 80` finds tagged and untagged frames alike.
 */
import { isIP } from 'node:net';
import { parseIp } from '../frame/address.js';
import { macBytes, parseMac } from '../frame/mac.js';
import { FrameHeaders, type Side } from './filter-headers.js';

/** Whether a frame matches. */
export type FrameFilter = (frame: Uint8Array) => boolean;

type Test = (headers: FrameHeaders) => boolean;

/** `filter: column 6: expected a MAC address, got "x"`. */
export class FilterError extends Error {
  /** `column` counts from 1. */
  constructor(
    readonly column: number,
    problem: string,
  ) {
    super(`filter: column ${column}: ${problem}`);
    this.name = 'FilterError';
  }
}

/** Throws a `FilterError`. An empty text matches everything. */
export function compileFilter(text: string): FrameFilter {
  if (text.trim() === '') return () => true;
  const test = new Parser(text).parse();
  const headers = new FrameHeaders();
  return frame => {
    headers.read(frame);
    return test(headers);
  };
}

interface Token {
  text: string;
  column: number;
}

const END = '';
const PRIMITIVES = 'a primitive such as ether host, ip, host, port or vlan';

const TYPE_ARP = 0x0806;
const TYPE_IPV4 = 0x0800;
const TYPE_IPV6 = 0x86dd;
const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMP6 = 58;

const PROTOCOLS: Record<string, Test> = {
  arp: headers => headers.type === TYPE_ARP,
  ip: headers => headers.type === TYPE_IPV4,
  ip6: headers => headers.type === TYPE_IPV6,
  icmp: headers => headers.type === TYPE_IPV4 && headers.protocol === ICMP,
  icmp6: headers => headers.type === TYPE_IPV6 && headers.protocol === ICMP6,
  tcp: headers => headers.protocol === TCP,
  udp: headers => headers.protocol === UDP,
};
const QUALIFIERS = ['host', 'src', 'dst', 'port'];

class Parser {
  private readonly tokens: Token[];
  private next = 0;

  constructor(text: string) {
    const words = text.matchAll(/\(|\)|!|&&|\|\||[^\s()!&|]+|[&|]/g);
    this.tokens = Array.from(words, word => ({ text: word[0], column: word.index + 1 }));
    this.tokens.push({ text: END, column: text.length + 1 });
  }

  parse(): Test {
    const test = this.expression();
    if (this.peek() !== END) this.fail('and, or, or the end');
    return test;
  }

  private peek(): string {
    return this.tokens[this.next]!.text;
  }

  /** Takes the next word if it is one of these. */
  private accept(...words: string[]): string | undefined {
    const word = this.peek();
    if (!words.includes(word)) return undefined;
    this.next++;
    return word;
  }

  private fail(expected: string): never {
    const { text, column } = this.tokens[this.next]!;
    const got = text === END ? 'the end' : JSON.stringify(text);
    throw new FilterError(column, `expected ${expected}, got ${got}`);
  }

  private expression(): Test {
    let test = this.term();
    while (this.accept('or', '||')) {
      const left = test;
      const right = this.term();
      test = headers => left(headers) || right(headers);
    }
    return test;
  }

  private term(): Test {
    let test = this.factor();
    while (this.accept('and', '&&')) {
      const left = test;
      const right = this.factor();
      test = headers => left(headers) && right(headers);
    }
    return test;
  }

  private factor(): Test {
    if (this.accept('not', '!')) {
      const inner = this.factor();
      return headers => !inner(headers);
    }
    if (!this.accept('(')) return this.primitive();
    const inner = this.expression();
    if (!this.accept(')')) this.fail('")"');
    return inner;
  }

  private primitive(): Test {
    if (this.accept('ether')) return this.ether();
    if (this.accept('broadcast')) return headers => headers.isBroadcast;
    if (this.accept('multicast')) return headers => headers.isGroup;
    if (this.accept('vlan')) return this.vlan();
    const protocol = this.accept(...Object.keys(PROTOCOLS));
    if (protocol === undefined) return this.qualified();
    const isProtocol = PROTOCOLS[protocol]!;
    if (!QUALIFIERS.includes(this.peek())) return isProtocol;
    const rest = this.qualified();
    return headers => isProtocol(headers) && rest(headers);
  }

  private ether(): Test {
    if (this.accept('broadcast')) return headers => headers.isBroadcast;
    if (this.accept('multicast')) return headers => headers.isGroup;
    const side = this.accept('host', 'src', 'dst');
    if (side === undefined) this.fail('host, src, dst, broadcast or multicast');
    if (side !== 'host') this.accept('host');
    const mac = macBytes(parseMac(this.peek()) ?? this.fail('a MAC address'));
    this.next++;
    return headers => headers.hasMac(mac, side as Side);
  }

  private vlan(): Test {
    if (!/^\d/.test(this.peek())) return headers => headers.vids.length > 0;
    const vid = this.number(0, 4095, 'a VLAN 0..4095');
    return headers => headers.vids.includes(vid);
  }

  private qualified(): Test {
    const side = (this.accept('src', 'dst') ?? 'host') as Side;
    if (this.accept('port')) {
      const port = this.number(0, 65535, 'a port 0..65535');
      return headers => headers.hasPort(port, side);
    }
    const named = this.accept('host') !== undefined;
    if (side === 'host' && !named) this.fail(PRIMITIVES);
    if (isIP(this.peek()) === 0) this.fail(named ? 'an IP address' : 'port or an IP address');
    const address = parseIp(this.peek()) ?? this.fail('an IP address');
    this.next++;
    return headers => headers.hasAddress(address, side);
  }

  private number(first: number, last: number, expected: string): number {
    const value = /^\d+$/.test(this.peek()) ? Number(this.peek()) : NaN;
    if (!(value >= first && value <= last)) this.fail(expected);
    this.next++;
    return value;
  }
}
