/** A service as the file has it, behind the schema; see raw.ts. */
import type { Forwarding, SchedulerName } from '../service/model.js';

export interface RawService {
  vip?: string;
  mark?: number;
  ports?: string[];
  interface?: string;
  scheduler: SchedulerName;
  hashPort: boolean;
  fallback: boolean;
  tableSlots?: number;
  persistence?: { timeoutSec: number; maskBits?: number };
  onePacket: boolean;
  backends: RawBackend[];
}

export interface RawBackend {
  address: string;
  port?: number;
  weight: number;
  forwarding: Exclude<Forwarding, 'tunnel'>;
  upper: number;
  lower: number;
}
