import type { AgentContacts } from '@headgate/adapters/control/postgres/index';
import type { Tracing } from '@headgate/adapters/tracing/index';
import type { Controllers, Deps, LogStore } from '@headgate/control';
import type { Logger } from 'pino';
import type { FileTrust } from '../installation/trust.ts';
import type { Wake } from '../loops/wake.ts';
import type { Metrics } from './metrics.ts';

export interface Part {
  readonly part: string;
  readonly ready: boolean;
  readonly why: string;
}

/** What handlers work with. */
export interface Context {
  readonly deps: Deps;
  readonly log: LogStore;
  /** When agents were heard, and their last words. */
  readonly agents: Pick<AgentContacts, 'heard' | 'ended' | 'of'>;
  readonly trust: FileTrust;
  /** The controllers' plans and gates, which verbs share. */
  readonly gatherers: Pick<Controllers, 'plans' | 'gates'>;
  /** A step was put on offer here. */
  readonly offered: Wake;
  /** Entries got their places. */
  readonly placed: Wake;
  readonly stop: AbortSignal;
  readonly logger: Logger;
  readonly version: string;
  readonly metrics: Metrics;
  /** Absent: nobody wants traces. */
  readonly tracing: Tracing | undefined;
  readiness(): Promise<readonly Part[]>;
}
