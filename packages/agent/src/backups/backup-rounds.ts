/**
 * Backups beside the stores, when they are due: one at a time, whatever else is done in the cells, but not while the agent goes
 * back by itself. What was written down says when, so a restart takes none too many and forgets none.
 */
import type { BackupConfig } from '@headgate/adapters/execution/backups/backup-config';
import type { Trust } from '@headgate/documents';
import { backupDueAt } from '@headgate/domain';
import type { AgentConfig } from '../config.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';
import { writtenStanding } from './standing-file.ts';

/** Between two looks at what is due, at most and at least. Milliseconds. */
const LOOK_MS = 15_000;
const SOON_MS = 500;

export interface BackupRoundsParts {
  readonly config: AgentConfig;
  readonly trust: Pick<Trust, 'signers'>;
  readonly log: Logger;
  /** The agent goes back by itself: nothing else is done meanwhile. */
  goesBack(): boolean;
}

export class BackupRounds {
  readonly #parts: BackupRoundsParts;
  readonly #every: Every;
  #nextAt = 0;

  constructor(parts: BackupRoundsParts) {
    this.#parts = parts;
    this.#every = new Every(
      () => Math.max(SOON_MS, Math.min(LOOK_MS, this.#nextAt - Date.now())),
      (signal) => this.#round(signal),
      (error) => parts.log.warn({ why: (error as Error).message }, 'a backup can’t be kept'),
    );
  }

  start(): this {
    if (this.#parts.config.backups.length > 0) this.#every.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.#every.stop();
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { config, trust, log, goesBack } = this.#parts;
    // Loaded where it is used: most agents have no need of it.
    const { BackupBusy, keepBackup } = await import('./keep-backup.ts');
    for (const backup of config.backups) {
      if (signal.aborted || goesBack()) return;
      if ((await this.#dueAt(backup)) > Date.now()) continue;
      const say = (how: 'info' | 'error', words: string, facts = {}): void => log[how](facts, words);
      await keepBackup({ config, backup, trust, signal, yields: true, say }, 'due').catch((error: Error) => {
        if (signal.aborted) return;
        // A person is at it by hand: it is looked at again.
        if (!(error instanceof BackupBusy)) throw error;
        log.info({ backup: backup.name }, error.message);
      });
    }
    const due = await Promise.all(config.backups.map((backup) => this.#dueAt(backup)));
    this.#nextAt = Math.min(...due);
  }

  async #dueAt(backup: BackupConfig): Promise<number> {
    const standing = await writtenStanding(this.#parts.config, backup);
    if (standing === undefined) return 0;
    const { good, last, failures } = standing;
    const attempts = {
      failures,
      ...(good !== undefined && { goodAt: good.at }),
      ...(last !== undefined && { triedAt: last.at }),
    };
    return backupDueAt(backup.everyMs, attempts, Date.now());
  }
}
