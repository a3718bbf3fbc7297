import type { MigrationRef } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import type pg from 'pg';
import { fenced } from '../../store/fenced.ts';

/** A statement that was begun outside of a transaction, and not seen to its end. */
export interface Attempt {
  readonly direction: 'up' | 'down';
  readonly from: number;
  readonly to: number;
  /** Of the file. */
  readonly digest: string;
  /** The statement itself: what it left can be told without its release. Null: a program's, not ours. */
  readonly statement: string | null;
  /** Oids of what others had left half done before it: none of ours, whatever it is called. */
  readonly foundBefore: readonly string[];
}

/** One version's change, in one direction. */
export interface AloneChange {
  readonly direction: 'up' | 'down';
  readonly migration: MigrationRef;
}

type Decision = Pick<StepContext, 'cell' | 'fence'>;

/** What was begun. Also of a store that was brought back as it was before attempts, or their statements, were kept. */
export async function readAttempt(client: pg.ClientBase): Promise<Attempt | undefined> {
  const there = await client.query<{ there: boolean }>(`select to_regclass('headgate.attempt') is not null as there`);
  if (there.rows[0]?.there !== true) return undefined;
  const { rows } = await client.query<Omit<Attempt, 'foundBefore'> & { readonly before: readonly string[] | null }>(
    `select direction, version_from as "from", version_to as "to", digest, to_jsonb(attempt) ->> 'statement' as statement,
       to_jsonb(attempt) -> 'found_before' as before
     from headgate.attempt`,
  );
  const [found] = rows;
  if (found === undefined) return undefined;
  const { before, ...attempt } = found;
  return { ...attempt, foundBefore: before ?? [] };
}

/** Notes that a statement is about to run. False: a later decision was seen meanwhile. */
export async function beginAttempt(
  client: pg.ClientBase,
  { direction, migration }: AloneChange,
  { statement, foundBefore }: Pick<Attempt, 'foundBefore'> & { readonly statement: string },
  ctx: Decision & Pick<StepContext, 'idempotencyKey'>,
): Promise<boolean> {
  const { from, to, file } = migration;
  return fenced(client, ctx, async () => {
    await client.query('delete from headgate.attempt');
    await client.query(
      `insert into headgate.attempt(direction, version_from, version_to, digest, key, statement, found_before)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [direction, from, to, file.digest, ctx.idempotencyKey, statement, JSON.stringify(foundBefore)],
    );
  });
}

/** Records that it happened, and forgets the attempt with it. False: a later decision was seen meanwhile. */
export async function recordAlone(
  client: pg.ClientBase,
  { direction, migration }: AloneChange,
  ctx: Decision & Pick<StepContext, 'idempotencyKey'>,
): Promise<boolean> {
  const { from, to, id, file } = migration;
  return fenced(client, ctx, async () => {
    await client.query('delete from headgate.attempt');
    // Nobody but us moves the version: this session holds the store's migrations.
    const { rowCount } =
      direction === 'up'
        ? await client.query(
            `insert into headgate.migration(version, id, digest, applied_by)
             select $1, $2, $3, $4 where coalesce((select max(version) from headgate.migration), 0) = $5`,
            [to, id, file.digest, ctx.idempotencyKey, from],
          )
        : await client.query(
            `delete from headgate.migration where version = $1 and version = (select max(version) from headgate.migration)`,
            [to],
          );
    if (rowCount !== 1)
      throw new Error('The version of the store moved while a migration of it ran; look at the store');
  });
}

/** Forgets an attempt that left nothing. False: a later decision was seen meanwhile. */
export async function forgetAttempt(client: pg.ClientBase, ctx: Decision): Promise<boolean> {
  return fenced(client, ctx, async () => {
    await client.query('delete from headgate.attempt');
  });
}

/** For people: what was begun. */
export function begun({ direction, from, to, statement }: Attempt): string {
  const what =
    direction === 'up' ? `the migration from version ${from} to ${to}` : `the way back from ${to} to ${from}`;
  const which = statement === null ? '' : ` (${statement.replace(/\s+/g, ' ').slice(0, 120)})`;
  return `${what}${which} was begun and didn't end`;
}
