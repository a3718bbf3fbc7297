/** A backup becomes a cluster of its own, recovered to a moment: beside the store, from the repository alone. */
import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, denied, granted, type RecoveryTarget } from '@headgate/execution';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { startWithNewPassword } from '../../postgres-cluster/own-password.ts';
import type { Programs } from '../../postgres-cluster/programs.ts';
import { ASIDE_SETTINGS, recoverySettings } from '../restore-points/recovery.ts';
import { archivedSegments, endedBefore, lastSegment } from './archived-log.ts';
import { restoreCommand } from './own-configuration.ts';
import type { Bounds, PgBackRest } from './pgbackrest.ts';
import { failedAs } from './take-backup.ts';

export interface AsideAsk {
  readonly own: PgBackRest;
  readonly label: string;
  readonly target: RecoveryTarget;
  /** The name of the restore point's own moment in the log. */
  readonly moment?: string | undefined;
  /** Anew; what was there is removed. */
  readonly dir: string;
  readonly port: number;
  readonly programs: Programs;
  /** The superuser's, which comes back with the cluster. */
  readonly passwordFile: string;
  /** Where that isn't on this machine any more: `new` gives it one of its own. */
  readonly lost: 'refuse' | 'new';
  /** Databases of the backup that come back; of all others it makes empty files, which nobody can connect to. Absent: all of them. */
  readonly only?: readonly string[] | undefined;
  readonly bounds: Bounds;
}

/**
 * Brings it back, open for reading and writing. It archives nothing. What can't be brought back leaves nothing behind: it may stand on
 * the store's own disk. As far as the log goes means to its last piece in the repository, and no less.
 */
export async function restoreBackupAside(ask: AsideAsk): Promise<Answer<Cluster>> {
  const { own, target, moment, dir, port, programs, bounds } = ask;
  const data = join(dir, 'data');
  const settings = {
    ...recoverySettings(target, moment),
    ...ASIDE_SETTINGS,
    // In files that are empty it would find nothing but damage.
    ...(ask.only !== undefined && { autovacuum: 'off' }),
    restore_command: restoreCommand(own.config, own.configurationFile, data),
  };
  const password = await readIfThere(ask.passwordFile);
  if (password === undefined && ask.lost === 'refuse')
    return denied(
      'rejected',
      `${ask.passwordFile} isn't there: the superuser's password, by which what comes back is asked; bring the file from the store's machine or its backup`,
    );
  const aside = new Cluster({ dir, port, settings }, programs);
  await aside.stop();
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await chmod(dir, 0o755);
  let whole = false;
  try {
    const log = target.kind === 'latest' ? await archivedSegments(own, bounds) : undefined;
    if (log?.ok === false) return failedAs(log);
    if (password !== undefined) await writeDurably(aside.passwordFile, password, 0o600);
    await aside.ownFolder(data);
    const ran = await own.run(
      [
        ...['restore', `--set=${ask.label}`, '--type=none', `--pg1-path=${data}`],
        ...(ask.only ?? []).map((database) => `--db-include=${database}`),
      ],
      bounds,
      'restore',
    );
    if (!ran.ok)
      return denied(ran.later ? 'transient' : 'check-failed', `${ask.label} can't be brought back: ${ran.why}`);
    const sign = join(data, 'recovery.signal');
    await writeFile(sign, '', { mode: 0o600 });
    if (programs.user) await chown(sign, programs.user.uid, programs.user.gid);
    const startMs = Math.max(10_000, bounds.deadlineMs);
    if (password === undefined) await startWithNewPassword(aside, startMs);
    else await aside.start(startMs);
    const last = log && lastSegment(log.segments, target.kind === 'latest' ? target.timeline : undefined);
    const short = last === undefined ? undefined : await endedBefore(aside, last);
    if (short !== undefined) return denied('check-failed', short);
    whole = true;
    return granted(aside);
  } finally {
    if (!whole) {
      await aside.stop(0);
      await rm(dir, { recursive: true, force: true });
    }
  }
}
