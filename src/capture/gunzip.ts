import { createGunzip } from 'node:zlib';
import { inPieces, type Pull } from './pull.js';

/** Bytes given to zlib at once: 1000 times as many may come out before the next pull. */
const PIECE_BYTES = 16384;

/**
 * The decompressed bytes. A cut or broken stream yields all that could be decompressed
 * and then rejects, which piping through zlib would not do: it throws the rest away.
 */
export function gunzip(compressed: Pull): Pull {
  const source = inPieces(compressed, PIECE_BYTES);
  const zlib = createGunzip();
  const ready: Buffer[] = [];
  let failure: Error | undefined;
  let isEnded = false;
  let wake = (): void => {};
  zlib.on('data', (piece: Buffer) => ready.push(piece));
  zlib.on('error', error => {
    failure = new Error(`gunzip: ${error.message}`);
    wake();
  });
  zlib.on('end', () => {
    isEnded = true;
    wake();
  });

  const feed = async (): Promise<void> => {
    const piece = await source();
    await new Promise<void>(resolve => {
      wake = resolve;
      if (piece === undefined) zlib.end();
      else zlib.write(piece, () => resolve());
    });
  };
  return async () => {
    while (ready.length === 0 && failure === undefined && !isEnded) await feed();
    const piece = ready.shift();
    if (piece === undefined && failure !== undefined) throw failure;
    return piece;
  };
}
