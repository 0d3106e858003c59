import type { Problem } from '../config/config-error.js';

/** An answer that is not what was asked for. */
export class ApiError extends Error {
  constructor(
    /** HTTP status: 400 asked wrongly, 404 no such thing, 409 cannot be done now. */
    readonly status: number,
    message: string,
    readonly problems?: readonly Problem[],
  ) {
    super(message);
    this.name = 'ApiError';
  }
}
