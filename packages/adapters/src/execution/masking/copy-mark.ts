/**
 * The mark of a copy: one row in a schema of its own, set by whoever restored it, bound to the very database that it
 * stands in. Masking works in a marked database alone. A dump of a copy that is loaded elsewhere brings the row, and it
 * doesn't count there: another server, another database.
 */
import type { Digest } from '@headgate/domain';
import type { CopyFacts } from '@headgate/domain/masking/copy';
import { type Refusal, refused } from '@headgate/domain/model/refusal';
import type pg from 'pg';
import { lookAtTable } from '../store/ordinary-table.ts';
import { THIS_DATABASE } from '../store/this-database.ts';
import { bindTables, tablesExchanged } from './masked-tables.ts';

/** What a copy says of itself. */
export interface CopyMark {
  /** What it was made from: a restore point's name or digest. */
  readonly of: string;
  /** Milliseconds since 1970. */
  readonly markedAt: number;
  readonly maskedBy: Digest | undefined;
  readonly maskedAt: number | undefined;
  /** Places with originals; undefined: nobody looked. */
  readonly leaks: number | undefined;
}

export type MarkRead =
  | { readonly ok: true; readonly mark: CopyMark }
  | { readonly ok: false; readonly refusal: Refusal };

/** What sessions of a masking are called. */
export const MASKING = 'headgate mask';

const TABLE = `create table if not exists headgate_copy.mark (
  one boolean primary key default true check (one),
  place text not null,
  made_of text not null,
  marked_at timestamptz not null default now(),
  masked_by text,
  masked_at timestamptz,
  leaks int8
)`;

/**
 * Marks a database as a copy: for whoever restored it a moment ago. Refused while anybody else is connected, since a
 * fresh copy has no users, and production does; refused where a mark stands already.
 */
export async function markCopy(client: pg.Client, of: string): Promise<MarkRead> {
  const name = await databaseOf(client);
  const others = await otherSessions(client);
  if (others > 0) {
    const why = `${others} other ${others === 1 ? 'session is' : 'sessions are'} connected to it: a fresh copy has none`;
    return no('copy-in-use', 'marking a copy', name, why, 'make sure that it is a copy, and end what uses it');
  }
  const there = await client.query(`select 1 from pg_namespace where nspname = 'headgate_copy'`);
  if (there.rowCount !== 0) {
    const before = await readMark(client);
    if (before.ok)
      return no('copy-marked', 'marking a copy', name, 'it is marked already', 'mask it, or restore a fresh one');
    // A mark of another place came with the data: this copy gets its own.
    await client.query('drop schema headgate_copy cascade');
  }
  await client.query('begin');
  await client.query('create schema headgate_copy');
  await client.query('revoke all on schema headgate_copy from public');
  await client.query(TABLE);
  await client.query(`insert into headgate_copy.mark (place, made_of) values (${THIS_DATABASE}, $1)`, [of]);
  await client.query('commit');
  return readMark(client);
}

/** The mark of the database that a session is in; or why it is none. */
export async function readMark(client: pg.Client): Promise<MarkRead> {
  const name = await databaseOf(client);
  const unmarked = (why: string) =>
    no(
      'not-a-copy',
      'masking',
      name,
      why,
      'mask a copy that a restore marked; one that you restored yourself: headgate-agent mask mark-copy --database-env VAR --of WHAT --database NAME',
    );
  const there = await lookAtTable(client, 'headgate_copy', 'mark');
  if (there === undefined) return unmarked('it isn’t marked as a copy, so it may be production');
  // Reading a view of the owner's would run its functions with the rights of whoever masks.
  if (!there.ordinary) return unmarked('what stands in the place of its mark isn’t the plain table that marking makes');
  const { rows } = await client.query<{
    here: boolean;
    of: string;
    marked: Date;
    by: string | null;
    masked: Date | null;
    leaks: string | null;
  }>(
    `select place = ${THIS_DATABASE} as here, made_of as "of", marked_at as marked, masked_by as "by", masked_at as masked, leaks
     from headgate_copy.mark`,
  );
  const [row] = rows;
  if (row === undefined) return unmarked('its mark is empty');
  if (!row.here) return unmarked('its mark is that of another database: it came with the data');
  const marked = { of: row.of, markedAt: row.marked.getTime() };
  // Data came in afterwards: it is a copy still, and masked by nothing.
  if (row.by !== null && (await exchanged(client)))
    return { ok: true, mark: { ...marked, maskedBy: undefined, maskedAt: undefined, leaks: undefined } };
  return {
    ok: true,
    mark: {
      ...marked,
      maskedBy: (row.by ?? undefined) as Digest | undefined,
      maskedAt: row.masked?.getTime(),
      leaks: row.leaks === null ? undefined : Number(row.leaks),
    },
  };
}

async function exchanged(client: pg.Client): Promise<boolean> {
  await client.query('begin transaction read only');
  try {
    return await tablesExchanged(client);
  } finally {
    await client.query('rollback');
  }
}

/** Writes down that all of it is masked, by which rules, in which tables; and in how many places originals were found. */
export async function completeMark(
  client: pg.Client,
  rules: Digest,
  leaks: number | undefined,
  tables: readonly string[],
): Promise<void> {
  await bindTables(client, tables);
  await client.query(
    'update headgate_copy.mark set masked_by = $1, masked_at = coalesce(masked_at, now()), leaks = $2',
    [rules, leaks ?? null],
  );
}

/** What a database says of itself, as the decider takes it. */
export async function copyFacts(client: pg.Client): Promise<CopyFacts> {
  const name = await databaseOf(client);
  const read = await readMark(client);
  if (!read.ok) return { name, of: undefined, maskedBy: undefined, leaks: undefined };
  const { of, maskedBy, leaks } = read.mark;
  return { name, of, maskedBy, leaks };
}

/** How long a session that was just closed may take to be gone. Milliseconds. */
const PATIENCE_MS = 1_500;

/**
 * Sessions of people and programs in this database, those of a masking left out. One that was closed a moment ago is
 * waited for. Who may not see what others do sees that they are there.
 */
export async function otherSessions(client: pg.Client): Promise<number> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const { rows } = await client.query<{ n: string }>(
      `select count(*) as n from pg_stat_activity
       where datname = current_database() and usesysid is not null and coalesce(backend_type, 'client backend') = 'client backend'
         and pid <> pg_backend_pid() and application_name is distinct from $1`,
      [MASKING],
    );
    const n = Number(rows[0]?.n);
    if (n === 0 || performance.now() >= until) return n;
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function databaseOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  return rows[0]?.name ?? '';
}

function no(
  code: string,
  what: string,
  where: string,
  why: string,
  unblock: string,
): { readonly ok: false; readonly refusal: Refusal } {
  return refused(code, what, where, why, unblock);
}
