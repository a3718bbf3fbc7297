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
  /** How many people must approve the plan before a person has it carried out. */
  readonly needs: number;
  /** Where the plan was written to. */
  readonly planFile: string | undefined;
  /** The command and its files, as they were given. */
  readonly typed: string;
}

export function reconciliationLines({
  plan,
  digest,
  compared,
  tenants,
  sums,
  agrees,
  spec,
  needs,
  planFile,
  typed,
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
    ...nextLines(plan, needs, planFile, typed),
  ];
}

/** How it goes on, in commands that can be typed as they stand. */
function nextLines(
  { lines }: CompensationPlan,
  needs: number,
  planFile: string | undefined,
  typed: string,
): readonly string[] {
  const nothing = 'Nothing was changed.';
  if (lines.every(({ effect }) => effect === 'ask'))
    return [`${nothing} There is nothing in it that could be carried out: people must decide.`];
  const approved =
    needs === 0 ? 'needs no approval' : `needs the approval of ${needs === 1 ? '1 person' : `${needs} people`}`;
  if (planFile === undefined)
    return [`${nothing} The plan ${approved}. To have it carried out, write it down with --plan FILE.`];
  const each =
    needs === 0 ? '' : `, of each: headgate reconcile approve ${planFile} --key KEY --approver ID --out FILE`;
  return [
    `${nothing} The plan is in ${planFile}, and ${approved}${each}`,
    `Then, on this machine: ${typed} --carry-out ${planFile}${needs === 0 ? '' : ' --approval FILE … --as YOUR-ID'}`,
  ];
}
