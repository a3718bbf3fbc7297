import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { RealServer } from './real-server.ts';

/** Works in a server's own database with every right there is, as somebody does who took the machine over. */
export async function asSuperuser<T>(
  server: RealServer,
  work: (client: Parameters<Parameters<typeof withClient<T>>[1]>[0]) => Promise<T>,
): Promise<T> {
  return withClient(await superuserOf(server), work);
}

/** How one connects to a server's own database with every right there is. */
export async function superuserOf({ dataDir }: RealServer) {
  const home = await realpath(join(dataDir, 'system')).catch(() => dataDir);
  const cluster = join(home, 'control-database');
  const password = (await readFile(join(cluster, 'password'), 'utf8')).trim();
  const port = Number((await readFile(join(cluster, 'data', 'postmaster.pid'), 'utf8')).split('\n')[3]);
  return { host: '127.0.0.1', port, user: 'postgres', password, database: 'headgate' };
}
