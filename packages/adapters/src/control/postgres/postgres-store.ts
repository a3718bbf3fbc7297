import { checkByTime, checkCommit, checkLimit } from '@headgate/control/ports/commit-rules';
import { NewerRow, StoreUnavailable } from '@headgate/control/ports/errors';
import { KNOWN_FORMAT } from '@headgate/control/ports/row-format';
import type { Claimed, Commit, Committed, ControlStore, ListPage, Row, StreamId } from '@headgate/control/ports/store';
import type { Instant } from '@headgate/domain';
import type { DatabaseClock } from './clock.ts';
import { commitCall } from './commit-arguments.ts';
import type { Sessions } from './sessions.ts';

interface StreamRow {
  readonly stream: StreamId;
  readonly version: number;
  readonly state: unknown;
  readonly due_at: number | null;
  /** Absent of claimed ones, which are all known. */
  readonly format?: number;
  readonly made_at?: number | null;
}

interface CommitRow {
  readonly outcome: 'done' | 'version' | 'exclusive' | 'format' | 'clock' | 'waiting';
  readonly conflict: StreamId;
  readonly held_by: StreamId;
  readonly clock: number;
}

/** Sorts behind every name. */
const SETTLED = `
  select least(headgate.clock_ms(), (
    select floor(extract(epoch from min(a.xact_start)) * 1000)::bigint from pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid()
      and (a.backend_xid is not null or a.state = 'active' and a.query ~ '^select [*] from headgate[.]commit')
  ))::float8 as settled from (select pg_sleep(0.002) offset 0) moment`;
const LAST_CHARACTER = '\u{10ffff}';

const COLUMNS = 'r.stream, r.version, r.state, r.due_at, r.format, r.made_at';

/** A commit whose time doesn't fit is made anew with the database's; more often than this, the clock runs wild. */
const CLOCK_TRIES = 4;

/** The control store on PostgreSQL. Every method is one statement; `commit` another one when the clock was off. */
export class PostgresStore implements ControlStore {
  readonly #sessions: Sessions;
  readonly #clock: DatabaseClock;

  constructor(sessions: Sessions, clock: DatabaseClock) {
    this.#sessions = sessions;
    this.#clock = clock;
  }

  async now(): Promise<Instant> {
    const { rows } = await this.#sessions.query<{ clock: number }>('select headgate.clock_ms() as clock');
    return this.#clock.observe(rows[0]!.clock);
  }

