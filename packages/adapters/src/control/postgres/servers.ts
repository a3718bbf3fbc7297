import type { Sessions } from './sessions.ts';

/** A server as it says that it is there. */
export interface ServerPresence {
  /** Of this process alone. */
  readonly id: string;
  /** Of Headgate, for people. */
  readonly version: string;
  /** Migrations that its code knows. */
  readonly knows: number;
  /** The highest format of rows that its code decides on. */
  readonly format: number;
}

/** What a server hears when it says so. */
export interface Company {
  /** All that are there, itself among them, by their ids. */
  readonly servers: readonly ServerPresence[];
  /** Migrations that the database has. */
  readonly applied: number;
  /** So many must code know to run on it. */
  readonly oldest: number;
  /** Rows that this code leaves alone, because a newer one wrote them. */
  readonly newerRows: number;
}

/**
 * For how long after its last word a server counts as being there. It stops writing long before (`HOLDS_MS`), and no
 * statement of its runs for longer than the rest. Milliseconds.
 */
export const PRESENCE_LEASE_MS = 30_000;
/** For how long a server may go on without saying so again, on its own monotonic clock. Milliseconds. */
export const HOLDS_MS = 10_000;

/** Who is there: a row a server, renewed by it. */
export class Servers {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** Says that a server is there, and hears who else is. */
  async beat({ id, version, knows, format }: ServerPresence): Promise<Company> {
    await this.#sessions.query(
      `insert into headgate.server (id, version, knows, format, started_at, seen_at)
       values ($1, $2, $3, $4, headgate.clock_ms(), headgate.clock_ms())
       on conflict (id) do update set seen_at = excluded.seen_at`,
      [id, version, knows, format],
    );
    // `format > 1` is what the index is of: one plan serves every number, and mustn't read all rows.
    const { rows } = await this.#sessions.query<Omit<Company, 'servers'> & { servers: readonly ServerPresence[] }>(
      `select (select count(*) from headgate.migration)::integer as applied,
              (select coalesce(max(oldest), 0) from headgate.migration)::integer as oldest,
              (select count(*) from headgate.stream r where r.format > 1 and r.format > $1)::integer as "newerRows",
              (select coalesce(json_agg(json_build_object('id', s.id, 'version', s.version, 'knows', s.knows,
                 'format', s.format) order by s.id), '[]') from headgate.server s
               where s.seen_at > headgate.clock_ms() - $2::bigint) as servers`,
      [format, PRESENCE_LEASE_MS],
    );
    return rows[0] as Company;
  }

  /** Says goodbye: nobody waits for its lease to end. Takes those along that have been silent for a day. */
  async leave(id: string): Promise<void> {
    await this.#sessions.query(
      'delete from headgate.server where id = $1 or seen_at < headgate.clock_ms() - 86400000',
      [id],
    );
  }
}
