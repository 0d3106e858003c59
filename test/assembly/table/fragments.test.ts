/**
 * Reassembly of outer fragments: in any order, twice, overlapping, too late and too many
 * (case VX-A28). Whole frames are compared.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HOP_OPTIONS, ROUTING, extended, fragmentOf } from '../../support/extension.js';
import { Frame, eth, hex } from '../../support/frame.js';
import {
  equalPieces,
  fragment,
  payloadOf,
  piecesAt,
  togetherOf,
  type Changes,
  type Piece,
} from '../../support/fragment.js';
import { seededRandom } from '../../support/random.js';
import { UnitCore } from '../../support/unit-core.js';

const random = seededRandom('fragments');
const RESULTS = ['Kept', 'Bad', 'Overlap', 'Twice', 'NoRoom'];
const V4 = ['192.0.2.1', '192.0.2.2'] as const;
const V6 = ['2001:db8::1', '2001:db8::2'] as const;
const TIMEOUT_MS = 30000;
const TABLE_BYTES = 1 << 18;

interface Counts {
  waiting: number;
  completed: number;
  expired: number;
  evicted: number;
  refused: number;
}

class Table {
  private constructor(
    readonly core: UnitCore,
    private readonly table: number,
    private readonly out: number,
    private readonly frame: number,
  ) {}

  static create(datagrams = 16, blocks = 64, sizes: { CopyBytes?: number } = {}): Table {
    const core = UnitCore.create('test', sizes);
    const { unit } = core;
    const bytes = unit.call('fragmentsBytes', datagrams, blocks);
    assert.ok(bytes <= TABLE_BYTES, `${bytes} bytes`);
    const table = unit.place(new Uint8Array(bytes));
    unit.call('createFragments', table, datagrams, blocks);
    return new Table(core, table, unit.place(24), unit.place(66000, 2));
  }

  /** A name of RESULTS, or the whole frame in hexadecimal. */
  add(bytes: Uint8Array, scope = 0): string {
    const { unit, address } = this.core.open();
    unit.bytes.set(bytes, this.frame);
    const ip = this.frame + 14;
    const result = unit.call('addFragment', address, this.table, ip, bytes.length - 14, scope);
    const name = RESULTS[result];
    if (name !== undefined) return name;
    const [length] = unit.readWords(
      (unit.call('readFragments', this.table, this.out), this.out),
      1,
    );
    return hex(unit.read(result, length!));
  }

  wait(ms: number): this {
    this.core.nowMs = (this.core.nowMs + ms) >>> 0;
    return this;
  }

  expire(most = 1000): this {
    this.core.unit.call('expireFragments', this.table, this.core.nowMs, most);
    return this;
  }

  get counts(): Counts {
    this.core.unit.call('readFragments', this.table, this.out);
    const [, waiting, completed, expired, evicted, refused] = this.core.unit.readWords(this.out, 6);
    return {
      waiting: waiting!,
      completed: completed!,
      expired: expired!,
      evicted: evicted!,
      refused: refused!,
    };
  }
}

/** Outer packets to a tunnel port, of either family. */
const outer4 = (bytes: number): Frame =>
  eth(1, 2)
    .ipv4(...V4)
    .udp(50000, 4789)
    .payload(bytes);
const outer6 = (bytes: number): Frame =>
  eth(1, 2)
    .ipv6(...V6)
    .udp(50000, 4789)
    .payload(bytes);
const FAMILIES = [outer4, outer6];

function shuffled<T>(items: readonly T[]): T[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}

test('fragments: a packet in pieces of 40 bytes is whole after the last (VX-A28)', () => {
  for (const outer of FAMILIES) {
    const frame = outer(1450).bytes();
    const table = Table.create();
    const pieces = equalPieces(payloadOf(frame).length, 40);
    const results = pieces.map(piece => table.add(fragment(frame, piece)));
    assert.is(results.pop(), hex(togetherOf(frame)));
    assert.ok(results.every(result => result === 'Kept'));
    assert.equal(table.counts, { waiting: 0, completed: 1, expired: 0, evicted: 0, refused: 0 });
  }
});

