/**
 * Services that commands of ipvsadm(8) change: all commands, or none where one cannot be done.
 * What cannot be done is said in the words of ipvsadm (`ipvs_strerror`).
 */
import { ConfigError, type Problem } from '../config/config-error.js';
import type { Place } from '../rules/model.js';
import { problemAt } from '../rules/parse.js';
import type { ChangeCommand, PlacedChange, Timeouts } from './command.js';
import type { Backend, Service, ServiceKey } from './model.js';
import { parseServiceText, type ServiceText } from './parse.js';
import { backendText, keyText } from './print.js';

export interface Edited {
  /** In the order they were added. */
  readonly services: readonly Service[];
  /** Of `-Z`: those whose counters begin again. */
  readonly zeroed: readonly ServiceKey[];
  /** Of `--set`; 0: as it was. */
  readonly timeouts: Timeouts;
}

/** The services after a text (`ipvsadm -R`). Throws ConfigError; `services` never changes. */
export function applyServiceText(services: readonly Service[], source: ServiceText): Edited {
  return applyCommands(services, parseServiceText(source), source.file);
}

/**
 * The services after the commands, in their order. Throws ConfigError with all that cannot be
 * done, each with its `file:line:column`.
 */
export function applyCommands(
  services: readonly Service[],
  commands: readonly PlacedChange[],
  file: string,
): Edited {
  const problems: Problem[] = [];
  const table = new ServiceTable(services);
  for (const command of commands) {
    const problem = table.apply(command);
    if (problem !== undefined) problems.push(problemAt(file, command.place, problem));
  }
  ConfigError.throwIfAny(problems);
  return table.result();
}

/** The same for one command that did not come from a text. */
export function applyCommand(services: readonly Service[], command: ChangeCommand): Edited {
  const place: Place = { line: 1, column: 1 };
  return applyCommands(services, [{ ...command, place }], 'arguments');
}

class ServiceTable {
  /** By the text of their keys. */
  private readonly services: Map<string, Service>;
  private readonly zeroed = new Map<string, ServiceKey>();
  private timeouts: Timeouts = { tcpSec: 0, tcpFinSec: 0, udpSec: 0 };

  constructor(services: readonly Service[]) {
    this.services = new Map(services.map(service => [keyText(service.key), service]));
  }

  result(): Edited {
    const zeroed = [...this.zeroed.values()];
    return { services: [...this.services.values()], zeroed, timeouts: this.timeouts };
  }

  /** What is wrong, where it is. */
  apply(command: ChangeCommand): string | undefined {
    switch (command.kind) {
      case 'add-service':
        return this.addService({ ...command.service, backends: [] });
      case 'edit-service':
        return this.onService(command.service.key, ({ backends }) => ({
          ...command.service,
          backends,
        }));
      case 'delete-service':
        return this.deleteService(command.key);
      case 'clear':
        this.services.clear();
        this.zeroed.clear();
        return undefined;
      case 'zero':
        return this.zero(command.key);
      case 'add-server':
      case 'edit-server':
      case 'delete-server':
        return this.onServers(command);
      case 'set':
        return this.set(command.timeouts);
    }
  }

  private addService(service: Service): string | undefined {
    const text = keyText(service.key);
    const same = this.services.get(text) ?? this.meeting(service.key);
    if (same !== undefined) return `Service already exists: ${keyText(same.key)}`;
    this.services.set(text, service);
    return undefined;
  }

  /** One whose range of ports meets this range. */
  private meeting(key: ServiceKey): Service | undefined {
    if (key.kind === 'mark' || key.lastPort === undefined) return undefined;
    return [...this.services.values()].find(each => hasRangeThatMeets(each.key, key));
  }

  private onService(key: ServiceKey, edit: (service: Service) => Service): string | undefined {
    const text = keyText(key);
    const service = this.services.get(text);
    if (service === undefined) return noService(key);
    this.services.set(text, edit(service));
    return undefined;
  }

  private deleteService(key: ServiceKey): string | undefined {
    this.zeroed.delete(keyText(key));
    return this.services.delete(keyText(key)) ? undefined : noService(key);
  }

  private zero(key: ServiceKey | undefined): string | undefined {
    if (key !== undefined && !this.services.has(keyText(key))) return noService(key);
    for (const each of this.services.values())
      if (key === undefined || keyText(each.key) === keyText(key))
        this.zeroed.set(keyText(each.key), each.key);
    return undefined;
  }

  private onServers(command: ServerCommand): string | undefined {
    const service = this.services.get(keyText(command.key));
    if (service === undefined) return `Service not defined: ${keyText(command.key)}`;
    const wanted = backendText(command.kind === 'delete-server' ? command : command.backend);
    const at = service.backends.findIndex(each => backendText(each) === wanted);
    if (command.kind === 'add-server' && at >= 0)
      return `Destination already exists: ${wanted} of ${keyText(command.key)}`;
    if (command.kind !== 'add-server' && at < 0)
      return `No such destination: ${wanted} of ${keyText(command.key)}`;
    const backends = changed(service.backends, at, command);
    return this.onService(command.key, () => ({ ...service, backends }));
  }

  private set({ tcpSec, tcpFinSec, udpSec }: Timeouts): undefined {
    this.timeouts = {
      tcpSec: tcpSec || this.timeouts.tcpSec,
      tcpFinSec: tcpFinSec || this.timeouts.tcpFinSec,
      udpSec: udpSec || this.timeouts.udpSec,
    };
  }
}

type ServerCommand = Extract<
  ChangeCommand,
  { kind: 'add-server' | 'edit-server' | 'delete-server' }
>;

function changed(backends: readonly Backend[], at: number, command: ServerCommand): Backend[] {
  const after = [...backends];
  if (command.kind === 'add-server') after.push(command.backend);
  else if (command.kind === 'edit-server') after[at] = command.backend;
  else after.splice(at, 1);
  return after;
}

function noService(key: ServiceKey): string {
  return `No such service: ${keyText(key)}`;
}

function hasRangeThatMeets(a: ServiceKey, b: ServiceKey & { kind: 'address' }): boolean {
  if (a.kind === 'mark' || a.lastPort === undefined || b.lastPort === undefined) return false;
  const isOneAddress = a.protocol === b.protocol && Buffer.compare(a.address, b.address) === 0;
  return isOneAddress && a.port <= b.lastPort && b.port <= a.lastPort;
}
