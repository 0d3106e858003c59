/** What a command line of ipvsadm(8) asks for. */
import type { Place } from '../rules/model.js';
import type { Backend, Service, ServiceKey } from './model.js';

/** What `--set` changes and `-L --timeout` shows, in seconds. */
export interface Timeouts {
  /** TCP connections that are established. */
  readonly tcpSec: number;
  /** TCP connections behind a FIN. */
  readonly tcpFinSec: number;
  readonly udpSec: number;
}

/** What `-L` is asked to show. */
export interface ListOptions {
  readonly what: 'services' | 'stats' | 'rate' | 'thresholds' | 'persistent' | 'tunnels';
  /** The service alone; undefined: all of them. */
  readonly key: ServiceKey | undefined;
  readonly isExact: boolean;
  readonly isSorted: boolean;
}

/** Commands that change services; the others look at them. */
export type ChangeCommand =
  /** A service is edited as a whole: what is not said goes back to its default. */
  | { readonly kind: 'add-service' | 'edit-service'; readonly service: Omit<Service, 'backends'> }
  | { readonly kind: 'delete-service'; readonly key: ServiceKey }
  | { readonly kind: 'clear' }
  /** Undefined: the counters of all services. */
  | { readonly kind: 'zero'; readonly key: ServiceKey | undefined }
  /** A backend is edited as a whole too. */
  | {
      readonly kind: 'add-server' | 'edit-server';
      readonly key: ServiceKey;
      readonly backend: Backend;
    }
  | {
      readonly kind: 'delete-server';
      readonly key: ServiceKey;
      readonly address: Uint8Array;
      readonly port: number;
    }
  /** 0: that one stays as it is. */
  | { readonly kind: 'set'; readonly timeouts: Timeouts };

export type ReadCommand =
  | { readonly kind: 'list'; readonly options: ListOptions }
  | { readonly kind: 'list-connections'; readonly hasPersistence: boolean }
  | { readonly kind: 'list-timeouts' }
  | { readonly kind: 'save' }
  /** Commands follow on the standard input. */
  | { readonly kind: 'restore' };

export type ServiceCommand = ChangeCommand | ReadCommand;

/** With the place of its command word. */
export type PlacedChange = ChangeCommand & { readonly place: Place };
