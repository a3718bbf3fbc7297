import type { HistoryChecker } from '../history/history-checker.ts';
import type { CellTarget } from './cell-target.ts';

/**
 * Whatever runs fits its stores, everybody who isn't held is served, and the way back is open. Where each tenant has a
 * store of their own, code runs on the stores of those whom it serves.
 */
export function checkCell(target: CellTarget, checker: HistoryChecker): void {
  const { cell } = target.cell;
  const active = checker.active.get(cell);
  const base = active?.cell.slot.from;
  for (const [name, tenant] of target.tenants) {
    const slot = target.slots.get(tenant.slot);
    const store = target.stores.get(tenant.store);
    if (slot?.release === undefined)
      checker.report('served-by-code', `${name} is routed to slot ${tenant.slot} of ${cell}, where nothing runs`);
    else if (tenant.held && !tenant.reads) continue;
    else if (
      slot.range === undefined ||
      store === undefined ||
      store.version < slot.range.min ||
      store.version > slot.range.max
    )
      checker.report('schema-in-range', `${name} in ${cell}: its code does not run on schema ${store?.version}`);
  }
  for (const [name, slot] of target.slots) {
    if (slot.release === undefined) {
      // Until its promotion has ended, a rollout must be able to bring traffic back to where it came from.
      if (name === base) checker.report('undo-possible', `the stable release is gone from slot ${name} of ${cell}`);
      continue;
    }
    if (target.ownStores) continue;
    for (const store of target.stores.values())
      if (slot.range === undefined || store.version < slot.range.min || store.version > slot.range.max)
        checker.report(
          'schema-in-range',
          `what runs in slot ${name} of ${cell} does not run on schema ${store.version}`,
        );
  }
}