interface Flight {
  bytes: Uint8Array;
  datagram: number;
  piece: number;
}

/** Datagrams of both families, cut anywhere, as they might fly: mixed up and doubled. */
function randomFlights(datagrams: number): {
  flights: Flight[];
  frames: Uint8Array[];
  pieces: number[];
} {
  const frames: Uint8Array[] = [];
  const pieces: number[] = [];
  const flights = Array.from({ length: datagrams }, (_, datagram) => {
    // A byte behind the UDP header at least: two pieces.
    const most = random(2) === 0 ? 300 : 9000;
    const frame = FAMILIES[random(2)]!(1 + random(most)).bytes();
    const length = payloadOf(frame).length;
    const cuts = Array.from({ length: 1 + random(30) }, () => 8 * random(Math.ceil(length / 8)));
    const cut = piecesAt(length, [8, ...cuts]);
    frames.push(togetherOf(frame, { id: datagram }));
    pieces.push(cut.length);
    return cut.map((piece, i) => {
      const bytes = fragment(frame, piece, { id: datagram });
      return { bytes, datagram, piece: i };
    });
  });
  const twice = flights.flat().flatMap(flight => (random(4) === 0 ? [flight, flight] : [flight]));
  return { flights: shuffled(twice), frames, pieces };
}

test('fragments: any datagrams, cut anywhere, in any order, some pieces twice', () => {
  for (let round = 0; round < 40; round++) {
    const count = 1 + random(12);
    const { flights, frames, pieces } = randomFlights(count);
    const table = Table.create(count, 80);
    const seen = frames.map(() => new Set<number>());
    let done = 0;
    for (const { bytes, datagram, piece } of flights) {
      const pieceSet = seen[datagram]!;
      if (pieceSet.size === pieces[datagram]) continue; // a copy behind the last begins anew
      const isTwice = pieceSet.has(piece);
      pieceSet.add(piece);
      const isLast = pieceSet.size === pieces[datagram];
      const expected = isTwice ? 'Twice' : isLast ? hex(frames[datagram]!) : 'Kept';
      assert.is(table.add(bytes), expected);
      if (isLast) done++;
      table.wait(random(20));
    }
    assert.is(done, count);
    assert.equal(table.counts, {
      waiting: 0,
      completed: count,
      expired: 0,
      evicted: 0,
      refused: 0,
    });
  }
});

test('fragments: datagrams that differ in anything of the key do not mix', () => {
  const frames: [Frame, Changes, number][] = [
    [outer4(100), { id: 1 }, 0],
    [outer4(100), { id: 2 }, 0],
    [outer4(100), { id: 1 }, 1],
    [eth(1, 2).ipv4('192.0.2.9', V4[1]).udp(1, 2).payload(100), { id: 1 }, 0],
    [eth(1, 2).ipv4(V4[0], '192.0.2.9').udp(1, 2).payload(100), { id: 1 }, 0],
    [
      eth(1, 2)
        .ipv4(...V4)
        .tcp(1, 2)
        .payload(88),
      { id: 1 },
      0,
    ],
    [outer6(100), { id: 1 }, 0],
    [outer6(100), { id: 0x10001 }, 0],
  ];
  const table = Table.create();
  for (const part of [0, 1]) {
    for (const [frame, changes, scope] of frames) {
      const bytes = frame.bytes();
      const piece = piecesAt(payloadOf(bytes).length, [48])[part]!;
      const got = table.add(fragment(bytes, piece, changes), scope);
      const id = changes.id! & 0xffff;
      assert.is(got, part === 0 ? 'Kept' : hex(togetherOf(bytes, { id })));
    }
  }
});

