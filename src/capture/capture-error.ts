/** A capture that is refused, or that ends before its last record does. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';

  /**
   * `offset` is in bytes from the start of the capture, of the decompressed one if it came
   * compressed: that of the header or record at fault.
   */
  constructor(
    readonly file: string,
    readonly offset: number,
    readonly reason: string,
  ) {
    super(`${file}: offset ${offset}: ${reason}`);
  }
}

/** `EISDIR` and the like; the message if the error has no code. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
