/** `headgate-server migrate`: brings an external database to this version without starting a server, and says what waits. */
import type { Migrated } from '@headgate/adapters/control/postgres/index';
import { readConfig, USAGE, UsageError } from '../config.ts';
import { migrateExternal } from './external.ts';

/** Exit codes: 0 nothing is left to do, 4 a step waits for older servers to be gone. */
export async function migrateCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const config = readConfig(args, env);
  if ('help' in config) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { databaseUrl } = config;
  if (databaseUrl === undefined)
    throw new UsageError('migrate goes with --database-url; an embedded database is migrated when its server starts');
  const migrated = await migrateExternal({ ...config, databaseUrl }, true);
  process.stdout.write(`${told(migrated)}\n`);
  for (const { name, because } of migrated?.left ?? []) process.stdout.write(`left for later: ${name}: ${because}\n`);
  return (migrated?.left.length ?? 0) > 0 ? 4 : 0;
}

function told(migrated: Migrated | undefined): string {
  if (migrated === undefined) return 'the database is where this Headgate needs it';
  const { from, to, newer } = migrated;
  if (newer) return `the database is newer than this Headgate (it has ${to} migrations), which may run on it as it is`;
  return from === to
    ? `the database has all ${to} migrations`
    : `the database was brought from ${from} to ${to} migrations`;
}
