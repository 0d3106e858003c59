/**
 * A stream turned around: its user asks for the next bytes, so nothing piles up that
 * nobody asked for. Undefined is the end. A rejection comes after all good bytes.
 */
export type Pull = () => Promise<Buffer | undefined>;

/** Pulls from a Node stream, or any other source of byte arrays. */
export function pullFrom(stream: AsyncIterable<Uint8Array>): Pull {
  const pieces = stream[Symbol.asyncIterator]();
  return async () => {
    const next = await pieces.next();
    return next.done ? undefined : asBuffer(next.value);
  };
}

/** Pulls the first bytes, at least `bytes` unless there are less, and puts them back. */
export async function peekPull(pull: Pull, bytes: number): Promise<{ head: Buffer; pull: Pull }> {
  let head: Buffer = Buffer.alloc(0);
  let isEnded = false;
  let failure: unknown;
  while (head.length < bytes && !isEnded) {
    try {
      const piece = await pull();
      if (piece === undefined) isEnded = true;
      else head = Buffer.concat([head, piece]);
    } catch (error) {
      isEnded = true;
      failure = error;
    }
  }
  return { head, pull: putBack(head, pull, failure) };
}

function putBack(head: Buffer, pull: Pull, failure: unknown): Pull {
  let isPending = head.length > 0;
  return async () => {
    if (isPending) {
      isPending = false;
      return head;
    }
    if (failure !== undefined) throw failure;
    return pull();
  };
}

/** The same bytes in pieces of at most `bytes`. */
export function inPieces(pull: Pull, bytes: number): Pull {
  let rest: Buffer = Buffer.alloc(0);
  return async () => {
    if (rest.length === 0) {
      const piece = await pull();
      if (piece === undefined) return undefined;
      rest = piece;
    }
    const piece = rest.subarray(0, bytes);
    rest = rest.subarray(bytes);
    return piece;
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
