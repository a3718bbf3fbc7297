import { EntryRefused, SpoiltTree, StoreUnavailable } from '@headgate/control/ports/errors';

/** SQLSTATE classes and codes after which the same statement may well succeed: the server, not the statement, was at fault. */
const TRANSIENT = [
  '08', // connection
  '53', // out of memory, connections, disk
  '57', // shut down, started up, cancelled by a timeout
  '58', // the disk failed
  '40', // deadlock, serialisation
  '55P03', // a lock wasn't to be had in time
  '25006', // a standby that was promoted away from under us
  '25P03', // idle in transaction for too long
];

/** What the log's functions raise when they find a node that can't be (0014). */
const SPOILT_TREE = 'HG001';

/**
 * A text in a row that PostgreSQL can't take out of JSON again: U+0000 (`untranslatable_character`). Half of a pair, which is
 * said by a code that says much else as well, no entry holds.
 */
const NO_TEXT = '22P05';

/** What a failed statement is thrown as: {@link StoreUnavailable} when the database is away, busy or was restarted. */
export function asStoreError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = (error as { code?: unknown }).code;
  const sqlState = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
  if (sqlState === SPOILT_TREE) return new SpoiltTree(error.message, error);
  if (sqlState === NO_TEXT)
    return new EntryRefused({
      code: 'entry-malformed',
      what: 'keep what was said',
      where: 'body',
      why: 'a text in it holds U+0000, which the database has no character for',
      unblock: 'send it without',
    });
  // Without an SQLSTATE it never came from PostgreSQL: a refused or broken connection, or a timeout of ours.
  const away =
    sqlState === undefined
      ? !(error instanceof TypeError || error instanceof RangeError)
      : TRANSIENT.some((start) => sqlState.startsWith(start));
  return away ? new StoreUnavailable(`the control database is not available: ${error.message}`, error) : error;
}
