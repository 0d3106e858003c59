/** Tests that need shared inputs: skipped, and said so, where these are not there. */
import { test } from 'uvu';
import { shared } from './shared.js';

const { skip } = test;

/** A test that is given the path of a shared input. */
export function testWithShared(input: string, name: string, body: (path: string) => void): void {
  const path = shared(input);
  if (path === undefined) skip(name);
  else test(name, () => body(path));
}
