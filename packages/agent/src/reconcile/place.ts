import type { AgentConfig } from '../config.ts';
import { WrongFile } from './read-files.ts';

type ProcessCell = Extract<AgentConfig['cells'][number], { readonly kind: 'process' }>;

/** The cell that has the store, and which of its tenants are meant. Throws in words. */
export function placeOf(
  { cells }: AgentConfig,
  store: string,
  wanted: string | undefined,
  named: string | undefined,
): { readonly cell: ProcessCell; readonly tenants: readonly string[] } {
  const having = cells.filter(
    (each): each is ProcessCell =>
      each.kind === 'process' &&
      (wanted === undefined || each.cell === wanted) &&
      (Object.hasOwn(each.stores, store) || Object.hasOwn(each.externalStores, store)),
  );
  const [cell] = having;
  if (cell === undefined)
    throw new WrongFile(
      `no cell of this configuration${wanted === undefined ? '' : ` named ${wanted}`} has a store ${store}${storesText(cells)}`,
    );
  if (having.length > 1)
    throw new WrongFile(
      `the cells ${having.map((each) => each.cell).join(', ')} have a store ${store}: say which one with --cell`,
    );
  const there = Object.entries(cell.tenants).flatMap(([tenant, of]) => (of.store === store ? [tenant] : []));
  const tenants = named === undefined ? there : [...new Set(named.split(',').filter((each) => each !== ''))];
  const strange = tenants.filter((tenant) => !there.includes(tenant));
  if (strange.length > 0) throw new WrongFile(`the store ${store} has no tenant ${strange.join(', ')}`);
  if (tenants.length === 0) throw new WrongFile(`the store ${store} has no tenant`);
  return { cell, tenants };
}

/** Those that could be meant. */
function storesText(cells: AgentConfig['cells']): string {
  const all = cells.flatMap((cell) => {
    const stores = cell.kind === 'process' ? Object.keys({ ...cell.stores, ...cell.externalStores }) : [];
    return stores.length === 0 ? [] : [`${stores.sort().join(', ')} in ${cell.cell}`];
  });
  return all.length === 0 ? '' : `; there are ${all.join('; ')}`;
}
