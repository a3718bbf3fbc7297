import type pg from 'pg';

/** Who keeps a migration waiting. No query's text: it may hold customers' data. */
export interface LockHolder {
  readonly pid: number;
  readonly user: string;
  readonly application: string;
  /** When its transaction began, in UTC. */
  readonly since: string;
}

/** The sessions that this login's sessions wait for at this moment. */
export async function lockHolders(client: pg.ClientBase, login: string): Promise<readonly LockHolder[]> {
  const { rows } = await client.query<LockHolder>(
    `select distinct holder.pid, coalesce(holder.usename, '') as user, left(coalesce(holder.application_name, ''), 60) as application,
       coalesce(to_char(holder.xact_start at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS'), 'an unknown time') as since
     from pg_stat_activity waiting
     cross join unnest(pg_blocking_pids(waiting.pid)) as blocking(pid)
     join pg_stat_activity holder on holder.pid = blocking.pid
     where waiting.usename = $1 and waiting.wait_event_type = 'Lock'`,
    [login],
  );
  return rows;
}

/** Looks every half second while `work` runs and keeps who was seen last. */
export async function watchingLocks<T>(
  look: () => Promise<readonly LockHolder[]>,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly holders: readonly LockHolder[] }> {
  let holders: readonly LockHolder[] = [];
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(async () => {
      const seen = await look().catch(() => []); // a look that fails tells nothing; the work goes on
      if (seen.length > 0) holders = seen;
    });
  }, 500);
  try {
    return { value: await work(), holders };
  } finally {
    clearInterval(timer);
    await looking;
  }
}

export function holderInWords({ pid, user, application, since }: LockHolder): string {
  const name = application === '' ? '' : ` (application "${application}")`;
  return `database session ${pid} of ${user}${name}, in a transaction since ${since} UTC`;
}