test('fragments: an overlap ends the datagram, RFC 5722', () => {
  for (const outer of FAMILIES) {
    const frame = outer(192).bytes(); // 200 bytes behind the IP header
    const attacks: Piece[] = [
      { offset: 0, length: 72 },
      { offset: 0, length: 56 },
      { offset: 56, length: 16 },
      { offset: 8, length: 8 },
      { offset: 40, length: 80 },
      { offset: 128, length: 80 },
      { offset: 200, length: 8 }, // behind the end
    ];
    for (const attack of attacks) {
      const table = Table.create();
      assert.is(table.add(fragment(frame, { offset: 0, length: 64 })), 'Kept');
      assert.is(table.add(fragment(frame, { offset: 128, length: 72 })), 'Kept');
      const payload = new Uint8Array(attack.length).fill(0x66);
      assert.is(table.add(fragment(frame, attack, { payload, more: true })), 'Overlap');
      assert.is(table.counts.waiting, 0);
      assert.is(table.counts.refused, 1);
      // What is still to come is not made whole with what was there.
      assert.is(table.add(fragment(frame, { offset: 64, length: 64 })), 'Kept');
    }
  }
});

test('fragments: a datagram has one end', () => {
  const frame = outer4(192).bytes();
  const last = (offset: number, length: number) =>
    fragment(frame, { offset, length }, { more: false });
  const table = Table.create();
  table.add(last(128, 72));
  assert.is(table.add(last(64, 16)), 'Overlap');
  table.add(fragment(frame, { offset: 128, length: 64 }));
  assert.is(table.add(last(64, 16)), 'Overlap');
  assert.is(table.counts.waiting, 0);
});

test('fragments: the longest datagram is whole, and one byte more is refused', () => {
  const frame = outer4(65507).bytes();
  const pieces = equalPieces(payloadOf(frame).length, 1480);
  const table = Table.create();
  const results = shuffled(pieces).map(piece => table.add(fragment(frame, piece)));
  assert.is(results.pop(), hex(togetherOf(frame)));
  const beyond = { offset: 65528, length: 8 };
  assert.is(table.add(fragment(frame, beyond, { payload: new Uint8Array(8) })), 'Bad');
  // Each piece is within 65535 bytes, but not with the header.
  const long = new Uint8Array(65528);
  assert.is(
    table.add(
      fragment(frame, { offset: 0, length: 0 }, { payload: long.subarray(0, 32768), more: true }),
    ),
    'Kept',
  );
  const rest = long.subarray(0, 32760);
  assert.is(
    table.add(fragment(frame, { offset: 32768, length: 0 }, { payload: rest, more: false })),
    'Bad',
  );
  assert.equal(table.counts.waiting, 0);
});

test('fragments: a datagram that stays incomplete dies after its time', () => {
  const frame = outer4(192).bytes();
  const [first, second] = piecesAt(200, [64]).map(piece => fragment(frame, piece));
  const table = Table.create();
  table.add(first!);
  table.wait(TIMEOUT_MS - 1);
  assert.is(table.add(second!), hex(togetherOf(frame)));
  table.add(first!);
  table.wait(TIMEOUT_MS);
  assert.is(table.add(second!), 'Kept'); // of a new one
  assert.is(table.counts.expired, 1);
  assert.is(table.wait(TIMEOUT_MS).expire().counts.waiting, 0);
  assert.is(table.counts.expired, 2);
});

test('fragments: time that wraps is no reason to die', () => {
  const frame = outer4(192).bytes();
  const [first, second] = piecesAt(200, [64]).map(piece => fragment(frame, piece));
  const table = Table.create();
  table.wait(0xffffffff - table.core.nowMs - 5);
  table.add(first!);
  assert.is(table.wait(10).add(second!), hex(togetherOf(frame)));
});

test('fragments: expiry looks at no more rows than asked, the oldest first', () => {
  const table = Table.create();
  const firstOf = (id: number) => fragment(outer4(192), { offset: 0, length: 64 }, { id });
  for (let id = 0; id < 10; id++) table.add(firstOf(id));
  table.wait(TIMEOUT_MS);
  assert.is(table.expire(3).counts.waiting, 7);
  assert.is(table.expire(0).counts.waiting, 7);
  assert.is(table.expire(100).counts.waiting, 0);
});

