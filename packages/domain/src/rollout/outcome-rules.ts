import type { Outcome } from '../model/outcome.ts';
import type { Action } from '../plan/plan.ts';

const HELD = { hold: 'held', open: 'served' } as const;

/**
 * What an agent's "done" must bring back to be believed. A step that says it is done without the reading that proves it
 * has failed: no data is never a pass.
 */
export function provenOutcome(action: Action, outcome: Outcome): Outcome {
  if (outcome.kind !== 'done') return outcome;
  const { result } = outcome;
  const lacks = (why: string, code: 'rejected' | 'check-failed' = 'rejected'): Outcome => ({
    kind: 'failed',
    code,
    why,
    result,
  });
  switch (action.kind) {
    case 'restore-point':
      if (result.restorePoint === undefined || result.restorePoint.store !== action.store)
        return lacks(`no restore point of store ${action.store} came back`);
      return result.restorePoint.verified ? outcome : lacks(`restore point ${result.restorePoint.id} was not verified`);
    case 'unmigrate':
      // Below what it goes back to: the migration had not begun to have an effect, and there is nothing to undo.
      return result.schemaVersion !== undefined && result.schemaVersion <= action.to
        ? outcome
        : lacks(
            `store ${action.store} was read back at schema ${result.schemaVersion ?? 'unknown'}, the undo goes back to ${action.to}`,
          );
    case 'migrate':
    case 'restore':
      return result.schemaVersion === action.to
        ? outcome
        : lacks(
            `store ${action.store} was read back at schema ${result.schemaVersion ?? 'unknown'}, the plan says ${action.to}`,
          );
    case 'route':
      return result.routed === action.tenants.length
        ? outcome
        : lacks(`${result.routed ?? 0} of ${action.tenants.length} tenants were read back on slot ${action.slot}`);
    case 'hold':
    case 'open':
      return result.routed === action.tenants.length
        ? outcome
        : lacks(`${result.routed ?? 0} of ${action.tenants.length} tenants were read back as ${HELD[action.kind]}`);
    case 'close-operations':
    case 'open-operations':
      return result.routed === action.tenants.length
        ? outcome
        : lacks(
            `of ${result.routed ?? 0} of ${action.tenants.length} tenants the operations were read back as ${action.kind === 'close-operations' ? 'closed' : 'open'}`,
          );
    case 'verify':
    case 'soak':
      if (result.checks === undefined || result.checks.passed === 0)
        return lacks('no check brought a result', 'check-failed');
      return result.checks.failed === 0 ? outcome : lacks(`${result.checks.failed} checks failed`, 'check-failed');
    case 'reconcile':
      if (result.reconciliation === undefined) return lacks('no comparison came back');
      // What no rule covers is put before a person and may wait there; a difference that nobody was told of may not.
      return result.reconciliation.agrees || result.reconciliation.asked > 0
        ? outcome
        : lacks('the two sides differ, and no difference was put before a person', 'check-failed');
    case 'deploy':
    case 'retire':
      return outcome;
  }
}
