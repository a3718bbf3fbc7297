import type { Principal, RestorationEvidence } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { saidOf, withRestoration } from '../newest-restorations.ts';
import type { Row, Write } from '../ports/store.ts';
import { type CellRecord, type RestorationRecord, shapeInEntry, streams } from '../records.ts';
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
        ...(await cellLearns(deps, rows, restoration)),
      ],
    });
    return committed.ok ? ok(restoration) : undefined;
  });
}

/**
 * A store that was put back in place may have another schema version than it should have by what was promoted: the cell counts as
 * uncertain until it is observed, and what is seen then is what it should be. One from before a look that saw the store as it should be
 * says nothing new, though it is told again. While a rollout holds the cell, that says it itself.
 */
async function cellLearns(
  { store }: Pick<Deps, 'store'>,
  rows: ReadonlyMap<string, Row<unknown>>,
  { kind, result, cell, stores, evidence, at }: RestorationEvidence,
): Promise<readonly Write[]> {
  const stream = streams.cell(cell);
  const row = rows.get(stream) as Row<CellRecord> | undefined;
  const desired = row?.state.desired;
  if (row === undefined || desired === undefined || kind !== 'in-place' || result !== 'done') return [];
  const seen = row.state.observed;
  const since = seen !== undefined && seen.at > at ? seen.state.stores : {};
  const otherwise = stores.some(
    ({ store: name, schemaVersion }) =>
      schemaVersion !== undefined &&
      desired.stores[name] !== undefined &&
      desired.stores[name].schemaVersion !== schemaVersion &&
      desired.stores[name].schemaVersion !== since[name]?.schemaVersion,
  );
  if (!otherwise || row.state.uncertain || (await store.holder(stream)) !== undefined) return [];
  const { assigned } = row.state;
  const data = {
    ...shapeInEntry(desired),
    uncertain: true,
    ...(assigned !== undefined && { assigned }),
    restoration: evidence,
  };
  return [
    {
      stream,
      expected: row.version,
      entries: [{ type: 'cell.changed', data }],
      state: { ...row.state, uncertain: true },
      dueAt: null,
    },
  ];
}