test('fragments: a full table gives up its oldest datagram', () => {
  const frame = outer4(192).bytes();
  const table = Table.create(4, 64);
  const partOf = (id: number, part: number) => fragment(frame, piecesAt(200, [64])[part]!, { id });
  for (let id = 1; id <= 5; id++) assert.is(table.add(partOf(id, 0)), 'Kept');
  assert.equal(table.counts, { waiting: 4, completed: 0, expired: 0, evicted: 1, refused: 0 });
  for (let id = 2; id <= 5; id++) {
    assert.is(table.add(partOf(id, 1)), hex(togetherOf(frame, { id })));
  }
  assert.is(table.add(partOf(1, 1)), 'Kept');
});

test('fragments: so does a full pool', () => {
  const frame = outer4(6000).bytes();
  const table = Table.create(16, 8); // four blocks of 2 KiB a datagram, no more than two fit
  const partOf = (id: number, part: number) =>
    fragment(frame, piecesAt(6008, [5600])[part]!, { id });
  for (let id = 1; id <= 3; id++) assert.is(table.add(partOf(id, 0)), 'Kept');
  assert.is(table.counts.evicted, 1);
  for (let id = 2; id <= 3; id++) {
    assert.is(table.add(partOf(id, 1)), hex(togetherOf(frame, { id })));
  }
});

test('fragments: a datagram that needs more than the whole pool is given up alone', () => {
  const frame = outer4(9000).bytes();
  const table = Table.create(16, 3);
  const results = equalPieces(9008, 1480).map(piece => table.add(fragment(frame, piece)));
  assert.ok(results.includes('NoRoom'));
  assert.ok(!results.includes(hex(togetherOf(frame))));
  const small = outer4(1500).bytes();
  const pieces = equalPieces(1508, 1400).map(piece => fragment(small, piece, { id: 9 }));
  assert.equal(
    pieces.map(piece => table.add(piece)),
    ['Kept', hex(togetherOf(small, { id: 9 }))],
  );
});

test('fragments: a datagram in more than 64 pieces is given up', () => {
  const frame = outer4(512).bytes(); // 520 bytes: 65 pieces of 8
  const table = Table.create();
  const results = equalPieces(520, 8).map(piece => table.add(fragment(frame, piece)));
  assert.is(results.pop(), 'NoRoom');
  assert.ok(results.every(result => result === 'Kept'));
  assert.is(table.counts.waiting, 0);
});

test('fragments: without room for the whole frame it is lost, and counted', () => {
  const table = Table.create(16, 64, { CopyBytes: 2048 });
  const lost = equalPieces(3008, 1480).map(piece => table.add(fragment(outer4(3000), piece)));
  assert.equal(lost, ['Kept', 'Kept', 'NoRoom']);
  assert.equal(table.counts, { waiting: 0, completed: 0, expired: 0, evicted: 0, refused: 1 });
  const small = outer4(1500).bytes();
  const kept = equalPieces(1508, 1400).map(piece => table.add(fragment(small, piece)));
  assert.equal(kept, ['Kept', hex(togetherOf(small))]);
});

test('fragments: congestion met by one fragment was met by the packet, RFC 3168 §5.3', () => {
  for (const outer of FAMILIES) {
    const frame = outer(192).bytes();
    const pieces = piecesAt(200, [64, 128]);
    const together = (...ecn: number[]): string => {
      const table = Table.create();
      return pieces.map((piece, i) => table.add(fragment(frame, piece, { ecn: ecn[i]! }))).pop()!;
    };
    const CE = hex(togetherOf(frame, { ecn: 3 }));
    assert.is(together(2, 2, 3), CE);
    assert.is(together(3, 2, 2), CE);
    assert.is(together(1, 3, 1), CE);
    assert.is(together(2, 2, 2), hex(togetherOf(frame, { ecn: 2 })));
    assert.is(together(0, 0, 0), hex(togetherOf(frame)));
    assert.is(together(0, 3, 2), 'Bad');
  }
});

