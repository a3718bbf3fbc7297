/** How far a statement came that runs outside of a transaction: asked of the database, never remembered. */
import type { AloneStatement, IndexShape } from '@headgate/migrations';
import type pg from 'pg';
import type { Attempt } from './attempt.ts';

/**
 * `half`: it was begun, and what it left is of no use. `foreign`: an index has the name, and isn't what the statement makes.
 * `leftovers`: indexes to drop, as SQL names them; a foreign one is never among them.
 */
export interface Standing {
  readonly state: 'before' | 'half' | 'after' | 'foreign';
  /** Of a foreign one. */
  readonly index?: string;
  readonly leftovers: readonly string[];
  /** The same in a table's TOAST, which its owner can't name. */
  readonly ofToast?: readonly string[];
}

const NOTHING: Standing = { state: 'before', leftovers: [] };

/** A name, as the owner's session finds it along its own search path. Every name of ours is a qualified one. */
const FIND = `select pg_catalog.to_regclass($1)::pg_catalog.oid::pg_catalog.text as oid`;

interface IndexRow {
  readonly oid: string;
  readonly name: string;
  readonly qualified: string;
  readonly whole: boolean;
  readonly unique: boolean;
  readonly method: string;
  readonly columns: readonly (string | null)[];
  readonly included: number;
  readonly partial: boolean;
}

const INDEXES = `
  select c.oid::text, c.relname as name, format('%I.%I', n.nspname, c.relname) as qualified,
    i.indisvalid and i.indisready and i.indislive as whole, i.indisunique as unique,
    (select amname from pg_am where oid = c.relam) as method, i.indpred is not null as partial,
    i.indnatts - i.indnkeyatts as included,
    (select json_agg(a.attname order by k.n) from unnest(i.indkey::int2[]) with ordinality as k(attnum, n)
       left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum <> 0) as columns
  from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace`;

/** What PostgreSQL calls the indexes that an interrupted REINDEX CONCURRENTLY leaves. */
const OF_REINDEX = /_cc(?:new|old)\d*$/;

/**
 * Where a statement stands. `owner` looks names up as the statement would; `control` looks at what they mean. `begun`: the
 * attempt of ours that is known, so that what a REINDEX left can be ours, and an index of the name need not be.
 */
export async function standingOf(
  owner: pg.ClientBase,
  control: pg.ClientBase,
  statement: AloneStatement,
  begun: Pick<Attempt, 'foundBefore'> | false,
): Promise<Standing> {
  if (statement.kind === 'vacuum') return NOTHING;
  if (statement.kind === 'create-index') {
    const table = await find(owner, statement.table);
    if (table === undefined) return NOTHING;
    const there = (await indexesOf(control, table)).find(({ name }) => name === statement.index);
    if (there === undefined) return NOTHING;
    if (begun !== false && !isOf(there, statement.shape))
      return { state: 'foreign', index: there.qualified, leftovers: [] };
    return there.whole
      ? { state: 'after', leftovers: [there.qualified] }
      : { state: 'half', leftovers: [there.qualified] };
  }
  if (statement.kind === 'drop-index') {
    const index = await findIndex(owner, control, statement.index);
    if (index === undefined) return { state: 'after', leftovers: [] };
    if (index === 'several') return { state: 'foreign', index: statement.index.name, leftovers: [] };
    const { rows } = await control.query<IndexRow>(`${INDEXES} where i.indexrelid = $1`, [index]);
    return { state: rows[0]?.whole === false ? 'half' : 'before', leftovers: [] };
  }
  const { left } = await halfRebuilt(owner, control, statement);
  const ours = begun === false ? [] : left.filter(({ oid }) => !begun.foundBefore.includes(oid));
  if (ours.length === 0) return NOTHING;
  const named = (toast: boolean) => ours.filter((each) => each.toast === toast).map(({ qualified }) => qualified);
  return { state: 'half', leftovers: named(false), ofToast: named(true) };
}

interface HalfRebuilt {
  readonly oid: string;
  readonly qualified: string;
  readonly toast: boolean;
}

