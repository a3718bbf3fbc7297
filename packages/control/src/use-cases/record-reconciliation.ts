import type { Principal, ReconciledEvidence } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { withReconciled } from '../newest-reconciliation.ts';
import { type ReconciliationRecord, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';
import { cellStreams, notEnrolledFor, notTakenUp, saySame } from './statement-of-store.ts';

const WHAT = 'record a reconciliation';
/**
 * Takes up the signed statement of a compensation plan that was carried out, good or bad: each lands on the log, also one
 * that comes late; the same one twice changes nothing.
 */
export async function recordReconciliation(
  deps: Deps,
  principal: Principal,
  bundle: unknown,
): Promise<Result<ReconciledEvidence>> {
  const opened = deps.trust.openReconciled(bundle);
  const where = opened.ok ? streams.reconciliation(opened.reconciled.cell, opened.reconciled.store) : 'reconciliation';
  const denied = notPermitted(principal, 'record-reconciliation', where);
  if (denied !== undefined) return no(denied);
  if (!opened.ok) return refuse(opened.code, WHAT, opened.where, opened.why, opened.unblock);
  const { reconciled, signed } = opened;
  const names = [reconciled.evidence, ...signed.also];
  const { environment, cell, at } = reconciled;
  const statement = { what: WHAT, where, environment, cell, at, again: 'send it again' };
  const another = notEnrolledFor(principal, statement);
  if (another !== undefined) return another;
  return untilFresh(WHAT, where, async () => {
    const rows = await deps.store.load([where, ...cellStreams(statement)]);
    const refused = await notTakenUp(deps.store, rows, statement);
    if (refused !== undefined) return refused;
    const row = rows.get(where);
    const before = row?.state as ReconciliationRecord | undefined;
    const { last, recorded = [] } = before ?? {};
    if (names.some((name) => recorded.includes(name)) || (last !== undefined && saySame(deps, last, reconciled)))
      return ok(reconciled);
    await deps.blobs.put(deps.canonical(signed.bundle));
    const committed = await deps.store.commit({
      by: principal.id,
      writes: [
        {
          stream: where,
          expected: row?.version ?? 0,
          entries: [{ type: 'reconciliation.recorded', data: { ...reconciled } }],
          state: withReconciled(before, reconciled),
          dueAt: null,
        },
      ],
    });
    return committed.ok ? ok(reconciled) : undefined;
  });
}
