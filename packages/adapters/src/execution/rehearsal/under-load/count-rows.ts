/** Rows of tables, so that what sessions wrote can be counted afterwards. */
import type { Fingerprint } from '@headgate/domain/rehearsal/compare';
import type { WrittenRows } from '@headgate/domain/rehearsal/under-load';
import type pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';

export type RowCounts = ReadonlyMap<string, number>;

export function rowsIn({ tables }: Fingerprint): RowCounts {
  return new Map(tables.map(({ relation, rows }) => [relation, rows]));
}

/** Of these tables (quoted names), in one look. */
export async function countRows(connection: pg.ClientConfig, relations: Iterable<string>): Promise<RowCounts> {
  return withClient(connection, async (client) => {
    const counts = new Map<string, number>();
    await client.query('begin isolation level repeatable read read only');
    for (const relation of relations) {
      const { rows } = await client.query<{ n: number }>(`select count(*)::float8 as n from only ${relation}`);
      counts.set(relation, rows[0]?.n ?? 0);
    }
    await client.query('commit');
    return counts;
  });
}

/** What one business transaction adds to each table that sessions write; and those of which that can't be said. */
export interface Writing {
  readonly each: RowCounts;
  readonly uncounted: readonly string[];
}

/** `one`: before and after one transaction. `many`: after that one, and after so many more that all went well. */
export function writingOf(
  touched: Iterable<string>,
  one: readonly [before: RowCounts, after: RowCounts],
  many: { readonly after: RowCounts; readonly transactions: number },
): Writing {
  const each = new Map<string, number>();
  const uncounted: string[] = [];
  for (const relation of touched) {
    const at = (counts: RowCounts): number => counts.get(relation) ?? 0;
    const adds = at(one[1]) - at(one[0]);
    if (adds > 0 && at(many.after) - at(one[1]) === adds * many.transactions) each.set(relation, adds);
    else uncounted.push(relation);
  }
  return { each, uncounted };
}

/** How many rows there have to be at the end, and are. `base`: without those of `went` transactions, which went well, and of `failed`. */
export function writtenRows(
  each: RowCounts,
  base: (relation: string) => number,
  { went, failed }: { readonly went: number; readonly failed: number },
  found: RowCounts,
): readonly WrittenRows[] {
  return [...each].map(([relation, adds]) => {
    const least = base(relation) + adds * went;
    return { relation, each: adds, least, most: least + adds * failed, found: found.get(relation) ?? 0 };
  });
}
