import type { DrillEvidence, Principal } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { type DrillRecord, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';
import { cellStreams, notEnrolledFor, notTakenUp, saySame } from './statement-of-store.ts';

const WHAT = 'record a restore drill';
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
  const { drill, signed } = opened;
  const names = [drill.evidence, ...signed.also];
  const { environment, cell, at } = drill;
  const statement = { what: WHAT, where, environment, cell, at, again: 'drill again' };
  const another = notEnrolledFor(principal, statement);
  if (another !== undefined) return another;
  return untilFresh(WHAT, where, async () => {
    const rows = await deps.store.load([where, ...cellStreams(statement)]);
    const refused = await notTakenUp(deps.store, rows, statement);
    if (refused !== undefined) return refused;
    const row = rows.get(where);
    const { last } = (row?.state as DrillRecord | undefined) ?? {};
    if (last !== undefined && (names.includes(last.evidence) || last.at > drill.at || saySame(deps, last, drill)))
      return ok(last);
    await deps.blobs.put(deps.canonical(signed.bundle));
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
