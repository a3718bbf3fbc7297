import type pg from 'pg';

/** A piece of work for one session; those that it makes possible are put before all others. */
export type Job = (client: pg.Client) => Promise<readonly Job[]>;

/**
 * Does jobs on all sessions at once, each taking the next one when it is free. The first that fails ends the rest: those
 * under way are waited for, and none is begun.
 */
export async function shareWork(clients: readonly pg.Client[], jobs: readonly Job[]): Promise<void> {
  const waiting = [...jobs];
  let running = 0;
  let failed: unknown;
  let wake = Promise.withResolvers<void>();
  const work = async (client: pg.Client): Promise<void> => {
    while (failed === undefined) {
      const job = waiting.shift();
      if (job === undefined) {
        if (running === 0) return;
        // Whoever is at work may bring more.
        await wake.promise;
        continue;
      }
      running++;
      try {
        waiting.unshift(...(await job(client)));
      } catch (error) {
        failed ??= error;
      } finally {
        running--;
        wake.resolve();
        wake = Promise.withResolvers();
      }
    }
  };
  await Promise.all(clients.map(work));
  if (failed !== undefined) throw failed;
}
