import type { Principal, RestorationEvidence } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { saidOf, withRestoration } from '../newest-restorations.ts';
import { type RestorationRecord, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';
import { cellStreams, notEnrolledFor, notTakenUp } from './statement-of-store.ts';

const WHAT = 'record a restoration';

/**
 * Takes up the signed statement of something that was brought back, be it done or not: each lands on the log, also one that comes
 * late; the same one twice changes nothing.
 */
export async function recordRestoration(
  deps: Deps,
  principal: Principal,
  bundle: unknown,
): Promise<Result<RestorationEvidence>> {
  const opened = deps.trust.openRestoration(bundle);
  const where = opened.ok ? streams.restoration(opened.restoration.cell) : 'restoration';
  const denied = notPermitted(principal, 'record-restoration', where);
  if (denied !== undefined) return no(denied);
  if (!opened.ok) return refuse(opened.code, WHAT, opened.where, opened.why, opened.unblock);
  const { restoration, signed } = opened;
  const { environment, cell, at } = restoration;
  const statement = { what: WHAT, where, environment, cell, at, again: 'send it again' };
  const another = notEnrolledFor(principal, statement);
  if (another !== undefined) return another;
  return untilFresh(WHAT, where, async () => {
    const rows = await deps.store.load([where, ...cellStreams(statement)]);
    const refused = await notTakenUp(deps.store, rows, statement);
    if (refused !== undefined) return refused;
    const row = rows.get(where);
    const before = row?.state as RestorationRecord | undefined;
    if (before?.recorded.includes(saidOf(deps, restoration))) return ok(restoration);
    await deps.blobs.put(deps.canonical(signed.bundle));
    const committed = await deps.store.commit({
      by: principal.id,
      writes: [
        {
          stream: where,
          expected: row?.version ?? 0,
          entries: [{ type: 'restoration.recorded', data: { ...restoration } }],
          state: withRestoration(deps, before, restoration),
          dueAt: null,
        },
      ],
    });
    return committed.ok ? ok(restoration) : undefined;
  });
}
