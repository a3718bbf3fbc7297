/** A cell that can be rebuilt: one with a vault. */
import { dependencyOrder, type Refusal } from '@headgate/domain';
import type { AgentConfig } from '../config.ts';
import { type CellOfVault, vaultsOf } from '../vault-cells.ts';

export type CellToRebuild = CellOfVault;

/** Those of the agent, or the one of that name, in the order in which they depend on each other. Throws, in words, where there is none. */
export function cellsToRebuild(config: Pick<AgentConfig, 'cells'>, name: string | undefined): readonly CellToRebuild[] {
  const cells = vaultsOf(config, name);
  const known = new Set(cells.map(({ cell }) => cell));
  const ordered = dependencyOrder(
    cells.map(({ cell, dependsOn }) => ({ name: cell, dependsOn: dependsOn.filter((each) => known.has(each)) })),
  );
  // Circles are refused with the configuration.
  const order = ordered.ok ? ordered.order : [...known];
  return [...cells].sort((a, b) => order.indexOf(a.cell) - order.indexOf(b.cell));
}

/** That something which the configuration names isn't there. */
export function lacks({ cell }: { readonly cell: string }, where: string, why: string, unblock: string): Refusal {
  return { code: 'rebuild-lacks', what: `rebuild ${cell}`, where, why, unblock };
}