test('fragments: a fragment header on a whole packet is taken off, RFC 6946', () => {
  const frame = outer6(100).bytes();
  const table = Table.create();
  table.add(fragment(frame, { offset: 0, length: 64 }));
  assert.is(table.add(extended(frame, [fragmentOf(0, 0, 1)])), hex(frame));
  assert.is(table.counts.waiting, 1);
});

test('fragments: headers before the fragment header stay, RFC 8200 §4.5', () => {
  const frame = outer6(100).bytes();
  const pieces = piecesAt(108, [64]);
  const parts = pieces.map(({ offset, length }) => {
    const head = Buffer.concat([
      frame.subarray(0, 54),
      payloadOf(frame).subarray(offset, offset + length),
    ]);
    head.writeUInt16BE(length, 18);
    return extended(head, [HOP_OPTIONS, ROUTING, fragmentOf(offset / 8, offset === 0 ? 1 : 0)]);
  });
  const whole = hex(extended(frame, [HOP_OPTIONS, ROUTING]));
  assert.equal(
    parts.map(part => Table.create().add(part)),
    ['Kept', 'Kept'],
  );
  const table = Table.create();
  assert.equal(
    [parts[1]!, parts[0]!].map(part => table.add(part)),
    ['Kept', whole],
  );
});

test('fragments: what is no sound fragment is bad, however it is cut', () => {
  const table = Table.create();
  assert.is(table.add(outer4(100).bytes()), 'Bad');
  assert.is(table.add(outer6(100).bytes()), 'Bad');
  const odd = { offset: 0, length: 63 };
  for (const outer of FAMILIES) {
    const frame = outer(192).bytes();
    assert.is(table.add(fragment(frame, odd)), 'Bad');
    assert.is(table.add(fragment(frame, { offset: 64, length: 0 })), 'Bad');
    const sound = fragment(frame, { offset: 64, length: 64 });
    for (let length = 14; length < sound.length; length++) {
      assert.is(table.add(sound.subarray(0, length)), 'Bad', `cut at ${length}`);
    }
  }
  const wrong = fragment(outer4(192), { offset: 0, length: 64 });
  wrong[24]! ^= 1;
  assert.is(table.add(wrong), 'Bad');
  assert.equal(table.counts, { waiting: 0, completed: 0, expired: 0, evicted: 0, refused: 0 });
});

test('fragments: whatever comes, all blocks are there again when all is over', () => {
  const table = Table.create(8, 24);
  const frames = FAMILIES.map(outer => outer(4000).bytes());
  for (let i = 0; i < 4000; i++) {
    const offset = 8 * random(500);
    const piece = { offset, length: 8 * (1 + random(200)) };
    const bytes = fragment(frames[random(2)]!, piece, { id: random(12), more: random(9) > 0 });
    if (random(20) === 0) bytes[14 + random(60)]! ^= 1 << random(8);
    table.add(bytes);
    table.wait(random(3) === 0 ? random(9000) : 0);
  }
  assert.is(table.wait(TIMEOUT_MS).expire().counts.waiting, 0);
  // All 24 blocks: three datagrams of 8 at once.
  const frame = outer4(15000).bytes();
  const partOf = (id: number, part: number) =>
    fragment(frame, piecesAt(15008, [14400])[part]!, { id });
  const before = table.counts.evicted;
  for (let id = 1; id <= 3; id++) assert.is(table.add(partOf(id, 0)), 'Kept');
  for (let id = 1; id <= 3; id++) {
    assert.is(table.add(partOf(id, 1)), hex(togetherOf(frame, { id })));
  }
  assert.is(table.counts.evicted, before);
});

test.run();
