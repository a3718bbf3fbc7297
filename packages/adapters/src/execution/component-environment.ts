import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSecret } from '../machine/durable-file.ts';
import type { RunAs } from '../machine/run-as.ts';
import { databaseUrl } from '../postgres-cluster/database.ts';
import type { CellConfig } from './cell-config.ts';
import { externalDatabaseUrl } from './external-store/external-store.ts';

/**
 * The environment of a cell's components, as its configuration says. Holds secrets: it goes to the process and nowhere
 * else. Secret files are copied for the components' user, who can't read the agent's.
 */
export async function componentEnvironment(
  config: CellConfig,
  slot: string,
  user: RunAs | undefined,
): Promise<Record<string, string>> {
  const environment: Record<string, string> = { ...config.env, [config.slotVariable]: slot };
  for (const [variable, file] of Object.entries(config.secretEnv)) environment[variable] = await readSecret(file);
  for (const [variable, file] of Object.entries(config.secretFiles)) {
    environment[variable] = await privateCopy(config.dir, variable, await readSecret(file), user);
  }
  for (const [variable, name] of Object.entries(config.storeEnv)) {
    const store = config.stores[name];
    environment[variable] =
      store === undefined
        ? await externalDatabaseUrl(config.externalStores[name]!.url)
        : await databaseUrl(store.port, store);
  }
  return environment;
}

/** Never readable by others, not even for a moment, and never half written. */
async function privateCopy(cellDir: string, name: string, content: string, user: RunAs | undefined): Promise<string> {
  const folder = join(cellDir, 'secrets');
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const path = join(folder, name);
  const staging = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(staging, `${content}\n`, { mode: 0o600, flag: 'wx' });
  await chmod(staging, 0o600);
  if (user) await chown(staging, user.uid, user.gid);
  await rename(staging, path);
  return path;
}
