/** For tests only: a database of somebody else's, on a real cluster, reached by its two URLs alone. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSecret } from '../../machine/durable-file.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import type { RealStore } from './real-store.ts';

let databases = 0;

/** A fresh one with an owner of its own (`plain-NAME` is its password), and the two files with its URLs. `more`: SQL of a superuser. */
export async function externalDatabase(real: RealStore, more: (name: string) => string = () => '') {
  const name = `shop${++databases}`;
  const { port } = real.store.cluster.config;
  const url = join(real.dir, `${name}-url`);
  const adminUrl = join(real.dir, `${name}-admin-url`);
  await withClient(await real.store.cluster.connection(), async (client) => {
    await client.query(`create role ${name} login password 'plain-${name}'`);
    await client.query(`create database ${name} owner ${name}`);
    const extra = more(name);
    if (extra !== '') await client.query(extra);
  });
  const admin = await readSecret(real.store.cluster.passwordFile);
  await writeFile(url, `postgres://${name}:plain-${name}@127.0.0.1:${port}/${name}\n`, { mode: 0o600 });
  await writeFile(adminUrl, `postgres://postgres:${admin}@127.0.0.1:${port}/postgres\n`, { mode: 0o600 });
  return {
    name,
    config: {
      url: { file: url },
      adminUrl: { file: adminUrl },
      restorePointsDir: join(real.dir, `${name}-points`),
      keepRestorePoints: 5,
    },
  };
}
