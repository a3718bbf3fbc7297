/** For tests and the bench: how a masked copy compares with its original, asked of both by plain queries of its own. */
import type { MaskingRule } from '@headgate/domain/masking/rule';
import type pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';

export interface MaskingFigures {
  /** Rows whose foreign key leads nowhere. */
  readonly brokenKeys: number;
  readonly unequalDistinct: readonly string[];
  /** Amounts and days whose quantile differs by more than 5 % of the value, or of the range. */
  readonly quantilesOff: readonly string[];
  /** Columns that should be masked in which more than a thousandth of the rows is as before. */
  readonly unchanged: readonly string[];
}

const QUANTILES = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

export async function figuresOf(
  original: pg.ClientConfig,
  copy: pg.ClientConfig,
  rules: readonly MaskingRule[],
): Promise<MaskingFigures> {
  return withClient(original, (before) =>
    withClient(copy, async (after) => {
      const unequalDistinct: string[] = [];
      const quantilesOff: string[] = [];
      const unchanged: string[] = [];
      for (const rule of rules) {
        const { table, column, mask } = rule;
        const name = `${table}.${column}`;
        const same = mask === 'text' || mask === 'amount' || mask === 'date' || mask === 'address';
        const distinct = `select count(distinct ${column}::text)::int as n from ${table}`;
        if (!same && (await one(before, distinct)) !== (await one(after, distinct))) unequalDistinct.push(name);
        if (mask === 'amount' || mask === 'date')
          for (const q of QUANTILES) {
            const value = mask === 'amount' ? `${column}::float8` : `extract(epoch from ${column})::float8`;
            const quantile = `select percentile_cont(${q}) within group (order by ${value}) as n from ${table}`;
            const range = `select max(${value}) - min(${value}) as n from ${table}`;
            const [was, is] = [await one(before, quantile), await one(after, quantile)];
            const whole = mask === 'amount' ? Math.abs(was) : await one(before, range);
            if (Math.abs(was - is) > 0.05 * whole) quantilesOff.push(`${name} at ${q}`);
          }
        const values = `select md5(coalesce(${column}::text, '')) as n from ${table} where ${column} is not null and ${column}::text <> '{}'`;
        const [was, is] = [await all(before, values), await all(after, values)];
        const known = new Set(was);
        const left = is.filter((value) => known.has(value)).length;
        if (mask === 'person-name' || mask === 'email' || mask === 'uuid')
          if (left > is.length / 1_000) unchanged.push(name);
      }
      return { brokenKeys: await brokenKeys(after), unequalDistinct, quantilesOff, unchanged };
    }),
  );
}

/** Asked by an anti-join for each key, whatever the constraint says of itself. */
async function brokenKeys(client: pg.Client): Promise<number> {
  const { rows: keys } = await client.query<{ sql: string }>(
    `select format('select count(*)::int as n from %s a where (%s) is not null and not exists (select 1 from %s b where (%s) = (%s))',
       conrelid::regclass, 'a.' || a, confrelid::regclass, 'a.' || a, 'b.' || b) as sql
     from pg_constraint k, lateral (select string_agg(quote_ident(x.attname), ', a.' order by i) as a from unnest(k.conkey) with ordinality c(n, i) join pg_attribute x on x.attrelid = conrelid and x.attnum = n) s,
       lateral (select string_agg(quote_ident(x.attname), ', b.' order by i) as b from unnest(k.confkey) with ordinality c(n, i) join pg_attribute x on x.attrelid = confrelid and x.attnum = n) r
     where contype = 'f' and conparentid = 0`,
  );
  if (keys.length === 0) throw new Error('there is no foreign key at all');
  let broken = 0;
  for (const { sql } of keys) broken += await one(client, sql);
  return broken;
}

async function one(client: pg.Client, sql: string): Promise<number> {
  return Number((await client.query<{ n: number }>(sql)).rows[0]?.n);
}

async function all(client: pg.Client, sql: string): Promise<readonly string[]> {
  return (await client.query<{ n: string }>(sql)).rows.map(({ n }) => n);
}
