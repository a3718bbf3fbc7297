/** The cells of an agent that have a vault, and how one of them is named. */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import type { VaultConfig } from '@headgate/adapters/execution/vault/vault-config';
import { storesElsewhere, vaultedStores } from '@headgate/adapters/execution/vault/vaulted-stores';
import type { AgentConfig } from './config.ts';

export type CellOfVault = AnyCellConfig & { readonly vault: VaultConfig };

export function hasVault(cell: AnyCellConfig): cell is CellOfVault {
  return cell.vault !== undefined;
}

/** Of that name, or all. Throws, in words, when there is none. */
export function vaultsOf({ cells }: Pick<AgentConfig, 'cells'>, name: string | undefined): readonly CellOfVault[] {
  const found = cells.filter(hasVault).filter((each) => (name ?? each.cell) === each.cell);
  if (found.length > 0) return found;
  throw new Error(noneOf(cells, name));
}

/** Those with a vault, or with a store whose restore points lie in a repository of its own; the one of that name, or all. Throws, in words, when there is none. */
export function pointCellsOf(
  { cells }: Pick<AgentConfig, 'cells'>,
  name: string | undefined,
): readonly AnyCellConfig[] {
  const found = cells
    .filter((cell) => hasVault(cell) || storesElsewhere(cell).size > 0)
    .filter((each) => (name ?? each.cell) === each.cell);
  if (found.length > 0) return found;
  throw new Error(noneOf(cells, name));
}

/** Names of all stores of a cell, wherever their restore points lie. */
export function storesOfCell(cell: AnyCellConfig): readonly string[] {
  return [...vaultedStores(cell).keys(), ...storesElsewhere(cell).keys()];
}

/** Of these cells those that have a store of that name; all where none has, so that it can be said of them. */
export function havingStore(cells: readonly AnyCellConfig[], store: string): readonly AnyCellConfig[] {
  const found = cells.filter((cell) => vaultedStores(cell).has(store) || storesElsewhere(cell).has(store));
  return found.length > 0 ? found : cells;
}

/** That a vault is missing, and the lines that make one. `who`: in whose file; `more`: what is wanted of it beside that. */
export function noVault(who: string, more?: string): string {
  return `what is missing is "vault": {"store": {"kind": "folder", "dir": "/mnt/other-machine/points"}, "recipients": ["age1…"], "keyFile": "/…/vault-key.pem"${more === undefined ? '' : `, ${more}`}} in the file of ${who} (docs/operations/restore-points.md has each field); the agent reads it when it is started anew`;
}

function noneOf(cells: readonly AnyCellConfig[], name: string | undefined): string {
  if (name === undefined) return `no cell has a vault: ${noVault('its cell')}`;
  const known = cells.map(({ cell }) => cell);
  if (!known.includes(name)) return `the agent has no cell ${name}; it has ${known.join(', ')}`;
  return `the cell ${name} has no vault: ${noVault('the cell')}`;
}

/** The one of them; throws, with the names, when there are several. */
export function onlyOne<C extends AnyCellConfig>(cells: readonly C[]): C {
  if (cells.length > 1)
    throw new Error(`several cells would do; name one: ${cells.map((c) => `--cell ${c.cell}`).join(', ')}`);
  return cells[0]!;
}
