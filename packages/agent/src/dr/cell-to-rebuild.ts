/** A cell that can be rebuilt: one of processes, with a vault. */
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import type { VaultConfig } from '@headgate/adapters/execution/vault/vault-config';
import { dependencyOrder } from '@headgate/domain';
import type { AgentConfig } from '../config.ts';
import { vaultsOf } from '../vault-cells.ts';

export type CellToRebuild = CellConfig & { readonly vault: VaultConfig };

/** Those of the agent, or the one of that name, in the order in which they depend on each other. Throws, in words, where one can't be rebuilt. */
export function cellsToRebuild(config: Pick<AgentConfig, 'cells'>, name: string | undefined): readonly CellToRebuild[] {
  const cells = vaultsOf(config, name).map((cell) => {
    if (cell.kind === 'odoo')
      throw new Error(
        `${cell.cell} is a cell of Odoo, and those aren’t rebuilt by this yet: headgate-agent drill --config FILE --store STORE shows that a tenant’s store comes back`,
      );
    return cell as CellToRebuild;
  });
  const known = new Set(cells.map(({ cell }) => cell));
  const ordered = dependencyOrder(
    cells.map(({ cell, dependsOn }) => ({ name: cell, dependsOn: dependsOn.filter((each) => known.has(each)) })),
  );
  // Circles are refused with the configuration.
  const order = ordered.ok ? ordered.order : [...known];
  return [...cells].sort((a, b) => order.indexOf(a.cell) - order.indexOf(b.cell));
}
