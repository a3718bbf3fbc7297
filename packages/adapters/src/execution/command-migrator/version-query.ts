import pg from 'pg';
import { withBoundedClient } from '../store/bounded-session.ts';
import { plainText } from '../store/plain-text.ts';
import { StoreFault } from '../store/store-fault.ts';
import { ownersConnection, type Store, withoutTimeouts } from '../store/store-session.ts';

/** What the application's database says its version is: nothing yet, a text, or why that can't be told. */
export type Said =
  | { readonly kind: 'version'; readonly answer: string | null }
  | { readonly kind: 'unclear'; readonly why: string };

/** How long the query may take, and wait for a lock. Milliseconds. */
const ANSWER_MS = 10_000;

/** A function of the application's can catch that timeout and say what it likes: then the session is ended. */
const BOUNDS = { deadlineMs: ANSWER_MS + 5_000, mostBytes: 1024 * 1024 };

/** One character more than a document's answer may have: what is longer equals none. */
const LONGEST = 401;

/**
 * Asks the application's database for its version, with the application's own rights: what its owner made of its tables
 * (a view, with functions) never runs as more, and changes nothing. Throws when the database can't be reached, or the server
 * ends the query in time; when it doesn't end by itself, that is `unclear`.
 */
export async function askVersion(store: Store, versionQuery: string): Promise<Said> {
  const own = `-c default_transaction_read_only=on -c statement_timeout=${ANSWER_MS} -c lock_timeout=${ANSWER_MS}`;
  const config = await ownersConnection(store);
  const options = `${await withoutTimeouts(store.cluster)} ${own}`;
  try {
    return await withBoundedClient(store.cluster, { ...config, options }, BOUNDS, async (client) => {
      // Once a transaction has read, nobody in it can make it one that writes.
      await client.query('begin transaction read only');
      await client.query('select 1');
      const text = `select left(answer::text, ${LONGEST}) as answer from (\n${versionQuery}\n) as version(answer) limit 2`;
      // One statement, whatever stands in the query.
      const query = { text, queryMode: 'extended' } as pg.QueryConfig;
      const { rows } = await client.query<{ answer: string | null }>(query);
      if (rows.length > 1) return { kind: 'unclear', why: 'the version query gives more than one row' };
      return { kind: 'version', answer: rows[0]?.answer ?? null };
    });
  } catch (error) {
    if (error instanceof StoreFault) return { kind: 'unclear', why: `the version query failed: ${error.message}` };
    if (!(error instanceof pg.DatabaseError)) throw error;
    // No such table, no such schema: the application isn't there yet.
    if (error.code === '42P01' || error.code === '3F000') return { kind: 'version', answer: null };
    // Syntax, rights, columns, a read-only transaction: it is the query's, or the application's, fault.
    if (!/^(42|25|21|22)/.test(error.code ?? '')) throw error;
    const what = /^(42|25)/.test(error.code ?? '') ? `: ${plainText(error.message, 200)}` : '';
    return { kind: 'unclear', why: `the version query failed (${error.code})${what}` };
  }
}
