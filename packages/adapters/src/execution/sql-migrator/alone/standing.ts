/** How far a statement came that runs outside of a transaction: asked of the database, never remembered. */
import type { AloneStatement } from '@headgate/migrations';
import type pg from 'pg';

/** `half`: it was begun, and what it left is of no use. `leftovers`: indexes to drop, as SQL names them. */
export interface Standing {
  readonly state: 'before' | 'half' | 'after';
  readonly leftovers: readonly string[];
}

const NOTHING: Standing = { state: 'before', leftovers: [] };

/** A name, as the owner's session finds it along its own search path. Every name of ours is a qualified one. */
const FIND = `select pg_catalog.to_regclass($1)::pg_catalog.oid::pg_catalog.text as oid`;

interface IndexRow {
  readonly name: string;
  readonly qualified: string;
  readonly whole: boolean;
}

const INDEXES = `
  select c.relname as name, format('%I.%I', n.nspname, c.relname) as qualified,
    i.indisvalid and i.indisready and i.indislive as whole
  from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace`;

/** What PostgreSQL calls the indexes that an interrupted REINDEX CONCURRENTLY leaves. */
const OF_REINDEX = /_cc(?:new|old)\d*$/;

/**
 * Where a statement stands. `owner` looks names up as the statement would; `control` looks at what they mean. `begun`: an
 * attempt of ours is known, so that what a REINDEX left can be ours.
 */
export async function standingOf(
  owner: pg.ClientBase,
  control: pg.ClientBase,
  statement: AloneStatement,
  begun: boolean,
): Promise<Standing> {
  if (statement.kind === 'vacuum') return NOTHING;
  if (statement.kind === 'create-index') {
    const table = await find(owner, statement.table);
    if (table === undefined) return NOTHING;
    const there = (await indexesOf(control, table)).find(({ name }) => name === statement.index);
    if (there === undefined) return NOTHING;
    return there.whole
      ? { state: 'after', leftovers: [there.qualified] }
      : { state: 'half', leftovers: [there.qualified] };
  }
  if (statement.kind === 'drop-index') {
    const index = await find(owner, statement.index);
    if (index === undefined) return { state: 'after', leftovers: [] };
    const { rows } = await control.query<IndexRow>(`${INDEXES} where i.indexrelid = $1`, [index]);
    return { state: rows[0]?.whole === false ? 'half' : 'before', leftovers: [] };
  }
  if (!begun) return NOTHING;
  const named = await find(owner, statement.name);
  if (named === undefined) return NOTHING;
  const table = statement.of === 'table' ? named : await tableOf(control, named);
  const left = (await indexesOf(control, table)).filter(({ name, whole }) => !whole && OF_REINDEX.test(name));
  return left.length === 0 ? NOTHING : { state: 'half', leftovers: left.map(({ qualified }) => qualified) };
}

async function find(
  owner: pg.ClientBase,
  { schema, name }: { readonly schema?: string | undefined; readonly name: string },
): Promise<string | undefined> {
  const parts = (schema === undefined ? [name] : [schema, name]).map((part) => `"${part.replaceAll('"', '""')}"`);
  const { rows } = await owner.query<{ oid: string | null }>(FIND, [parts.join('.')]);
  return rows[0]?.oid ?? undefined;
}

async function tableOf(control: pg.ClientBase, index: string): Promise<string> {
  const { rows } = await control.query<{ oid: string }>(
    'select indrelid::text as oid from pg_index where indexrelid = $1',
    [index],
  );
  return rows[0]?.oid ?? '0';
}

async function indexesOf(control: pg.ClientBase, table: string): Promise<readonly IndexRow[]> {
  return (await control.query<IndexRow>(`${INDEXES} where i.indrelid = $1`, [table])).rows;
}
