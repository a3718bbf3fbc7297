/**
 * What gates judge of restore drills: a row for each store that a plan migrates. They are loaded only where the plan has the
 * gate, and for one cell where only that is asked about: a plan may have ten thousand stores.
 */
import type { GateFacts, Plan } from '@headgate/domain';
import { restoreDrilled } from '@headgate/domain/gates/restore-drilled';
import type { Row, StreamId } from './ports/store.ts';
import { type DrillRecord, streams } from './records.ts';

export interface DrilledStores {
  /** Rows to be loaded. */
  readonly streams: readonly StreamId[];
  /** The gates' facts with them. */
  into(gates: GateFacts, rows: ReadonlyMap<StreamId, Row>): GateFacts;
}

const NONE: DrilledStores = { streams: [], into: (gates) => gates };

/** Of a whole plan, or of its part in one cell. */
export function drilledStores({ gates, cells }: Pick<Plan, 'gates' | 'cells'>, cell?: string): DrilledStores {
  if (!gates.some(({ gate }) => gate === restoreDrilled.name)) return NONE;
  const asked = cell === undefined ? cells : cells.filter((each) => each.cell === cell);
  const migrated = asked.flatMap(({ cell, steps }) => {
    const stores = steps.flatMap(({ action }) => (action.kind === 'migrate' ? [action.store] : []));
    return [...new Set(stores)].map((store) => ({ cell, store }));
  });
  const names = migrated.map(({ cell, store }) => streams.drill(cell, store));
  return {
    streams: names,
    into: (facts, rows) => ({
      ...facts,
      migrated,
      drills: names.flatMap((name) => {
        const record = rows.get(name)?.state as DrillRecord | undefined;
        return record === undefined ? [] : [record.last];
      }),
    }),
  };
}
