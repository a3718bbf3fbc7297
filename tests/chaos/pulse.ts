/** Listens to the database itself for whether anything goes on: what is on the log, and how much has yet to end. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Disturbance } from './kept-process.ts';

const LOOK_MS = 100;

interface Look {
  /** Wall clock. */
  readonly at: number;
  /** Entries so far; undefined while the database was away. */
  readonly entries: number | undefined;
  readonly open: number;
}

/** What the installation took at most, and what it holds at the end. */
export interface Sizes {
  readonly sessions: number;
  readonly databaseBytes: number;
}

export class Pulse {
  /** The looks at which something had changed, and the first one. */
  readonly looks: Look[] = [];
  readonly #pool: pg.Pool;
  #listening: Promise<void> | undefined;
  sizes: Sizes = { sessions: 0, databaseBytes: 0 };
  #stopped = false;

  constructor(adminUrl: string) {
    this.#pool = new pg.Pool({
      connectionString: adminUrl,
      max: 1,
      connectionTimeoutMillis: 1_000,
      query_timeout: 2_000,
    });
    this.#pool.on('error', () => {});
  }

  start(): void {
    this.#listening ??= this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#listening;
    await this.#pool.end();
  }

  /** From a moment on, the time until something went on the log; undefined when nothing had to. Milliseconds. */
  wentOnAfter(from: number): number | undefined {
    const then = this.looks.findLast((look) => look.at <= from);
    if (then === undefined || then.open === 0) return undefined;
    const next = this.looks.find((look) => look.at > from && (look.entries ?? 0) > (then.entries ?? 0));
    return next === undefined ? undefined : next.at - from;
  }

  /** The longest time in which nothing went on the log although something had yet to end. */
  longestSilence(): { readonly at: number; readonly ms: number } {
    let longest = { at: 0, ms: 0 };
    let last: Look | undefined;
    for (const look of this.looks) {
      if (look.entries === undefined) continue;
      if (last !== undefined && last.open > 0 && look.entries > (last.entries ?? 0) && look.at - last.at > longest.ms)
        longest = { at: last.at, ms: look.at - last.at };
      last = look;
    }
    return longest;
  }

  async #listen(): Promise<void> {
    while (!this.#stopped) {
      const look = await this.#look();
      const last = this.looks.at(-1);
      if (last?.entries !== look.entries || last?.open !== look.open) this.looks.push(look);
      await sleep(LOOK_MS);
    }
  }

  async #look(): Promise<Look> {
    try {
      const { rows } = await this.#pool.query<{ entries: number; open: number } & Sizes>(
        `select (select count(*) from pg_stat_activity where application_name = 'headgate server')::integer as sessions,
                pg_database_size(current_database())::integer as "databaseBytes",
                (select coalesce(max(id), 0) from headgate.entry)::integer as entries,
                (select count(*) from headgate.stream where kind = 'promotion' and open)::integer as open`,
      );
      const { entries, open = 0, sessions = 0, databaseBytes = 0 } = rows[0] ?? {};
      this.sizes = { sessions: Math.max(sessions, this.sizes.sessions), databaseBytes };
      return { at: Date.now(), entries, open };
    } catch {
      return { at: Date.now(), entries: undefined, open: this.looks.at(-1)?.open ?? 0 };
    }
  }
}

/** Of disturbances, the times from when the victim was back until something went on, in rising order. Milliseconds. */
export function goingOn(pulse: Pulse, disturbances: readonly Disturbance[]): readonly number[] {
  return disturbances.flatMap(({ backAt }) => pulse.wentOnAfter(backAt) ?? []).sort((a, b) => a - b);
}
