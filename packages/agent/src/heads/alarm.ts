import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '@headgate/adapters/machine/durable-file';
import type { Logger } from '../log.ts';

export interface Contradiction {
  readonly code: string;
  readonly why: string;
  /** The two notes: together they prove what the log's keeper did. */
  readonly held: string;
  readonly offered: string;
}

/** What is wrong with the log, and what would put it right. */
export interface LogTrouble {
  readonly why: string;
  readonly unblock: string;
}

/**
 * The alarm over the log: a file, so that it outlives us and a person can lift it by removing the file, once they know
 * what happened. The first contradiction is the one that is kept.
 */
export class ForkAlarm {
  readonly path: string;
  readonly #log: Logger;

  constructor(dataDir: string, log: Logger) {
    this.path = join(dataDir, 'FORK-ALARM.json');
    this.#log = log;
  }

  /** Why nothing goes forward, or undefined. Looks at the file each time. */
  get trouble(): LogTrouble | undefined {
    if (!existsSync(this.path)) return undefined;
    return {
      why: `the log contradicted what it had said before: see ${this.path}`,
      unblock:
        'if the control plane was restored from a backup, end the agent (headgate-agent stop --config FILE --agent-only) and run headgate-agent accept-restored-log --config FILE; else find out who rewrote the log, before a person removes FORK-ALARM.json from the agent’s data folder',
    };
  }

  async raise(contradiction: Contradiction, at: Date): Promise<void> {
    const { code, why } = contradiction;
    this.#log.error({ alarm: true, code, why, file: this.path }, 'ALARM: the log was cut or rewritten');
    if (existsSync(this.path)) return;
    await writeDurably(this.path, `${JSON.stringify({ at: at.toISOString(), ...contradiction }, null, 2)}\n`, 0o600);
  }
}
