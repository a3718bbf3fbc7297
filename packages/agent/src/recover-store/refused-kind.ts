/** Stores that this can't put back: named, with what brings them back by hand. */
import type { AgentConfig } from '../config.ts';

/** Undefined: there is none of that kind by that name. */
export function refusedKind(
  { cells }: Pick<AgentConfig, 'cells'>,
  store: string,
  name: string | undefined,
): string | undefined {
  for (const cell of cells) {
    if (name !== undefined && cell.cell !== name) continue;
    if (cell.kind === 'odoo' && (name !== undefined || Object.hasOwn(cell.tenants, store)))
      return `${cell.cell} is a cell of Odoo, whose database and files go back together, and this command can’t do that. By hand: end the agent, hold the tenant at what stands in front, and bring its newest dump back with Odoo’s own database manager, or pg_restore and its filestore (headgate-agent restore-points fetch --config FILE --store ${store} --identity FILE gives both)`;
    if (cell.kind === 'process' && Object.hasOwn(cell.externalStores, store))
      return `the store ${store} of the cell ${cell.cell} is on somebody else’s server, whose owner keeps its log: ask for its own point-in-time recovery, into a new database, and compare that. A dump of ours comes back beside it: headgate-agent restore-points fetch --config FILE --store ${store} --identity FILE`;
  }
  return undefined;
}
