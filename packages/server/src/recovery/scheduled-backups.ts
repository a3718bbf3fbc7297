/**
 * Backups by schedule: taken, read back, drilled, and only then the older ones are removed.
 *
 *   due ──▶ taken ──▶ read back ──▶ (each k-th) drilled ──▶ older ones removed ──▶ waits
 *     any of them fails: told, nothing that was good before is touched, and it is tried again sooner
 *
 * The embedded database has one server at a time, by the lock of its folder; that lock is this schedule's, too.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/index';
import { BACKUP_STATUS_FILE, type BackupStatus, readBackupStatus, wrongWithBackups } from '@headgate/documents';
import type { Logger } from 'pino';
import { type BackupSchedule, UsageError } from '../config.ts';
import type { Folder } from '../installation/folder.ts';
import { backUp } from './back-up.ts';
import { backupName, removeOlder } from './backup-folder.ts';
import { drillBackup, type Live } from './drill-backup.ts';
import { checkBackup } from './restore.ts';

/** After a failure it is tried again after so long at most. Milliseconds. */
const AGAIN_MS = 300_000;
/** It looks at the clock so often: a machine that slept is late by no more. Milliseconds. */
const LOOK_MS = 30_000;

export interface BackupParts {
  readonly folder: Folder;
  readonly schedule: BackupSchedule;
  readonly live: Live;
  readonly log: Logger;
}

export class ScheduledBackups {
  readonly #parts: BackupParts;
  readonly #stop = new AbortController();
  #status: BackupStatus;
  #running: Promise<void> | undefined;

  private constructor(parts: BackupParts, status: BackupStatus) {
    this.#parts = parts;
    this.#status = status;
  }

  /** Goes on from what was written down before, as far as it is of the same folder of backups. */
  static async open(parts: BackupParts): Promise<ScheduledBackups> {
    const { to, everyMs, keep } = parts.schedule;
    const known = readBackupStatus((await readIfThere(join(parts.folder.root, BACKUP_STATUS_FILE))) ?? '');
    const fresh: BackupStatus = { v: 1, to, everyMs, keep, since: Date.now(), sinceDrill: 0 };
    const before = known?.to === to ? { ...known, everyMs, keep } : fresh;
    const backups = new ScheduledBackups(parts, before);
    await backups.#write({});
    return backups;
  }

  get status(): BackupStatus {
    return this.#status;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const waitMs = this.#dueAt() - Date.now();
      if (waitMs <= 0) await this.once();
      else await sleep(Math.min(waitMs, LOOK_MS), undefined, { signal }).catch(() => {});
    }
  }

  /** A clock that was set back makes it due, not late for years. */
  #dueAt(): number {
    const { last, everyMs } = this.#status;
    if (last === undefined || last.at > Date.now()) return 0;
    return last.at + (last.ok ? everyMs : Math.min(everyMs, AGAIN_MS));
  }

  /** One backup from its beginning to its end; what goes wrong is told and written down, never thrown. */
  async once(): Promise<void> {
    const { folder, schedule, log } = this.#parts;
    const at = new Date();
    const name = backupName(at);
    const to = join(schedule.to, name);
    const began = performance.now();
    try {
      const { manifest, sum } = await backUp({ folder, to, secrets: true, signal: this.#stop.signal });
      await checkBackup(to, sum);
      const bytes = manifest.files.reduce((total, { size }) => total + size, 0);
      const tookMs = Math.round(performance.now() - began);
      const good = { name, at: Date.parse(manifest.takenAt), tookMs, bytes, entries: manifest.log.size, sum };
      await this.#write({ good, sinceDrill: this.#status.sinceDrill + 1 });
      log.info({ backup: name, tookMs, bytes, entries: good.entries, sum }, 'backup taken and read back');
    } catch (error) {
      // Half of one helps nobody. A folder that was there before is refused as such, and isn't ours.
      if (!(error instanceof UsageError)) await rm(to, { recursive: true, force: true }).catch(() => {});
      if (this.#stop.signal.aborted) return;
      const why = (error as Error).message.slice(0, 1_000);
      log.error({ backup: name, why }, 'a backup failed; the older ones stay');
      await this.#write({ last: { at: at.getTime(), ok: false, why } });
      return;
    }
    const { sinceDrill, drill } = this.#status;
    if (sinceDrill >= schedule.drillEvery || drill?.ok === false) await this.#drill(name, to);
    if (this.#stop.signal.aborted) return;
    await this.#write({ last: { at: at.getTime(), ok: true } });
    // What can't be restored doesn't take the place of what perhaps can.
    if (this.#status.drill?.ok === false) return;
    const gone = await removeOlder(schedule.to, schedule.keep).catch((error: Error) => {
      log.error({ err: error }, 'older backups couldn’t be removed');
      return [];
    });
    if (gone.length > 0) log.info({ gone }, 'older backups removed');
  }

  async #drill(name: string, to: string): Promise<void> {
    const { folder, live, log } = this.#parts;
    const { signal } = this.#stop;
    const place = join(folder.root, 'backup-drill');
    const { takenAt, ...found } = await drillBackup(to, this.#status.good?.sum, place, live, signal);
    if (signal.aborted) return;
    const at = Date.now();
    const drill = { name, at, ...found, because: [...found.because], lostMs: Math.max(0, at - takenAt) };
    await this.#write({ drill, sinceDrill: 0, ...(found.ok && { soundDrillAt: at }) });
    if (found.ok) log.info({ drill }, 'the backup was restored in a drill');
    else log.error({ drill }, 'the drill of a backup failed; no older one is removed');
  }

  /** Beside the database, since it is about that one's loss. A folder that can't be written is told, and stops nothing. */
  async #write(more: Partial<BackupStatus>): Promise<void> {
    this.#status = { ...this.#status, ...more };
    const file = join(this.#parts.folder.root, BACKUP_STATUS_FILE);
    await writeDurably(file, `${JSON.stringify(this.#status)}\n`).catch((error: Error) =>
      this.#parts.log.error({ err: error, file }, 'how backups stand couldn’t be written down'),
    );
  }

  /** What is wrong now, in words; empty: nothing. */
  trouble(): string {
    return wrongWithBackups(this.#status, Date.now()).join('; ');
  }
}
