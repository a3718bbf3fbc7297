/** The cells of an agent that have a vault, and how one of them is named. */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import type { VaultConfig } from '@headgate/adapters/execution/vault/vault-config';
import type { AgentConfig } from './config.ts';

export type CellOfVault = AnyCellConfig & { readonly vault: VaultConfig };

export function hasVault(cell: AnyCellConfig): cell is CellOfVault {
  return cell.vault !== undefined;
}

/** Of that name, or all. Throws, in words, when there is none. */
export function vaultsOf({ cells }: Pick<AgentConfig, 'cells'>, name: string | undefined): readonly CellOfVault[] {
  const found = cells.filter(hasVault).filter((each) => (name ?? each.cell) === each.cell);
  if (found.length > 0) return found;
  throw new Error(name === undefined ? 'no cell has a vault' : `there is no cell ${name} with a vault`);
}

/** The one of them; throws, with the names, when there are several. */
export function onlyOne<C extends AnyCellConfig>(cells: readonly C[]): C {
  if (cells.length > 1)
    throw new Error(`several cells have a vault; name one: ${cells.map((c) => `--cell ${c.cell}`).join(', ')}`);
  return cells[0]!;
}
