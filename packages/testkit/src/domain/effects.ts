import { type Action, type CellState, fits, type Plan } from '@headgate/domain';

/** What a step makes of a cell, when it is carried out. */
export function effectOf(plan: Plan, cell: CellState, action: Action): CellState {
  switch (action.kind) {
    case 'migrate':
    case 'unmigrate':
    case 'restore':
      return { ...cell, stores: { ...cell.stores, [action.store]: { schemaVersion: action.to } } };
    case 'deploy': {
      const slot = { release: action.release, schemaRange: plan.schemaRange };
      return { ...cell, slots: { ...cell.slots, [action.slot]: slot } };
    }
    case 'retire':
      return { ...cell, slots: { ...cell.slots, [action.slot]: {} } };
    case 'route': {
      const tenants = { ...cell.tenants };
      for (const name of action.tenants) {
        const tenant = tenants[name];
        if (tenant !== undefined) tenants[name] = { ...tenant, slot: action.slot };
      }
      return { ...cell, tenants };
    }
    case 'hold':
    case 'open': {
      const tenants = { ...cell.tenants };
      for (const name of action.tenants) {
        const { held: _, ...tenant } = tenants[name] ?? {};
        if ('slot' in tenant) tenants[name] = action.kind === 'hold' ? { ...tenant, held: true } : tenant;
      }
      return { ...cell, tenants };
    }
    default:
      return cell;
  }
}

/**
 * Why a cell is unsound: code that runs on a schema outside its range, or a tenant on a slot where nothing runs. With
 * `ownStores` code runs on the stores of those tenants alone that it serves, and nobody is served while held.
 */
export function unsound(cell: CellState, ownStores = false): string | undefined {
  for (const [name, tenant] of Object.entries(cell.tenants))
    if (cell.slots[tenant.slot]?.release === undefined) return `tenant ${name} is on empty slot ${tenant.slot}`;
  if (ownStores) {
    for (const [name, { slot, store, held }] of Object.entries(cell.tenants)) {
      const range = cell.slots[slot]?.schemaRange;
      const at = cell.stores[store]?.schemaVersion ?? 0;
      if (!held && (range === undefined || !fits(range, at)))
        return `tenant ${name} is served by slot ${slot}, which doesn't run on schema ${at}`;
    }
    return undefined;
  }
  for (const [slot, { release, schemaRange }] of Object.entries(cell.slots))
    for (const [store, { schemaVersion }] of Object.entries(cell.stores))
      if (release !== undefined && (schemaRange === undefined || !fits(schemaRange, schemaVersion)))
        return `${release.version} in slot ${slot} doesn't run on schema ${schemaVersion} of store ${store}`;
  return undefined;
}
