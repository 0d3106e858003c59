/** Services of zones over the API: shown, and changed in the words of ipvsadm(8). */
import { FlowTimer } from '../../assembly/zone-abi.js';
import { ConfigError } from '../config/config-error.js';
import type { PlannedZone } from '../config/plan-zones.js';
import type { ChangeCommand } from '../service/command.js';
import { type Edited, applyCommand, applyServiceText } from '../service/edit.js';
import type { Service } from '../service/model.js';
import { isChange, parseServiceArguments } from '../service/parse.js';
import type { Switch } from '../switch.js';
import { ApiError } from './api-error.js';
import { connectionViews } from './connection-views.js';
import type { ApiRequest } from './request.js';
import { flagOf, zoneOf } from './rule-routes.js';
import { type ServiceView, serviceView } from './service-views.js';

export interface ServicesView {
  zone: string;
  /** Seconds: TCP established, TCP behind a FIN, UDP with answers. */
  timeouts: { tcpSec: number; tcpFinSec: number; udpSec: number };
  /** In the order they were added. */
  services: ServiceView[];
}

export interface ServicesResult {
  zone: string;
  /** Of the zone, after the change. */
  services: number;
  backends: number;
  /** False: it was only tried. */
  changed: boolean;
}

const MOST_TEXT_BYTES = 256 << 20;

export async function showServices(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery('zone', 'service');
  const zone = zoneOf(target.plan, request.text('zone'));
  const counted = await target.services.read(zone.name, request.text('service'));
  const persistent = new Map<number, number>();
  if (counted.some(({ planned }) => planned.service.persistence !== undefined)) {
    for await (const { backend } of target.services.clients()) {
      persistent.set(backend, (persistent.get(backend) ?? 0) + 1);
    }
  }
  const services = counted.map(one => serviceView(one, persistent));
  request.json({ zone: zone.name, timeouts: timeoutsOf(target, zone), services });
}

function timeoutsOf(target: Switch, { config }: PlannedZone): ServicesView['timeouts'] {
  const { profile } = config.conntrack;
  const seconds = target.plan.zones.timersSec[profile];
  return {
    tcpSec: seconds[FlowTimer.TcpEstablished]!,
    tcpFinSec: seconds[FlowTimer.TcpFinWait]!,
    udpSec: seconds[FlowTimer.UdpStream]!,
  };
}

export async function showConnections(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery('zone');
  const zone = zoneOf(target.plan, request.text('zone'));
  request.json(await connectionViews(target, zone));
}

/**
 * `args`: one command of ipvsadm. `text`: as `ipvsadm -R`, in place of all services of the
 * zone, or with noflush beside them. All of it or, when anything is wrong, nothing.
 */
export async function changeServices(target: Switch, request: ApiRequest): Promise<void> {
  const known = ['zone', 'args', 'text', 'file', 'noflush', 'test'];
  const body = await request.bodyOf(MOST_TEXT_BYTES, ...known);
  const { args, text, file = 'text' } = body;
  if (typeof file !== 'string') throw new ApiError(400, 'file: expected a name');
  if ((args === undefined) === (text === undefined)) {
    throw new ApiError(400, 'body: expected args or a text, got neither or both');
  }
  const zone = zoneOf(target.plan, body['zone']);
  const isTest = flagOf(body, 'test');
  const noflush = flagOf(body, 'noflush');
  const edit =
    args === undefined
      ? textEdit(text, file, noflush)
      : (services: readonly Service[]) => applyCommand(services, changeOf(args));
  let after: readonly Service[] = [];
  await target.services.change(zone.name, before => {
    const edited = edit(before);
    refuseTimeouts(edited);
    after = edited.services;
    return { services: after, zeroed: edited.zeroed, isTest };
  });
  const backends = after.reduce((sum, service) => sum + service.backends.length, 0);
  const result: ServicesResult = {
    zone: zone.name,
    services: after.length,
    backends,
    changed: !isTest,
  };
  request.json(result);
}

function textEdit(
  text: unknown,
  file: string,
  noflush: boolean,
): (services: readonly Service[]) => Edited {
  if (typeof text !== 'string') throw new ApiError(400, 'text: expected commands of ipvsadm');
  return services => applyServiceText(noflush ? services : [], { text, file });
}

function changeOf(args: unknown): ChangeCommand {
  const isText = (word: unknown): word is string => typeof word === 'string';
  if (!Array.isArray(args) || !args.every(isText)) {
    throw new ApiError(400, 'args: expected a list of words of ipvsadm');
  }
  const command = parseServiceArguments(args);
  if (isChange(command)) return command;
  throw new ApiError(400, `args: expected a command that changes services, got ${command.kind}`);
}

/** Timers are of a zone's connections, balanced or not. */
function refuseTimeouts({ timeouts }: Edited): void {
  if (Object.values(timeouts).every(seconds => seconds === 0)) return;
  const where = "the zone's conntrack.timeoutsSec";
  throw new ConfigError('--set', `expected timeouts in ${where}, got some here`);
}
