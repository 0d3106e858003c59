/** Connections that services have led to backends, as `ipvsadm -L -n -c` lists them. */
import { TcpState } from '../../assembly/zone-abi.js';
import type { PlannedZone } from '../config/plan-zones.js';
import type { PlannedBackend, PlannedService } from '../config/plan-services.js';
import type { Flow } from '../flow-record.js';
import { formatIp } from '../frame/address.js';
import type { HeldClient } from '../service-table.js';
import { keyName } from '../service/names.js';
import type { Switch } from '../switch.js';
import { flowStateName } from '../zone/flow-state.js';

interface EndView {
  address: string;
  port: number;
}

export interface ConnectionView {
  service: string;
  /** Null: any, of clients that a service of a mark holds. */
  protocol: 'tcp' | 'udp' | 'sctp' | null;
  expiresSec: number;
  /** In the words of IPVS; NONE: a client that persistence holds. */
  state: string;
  client: EndView;
  virtual: EndView;
  backend: EndView;
}

const MS_PER_SEC = 1000;
const PROTOCOLS: Record<number, ConnectionView['protocol']> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };
/** `tcp_state_name_table` of ip_vs_proto_tcp.c; it tells no side of a close from the other. */
const STATES: Record<TcpState, string> = {
  [TcpState.None]: 'NONE',
  [TcpState.SynSent]: 'SYN_SENT',
  [TcpState.SynRecv]: 'SYN_RECV',
  [TcpState.Established]: 'ESTABLISHED',
  [TcpState.FinWait]: 'FIN_WAIT',
  [TcpState.CloseWait]: 'CLOSE_WAIT',
  [TcpState.LastAck]: 'LAST_ACK',
  [TcpState.TimeWait]: 'TIME_WAIT',
  [TcpState.Close]: 'CLOSE',
  [TcpState.SynSent2]: 'SYN_SENT',
};

interface Owner {
  service: PlannedService;
  backend: PlannedBackend;
}

export async function connectionViews(
  target: Switch,
  zone: PlannedZone,
): Promise<ConnectionView[]> {
  const owners = new Map<number, Owner>();
  for (const service of target.plan.zones.services) {
    if (service.zone !== zone.index) continue;
    for (const backend of service.backends) owners.set(backend.index, { service, backend });
  }
  const views: ConnectionView[] = [];
  for await (const flow of target.flows()) {
    const owner = flow.backend === undefined ? undefined : owners.get(flow.backend);
    if (owner !== undefined) views.push(connectionView(flow, owner));
  }
  for await (const client of target.services.clients()) {
    const owner = owners.get(client.backend);
    if (owner !== undefined) views.push(clientView(client, owner));
  }
  return views;
}

function connectionView(flow: Flow, { service, backend }: Owner): ConnectionView {
  const { original, reply } = flow;
  const protocol = PROTOCOLS[flow.protocol]!;
  const isDirect = backend.backend.forwarding === 'direct';
  const port = isDirect ? original.destinationPort : reply.sourcePort;
  return {
    service: keyName(service.service.key),
    protocol,
    expiresSec: Math.floor(flow.leftMs / MS_PER_SEC),
    state: stateOf(flow),
    client: { address: formatIp(original.source), port: original.sourcePort },
    virtual: { address: formatIp(original.destination), port: original.destinationPort },
    backend: { address: formatIp(backend.backend.address), port },
  };
}

/** As ipvsadm(8) names it; a state of SCTP as conntrack(8) does. */
function stateOf({ protocol, state }: Flow): string {
  if (PROTOCOLS[protocol] === 'tcp') return STATES[state as TcpState];
  return flowStateName(protocol, state) ?? 'UDP';
}

/** What IPVS calls a template: of all ports of a client, so without one. */
function clientView(client: HeldClient, { service, backend }: Owner): ConnectionView {
  const { key } = service.service;
  const virtual =
    key.kind === 'mark'
      ? { address: markAddress(key.mark), port: 0 }
      : { address: formatIp(key.address), port: key.port };
  return {
    service: keyName(service.service.key),
    protocol: key.kind === 'mark' ? null : key.protocol,
    expiresSec: Math.floor(client.leftMs / MS_PER_SEC),
    state: 'NONE',
    client: { address: formatIp(client.address), port: 0 },
    virtual,
    backend: { address: formatIp(backend.backend.address), port: backend.backend.port },
  };
}

/** IPVS writes a mark where the address would be, in wire order. */
function markAddress(mark: number): string {
  return formatIp(Uint8Array.of(mark >>> 24, mark >>> 16, mark >>> 8, mark));
}
