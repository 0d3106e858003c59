/** Numbers on the command line; what is none is a usage error. */
import { InvalidArgumentError } from 'commander';

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text === '' || !(value > 0)) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}
