/** Samples a database's columns for the scanner: how many values look like what. Reads only, bounded, and no value leaves it. */
import { type MaskColumn, type MaskTable, nameOf, quoteName, quoteTable } from '@headgate/domain/masking/catalogue';
import type { ColumnSample } from '@headgate/domain/masking/propose';
import type pg from 'pg';
import { readCatalogue } from './read-catalogue.ts';
import { inTransaction } from './run-record.ts';

/** Rows of a table that are looked at, at most. */
const ROWS = 1_000;

const TEXTS = new Set(['text', 'varchar', 'bpchar', 'citext', 'name']);
const JSONS = new Set(['json', 'jsonb']);

const EMAIL = `'^[^@[:space:]]+@[^@[:space:]]+[.][A-Za-z]{2,}$'`;
const PHONE = `'^([+]|0)[0-9 ()/.-]{6,20}[0-9]$'`;
const IBAN = `'^[A-Z]{2}[0-9]{2}[A-Z0-9 ]{10,40}$'`;

/** Whether an account's check digits hold (ISO 7064, mod 97), letters being two digits each. */
const CHECKS = `(select string_agg(case when c ~ '[A-Z]' then (ascii(c) - 55)::text else c end, '' order by i)::numeric % 97 = 1
  from unnest(string_to_array(substr(replace(v, ' ', ''), 5) || left(replace(v, ' ', ''), 4), null)) with ordinality as each(c, i))`;

const SHAPES: Readonly<Record<'email' | 'phone' | 'iban' | 'ip' | 'name' | 'prose', string>> = {
  email: `v ~ ${EMAIL}`,
  phone: `v ~ ${PHONE} and length(regexp_replace(v, '[^0-9]', '', 'g')) between 7 and 15`,
  iban: `case when v ~ ${IBAN} then ${CHECKS} else false end`,
  ip: `v ~ '^[0-9]{1,3}([.][0-9]{1,3}){3}(/[0-9]+)?$' or v ~* '^[0-9a-f]{0,4}(:[0-9a-f]{0,4}){3,7}$'`,
  name: `v ~ '^[[:upper:]][[:alpha:]''-]+( [[:upper:]][[:alpha:]''.-]+){1,3}$'`,
  prose: `cardinality(string_to_array(v, ' ')) > 5`,
};

/** Samples every table that isn't a partition of another. Works in any database, in a read-only transaction. */
export async function sampleColumns(client: pg.Client): Promise<readonly ColumnSample[]> {
  const { tables } = await readCatalogue(client);
  await client.query(`set statement_timeout = '30s'`);
  return inTransaction(client, async () => {
    await client.query('set transaction read only');
    const samples: ColumnSample[] = [];
    for (const table of tables.filter(({ partitionOf }) => partitionOf === null))
      for (const column of table.columns.filter(({ generated }) => !generated))
        samples.push(await sample(client, table, column));
    return samples;
  });
}

async function sample(client: pg.Client, table: MaskTable, column: MaskColumn): Promise<ColumnSample> {
  const own = quoteName(column.name);
  const about = {
    table: nameOf(table),
    column: column.name,
    base: column.base,
    array: column.array,
    length: column.length,
    unique: table.unique.some(({ columns }) => columns.includes(column.name)),
    person: table.primaryKey.length === 1 ? table.primaryKey[0] : undefined,
  };
  const none = { values: 0, email: 0, phone: 0, iban: 0, ip: 0, name: 0, prose: 0, fields: [] };
  const pages = { pages: table.bytes / 8_192, partitioned: table.partitioned };
  const rows = `(select ${own} as c from ${quoteTable(table)} ${thinned(pages)} where ${own} is not null limit ${ROWS})`;
  // No mask of JSON takes a list of it: nothing could be proposed.
  if (column.array && JSONS.has(column.base)) return { ...about, ...none };
  // Bounded before and after: one row's list may have any number of members.
  const from = column.array
    ? `(select c from ${rows} as listed (list), unnest(list) as c where c is not null limit ${ROWS})`
    : rows;
  if (JSONS.has(column.base)) {
    const found = await client.query<{ field: string; as: 'email' | 'phone' }>(
      `select field, case when email >= phone then 'email' else 'phone' end as "as" from (
         select pair ->> 'key' as field, count(*) filter (where pair ->> 'value' ~ ${EMAIL}) as email,
                count(*) filter (where pair ->> 'value' ~ ${PHONE}) as phone
         from ${from} as sampled, jsonb_path_query(c::jsonb, 'strict $.** ? (@.type() == "object").keyvalue()', '{}', true) as pair
         where length(pair ->> 'key') <= 200 group by 1) as counted
       where email + phone > 0 order by 1 limit 20`,
    );
    return { ...about, ...none, fields: found.rows };
  }
  if (column.base === 'inet' || !TEXTS.has(column.base)) return { ...about, ...none };
  const counts = Object.entries(SHAPES).map(([shape, test]) => `count(*) filter (where ${test})::int4 as ${shape}`);
  const counted = await client.query<Omit<ColumnSample, keyof typeof about | 'fields'>>(
    `select count(*)::int4 as values, ${counts.join(', ')} from (select c::text as v from ${from} as sampled) as told`,
  );
  return { ...about, ...none, ...counted.rows[0] };
}

/** Of a large table a few pages from everywhere, the same ones each time. */
function thinned({ pages, partitioned }: { readonly pages: number; readonly partitioned: boolean }): string {
  if (partitioned || pages <= 1_000) return '';
  return `tablesample system (${Math.max((100 * 200) / pages, 0.0001).toFixed(4)}) repeatable (1)`;
}
