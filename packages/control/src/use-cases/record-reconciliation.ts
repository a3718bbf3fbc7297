import type { Principal, ReconciledEvidence } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { withReconciled } from '../newest-reconciliation.ts';
import { type CellRecord, type DocumentRecord, environmentOf, type ReconciliationRecord, streams } from '../records.ts';
import { no, notFound, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

const WHAT = 'record a reconciliation';
/** How far the clock of the agent's machine may be ahead of ours. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

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
  const { reconciled } = opened;
  if (principal.roles.includes('agent') && !(principal.environments ?? []).includes(reconciled.environment))
    return refuse(
      'not-yours',
      WHAT,
      where,
      `agent ${principal.id} is enrolled for ${(principal.environments ?? []).join(', ') || 'no environment'}`,
      'enrol it for this environment',
    );
  const [cell, declaration] = [streams.cell(reconciled.cell), streams.document('Cell', reconciled.cell)];
  return untilFresh(WHAT, where, async () => {
    const rows = await deps.store.load([where, cell, declaration]);
    const own = environmentOf(
      rows.get(cell)?.state as CellRecord | undefined,
      rows.get(declaration)?.state as DocumentRecord | undefined,
    );
    if (own === undefined) return notFound(WHAT, cell);
    if (own !== reconciled.environment)
      return refuse(
        'not-yours',
        WHAT,
        where,
        `${reconciled.cell} is a cell of ${own}, the statement says ${reconciled.environment}`,
        'correct agent.yaml, or the Cell document',
      );
    if (reconciled.at > (await deps.store.now()) + CLOCK_STEP_MS)
      return refuse('ahead-of-now', WHAT, where, 'it is dated ahead of now', 'set the clocks right, and send it again');
    const row = rows.get(where);
    const before = row?.state as ReconciliationRecord | undefined;
    if (before?.recorded.includes(reconciled.evidence)) return ok(reconciled);
    await deps.blobs.put(deps.canonical(bundle));
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
