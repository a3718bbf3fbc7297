import type { CopySeen } from '@headgate/domain';
import type pg from 'pg';
import { lookAtTable } from '../store/ordinary-table.ts';
import { plainText } from '../store/plain-text.ts';
import { THIS_DATABASE } from '../store/this-database.ts';
import { tablesExchanged } from './masked-tables.ts';

/** What is told of a mark: characters of what the copy was made from. */
const MOST_OF = 200;
const TEXTS = ['place', 'made_of', 'masked_by'];
/** There is no such table, or it can't be held as one, or its owner keeps us out. */
const NO_MARK: ReadonlySet<string> = new Set(['42P01', '3F000', '42809', '42501']);

/**
 * The mark of the copy that a session is in, for whoever only looks: undefined where there is none, where it is another
 * database's, and where it isn't the plain table that masking makes, since whoever owns the database could have put anything
 * there. Runs in the caller's transaction, nothing of which is lost.
 */
export async function seenMark(client: pg.ClientBase): Promise<CopySeen | undefined> {
  // Asked first: a failure at each look would fill the server's log.
  if ((await lookAtTable(client, 'headgate_copy', 'mark')) === undefined) return undefined;
  await client.query('savepoint headgate_mark');
  try {
    const mark = await readPlain(client);
    await client.query('release savepoint headgate_mark');
    return mark;
  } catch (error) {
    if (!NO_MARK.has((error as { readonly code?: string }).code ?? '')) throw error;
    await client.query('rollback to savepoint headgate_mark');
    return undefined;
  }
}

/** The same in a transaction of its own, which reads alone. */
export async function seenMarkAlone(client: pg.ClientBase): Promise<CopySeen | undefined> {
  await client.query('begin transaction read only');
  try {
    return await seenMark(client);
  } finally {
    await client.query('rollback');
  }
}

async function readPlain(client: pg.ClientBase): Promise<CopySeen | undefined> {
  await client.query('lock table only headgate_copy.mark in access share mode');
  const seen = await lookAtTable(client, 'headgate_copy', 'mark');
  if (!seen?.ordinary || !TEXTS.every((name) => seen.texts.includes(name)) || !seen.numbers.includes('leaks'))
    return undefined;
  const { rows } = await client.query<{ place: string; of: string; by: string | null; leaks: string | null }>(
    `select pg_catalog."left"(place, 100) as place, pg_catalog."left"(made_of, ${MOST_OF}) as "of",
       pg_catalog."left"(masked_by, 100) as "by", leaks from only headgate_copy.mark limit 2`,
  );
  const [row] = rows;
  if (row === undefined || rows.length > 1 || row.place !== (await placeOf(client))) return undefined;
  const of = plainText(row.of, MOST_OF);
  if (row.by !== null && (await tablesExchanged(client))) return { of };
  const leaks = row.leaks === null ? undefined : Number(row.leaks);
  return {
    of,
    ...(row.by !== null && /^sha256:[0-9a-f]{64}$/.test(row.by) && { maskedBy: row.by as `sha256:${string}` }),
    ...(leaks !== undefined && Number.isSafeInteger(leaks) && leaks >= 0 && { leaks }),
  };
}

async function placeOf(client: pg.ClientBase): Promise<string | undefined> {
  return (await client.query<{ place: string }>(`select ${THIS_DATABASE} as place`)).rows[0]?.place;
}
