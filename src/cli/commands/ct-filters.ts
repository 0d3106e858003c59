/** Which connections a command of `sluice ct` means. */
import { type Command, Option } from 'commander';
import type { Query } from '../../api/client.js';
import { type ClientOptions, withClientOptions } from '../connect.js';

export interface FilterOptions extends ClientOptions {
  zone?: string;
  proto?: string;
  src?: string;
  dst?: string;
  sport?: string;
  dport?: string;
  state?: string;
  srcNat?: boolean;
  dstNat?: boolean;
}

export function withFilters(command: Command): Command {
  const withAll = command
    .option('-p, --proto <name>', 'tcp, udp, icmp, … or a number')
    .option('-s, --src <ip>', 'source address')
    .option('-d, --dst <ip>', 'destination address')
    .option('--sport <n>', 'source port')
    .option('--dport <n>', 'destination port')
    .option('--state <name>', 'state of TCP')
    .addOption(new Option('--src-nat', 'only with a translated source').conflicts('dstNat'))
    .option('--dst-nat', 'only with a translated destination')
    .option('--zone <name>', 'only of this zone');
  return withClientOptions(withAll);
}

export function queryOf(options: FilterOptions): Query {
  const { zone, proto, src, dst, sport, dport, state, srcNat, dstNat } = options;
  const nat = srcNat ? 'src' : dstNat ? 'dst' : undefined;
  return { zone, protocol: proto, src, dst, sport, dport, state, nat };
}
