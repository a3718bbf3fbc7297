import { chmod, chown, copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import type { RunAs } from '@headgate/adapters/machine/run-as';
import { databaseUrl } from '@headgate/adapters/postgres-cluster/index';

/**
 * The environment of a cell's components, as its configuration says. Secret files are copied for the components' user,
 * who can't read ours.
 */
export async function componentEnvironment(
  config: CellConfig,
  slot: string,
  user: RunAs | undefined,
): Promise<Record<string, string>> {
  const environment: Record<string, string> = { ...config.env, [config.slotVariable]: slot };
  const folder = path.join(config.dir, 'secrets');
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const [variable, source] of Object.entries(config.secretFiles)) {
    const copy = path.join(folder, variable);
    await copyFile(source, copy);
    await chmod(copy, 0o600);
    if (user) await chown(copy, user.uid, user.gid);
    environment[variable] = copy;
  }
  for (const [variable, name] of Object.entries(config.storeEnv)) {
    environment[variable] = await databaseUrl(config.stores[name]!.port, config.stores[name]!);
  }
  return environment;
}
