/** Stores that this can't put back: named, with what brings them back by hand. */
import { notLogged } from '@headgate/adapters/execution/odoo/moment/bring-tenant';
import type { AgentConfig } from '../config.ts';

/** Undefined: there is none of that kind by that name. */
export function refusedKind(
  { cells }: Pick<AgentConfig, 'cells'>,
  store: string,
  name: string | undefined,
): string | undefined {
  for (const cell of cells) {
    if (name !== undefined && cell.cell !== name) continue;
    if (
      cell.kind === 'odoo' &&
      cell.postgresql.pgbackrest === undefined &&
      (name !== undefined || Object.hasOwn(cell.stores, store))
    )
      return [
        `${cell.cell} is a cell of Odoo, and ${notLogged(cell.cell)}.`,
        'To just before a promotion’s first write a tenant goes by the way back of that: headgate rollback PROMOTION --reason "…"',
        `What is needed of an older moment is taken out of a restore point: headgate-agent restore-points fetch --config FILE --store ${store} --identity FILE lays out its dump/ and filestore/; then, as the server’s superuser, createdb -O ${cell.postgresql.owner} -T template0 NAME and pg_restore --exit-on-error --no-owner --role=${cell.postgresql.owner} -d NAME dump`,
        'Don’t rename that into the tenant’s place: which slot may write to a database, PostgreSQL keeps with the database, and it would be gone.',
      ].join(' ');
    if (cell.kind === 'process' && Object.hasOwn(cell.externalStores, store))
      return `the store ${store} of the cell ${cell.cell} is on somebody else’s server, whose owner keeps its log: ask for its own point-in-time recovery, into a new database, and compare that. A dump of ours comes back beside it: headgate-agent restore-points fetch --config FILE --store ${store} --identity FILE`;
  }
  return undefined;
}
