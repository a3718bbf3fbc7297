/** The PostgreSQL that an exercise makes for a store of somebody else's server: of the exercise's own, and gone with it. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../machine/durable-file.ts';
import { freePort } from '../../machine/free-port.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { findPrograms, type PostgresMajor } from '../../postgres-cluster/programs.ts';
import { urlOf } from '../drill/brought-back.ts';
import type { ConnectionUrl } from '../external-store/connection-url.ts';
import { externalDatabaseUrlOf } from '../external-store/external-store.ts';
import { COPY_SETTINGS } from '../rehearsal/copy-server.ts';
import { urlsIn } from './cell-elsewhere.ts';

/** The oldest version that we bring along and that takes a dump of that one; `undefined`: none does. */
export function majorForExercise(major: number): PostgresMajor | undefined {
  return ([15, 18] as const).find((ours) => ours >= major);
}

/**
 * Makes and starts one in `place`, and writes down its URLs where the cell of the exercise looks for them: with the database and the
 * login of the store, which aren't made yet, and a password of its own.
 */
export async function makeExerciseServer(
  place: string,
  store: string,
  major: PostgresMajor,
  { database, user }: Pick<ConnectionUrl, 'database' | 'user'>,
): Promise<void> {
  const dir = join(serversIn(place), store);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const port = await freePort();
  const cluster = new Cluster({ dir, port, settings: COPY_SETTINGS }, await findPrograms(major, dir));
  await cluster.init();
  await cluster.start();
  const at = { host: '127.0.0.1', port, ssl: 'disable', rootCertificate: undefined } as const;
  const { url, adminUrl } = urlsIn(dir);
  const own = { ...at, user, password: randomBytes(24).toString('base64url'), database };
  const admin = await urlOf(cluster, 'postgres');
  await writeDurably(url.file, `${externalDatabaseUrlOf(own)}\n`, 0o600);
  await writeDurably(adminUrl.file, `${externalDatabaseUrlOf(admin)}\n`, 0o600);
}

/** Stops those of an exercise. */
export async function stopExerciseServers(place: string): Promise<void> {
  const entries = await readdir(serversIn(place), { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  if (names.length === 0) return;
  const programs = await findPrograms(15, place);
  for (const name of names) await new Cluster({ dir: join(serversIn(place), name), port: 0 }, programs).stop(0);
}

function serversIn(place: string): string {
  return join(place, 'servers');
}