/**
 * Indexes of no use that a REINDEX CONCURRENTLY of this was cut short over, ours or another's, those in the table's TOAST too;
 * and who is at one right now.
 */
export async function halfRebuilt(
  owner: pg.ClientBase,
  control: pg.ClientBase,
  statement: Extract<AloneStatement, { readonly kind: 'reindex' }>,
): Promise<{ readonly left: readonly HalfRebuilt[]; readonly atWork: number | undefined }> {
  const named = await find(owner, statement.name);
  if (named === undefined) return { left: [], atWork: undefined };
  const table = statement.of === 'table' ? named : await tableOf(control, named);
  const toast = statement.of === 'table' ? await toastOf(control, table) : undefined;
  const own = await indexesOf(control, table);
  const all = [
    ...own.map((each) => ({ ...each, toast: false })),
    ...(toast === undefined ? [] : await indexesOf(control, toast)).map((each) => ({ ...each, toast: true })),
  ];
  const bases = all.filter(({ whole, oid }) => (statement.of === 'table' ? whole : oid === named));
  const left = all.filter(
    ({ whole, name, toast: of }) => !whole && bases.some((b) => b.toast === of && isCopyOf(name, b.name)),
  );
  const { rows } = await control.query<{ pid: number }>(
    'select pid from pg_stat_progress_create_index where relid = any ($1::oid[]) limit 1',
    [[table, ...(toast === undefined ? [] : [toast])]],
  );
  return { left, atWork: rows[0]?.pid };
}

/** PostgreSQL cuts a long name so that all of it has at most 63 bytes. */
function isCopyOf(name: string, base: string): boolean {
  const stem = name.replace(OF_REINDEX, '');
  if (stem === name) return false;
  return stem === base || (base.startsWith(stem) && Buffer.byteLength(name) >= 60);
}

async function toastOf(control: pg.ClientBase, table: string): Promise<string | undefined> {
  const { rows } = await control.query<{ oid: string }>(
    'select reltoastrelid::text as oid from pg_class where oid = $1 and reltoastrelid <> 0',
    [table],
  );
  return rows[0]?.oid;
}

/** A partitioned table or index, whose REINDEX holds up writers of every partition while it waits for one of them. */
export async function isPartitioned(
  owner: pg.ClientBase,
  control: pg.ClientBase,
  { name }: Extract<AloneStatement, { readonly kind: 'reindex' }>,
): Promise<boolean> {
  const { rows } = await control.query<{ found: boolean }>(
    `select exists(select from pg_class where oid = $1 and relkind in ('p', 'I')) as found`,
    [(await find(owner, name)) ?? '0'],
  );
  return rows[0]?.found === true;
}

async function find(
  owner: pg.ClientBase,
  { schema, name }: { readonly schema?: string | undefined; readonly name: string },
): Promise<string | undefined> {
  const parts = (schema === undefined ? [name] : [schema, name]).map((part) => `"${part.replaceAll('"', '""')}"`);
  const { rows } = await owner.query<{ oid: string | null }>(FIND, [parts.join('.')]);
  return rows[0]?.oid ?? undefined;
}

/**
 * An index that is to be dropped. Without its schema it must be the only one of its name: who is cut short and comes again
 * would else drop the next one along the search path, and another session has another path.
 */
async function findIndex(
  owner: pg.ClientBase,
  control: pg.ClientBase,
  index: { readonly schema?: string | undefined; readonly name: string },
): Promise<string | undefined> {
  if (index.schema !== undefined) return find(owner, index);
  const { rows } = await control.query<{ oid: string }>(
    `select oid::text from pg_class where relname = $1 and relkind in ('i', 'I') limit 2`,
    [index.name],
  );
  return rows.length > 1 ? 'several' : rows[0]?.oid;
}

function isOf(found: IndexRow, wanted: IndexShape): boolean {
  const { unique, method, partial, included } = found;
  return (
    unique === wanted.unique &&
    method === wanted.method &&
    partial === wanted.partial &&
    included === wanted.included &&
    found.columns.length === wanted.columns.length &&
    found.columns.every((name, i) => name === wanted.columns[i])
  );
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
