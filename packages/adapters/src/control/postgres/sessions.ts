import pg from 'pg';
import { GuestShares } from './guests.ts';
import { asStoreError } from './unavailable.ts';

export interface SessionOptions {
  /** Holds a password: never log it. */
  readonly databaseUrl: string;
  /** Sessions at most; default 10. */
  readonly poolSize?: number;
  /** What `pg_stat_activity` shows; default `headgate`. */
  readonly applicationName?: string;
  /** How long to wait for a session, free or new. Milliseconds; default 5,000. */
  readonly connectMs?: number;
  /** How long a statement may run. Milliseconds; default 10,000. */
  readonly statementMs?: number;
  /** A role to act as from the first statement on, for a login that is a member of the application's role. */
  readonly role?: string;
}

/** Bigints are milliseconds, places and sizes here: below 2^53. */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * A pool of sessions that mends itself: a broken session is dropped, the next statement opens another. A dead peer is
 * noticed by keepalives on both sides, and a session of ours that hangs in a transaction is ended by the server.
 */
export class Sessions {
  readonly #pool: pg.Pool;
  readonly #names = new Map<string, string>();
  readonly #shares: GuestShares;

  constructor(options: SessionOptions) {
    const { statementMs = 10_000, poolSize = 10, connectMs = 5_000 } = options;
    this.#shares = new GuestShares(poolSize, connectMs);
    this.#pool = new pg.Pool({
      connectionString: withSettings(options.databaseUrl, options.role),
      max: poolSize,
      application_name: options.applicationName ?? 'headgate',
      connectionTimeoutMillis: connectMs,
      statement_timeout: statementMs,
      // For a peer that is gone without a word; the server's own timeout comes first.
      query_timeout: statementMs + 2_000,
      lock_timeout: statementMs,
      idle_in_transaction_session_timeout: 15_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      idleTimeoutMillis: 60_000,
      types,
    });
    // A session that breaks while idle is dropped by the pool; whoever needs one next opens another.
    this.#pool.on('error', () => {});
  }

  /**
   * Runs one statement in a transaction of its own; each session prepares it once. Texts are constants: a text that varies
   * would stay in every session. Throws StoreUnavailable when the database is away.
   */
  async query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<pg.QueryResult<R>> {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `headgate-${this.#names.size}`;
      this.#names.set(text, name);
    }
    try {
      return await this.#shares.run(() => this.#pool.query<R>({ name, text, values: values as unknown[] }));
    } catch (error) {
      throw asStoreError(error);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

/** The URL with our session settings before the ones that it brings, so that an operator's win. */
function withSettings(databaseUrl: string, role: string | undefined): string {
  const url = new URL(databaseUrl);
  const settings: Record<string, string> = {
    // Every statement of a function sees what was committed when it began: the locks rely on it.
    default_transaction_isolation: 'read committed',
    // One plan for a statement, made once (planning took twice as long as the work), and never a scan of a whole table: a
    // plan that was made while the tables were empty would read all of them later.
    plan_cache_mode: 'force_generic_plan',
    enable_seqscan: 'off',
    jit: 'off',
    // What is read is a page: workers take 5 ms to start, and the page a tenth of that.
    max_parallel_workers_per_gather: '0',
    tcp_keepalives_idle: '15',
    tcp_keepalives_interval: '5',
    tcp_keepalives_count: '3',
    ...(role === undefined ? {} : { role }),
  };
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value.replace(/[\\ ]/g, '\\$&')}`);
  const theirs = url.searchParams.get('options');
  url.searchParams.set('options', [...ours, ...(theirs === null ? [] : [theirs])].join(' '));
  return url.href;
}
