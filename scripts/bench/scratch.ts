import { chmod, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stderr } from 'node:process';
import { openEmbeddedControl } from '@headgate/adapters/control/postgres/embedded';
import { freePort } from '@headgate/adapters/machine/free-port';
import { SYSTEM_FOLDER } from '@headgate/adapters/machine/reachable';
import { Cluster, findPrograms } from '@headgate/adapters/postgres-cluster/index';

/** Progress goes to standard error: standard output holds figures alone. */
export function say(line: string): void {
  stderr.write(`bench: ${line}\n`);
}

const held: (() => Promise<unknown>)[] = [];

/** Does work while something is held that must be let go of afterwards, also when the bench is interrupted. */
export async function holding<T>(letGo: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  held.push(letGo);
  try {
    return await work();
  } finally {
    const at = held.indexOf(letGo);
    if (at >= 0) {
      held.splice(at, 1);
      await letGo();
    }
  }
}

/** Lets go of everything that is held, the latest first. */
export async function letGoOfAll(): Promise<void> {
  // All at once: the work that breaks meanwhile must find nothing left to let go of.
  for (const letGo of held.splice(0).reverse())
    await letGo().catch((error: Error) => say(`not stopped in order: ${error.message}`));
}

/** Removes a data folder; as root also what `homeFor` put elsewhere for it. */
async function removeDataFolder(dir: string): Promise<void> {
  // What a process that was just stopped still writes is removed at the next try.
  const remove = (path: string) => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  const home = await readlink(join(dir, 'system')).catch(() => undefined);
  if (home !== undefined && dirname(home) === join(SYSTEM_FOLDER, 'homes')) await remove(home);
  await remove(dir);
}

/** Does work in a fresh temporary folder that other users can traverse (as root, clusters run as another one). */
export async function inScratch<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-bench-'));
  await chmod(dir, 0o755);
  return holding(
    async () => {
      for (const name of await readdir(dir)) await removeDataFolder(join(dir, name));
      await removeDataFolder(dir);
    },
    () => work(dir),
  );
}

export interface ScratchDatabase {
  /** A folder for whatever else the measure needs. */
  readonly dir: string;
  readonly databaseUrl: string;
  readonly adminUrl: string;
}

/** What the server's own embedded database has, too; fsync is on, as everywhere. */
const SETTINGS = { max_connections: '80', shared_buffers: '48MB', max_wal_size: '256MB', autovacuum_naptime: '15s' };

/** A migrated control database of PostgreSQL 18 on a cluster of its own, gone afterwards. */
export async function withControlDatabase<T>(work: (database: ScratchDatabase) => Promise<T>): Promise<T> {
  return inScratch(async (dir) => {
    const config = { dir: join(dir, 'cluster'), port: await freePort(), settings: SETTINGS };
    const programs = await findPrograms(18, dir);
    return holding(
      () => new Cluster(config, programs).stop(),
      async () => {
        const { databaseUrl, adminUrl } = await openEmbeddedControl(config, programs);
        return work({ dir, databaseUrl, adminUrl });
      },
    );
  });
}
