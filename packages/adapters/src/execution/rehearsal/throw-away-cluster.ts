/** A PostgreSQL of our own for one rehearsal, so that none of it falls on a server that others use. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../machine/durable-file.ts';
import { freePort } from '../../machine/free-port.ts';
import { alive, identify, type ProcessIdentity } from '../../machine/process-identity.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { findPrograms, type PostgresMajor, type Programs } from '../../postgres-cluster/programs.ts';
import { endLeftovers } from '../program-run/leftovers.ts';

/** Where programs work that are run for it, each in a folder of its own: they end with it. */
export const PROGRAMS = 'programs';
/** Whose a folder is: the process that made it. */
const OWNER = 'owner.json';
/** Names of folders of ours: nobody else's has so many random digits behind such a word. */
const OURS = /^(rehearsal|drill)-[0-9a-f]{16}$/;
/** A folder without an owner was made by somebody who was killed at once, or is being made. Milliseconds. */
const YOUNG_MS = 60_000;

export interface ThrowAwayCluster {
  readonly cluster: Cluster;
  /** For what else there must be room for. */
  readonly dir: string;
  remove(): Promise<void>;
}

/** Versions that we bring along. */
export function isOurs(major: number): major is PostgresMajor {
  return major === 15 || major === 18;
}

/**
 * Makes one below `root` and starts it. Nobody minds its data being lost, so it doesn't wait for the disk; `settings` are
 * PostgreSQL's.
 */
export async function throwAwayCluster(
  root: string,
  programs: Programs,
  settings: Readonly<Record<string, string>> = {},
): Promise<ThrowAwayCluster> {
  const { dir, remove } = await throwAwayFolder(root, programs, 'rehearsal');
  const cluster = new Cluster({ dir: join(dir, 'cluster'), port: await freePort(), settings }, programs);
  try {
    await cluster.init();
    await cluster.start();
  } catch (error) {
    await remove();
    throw error;
  }
  return { cluster, dir, remove };
}

/** A folder for a cluster (`cluster` in it) and what belongs to it; removing it stops that first. */
export async function throwAwayFolder(
  root: string,
  programs: Programs,
  what: 'rehearsal' | 'drill',
): Promise<Pick<ThrowAwayCluster, 'dir' | 'remove'>> {
  await mkdir(root, { recursive: true, mode: 0o755 });
  const dir = join(root, `${what}-${randomBytes(8).toString('hex')}`);
  await mkdir(dir, { mode: 0o755 });
  await chmod(dir, 0o755); // as root the cluster runs as another user
  await writeDurably(join(dir, OWNER), `${JSON.stringify(identify(process.pid))}\n`, 0o600);
  return { dir, remove: () => removeCluster(dir, programs) };
}

/** Stops and removes what killed rehearsals and drills left below `root`. Returns the folders. */
export async function sweepClusters(root: string): Promise<readonly string[]> {
  const names = (await readdir(root).catch(() => [])).filter((name) => OURS.test(name));
  const swept: string[] = [];
  for (const name of names) {
    const dir = join(root, name);
    if (!(await abandoned(dir))) continue;
    await removeCluster(dir, await findPrograms(15, root));
    swept.push(dir);
  }
  return swept;
}

async function abandoned(dir: string): Promise<boolean> {
  const text = await readFile(join(dir, OWNER), 'utf8').catch(() => undefined);
  if (text !== undefined) return !alive(JSON.parse(text) as ProcessIdentity);
  const made = await stat(dir).catch(() => undefined);
  return made !== undefined && Date.now() - made.mtimeMs > YOUNG_MS;
}

async function removeCluster(dir: string, programs: Programs): Promise<void> {
  for (const name of await foldersIn(join(dir, PROGRAMS))) {
    const folder = join(dir, PROGRAMS, name);
    // A migration's program works one deeper, Odoo's as well.
    const deeper = new Set(['scratch', ...(await foldersIn(folder))]);
    for (const each of [folder, ...[...deeper].map((below) => join(folder, below))]) await endLeftovers(each);
  }
  // A restore may have been under way beside it.
  // At once: nobody needs what it would still write down.
  for (const part of ['cluster', join('cluster', 'restoring')])
    await new Cluster({ dir: join(dir, part), port: 0 }, programs).stop(0);
  await rm(dir, { recursive: true, force: true });
}

async function foldersIn(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
