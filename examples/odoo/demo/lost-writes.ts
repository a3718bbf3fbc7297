import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { BroughtUpCell } from '../bring-up/cell.ts';
import type { OdooJournalLine } from '../load/journal-line.ts';

export interface LostWrites {
  readonly lost: readonly string[];
  readonly checked: number;
}

/** Timesheet lines that API clients were promised and that their database doesn't hold, or holds otherwise. */
export async function lostWrites(
  cells: readonly BroughtUpCell[],
  lines: ReadonlyMap<string, readonly OdooJournalLine[]>,
): Promise<LostWrites> {
  const lost: string[] = [];
  let checked = 0;
  for (const { cell, stores } of cells) {
    for (const { id: tenant } of cell.tenants) {
      const promised = (lines.get(tenant) ?? []).flatMap(({ written }) => (written === undefined ? [] : [written]));
      checked += promised.length;
      const held = await withClient(await stores.cluster.connection(tenant), async (client) => {
        const { rows } = await client.query<{ id: number; name: string; hours: number }>(
          'select id, name, unit_amount::float8 as hours from public.account_analytic_line where id = any($1)',
          [promised.map(({ id }) => id)],
        );
        return new Map(rows.map((row) => [row.id, row]));
      });
      for (const { id, name, hours } of promised) {
        const row = held.get(id);
        if (row === undefined) lost.push(`${tenant}: timesheet line ${id} (${name}) isn't there`);
        else if (row.name !== name || Math.abs(row.hours - hours) > 1e-9)
          lost.push(`${tenant}: timesheet line ${id} is "${row.name}" of ${row.hours} h, not "${name}" of ${hours} h`);
      }
    }
  }
  return { lost, checked };
}
