/** A snapshot of a cluster's folder becomes a cluster of its own, recovered as after a loss of power: beside the store. */
import { chmod, chown, copyFile, lchown, lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, denied, granted } from '@headgate/execution';
import { writeDurably } from '../../machine/durable-file.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { isServing, type LeadsOut, leadsOut } from '../../postgres-cluster/leads-out.ts';
import { recoveryEnd } from '../../postgres-cluster/timelines.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { ASIDE_SETTINGS } from '../restore-points/recovery.ts';
import { type SnapshotPlaceInLog, whyNotOf } from './place-in-log.ts';
import type { Asked, SnapshotProgram } from './snapshot-program.ts';

export interface SnapshotPlace extends Asked {
  /** Anew; what was there is removed. */
  readonly dir: string;
  readonly port: number;
}

/** Of a restore point: its snapshot, and which cluster it is of. */
export interface SnapshotToLayOut {
  readonly id: string;
  readonly snapshot: string;
  readonly systemIdentifier: string;
  /** Where the log stood before it was taken and once it was there. */
  readonly log: SnapshotPlaceInLog;
}

/** Of a cluster that ran as it was copied: these say where it ran. */
const OF_A_RUN = ['postmaster.pid', 'postmaster.opts'];

/** Brings it back, on a timeline of its own. What can't be brought back leaves nothing behind. */
export async function snapshotAside(
  store: Pick<BackedStore, 'cluster'>,
  program: SnapshotProgram,
  { id, snapshot, systemIdentifier, log }: SnapshotToLayOut,
  { dir, port, deadlineMs, signal }: SnapshotPlace,
): Promise<Answer<Cluster>> {
  const settings = {
    ...{ recovery_target_timeline: 'current', recovery_target_action: 'promote', restore_command: 'false' },
    ...ASIDE_SETTINGS,
  };
  const aside = new Cluster({ dir, port, settings }, store.cluster.programs);
  await clearAside(store.cluster, aside);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await chmod(dir, 0o755); // as root the cluster runs as another user
  let whole = false;
  try {
    await writeDurably(aside.passwordFile, await readFile(store.cluster.passwordFile), 0o600);
    await aside.ownFolder(aside.data);
    const laid = await program.ask('lay-out', { id, snapshot, to: aside.data }, { deadlineMs, signal });
    if (!laid.ok) return laid;
    const wrong = await prepare(store.cluster, aside, systemIdentifier);
    if (wrong !== undefined) return denied('check-failed', `${wrong} (snapshot ${snapshot})`);
    try {
      await aside.start(Math.min(deadlineMs, 600_000));
    } catch {
      signal.throwIfAborted();
      return denied(
        'check-failed',
        `what came back doesn’t start: it is damaged, or no copy of one moment (snapshot ${snapshot})`,
      );
    }
    const other = whyNotOf(log, await recoveryEnd(await aside.controlConnection()));
    if (other !== undefined) return denied('check-failed', `${other} (snapshot ${snapshot})`);
    whole = true;
    return granted(aside);
  } finally {
    if (!whole) await clearAside(store.cluster, aside);
  }
}

/** Ends and removes what lies aside. Throws where that would be the store that serves: somebody's program put it there. */
export async function clearAside(serving: Cluster, aside: Cluster): Promise<void> {
  const { dir, data } = aside;
  if ((await lstat(data).catch(() => undefined))?.isSymbolicLink() === true) await rm(data);
  if (await isServing(data, serving.data))
    throw new Error(
      `${data} is a mount of the folder that serves, or holds one: nothing in it was started or removed; unmount it`,
    );
  await aside.stop(0);
  await rm(dir, { recursive: true, force: true });
}

/** In words, with what would help. */
function outside({ path, why }: LeadsOut): string {
  if (path.startsWith('pg_tblspc/'))
    return 'it has tablespaces, which lie outside of its folder: they can’t be brought back';
  const what = path === '' ? 'the folder itself' : path;
  const is = {
    link: 'is a symbolic link',
    'hard-link': 'has another name outside of it (a hard link)',
    'no-file': 'is neither a file nor a folder',
    serving: 'is the serving store’s own folder',
  }[why];
  return `what was laid out leads out of its folder: ${what} ${is}, and a server on it would write there. Nothing was started; let the program lay all of it out as files of its own, also a log that is on another disk`;
}

/** What it was laid out as becomes PostgreSQL's; in words what is wrong with it. */
async function prepare(serving: Cluster, aside: Cluster, systemIdentifier: string): Promise<string | undefined> {
  const { user } = aside.programs;
  // Before anything is written to it, or by it.
  const out = await leadsOut(aside.data, serving.data);
  if (out !== undefined) return outside(out);
  const names = await readdir(aside.data);
  if (!names.includes('PG_VERSION')) return 'what was laid out is no folder of PostgreSQL’s: it has no PG_VERSION';
  // The first eight bytes of this file, in every version.
  const control = await readFile(join(aside.data, 'global', 'pg_control')).catch(() => Buffer.alloc(0));
  if (control.length < 8 || control.readBigUInt64LE().toString() !== systemIdentifier)
    return 'it is of another cluster';
  for (const name of OF_A_RUN) await rm(join(aside.data, name), { force: true });
  // The new timeline must not take the number of one that was there already.
  const from = join(serving.data, 'pg_wal');
  for (const name of (await readdir(from).catch(() => [])).filter((each) => /^[0-9A-F]{8}\.history$/.test(each)))
    await copyFile(join(from, name), join(aside.data, 'pg_wal', name));
  await writeFile(join(aside.data, 'recovery.signal'), '', { mode: 0o600 });
  if (user) {
    for (const entry of await readdir(aside.data, { recursive: true, withFileTypes: true }))
      await lchown(join(entry.parentPath, entry.name), user.uid, user.gid);
    await chown(aside.data, user.uid, user.gid);
  }
  await chmod(aside.data, 0o700);
  return undefined;
}
