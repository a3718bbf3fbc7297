import { setPriority } from 'node:os';
import type pg from 'pg';

/** As nice as the programs that we run for a step are. */
const NICE = 10;
/** Gone since it was listed, or not ours to change: it goes on as it is. */
const LEFT_ALONE = new Set(['ESRCH', 'EPERM', 'EACCES']);

/**
 * Lets customers' sessions go before this login's: half of an upgrade's work is done by its database sessions, which don't
 * inherit how nice the upgrade's own process is. The cluster runs on this machine.
 */
export async function yieldToOthers(client: pg.ClientBase, login: string): Promise<void> {
  const { rows } = await client.query<{ pid: number }>('select pid from pg_stat_activity where usename = $1', [login]);
  for (const { pid } of rows) {
    try {
      setPriority(pid, NICE);
    } catch (error) {
      const { info } = error as { readonly info?: { readonly code?: string } };
      if (!LEFT_ALONE.has(info?.code ?? '')) throw error;
    }
  }
}
