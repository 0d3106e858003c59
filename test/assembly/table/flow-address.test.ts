/** Addresses of IPv6 flows as numbers, against a plain map of who holds what. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../support/frame.js';
import { seededRandom } from '../../support/random.js';
import { Unit } from '../../support/unit.js';

const ADDRESS_BYTES = 16;
const random = seededRandom('flow addresses');

class Addresses {
  private readonly unit = Unit.create();
  private readonly at: number;
  private readonly scratch: number;

  constructor(limit: number, salt = random(1 << 30)) {
    this.scratch = this.unit.place(ADDRESS_BYTES);
    this.at = this.unit.place(new Uint8Array(this.unit.call('flowAddressBytes', limit)));
    this.unit.call('createFlowAddresses', this.at, limit, salt);
  }

  private ask(door: string, address: Uint8Array): number {
    this.unit.bytes.set(address, this.scratch);
    return this.unit.call(door, this.at, this.scratch);
  }

  hold(address: Uint8Array): number {
    return this.ask('holdFlowAddress', address);
  }

  find(address: Uint8Array): number {
    return this.ask('findFlowAddress', address);
  }

  change(index: number, by: number): void {
    this.unit.call('changeFlowAddress', this.at, index, by);
  }

  addressOf(index: number): string {
    this.unit.call('readFlowAddress', this.at, index, this.scratch);
    return hex(this.unit.read(this.scratch, ADDRESS_BYTES));
  }

  get used(): number {
    return this.unit.call('flowAddressesUsed', this.at);
  }
}

/** One of a few: in half of the bytes they are alike. */
function addressOf(n: number): Uint8Array {
  const bytes = Buffer.alloc(ADDRESS_BYTES);
  bytes.set([0x20, 0x01, 0x0d, 0xb8]);
  bytes.writeUInt32BE(n >>> 2, n % 2 === 0 ? 4 : 12);
  bytes[15]! ^= n % 4;
  return Uint8Array.from(bytes);
}

test('flow addresses: holders, numbers and addresses are those of a plain map', () => {
  const limit = 50;
  const table = new Addresses(limit);
  const plain = new Map<string, { index: number; holders: number }>();
  for (let round = 0; round < 20000; round++) {
    const address = addressOf(random(90));
    const key = hex(address);
    const known = plain.get(key);
    assert.is(table.find(address), known?.index ?? 0);
    if (random(2) === 0) {
      const index = table.hold(address);
      if (known !== undefined) {
        assert.is(index, known.index);
        known.holders++;
      } else if (plain.size === limit) assert.is(index, 0);
      else {
        assert.ok(index >= 1 && index <= limit);
        assert.ok([...plain.values()].every(one => one.index !== index));
        plain.set(key, { index, holders: 1 });
        assert.is(table.addressOf(index), key);
      }
    } else if (known !== undefined) {
      table.change(known.index, -1);
      known.holders--;
      if (known.holders === 0) plain.delete(key);
    }
    assert.is(table.used, plain.size);
  }
  for (const [key, { index }] of plain) assert.is(table.addressOf(index), key);
});

test('flow addresses: a full table makes none, finds those it has, and has room again', () => {
  const table = new Addresses(4);
  const indexes = [0, 1, 2, 3].map(n => table.hold(addressOf(n)));
  assert.equal(new Set(indexes).size, 4);
  assert.is(table.hold(addressOf(40)), 0);
  assert.is(table.hold(addressOf(2)), indexes[2]);
  table.change(indexes[2]!, -1);
  assert.is(table.hold(addressOf(40)), 0);
  table.change(indexes[2]!, -1);
  assert.is(table.find(addressOf(2)), 0);
  assert.is(table.hold(addressOf(40)), indexes[2]);
});

test('flow addresses: as many as a sixteenth of the flows, and some', () => {
  const unit = Unit.create();
  assert.equal(
    [0, 1, 1024, 1 << 20].map(flows => unit.call('flowAddressLimit', flows)),
    [0, 64, 128, 65600],
  );
});

test.run();
