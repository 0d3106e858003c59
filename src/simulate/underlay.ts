/** What of a configuration the underlay knows. */
import type { Config } from '../config/config.js';

/** Our own addresses of the underlays that a port carries. */
export function underlayAddresses(_config: Config, _port: string): string[] {
  return []; // no configuration has underlays yet
}
