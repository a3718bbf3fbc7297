/**
 * What PostgreSQL passes over. VACUUM, ANALYZE, CLUSTER and REINDEX of something that a login may not touch, or that can't be
 * done that way, are a WARNING there, and the statement counts as done. Here it doesn't.
 */
import { denied } from '@headgate/execution';
import type pg from 'pg';

/** What was passed over, as PostgreSQL says it. */
export interface Skip {
  readonly message: string;
  /** The relation, where it stands in the message. */
  readonly relation: string | undefined;
}

type Notice = Parameters<Parameters<pg.ClientBase['on']>[1]>[0] & {
  readonly code?: string;
  readonly message?: string;
  readonly routine?: string;
  readonly severity?: string;
};

/** Which of the server's functions say so, in whatever language (12 to 18). */
const ROUTINES = new Set([
  'vacuum_is_relation_owner',
  'vacuum_is_permitted_for_relation',
  'vacuum_open_relation',
  'vacuum_rel',
  'analyze_rel',
  'cluster_is_permitted_for_relation',
  'ReindexRelationConcurrently',
  'ReindexMultipleTables',
]);
/** Its words in English, as our clusters speak it. */
const WORDS = /^skipping |\bskipping( it| all)?$/;
/** What a file says by RAISE is its own affair. */
const OF_A_FILE = 'exec_stmt_raise';
/** So many are kept, and so many are told. */
const MOST_KEPT = 10_000;
const MOST_TOLD = 5;

/** Listens until it is ended for what a session's statements pass over. */
export function listenForSkips(client: pg.Client): { all(): readonly Skip[]; end(): void } {
  const found: Skip[] = [];
  const hear = (given: unknown): void => {
    const { code, message = '', routine, severity } = given as Notice;
    // Codes alone don't tell: what IF NOT EXISTS finds has one of an error, and an INVALID index one of corruption.
    if (
      code === '00000' ||
      severity === 'NOTICE' ||
      severity === 'INFO' ||
      routine === OF_A_FILE ||
      found.length >= MOST_KEPT
    )
      return;
    if (!ROUTINES.has(routine ?? '') && !WORDS.test(message)) return;
    found.push({ message: message.slice(0, 300).toWellFormed(), relation: /"([^"]+)"/.exec(message)?.[1] });
  };
  client.on('notice', hear);
  return { all: () => found, end: () => void client.off('notice', hear) };
}

/**
 * Those that aren't about PostgreSQL's own catalogues: whoever vacuums everything means what is theirs, and only a superuser
 * may vacuum those.
 */
export async function beyondSystem(control: pg.ClientBase, skips: readonly Skip[]): Promise<readonly Skip[]> {
  const names = skips.flatMap(({ relation }) => relation ?? []);
  if (names.length === 0) return skips;
  const { rows } = await control.query<{ name: string }>(
    `select distinct c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relname = any ($1) and n.nspname in ('pg_catalog', 'pg_toast', 'information_schema', 'headgate')
       and not exists (select from pg_class o join pg_namespace m on m.oid = o.relnamespace
         where o.relname = c.relname and m.nspname not in ('pg_catalog', 'pg_toast', 'information_schema', 'headgate'))`,
    [names],
  );
  const system = new Set(rows.map(({ name }) => name));
  return skips.filter(({ relation }) => relation === undefined || !system.has(relation));
}

/** The refusal for what was passed over; undefined: nothing was. */
export function skippedRefusal(store: string, skips: readonly Skip[]): ReturnType<typeof denied> | undefined {
  const messages = [...new Set(skips.map(({ message }) => message))];
  if (messages.length === 0) return undefined;
  const more = messages.length > MOST_TOLD ? `; and ${messages.length - MOST_TOLD} more` : '';
  return denied(
    'rejected',
    `the store ${store}: PostgreSQL passed over what it should have done (${messages.slice(0, MOST_TOLD).join('; ')}${more}): let the store's own login own it (ALTER TABLE … OWNER TO), drop what is INVALID (DROP INDEX CONCURRENTLY), or leave it out of the file`,
  );
}
