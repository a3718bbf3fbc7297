/** A restore from a cluster that was brought back beside its store before: it is moved, and not recovered again. */
import { readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Answer, denied, granted } from '@headgate/execution';
import { syncFolder } from '../../machine/durable-file.ts';
import { freePort } from '../../machine/free-port.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { findPostmaster } from '../../postgres-cluster/postmaster.ts';
import type { BackedStore } from './backed-store.ts';
import type { RestoreSource } from './in-place.ts';
import { ASIDE_SETTINGS } from './recovery.ts';

/**
 * `place`: the folder of the cluster that was brought back; on the store's own disk, so that it is moved by a rename. `check`: whether
 * what runs there is what it has to be, asked once it stands beside the store; what it refuses never gets to its place.
 */
export function broughtBeside(
  store: Pick<BackedStore, 'cluster'>,
  place: string,
  check: (cluster: Cluster) => Promise<Answer<unknown>>,
): RestoreSource {
  const { programs } = store.cluster;
  return {
    async verify() {
      return (await isThere(join(place, 'data'))) || (await isThere(join(store.cluster.dir, 'restoring', 'data')))
        ? granted(undefined)
        : denied('check-failed', `${place} isn't there any more`);
    },
    // It has its log in itself.
    archive: async () => granted(undefined),
    async aside(dir, port) {
      if (await isThere(join(place, 'data'))) {
        for (const each of [place, dir]) await new Cluster({ dir: each, port: 0 }, programs).stop();
        await rm(dir, { recursive: true, force: true });
        await rename(place, dir);
        await syncFolder(dirname(dir));
      }
      const moved = new Cluster({ dir, port, settings: { ...ASIDE_SETTINGS } }, programs);
      // Killed before: it may run on another port than the one that is asked for now.
      await moved.stop();
      await moved.start();
      const right = await check(moved);
      if (!right.ok) {
        await moved.stop();
        return right;
      }
      await beginsNow(moved);
      return granted(moved);
    },
    // Files beside the database come back with restore points alone.
    layOutFiles: async () => {},
  };
}

/** The cluster that was brought back, running where it lies. `end`: leaves it as it was found. */
export async function runningBeside(
  { cluster: { programs } }: Pick<BackedStore, 'cluster'>,
  place: string,
): Promise<{ readonly cluster: Cluster; end(): Promise<void> } | undefined> {
  if (!(await isThere(join(place, 'data')))) return undefined;
  const running = await findPostmaster(join(place, 'data'));
  const cluster = new Cluster(
    { dir: place, port: running?.port ?? (await freePort()), settings: { ...ASIDE_SETTINGS } },
    programs,
  );
  await cluster.start();
  return { cluster, end: async () => (running === undefined ? cluster.stop() : undefined) };
}

/**
 * Its timeline was made as it was brought back, maybe hours ago, and is the store's own from now on: whoever asks for a moment in
 * between means the course that is left. The time of its history says when, as the archive keeps it.
 */
async function beginsNow({ data }: Cluster): Promise<void> {
  const wal = join(data, 'pg_wal');
  const own = (await readdir(wal))
    .filter((name) => /^[0-9A-F]{8}\.history$/.test(name))
    .toSorted()
    .at(-1);
  if (own !== undefined) await utimes(join(wal, own), new Date(), new Date());
}

/** Where recovery ended before a transaction, which one that was: as PostgreSQL wrote it into the cluster's log. */
export async function endedBefore(
  cluster: Cluster,
): Promise<{ readonly xid: string; readonly at: number } | undefined> {
  const log = await readFile(cluster.logFile, 'utf8').catch(() => '');
  const found = [
    ...log.matchAll(/recovery stopping before (?:commit|abort) of transaction (\d+), time (\S+ \S+?)(?:\+00| UTC)?$/gm),
  ].at(-1);
  if (found === undefined) return undefined;
  const at = Date.parse(`${found[2]!.replace(' ', 'T')}Z`);
  return Number.isNaN(at) ? undefined : { xid: found[1]!, at };
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
