import type { Action, StepResult } from '@headgate/domain';

/** What a "done" lacks to be believed; undefined when nothing. The checker's own reading of "no data is never a pass". */
export function proves(action: Action, result: StepResult): string | undefined {
  switch (action.kind) {
    case 'restore-point':
      if (result.restorePoint?.store !== action.store) return 'a restore point of the store';
      return result.restorePoint.verified ? undefined : 'a verified restore point';
    case 'migrate':
    case 'unmigrate':
    case 'restore':
      return result.schemaVersion === action.to ? undefined : `the store read back at schema ${action.to}`;
    case 'route':
      return result.routed === action.tenants.length ? undefined : 'all routes read back';
    case 'hold':
    case 'open':
    case 'close-operations':
    case 'open-operations':
      return result.routed === action.tenants.length ? undefined : 'all doors read back';
    case 'verify':
    case 'soak':
      if (result.checks === undefined || result.checks.passed < 1) return 'a check that passed';
      return result.checks.failed === 0 ? undefined : 'all checks green';
    case 'reconcile':
      return result.reconciliation === undefined ? 'a comparison' : undefined;
    default:
      return undefined;
  }
}
