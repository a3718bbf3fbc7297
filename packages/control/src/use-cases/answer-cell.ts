import { driftOf, type Instant, misfitOfState, type Principal, withoutDrift } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Row, Write } from '../ports/store.ts';
import { type CellRecord, type RecoveryRecord, shapeInEntry, streams } from '../records.ts';
import type { Gatherers } from './command-promotion.ts';
import { cellWrite, goBack, type HeldBy, holderOf, isReadBack, rolloutWrite, wakes } from './read-back-cell.ts';
import { no, notFound, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/**
 * What a person says of a cell whose truth can't be read back: it is as the restored rows have it; it is as its agent sees
 * it now; or the promotion that holds it goes back.
 */
export type CellAnswer = 'as-remembered' | 'as-seen' | 'go-back';

const WHAT = 'answer for a cell';

/** Takes a person's word for a cell that couldn't be read back. It goes on the log with the reason. */
export async function answerCell(
  deps: Deps,
  with_: Pick<Gatherers, 'plans'>,
  principal: Principal,
  cell: string,
  answer: CellAnswer,
  reason: string,
): Promise<Result<CellRecord>> {
  const stream = streams.cell(cell);
  const denied = notPermitted(principal, 'answer', stream);
  if (denied !== undefined) return no(denied);
  return untilFresh(WHAT, stream, async () => {
    const recovered = streams.recovery(deps.epoch);
    const rows = await deps.store.load([stream, recovered]);
    const row = rows.get(stream) as Row<CellRecord> | undefined;
    const recovery = rows.get(recovered)?.state as RecoveryRecord | undefined;
    if (row === undefined) return notFound(WHAT, stream);
    if (recovery === undefined || isReadBack(deps, row.state))
      return refuse('nothing-asked', WHAT, stream, 'nothing is asked about it', 'look at `headgate recovery`');
    const now = await deps.store.now();
    if (row.state.asked?.epoch !== deps.epoch && now < recovery.until)
      return refuse(
        'too-early',
        WHAT,
        stream,
        'its agent may still tell',
        `start its agent, or answer after ${new Date(recovery.until).toISOString()}`,
      );
    const held = await holderOf(deps, with_, cell);
    const writes = writesOf(answer, { deps, row, held, by: principal.id, reason, now, since: recovery.at });
    if (!writes.ok) return writes;
    const committed = await deps.store.commit({ by: principal.id, writes: writes.value, wake: wakes(held) });
    return committed.ok ? ok(writes.value[0]?.state as CellRecord) : undefined;
  });
}

interface Asked {
  readonly deps: Deps;
  readonly row: Row<CellRecord>;
  readonly held: HeldBy | undefined;
  readonly by: string;
  readonly reason: string;
  readonly now: Instant;
  /** When the recovery began. */
  readonly since: Instant;
}

function writesOf(answer: CellAnswer, facts: Asked): Result<readonly Write[]> {
  const { deps, row, held, by, reason, now, since } = facts;
  const { epoch } = deps;
  const { asked: _, ...record } = row.state;
  const data = { epoch, answer, reason };
  const answered = cellWrite(row, { ...record, epoch }, { type: 'cell.answered', data });
  switch (answer) {
    case 'as-remembered': {
      const differs = held === undefined ? misfitSeen(record, since) : undefined;
      return differs === undefined ? ok([answered]) : notAsRemembered(row.stream, differs);
    }
    case 'go-back': {
      if (held === undefined)
        return refuse('nothing-to-undo', WHAT, row.stream, 'no rollout holds it', 'answer as-remembered or as-seen');
      const back = goBack(held, `${by}: ${reason}`, by, now);
      // How far it came is its agent's to tell, before or after.
      if (row.state.asked?.epoch === epoch) return ok([answered, ...back]);
      return ok([cellWrite(row, row.state, { type: 'cell.answered', data: { answer, reason } }), ...back]);
    }
    case 'as-seen':
      return asSeen(facts, record, data);
  }
}

/** In what the cell differs from what it should be, by an observation since the recovery began. */
export function misfitSeen(
  { desired, observed }: Pick<CellRecord, 'desired' | 'observed'>,
  since: Instant,
): string | undefined {
  if (desired === undefined || observed === undefined || observed.at < since) return undefined;
  return misfitOfState(desired, observed.state);
}

/** A plan that is made for what the rows say would do again what was done. */
function notAsRemembered(stream: string, differs: string): Result<never> {
  const why = `it does not stand as the rows have it: ${differs}`;
  return refuse('differs', WHAT, stream, why, 'answer as-seen, or bring it back to that by hand');
}

function asSeen(
  { row, held, now, since }: Asked,
  record: CellRecord,
  data: { epoch: number },
): Result<readonly Write[]> {
  const seen = record.observed;
  if (seen === undefined || seen.at < since)
    return refuse('stale-observation', WHAT, row.stream, 'nobody has observed it since', 'start its agent');
  const [drifted] = driftOf(seen.state);
  if (drifted !== undefined)
    return refuse('drifted', WHAT, row.stream, `store ${drifted.store} has drifted: ${drifted.why}`, 'mend it first');
  const desired = withoutDrift(seen.state);
  const state: CellRecord = { ...record, epoch: data.epoch, desired, uncertain: false };
  const entry = { type: 'cell.answered', data: { ...data, settles: true, ...shapeInEntry(desired) } };
  const answered = cellWrite(row, state, entry);
  if (held === undefined) return ok([answered]);
  // What the rows wanted there is nothing that anybody goes on with.
  return ok([answered, rolloutWrite(held, { type: 'rollout.settled', data: { result: 'kept' } }, now)]);
}
