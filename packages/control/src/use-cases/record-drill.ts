import type { DrillEvidence, Principal } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { type CellRecord, type DocumentRecord, type DrillRecord, environmentOf, streams } from '../records.ts';
import { no, notFound, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

const WHAT = 'record a restore drill';
/** How far the clock of the machine that drilled may be ahead of ours. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

/**
 * Takes up the signed statement of a restore drill: the last one of a store is what gates judge, good or bad. An older one,
 * and the same one twice, change nothing; nor does whoever attached it count, but who signed it and whose store it is of.
 */
export async function recordDrill(deps: Deps, principal: Principal, bundle: unknown): Promise<Result<DrillEvidence>> {
  const opened = deps.trust.openDrill(bundle);
  const where = opened.ok ? streams.drill(opened.drill.cell, opened.drill.store) : 'drill';
  const denied = notPermitted(principal, 'record-drill', where);
  if (denied !== undefined) return no(denied);
  if (!opened.ok) return refuse(opened.code, WHAT, opened.where, opened.why, opened.unblock);
  const { drill } = opened;
  if (principal.roles.includes('agent') && !(principal.environments ?? []).includes(drill.environment))
    return refuse(
      'not-yours',
      WHAT,
      where,
      `agent ${principal.id} is enrolled for ${(principal.environments ?? []).join(', ') || 'no environment'}`,
      'enrol it for this environment',
    );
  const [cell, declaration] = [streams.cell(drill.cell), streams.document('Cell', drill.cell)];
  return untilFresh(WHAT, where, async () => {
    const rows = await deps.store.load([where, cell, declaration]);
    const own = environmentOf(
      rows.get(cell)?.state as CellRecord | undefined,
      rows.get(declaration)?.state as DocumentRecord | undefined,
    );
    if (own === undefined) return notFound(WHAT, cell);
    if (own !== drill.environment)
      return refuse(
        'not-yours',
        WHAT,
        where,
        `${drill.cell} is a cell of ${own}, the statement says ${drill.environment}`,
        'correct agent.yaml, or the Cell document, and drill again',
      );
    // One that is dated ahead would stand before every later one until its day comes.
    if (drill.at > (await deps.store.now()) + CLOCK_STEP_MS)
      return refuse('ahead-of-now', WHAT, where, 'it is dated ahead of now', 'set the clocks right and drill again');
    const row = rows.get(where);
    const { last } = (row?.state as DrillRecord | undefined) ?? {};
    if (last !== undefined && (last.evidence === drill.evidence || last.at > drill.at)) return ok(last);
    await deps.blobs.put(deps.canonical(bundle));
    const state: DrillRecord = { last: drill };
    const committed = await deps.store.commit({
      by: principal.id,
      writes: [
        {
          stream: where,
          expected: row?.version ?? 0,
          entries: [{ type: 'drill.recorded', data: { ...drill } }],
          state,
          dueAt: null,
        },
      ],
    });
    return committed.ok ? ok(drill) : undefined;
  });
}
