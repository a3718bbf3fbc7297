/**
 * Which tables were masked, by their numbers in the database: a table of the same name with another number was made afterwards,
 * as `pg_restore --clean` makes them, and nobody masked what is in it. One that is gone, as a contract migration leaves it, is
 * no harm. What is brought into the masked tables themselves isn't seen.
 */
import type pg from 'pg';
import { lookAtTable } from '../store/ordinary-table.ts';

const TABLE =
  'create table if not exists headgate_copy.masked (number int8 primary key, of_schema text not null, of_name text not null)';

const EXCHANGED = `select exists (
  select from only headgate_copy.masked m
  join pg_catalog.pg_namespace n on n.nspname operator(pg_catalog.=) m.of_schema
  join pg_catalog.pg_class c on c.relnamespace operator(pg_catalog.=) n.oid and c.relname operator(pg_catalog.=) m.of_name
  where c.oid::pg_catalog.int8 operator(pg_catalog.<>) m.number) as exchanged`;

/** Writes the tables down; `names` as SQL takes them. */
export async function bindTables(client: pg.Client, names: readonly string[]): Promise<void> {
  await client.query(TABLE);
  await client.query('delete from headgate_copy.masked');
  await client.query(
    `insert into headgate_copy.masked select distinct c.oid::int8, n.nspname, c.relname
     from unnest($1::text[]) as t(name) join pg_class c on c.oid = to_regclass(t.name)::oid join pg_namespace n on n.oid = c.relnamespace`,
    [names],
  );
}

/**
 * Whether a masked table was exchanged for another. Of a mark from before tables were written down nobody knows, and it counts.
 * Runs nothing of the database's owner's, in the caller's transaction: what is no plain table says that it was.
 */
export async function tablesExchanged(client: pg.ClientBase): Promise<boolean> {
  if ((await lookAtTable(client, 'headgate_copy', 'masked')) === undefined) return false;
  await client.query('lock table only headgate_copy.masked in access share mode');
  const seen = await lookAtTable(client, 'headgate_copy', 'masked');
  const texts = ['of_schema', 'of_name'].every((name) => seen?.texts.includes(name));
  if (!seen?.ordinary || !texts || !seen.numbers.includes('number')) return true;
  return (await client.query<{ exchanged: boolean }>(EXCHANGED)).rows[0]?.exchanged !== false;
}
