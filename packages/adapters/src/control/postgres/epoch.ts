import type { Sessions } from './sessions.ts';

/** The control plane's epoch, from 1. It rises when the control plane is restored from a backup, and never goes back. */
export class Epoch {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  async read(): Promise<number> {
    const { rows } = await this.#sessions.query<{ epoch: number }>('select epoch from headgate.meta');
    return rows[0]!.epoch;
  }

  /** Servers that work on the database, by their sessions; ours don't count when they are called otherwise. */
  async servers(): Promise<number> {
    const { rows } = await this.#sessions.query<{ count: number }>(
      `select count(distinct client_port)::integer as count from pg_stat_activity
       where datname = current_database() and application_name = 'headgate server'`,
    );
    return rows[0]!.count;
  }

  /** Raises the epoch by one, or to `atLeast` (an agent's high-water mark), and returns it. */
  async raise(atLeast = 0): Promise<number> {
    const { rows } = await this.#sessions.query<{ epoch: number }>(
      'update headgate.meta set epoch = greatest(epoch + 1, $1) returning epoch',
      [atLeast],
    );
    return rows[0]!.epoch;
  }
}
