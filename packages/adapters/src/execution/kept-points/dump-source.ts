import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type pg from 'pg';
import type { KeptManifest } from './kept-manifest.ts';

const run = promisify(execFile);

/**
 * What a dump is made of and with, asked before it begins: the moment that it is of is not before this place in the WAL. A
 * standby writes none of its own, and tells how far it came.
 */
export async function dumpSource(
  client: pg.ClientBase,
  toolsDir: string,
): Promise<NonNullable<KeptManifest['source']>> {
  const { rows } = await client.query<{ server: string; lsn: string | null }>(
    `select current_setting('server_version') as server,
       (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end)::text as lsn`,
  );
  const { stdout } = await run(join(toolsDir, 'pg_dump'), ['--version'], { timeout: 5_000 });
  return { ...rows[0]!, tool: stdout.trim().slice(0, 200) };
}
