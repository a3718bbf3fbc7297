import {
  decideUndoneAway,
  evolveRollout,
  type Principal,
  type Rollout,
  type RolloutFacts,
  type UndoneAway,
  undoneWords,
} from '@headgate/domain';
import { commitRollout, gatherRollout, LEASE_MS } from '../controllers/rollout-controller.ts';
import { endSoaks } from '../controllers/soaks.ts';
import type { Deps } from '../deps.ts';
import type { Row, Write } from '../ports/store.ts';
import { type CellRecord, shapeInEntry, streams } from '../records.ts';
import type { Gatherers } from './command-promotion.ts';
import { no, notFound, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/** What became of what an agent told. `late`: the rollout had been settled, so only the cell's record learns of it. */
export type TakenUp = 'taken-up' | 'known' | 'late';

/**
 * An agent tells what it took back by itself while the control plane was away. It has happened, so nothing here may turn
 * it down but that it is no rollout of the agent's, or a number that would be the cell's last: an open rollout goes on from there, and its promotion decides to go
 * back; of a settled one the cell counts as uncertain until it is observed.
 */
export async function takeUpUndone(
  deps: Deps,
  with_: Gatherers,
  agent: Principal,
  rollout: string,
  told: UndoneAway,
): Promise<Result<{ readonly rollout: Rollout; readonly took: TakenUp }>> {
  const what = 'take up what an agent undid';
  const stream = streams.rollout(rollout);
  const denied = notPermitted(agent, 'carry-out', stream);
  if (denied !== undefined) return no(denied);
  return untilFresh(what, stream, async () => {
    const row = (await deps.store.load([stream])).get(stream) as Row<Rollout> | undefined;
    if (row === undefined) return notFound(what, stream);
    if (!(agent.environments ?? []).includes(row.state.environment))
      return refuse('not-yours', what, stream, 'the agent is not enrolled for this environment', 'enrol it');
    const now = await deps.store.now();
    const gathered = await gatherRollout(with_.plans, with_.gates, row, now, deps.epoch);
    const decided = decideUndoneAway(
      row.state,
      gathered.facts.cell,
      agent.id,
      told,
      now,
      gathered.cellRow?.state.assigned ?? 0,
    );
    if (!decided.ok) {
      if (decided.refusal.code !== 'settled') return no(decided.refusal);
      // Told twice: the first time settled it.
      if (row.state.undo !== null && row.state.n >= told.n) return ok({ rollout: row.state, took: 'known' });
      const ended = await soakOver(deps, agent, row.state, gathered.facts, told);
      const took = await takeUpLate(deps, agent, row.state, told, now, ended);
      return took === undefined ? undefined : ok({ rollout: row.state, took });
    }
    if (decided.events.length === 0) return ok({ rollout: row.state, took: 'known' });
    const ended = await soakOver(deps, agent, row.state, gathered.facts, told);
    const committed = await commitRollout(deps.store, row, gathered, decided.events, agent.id, ended);
    const state = decided.events.reduce<Rollout>(evolveRollout, row.state);
    return committed.ok ? ok({ rollout: state, took: 'taken-up' }) : undefined;
  });
}

/**
 * The environment no longer lives with the release: from when the agent heard nothing more, since it says no better when
 * its customers left.
 */
function soakOver(
  deps: Deps,
  agent: Principal,
  { promotion, cell, environment }: Rollout,
  { plan: { release }, now }: Pick<RolloutFacts, 'plan' | 'now'>,
  { since }: UndoneAway,
): Promise<readonly Write[]> {
  const because = `${agent.id} took it back in cell ${cell} while the server was away`;
  return endSoaks(deps, [release.digest], { environment, until: Math.min(since, now), because, promotion });
}

/** Undefined: it changed meanwhile. */
async function takeUpLate(
  deps: Deps,
  agent: Principal,
  { id, promotion, cell }: Rollout,
  told: UndoneAway,
  now: number,
  more: readonly Write[],
): Promise<TakenUp | undefined> {
  const { since, n } = told;
  const stream = streams.cell(cell);
  const row = (await deps.store.load([stream])).get(stream) as Row<CellRecord> | undefined;
  const record = row?.state;
  if (row === undefined || record?.desired === undefined) return 'late';
  // Whoever has it uncertain already, or went on from a higher number, has heard of it.
  if (record.uncertain && (record.assigned ?? 0) >= n) return 'known';
  const assigned = Math.max(record.assigned ?? 0, n);
  const away = { because: undoneWords(agent.id, told), since };
  const data = { rollout: id, promotion, ...shapeInEntry(record.desired), uncertain: true, assigned, away };
  const next: CellRecord = { ...record, uncertain: true, assigned, restlessUntil: now + LEASE_MS };
  const committed = await deps.store.commit({
    by: agent.id,
    writes: [
      { stream, expected: row.version, entries: [{ type: 'cell.changed', data }], state: next, dueAt: null },
      ...more,
    ],
  });
  return committed.ok ? 'late' : undefined;
}
