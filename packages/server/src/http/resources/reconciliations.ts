import type { Reconciliation } from '@headgate/contract';
import { type ReconciliationRecord, recordReconciliation } from '@headgate/control';
import { type ReconciledEvidence, reconciledText } from '@headgate/domain';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';
import { beginning, pageOfRows } from '../paging.ts';
import { inBundle } from '../views.ts';

export function reconciliationHandlers({
  deps,
  trust,
}: Context): Handlers<'listReconciliations' | 'recordReconciliation'> {
  return {
    async listReconciliations({ input }) {
      const only = beginning('reconciliation', input.cell === undefined ? undefined : `${input.cell}/`);
      const page = await pageOfRows(deps.store, 'reconciliation', input, only);
      if (!page.ok) return page;
      const items = page.value.rows.map(({ state }) => show((state as ReconciliationRecord).last));
      return { ok: true, value: { items, next: page.value.next } };
    },
    async recordReconciliation({ principal, body }) {
      await trust.refresh();
      const recorded = await recordReconciliation(deps, principal, body.bundle);
      if (recorded.ok) return { ok: true, value: show(recorded.value) };
      // What is wrong with a bundle is said by a pointer into it, and it stands in the body.
      return { ok: false, refusals: recorded.refusals.map((each) => ({ ...each, where: inBundle(each.where) })) };
    },
  };
}

function show(reconciled: ReconciledEvidence): Shown<Reconciliation> {
  return { ...reconciled, words: reconciledText(reconciled) } as unknown as Shown<Reconciliation>;
}
