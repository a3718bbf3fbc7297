import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { BroughtUpCell } from '../bring-up/cell.ts';
import type { OdooJournalLine } from '../load/journal-line.ts';

export interface LostWrites {
  readonly lost: readonly string[];
  /** Lines of the customers' that a database holds more than once, in words. */
  readonly doubled: readonly string[];
  readonly checked: number;
  /** Of these, each tenant's. */
  readonly checkedOf: ReadonlyMap<string, number>;
}

/** Timesheet lines that API clients were promised and that their database doesn't hold, or holds otherwise. */
export async function lostWrites(
  cells: readonly BroughtUpCell[],
  lines: ReadonlyMap<string, readonly OdooJournalLine[]>,
): Promise<LostWrites> {
  const lost: string[] = [];
  const doubled: string[] = [];
  const checkedOf = new Map<string, number>();
  for (const { cell, stores } of cells) {
    for (const { id: tenant } of cell.tenants) {
      const promised = (lines.get(tenant) ?? []).flatMap(({ written }) => (written === undefined ? [] : [written]));
      checkedOf.set(tenant, promised.length);
      const twice = await withClient(await stores.cluster.connection(tenant), async (client) => {
        // Each name has an id of its own; what was promised or not makes no difference.
        const { rows } = await client.query<{ name: string; n: number }>(
          `select name, count(*)::int as n from public.account_analytic_line
           where name like 'Load %' group by name having count(*) > 1`,
        );
        return rows;
      });
      doubled.push(...twice.map(({ name, n }) => `${tenant}: the timesheet line ${name} is there ${n} times`));
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
  const checked = [...checkedOf.values()].reduce((sum, n) => sum + n, 0);
  return { lost, doubled, checked, checkedOf };
}
