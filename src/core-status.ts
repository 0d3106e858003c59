/** What the core's control calls answer. */
import { Status } from '../assembly/abi.js';

/** Throws when a call that cannot fail, as its arguments are planned, has failed. */
export function expectOk(status: Status, what: string): void {
  if (status !== Status.Ok) throw new Error(`core: ${what}: ${Status[status]}`);
}
