import type { ReleaseManifest } from '../model/release.ts';
import { isActivation } from './activation.ts';
import type { CellPlan, Plan } from './plan.ts';
import { named } from './render-words.ts';
import { contractsRun, elsewhereRisk, mayUse, type UserElsewhere } from './users-elsewhere.ts';

/** What other environments run, and what is known of what is removed. */
export interface RiskElsewhere {
  readonly environment: string;
  readonly users: readonly UserElsewhere[];
  readonly removes: ReadonlyMap<number, readonly string[]> | undefined;
  /** Schema ranges are derived: they say nothing of contracts. */
  readonly derived: boolean;
}

/** How risky a promotion is, computed from what it does, with every reason. What people declare can only raise it. */
export function riskOf(manifest: ReleaseManifest, cells: readonly CellPlan[], elsewhere?: RiskElsewhere): Plan['risk'] {
  const high: string[] = [];
  const medium: string[] = [];
  const pending = new Map(
    cells
      .flatMap((c) => c.steps)
      .flatMap((s) => (s.action.kind === 'migrate' ? s.action.migrations.map((m) => [m.id, m.phase] as const) : [])),
  );
  for (const [id, phase] of pending) {
    if (phase === 'contract') high.push(`migration ${id} removes something`);
    else medium.push(`migration ${id} (${phase}) changes a store`);
  }
  const contracts = contractsRun(manifest, cells);
  const users = elsewhere === undefined ? [] : mayUse(elsewhere.users, contracts, elsewhere.derived);
  if (elsewhere !== undefined && users.length > 0)
    high.push(elsewhereRisk(users, contracts, elsewhere.removes, elsewhere.environment));
  for (const migration of manifest.migrations) {
    if (pending.has(migration.id) && migration.undo === 'restore')
      high.push(`undoing migration ${migration.id} restores the store`);
  }
  const activated = [
    ...new Set(
      cells.flatMap(({ steps }) =>
        steps.filter(isActivation).flatMap(({ action }) => ('operations' in action ? action.operations : [])),
      ),
    ),
  ];
  if (activated.length > 0)
    high.push(
      `it activates ${named(activated)}, and what was done by ${activated.length === 1 ? 'it' : 'them'} can’t be undone`,
    );
  if (manifest.components.some((c) => c.recovery === 'system-of-record')) high.push('it changes a system of record');
  else if (manifest.components.some((c) => c.recovery === 'stateful')) medium.push('it changes a stateful component');
  const because = [...high, ...medium];
  return {
    level: high.length > 0 ? 'high' : medium.length > 0 ? 'medium' : 'low',
    because: because.length > 0 ? because : ['it changes stateless code only'],
    ...(users.length > 0 && { elsewhere: users }),
  };
}
