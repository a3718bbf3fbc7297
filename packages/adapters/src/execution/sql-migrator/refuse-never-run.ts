import type { Digest, ReleaseManifest } from '@headgate/domain';
import { loadParser, type Made, type MigrationFile, type WhatFilesMake, whatFilesMake } from '@headgate/migrations';
import type pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { requireOwnSchema } from '../store/store-schema.ts';
import { controlConnection, type Store } from '../store/store-session.ts';

/** A migration's text as the runner has it: without the mark that some editors put at its beginning. */
export function migrationText(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}

/** So many of what is missing, and of the files that can't be told, are named. */
const MOST_NAMED = 5;

/**
 * Refuses a database in which migrations that are about to be recorded as carried out were surely not: recorded as done, they
 * would never be run. Where records are, nothing is looked at: they say what was done. What reading the files doesn't tell is
 * reported as not checked.
 */
export async function refuseNeverRun(
  store: Store,
  { manifest, files }: { readonly manifest: ReleaseManifest; readonly files: ReadonlyMap<Digest, Uint8Array> },
  report: (line: string) => void,
): Promise<void> {
  const { migrations } = manifest;
  if (migrations.length === 0) return;
  await loadParser();
  const texts = migrations.map(
    ({ up }): MigrationFile => ({ name: up.name, text: migrationText(files.get(up.digest)) }),
  );
  const { made, unread } = whatFilesMake(texts);
  const lacking = await withClient(await controlConnection(store), async (client) => {
    if (await isRecorded(client)) return undefined;
    if (await isEmpty(client)) throw new Error(emptyText(store, migrations.length));
    return missing(client, made);
  });
  if (lacking === undefined) return;
  if (lacking.length > 0) throw new Error(lackingText(store, lacking));
  if (unread.length > 0) report(uncheckedText(store, unread));
}

/** Only our own record says it: what is called so and isn't ours is refused unread. */
async function isRecorded(client: pg.ClientBase): Promise<boolean> {
  if ((await requireOwnSchema(client)) === undefined) return false;
  const { rows } = await client.query<{ there: boolean }>(
    `select to_regclass('headgate.migration') is not null as there`,
  );
  if (rows[0]?.there !== true) return false;
  return ((await client.query('select from headgate.migration limit 1')).rowCount ?? 0) > 0;
}

async function isEmpty(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ empty: boolean }>(
    `select not exists (
       select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('headgate', 'information_schema') and n.nspname !~ '^pg_'
         and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     ) as empty`,
  );
  return rows[0]?.empty === true;
}

/** What of this no schema in which it may be has. A column isn't named beside its table. */
async function missing(client: pg.ClientBase, made: readonly Made[]): Promise<readonly Made[]> {
  const { rows } = await client.query<{ at: number }>(
    `with wanted as (
       select at::int, each->>'schema' as schema, each->>'table' as name, each->>'column' as column
       from jsonb_array_elements($1::jsonb) with ordinality as x(each, at)
     ), there as (
       select w.at, w.column, c.oid from wanted w
       left join (pg_class c join pg_namespace n on n.oid = c.relnamespace)
         on c.relname = w.name and c.relkind in ('r', 'p', 'v', 'm', 'f')
           and n.nspname not in ('headgate', 'information_schema') and n.nspname !~ '^pg_'
           and (w.schema is null or n.nspname = w.schema)
     )
     select at from there group by at, there.column
     having case when there.column is null then bool_and(oid is null)
       else bool_and(oid is not null and not exists (
         select 1 from pg_attribute a where a.attrelid = oid and a.attname = there.column and not a.attisdropped)) end
     order by at`,
    [JSON.stringify(made)],
  );
  return rows.flatMap(({ at }) => made[at - 1] ?? []);
}

function emptyText({ database, user }: Store, migrations: number): string {
  return `the database ${database} holds no table, and take-up would record ${migrations === 1 ? 'its migration' : `its ${migrations} migrations`} as carried out without running any: fill it first (bring a dump of another one in, or run the files of its migrations in their order, as ${user}), then call take-up again`;
}

function lackingText({ database, user }: Store, lacking: readonly Made[]): string {
  const named = lacking.map(({ schema, table, column, file }) => {
    const name = [schema, table, column].filter((part) => part !== undefined).join('.');
    return `${name} (made by ${file})`;
  });
  const files = [...new Set(lacking.map(({ file }) => file))];
  return [
    `the database ${database} lacks what the folder’s migrations make: ${short(named)}. take-up would record them as carried out without running any, and nobody would run them ever after; nothing was recorded or started`,
    `to unblock: if the code that runs needs them, run ${short(files)} there, as ${user}, and call take-up again`,
    `or, if an older version runs: bring the folder to how it was in that version, and call take-up with its number in --version; the newer files are then the next release’s, which Headgate runs`,
  ].join('\n');
}

function uncheckedText({ database }: Store, unread: WhatFilesMake['unread']): string {
  const named = unread.map(({ file, why }) => `${file} (${why})`);
  return `${database}: not checked is whether it has all that these files make, since reading them doesn’t tell: ${short(named)}`;
}

function short(all: readonly string[]): string {
  const more = all.length - MOST_NAMED;
  return `${all.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
