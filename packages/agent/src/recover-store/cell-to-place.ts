/** The cell of a store that can be put back in its place. */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import type { AgentConfig } from '../config.ts';
import { cellOfStore } from '../recover-tenant/stores.ts';

/** Of Headgate's own PostgreSQL, or of Odoo. Throws, in words, when there is none of that store, or more than one. */
export function cellToPlace(
  config: Pick<AgentConfig, 'cells'>,
  store: string,
  name: string | undefined,
): AnyCellConfig {
  const of = config.cells.filter(
    (cell) => Object.hasOwn(cell.stores, store) && (name === undefined || cell.cell === name),
  );
  const [cell] = of;
  if (of.length === 1 && cell?.kind === 'odoo') return cell;
  if (of.length > 1)
    throw new Error(
      `several cells have a store ${store}; name one: ${of.map((each) => `--cell ${each.cell}`).join(', ')}`,
    );
  return cellOfStore(config, store, name);
}
