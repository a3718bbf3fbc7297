import { setPriority } from 'node:os';
import type pg from 'pg';
import { niceSession, STEP_NICENESS } from '../../machine/session-niceness.ts';
import { yieldProcessor } from '../../machine/yielding-group.ts';

/** Gone since it was listed, or not ours to change: it goes on as it is. */
const LEFT_ALONE = new Set(['ESRCH', 'EPERM', 'EACCES']);

/** How our own tools call themselves in a tenant's database. */
export const TOOLS = 'headgate';

/**
 * Lets customers' sessions go before those of a login, or of our tools in a database: half of the work of an upgrade, or of
 * a dump, is done by its database sessions, which don't inherit how nice its own process is. The cluster runs on this machine.
 */
export async function yieldToOthers(
  client: pg.ClientBase,
  whose: { readonly login: string } | { readonly database: string },
): Promise<void> {
  const { rows } = await ('login' in whose
    ? client.query<{ pid: number }>('select pid from pg_stat_activity where usename = $1', [whose.login])
    : client.query<{ pid: number }>('select pid from pg_stat_activity where datname = $1 and application_name = $2', [
        whose.database,
        TOOLS,
      ]));
  for (const { pid } of rows) {
    try {
      setPriority(pid, STEP_NICENESS);
    } catch (error) {
      const { info } = error as { readonly info?: { readonly code?: string } };
      if (!LEFT_ALONE.has(info?.code ?? '')) throw error;
    }
    // PostgreSQL makes each of its server processes the leader of a session of its own.
    await niceSession(pid, STEP_NICENESS);
    await yieldProcessor(pid, true);
  }
}
