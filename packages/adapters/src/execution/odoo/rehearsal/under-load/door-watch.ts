import type pg from 'pg';
import { withClient } from '../../../../postgres-cluster/database.ts';

/** How often it is looked. Milliseconds. */
const LOOK_MS = 20;

/** Looks again and again whether sessions of a login are in a database that is shut for it. */
export class DoorWatch {
  readonly #seen = new Set<string>();
  #looks = 0;
  #stopped = false;
  readonly #watching: Promise<void>;

  /** `connection`: a superuser's, in another database, so that this one may be replaced meanwhile. */
  constructor(connection: pg.ClientConfig, database: string, user: string) {
    this.#watching = withClient(connection, async (client) => {
      while (!this.#stopped) {
        const { rows } = await client.query<{ id: string }>(
          `select concat_ws(' ', pid, backend_start) as id from pg_catalog.pg_stat_activity
           where datname = $1 and usename = $2 and state is not null`,
          [database, user],
        );
        this.#looks++;
        for (const { id } of rows) this.#seen.add(id);
        await new Promise((next) => setTimeout(next, LOOK_MS));
      }
    });
    // Whoever stops it hears of it.
    this.#watching.catch(() => {});
  }

  /** Ends it, and says how often it looked and how many sessions there were. */
  async stop(): Promise<{ readonly looks: number; readonly seen: number }> {
    this.#stopped = true;
    await this.#watching;
    return { looks: this.#looks, seen: this.#seen.size };
  }
}
