/** Which flows a request means. Filters are those of conntrack(8): of the original direction. */
import { parseAddress, isInPrefix } from '../config/ip.js';
import { formatIp } from '../frame/address.js';
import type { Plan } from '../config/plan.js';
import { PORTED, protocolNumber } from '../zone/flow-text.js';
import { ApiError } from './api-error.js';
import { zoneNamed } from './names.js';
import type { ApiRequest } from './request.js';
import { STATE_NAMES } from '../zone/flow-state.js';
import type { FlowView } from './zone-views.js';

const FILTERS = ['zone', 'protocol', 'src', 'dst', 'sport', 'dport', 'state', 'nat'] as const;
const NATS = ['src', 'dst'];

type IsWanted = (view: FlowView) => boolean;

/**
 * `others`: parameters that may be there beside. An empty filter is refused: `--zone "$UNSET"`
 * is not to mean all flows.
 */
export function flowFilter(plan: Plan, request: ApiRequest, ...others: string[]): IsWanted {
  request.allowQuery(...FILTERS, ...others);
  const tests = FILTERS.flatMap(name => {
    const text = request.query.get(name);
    if (text === null) return [];
    if (text === '') throw new ApiError(400, `${name}: expected a value, got nothing`);
    return [testOf(name, text, plan)];
  });
  return view => tests.every(isWanted => isWanted(view));
}

function testOf(name: (typeof FILTERS)[number], text: string, plan: Plan): IsWanted {
  switch (name) {
    case 'zone': {
      const zone = zoneNamed(plan, text);
      return view => view.zone === zone.name;
    }
    case 'protocol': {
      const protocol = protocolNumber(text);
      if (protocol === undefined) throw unfit(name, 'a name or 0..255', text);
      return view => view.protocol === protocol;
    }
    case 'src':
    case 'dst': {
      const prefix = parseAddress(text);
      if (prefix === undefined) throw unfit(name, 'an IP address or prefix', text);
      const within = { ip: formatIp(prefix.ip), prefixBits: prefix.prefixBits };
      return view => isInPrefix(view.original[name], within);
    }
    case 'sport':
    case 'dport': {
      const port = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
      if (port > 65535) throw unfit(name, '0..65535', text);
      return view => PORTED.has(view.protocol) && view.original[name] === port;
    }
    case 'state': {
      const state = text.toUpperCase();
      if (!STATE_NAMES.includes(state)) {
        throw unfit(name, `one of ${STATE_NAMES.join(', ')}`, text);
      }
      return view => view.state === state;
    }
    case 'nat':
      if (!NATS.includes(text)) throw unfit(name, 'src or dst', text);
      return view => (text === 'src' ? view.srcNat : view.dstNat);
  }
}

function unfit(name: string, expected: string, got: string): ApiError {
  return new ApiError(400, `${name}: expected ${expected}, got ${got}`);
}
