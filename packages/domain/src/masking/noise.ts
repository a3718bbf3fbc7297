/** Noise for amounts whose totals stay: what one row of a group gains, its neighbour loses. */
import { type MaskColumn, type MaskTable, quoteName, quoteTable } from './catalogue.ts';
import { maskerOf } from './maskers.ts';
import type { MaskingRule } from './rule.ts';
import { COPY_SCHEMA, type MaskStatement } from './statement.ts';

export type TotalRule = Extract<MaskingRule, { mask: 'amount' }> & { readonly keepTotalBy: readonly string[] };

export function keepsTotal(rule: MaskingRule): rule is TotalRule {
  return rule.mask === 'amount' && rule.keepTotalBy !== undefined;
}

/** Places behind the point that a column's values have; undefined: as many as one likes. */
export function placesOf({ base, type }: MaskColumn): number | undefined {
  if (/^int/.test(base)) return 0;
  if (base === 'money') return 2;
  const [, scale] = /^numeric\(\d+,(\d+)\)$/.exec(type) ?? [];
  return scale === undefined ? undefined : Number(scale);
}

/**
 * Makes a side table with the change of every row, by ctid. The rows of a group stand in the order of the primary key and
 * are taken in pairs of one sign: the first gains what the second loses, at most `percent` of the smaller one. Who is
 * left over by an odd count stays as it is: a group of one row can't both change and keep its total.
 */
export function noiseStatement(table: MaskTable, rule: TotalRule, side: string): MaskStatement {
  const value = `${quoteName(rule.column)}::numeric`;
  const groups = [...rule.keepTotalBy.map(quoteName), `sign(${value})`].join(', ');
  const order = table.primaryKey.map(quoteName).join(', ');
  const identity = table.primaryKey.map((name) => `coalesce(${quoteName(name)}::text, '')`).join(` || '/' || `);
  const column = table.columns.find((each) => each.name === rule.column);
  const decimals = Math.min(rule.decimals, (column && placesOf(column)) ?? rule.decimals);
  const sql = `create table ${COPY_SCHEMA}.${side} as
select at, case when place % 2 = 0 then delta else -delta end as delta
from (select at, place,
             trunc(${COPY_SCHEMA}.mask_share($1::bytea, first_value(identity) over pair) * min(abs(value)) over pair * ${rule.percent} / 100, ${decimals}) as delta,
             count(*) over pair as members
      from (select ctid as at, ${value} as value, ${identity} as identity, ${groupWords(rule)} as family,
                   row_number() over (partition by ${groups} order by ${order}) - 1 as place
            from only ${quoteTable(table)} where ${quoteName(rule.column)} is not null) as ordered
      window pair as (partition by family, sign(value), place / 2 order by place rows between unbounded preceding and unbounded following)) as paired
where members = 2 and delta <> 0`;
  return { sql, keys: maskerOf(rule).functions(rule) };
}

/** The group as one value, so that the inner query's columns need no names of their own. */
function groupWords(rule: TotalRule): string {
  const columns = rule.keepTotalBy.map(quoteName);
  return columns.length === 0 ? `''::text` : `row(${columns.join(', ')})::text`;
}