  async load(streams: readonly StreamId[]): Promise<ReadonlyMap<StreamId, Row>> {
    if (streams.length === 0) return new Map();
    const { rows } = await this.#sessions.query<StreamRow>(
      `select ${COLUMNS} from headgate.stream r where r.stream = any ($1)`,
      [streams],
    );
    return new Map(rows.map((row) => [row.stream, rowOf(row)]));
  }

  async holder(key: string): Promise<Row | undefined> {
    const { rows } = await this.#sessions.query<StreamRow>(
      `select ${COLUMNS} from headgate.stream r where r.exclusive = $1`,
      [key],
    );
    return rows[0] === undefined ? undefined : rowOf(rows[0]);
  }

  async list(kind: string, page: ListPage): Promise<readonly Row[]> {
    checkLimit(page.limit);
    const { under, byTime, descending } = page;
    const values: unknown[] = [page.limit];
    const value = (of: unknown) => `$${values.push(of)}`;
    // One plan serves all parameters, and only a kind that is written out lets it go by that kind's indexes.
    const conditions = [`r.kind = ${byTime === undefined ? value(kind) : `'${checkByTime(kind)}'`}`];
    const add = (condition: (value: string) => string, of: unknown): void => {
      if (of !== undefined) conditions.push(condition(value(of)));
    };
    const behind = descending === true ? '<' : '>';
    add((after) => `r.stream ${behind} ${after}`, page.after);
    if (byTime?.after !== undefined) {
      const { at, stream } = byTime.after;
      conditions.push(`(r.made_at, r.stream) ${behind} (${value(at)}::bigint, ${value(stream)})`);
    }
    add((parent) => `r.parent = ${parent}`, page.parent);
    add((facet) => `r.facet = ${facet}`, page.facet);
    add((application) => `r.application = ${application}`, page.application);
    add((phase) => `r.phase = ${phase}`, page.phase);
    // Written out, so that the index of what is open serves it.
    if (page.open !== undefined) conditions.push(page.open ? 'r.open' : 'not r.open');
    if (page.troubled === true) conditions.push('r.troubled');
    add((since) => `r.ended_at >= ${since}`, page.endedSince);
    add((from) => `r.stream >= ${from}`, under);
    add((to) => `r.stream < ${to}`, under === undefined ? undefined : `${under}${LAST_CHARACTER}`);
    if (byTime !== undefined && descending !== true) add((settled) => `r.made_at < ${settled}`, await this.#settled());
    const direction = descending === true ? 'desc' : 'asc';
    const order = [...(byTime === undefined ? [] : ['r.made_at']), 'r.stream'].map((by) => `${by} ${direction}`);
    const { rows } = await this.#sessions.query<StreamRow>(
      `select ${COLUMNS} from headgate.stream r where ${conditions.join(' and ')} order by ${order.join(', ')} limit $1`,
      values,
    );
    return rows.map(rowOf);
  }

  /**
   * From when on rows may still be inserted by commits that are under way: a row has the time of its insertion, and can be
   * seen only when its commit has ended. Asked for before the list is read, in a statement of its own: what isn't under way by
   * then is in the list, or later. A moment passes first, so that what was made in this very millisecond is behind it.
   */
  async #settled(): Promise<Instant> {
    const { rows } = await this.#sessions.query<{ settled: number }>(SETTLED, []);
    return rows[0]!.settled;
  }

  async commit(commit: Commit): Promise<Committed> {
    checkCommit(commit);
    let at = this.#clock.estimate() ?? (await this.now());
    for (let tries = 0; tries < CLOCK_TRIES; tries++) {
      const { sql, values } = commitCall(commit, at);
      const { rows } = await this.#sessions.query<CommitRow>(sql, values);
      const { outcome, conflict, held_by: heldBy, clock } = rows[0]!;
      if (outcome !== 'clock') this.#clock.observe(clock);
      if (outcome === 'done') return { ok: true };
      if (outcome === 'version' || outcome === 'waiting') return { ok: false, conflict, because: outcome };
      if (outcome === 'exclusive') return { ok: false, conflict, because: 'exclusive', heldBy };
      if (outcome === 'format') throw new NewerRow(conflict);
      at = clock;
    }
    throw new StoreUnavailable("the control database's clock can't be followed");
  }

  async claim(limit: number, claimMs: number): Promise<Claimed> {
    checkLimit(limit);
    return this.#claimed('select * from headgate.claim($1, $2, $3)', [limit, claimMs, KNOWN_FORMAT]);
  }

  async offered(audiences: readonly string[], limit: number, holding?: readonly string[]): Promise<Claimed> {
    checkLimit(limit);
    return this.#claimed(
      `select c.clock, r.* from (select headgate.clock_ms() as clock offset 0) c left join lateral (
         select ${COLUMNS} from headgate.stream r where r.audience = any ($1) and r.format <= $3
           and ($4::text[] is null or r.exclusive = any ($4))
           and coalesce((select p.format from headgate.stream p where p.stream = r.parent), 1) <= $3
         order by r.queued_at, r.stream limit $2
       ) r on true`,
      [audiences, limit, KNOWN_FORMAT, holding ?? null],
    );
  }

  async postpone(stream: StreamId, version: number, dueAt: Instant | null, was?: Instant | null): Promise<boolean> {
    const { rowCount } = await this.#sessions.query(
      `update headgate.stream set due_at = $3, claimed_until = null
       where stream = $1 and version = $2 ${was === undefined ? '' : 'and due_at is not distinct from $4'}`,
      [stream, version, dueAt, ...(was === undefined ? [] : [was])],
    );
    return rowCount === 1;
  }

  /** Rows with the clock in each; one row of nothing but the clock when there are none. */
  async #claimed(sql: string, values: readonly unknown[]): Promise<Claimed> {
    const { rows } = await this.#sessions.query<{ clock: number } & StreamRow>(sql, values);
    const now = this.#clock.observe(rows[0]!.clock);
    return { now, rows: rows.filter((row) => row.stream !== null).map(rowOf) };
  }
}

function rowOf({ stream, version, state, due_at: dueAt, format = 1, made_at: madeAt }: StreamRow): Row {
  return {
    ...{ stream, version, state, dueAt },
    ...(madeAt != null && { madeAt }),
    ...(format > KNOWN_FORMAT && { newer: true }),
  };
}
