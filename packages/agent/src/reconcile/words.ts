/** A dry look at two sides, as whoever keeps the books reads it. */
import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import type { CompensationPlan, SideSum } from '@headgate/domain';
import { classLines, compensationLines, sumLines } from '@headgate/domain/reconcile/compensation-words';

export interface Looked {
  readonly plan: CompensationPlan;
  readonly digest: string;
  readonly compared: number;
  /** How many were looked at. */
  readonly tenants: number;
  readonly sums: readonly SideSum[];
  readonly agrees: boolean;
  readonly spec: ReconciliationContent['spec'];
}

export function reconciliationLines({
  plan,
  digest,
  compared,
  tenants,
  sums,
  agrees,
  spec,
}: Looked): readonly string[] {
  const { money, right } = spec;
  const count = (n: number, one: string): string => `${n.toLocaleString('en-US')} ${one}${n === 1 ? '' : 's'}`;
  const head = `${plan.reconciliation}: the store ${plan.store} against ${right.connection}, ${count(tenants, 'tenant')}, ${count(compared, 'transaction')} compared.`;
  const sides = ['', 'Both sides', ...sumLines(sums, right.connection, money)];
  if (plan.lines.length === 0)
    return [head, ...sides, '', agrees ? 'Both sides agree. There is nothing to do.' : 'The two sides do NOT agree.'];
  return [
    head,
    ...sides,
    '',
    'Caught between the two sides',
    ...classLines(plan),
    '',
    `What would be done, in this order (plan ${digest})`,
    ...compensationLines(plan, money),
    '',
    'Nothing was changed. A plan is carried out by the reconcile step of a rollback.',
  ];
}
