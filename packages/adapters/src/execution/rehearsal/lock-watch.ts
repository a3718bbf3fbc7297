/** Looks at others' locks again and again: for statements that no transaction takes, and to learn of a lock early. */
import { type LockMode, stronger } from '@headgate/migrations';
import type pg from 'pg';
import { strongestOf } from './looks.ts';

/** A lock as it was seen, on performance.now()'s clock. */
export interface SeenLock {
  readonly mode: LockMode;
  readonly firstAt: number;
  readonly lastAt: number;
}

const LOCKS = `
  select relation::text as oid, array_agg(distinct mode) as modes from pg_locks
  where (pid = $1 or pid in (select pid from pg_stat_activity where usename = $2 or left(usename::text, length($3::text)) = $3)) and locktype = 'relation' and granted and relation >= 16384::oid
    and database = (select oid from pg_database where datname = current_database())
  group by 1`;

/** Whose locks are watched: one session's, by its process, or those of all sessions of a login, or of all logins whose names begin so. */
export type Watched = { readonly pid: number } | { readonly login: string } | { readonly loginsFrom: string };

/** Watches sessions from another one. One watch at a time on a connection. */
export class LockWatch {
  readonly #client: pg.ClientBase;
  readonly #who: readonly [pid: number | null, login: string | null, loginsFrom: string | null];
  readonly #onLock: (oid: string, mode: LockMode) => void;
  #seen = new Map<string, SeenLock>();
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  /** `onLock` hears of each relation whose strongest lock is new, at once. */
  constructor(client: pg.ClientBase, who: Watched, onLock: (oid: string, mode: LockMode) => void = () => {}) {
    this.#client = client;
    this.#who = [
      'pid' in who ? who.pid : null,
      'login' in who ? who.login : null,
      'loginsFrom' in who ? who.loginsFrom : null,
    ];
    this.#onLock = onLock;
  }

  /** Begins to look, every so many milliseconds; what was seen before is forgotten. */
  start(everyMs: number): void {
    this.#seen = new Map();
    this.#stopped = false;
    this.#running = this.#look(everyMs);
    // Whoever stops it hears of it.
    this.#running.catch(() => {});
  }

  /** Ends it, and says what was seen. */
  async stop(): Promise<ReadonlyMap<string, SeenLock>> {
    this.#stopped = true;
    await this.#running;
    return this.#seen;
  }

  async #look(everyMs: number): Promise<void> {
    while (!this.#stopped) {
      const at = performance.now();
      const { rows } = await this.#client.query<{ oid: string; modes: string[] }>(LOCKS, [...this.#who]);
      const seenAt = performance.now();
      for (const { oid, modes } of rows) {
        const mode = strongestOf(modes);
        const held = this.#seen.get(oid);
        const strongest = stronger(mode, held?.mode);
        this.#seen.set(oid, { mode: strongest, firstAt: held?.firstAt ?? at, lastAt: seenAt });
        if (held?.mode !== strongest) this.#onLock(oid, strongest);
      }
      if (!this.#stopped) await new Promise((done) => setTimeout(done, everyMs));
    }
  }
}
