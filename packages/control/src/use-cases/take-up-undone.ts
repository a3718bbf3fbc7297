import {
  decideUndoneAway,
  dueOfHypercare,
  dueOfPromotion,
  endTakenBack,
  evolveHypercare,
  evolvePromotion,
  evolveRollout,
  evolveTakenBack,
  type Hypercare,
  isRecorded,
  type Principal,
  type Rollout,
  type RolloutFacts,
  stopOver,
  type TakenBack,
  takenBackIn,
  type UndoneAway,
  undoneWords,
} from '@headgate/domain';
import { commitRollout, gatherRollout, LEASE_MS } from '../controllers/rollout-controller.ts';
import { endSoaks } from '../controllers/soaks.ts';
import type { Deps } from '../deps.ts';
import type { Row, Write } from '../ports/store.ts';
import { type CellRecord, shapeInEntry, streams } from '../records.ts';
import type { Gatherers } from './command-promotion.ts';
import { type HeldBy, holderOf, wakes } from './read-back-cell.ts';
import { no, notFound, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/** What became of what an agent told. `late`: the rollout had been settled, so it stands beside its promotion, and the cell learns of it. */
export type TakenUp = 'taken-up' | 'known' | 'late';

/**
 * An agent tells what it took back by itself while the control plane was away. It has happened, so nothing here may turn
 * it down but that it is no rollout of the agent's, or a number that would be the cell's last: an open rollout goes on from there, and its promotion decides to go
 * back; what was decided of a settled one stays, with what
 * happened after it beside, and the cell counts as uncertain until it is observed.
 */
export async function takeUpUndone(
  deps: Deps,
  with_: Gatherers,
  agent: Principal,
  rollout: string,
  heard: UndoneAway,
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
    // It is by the agent's clock, which may be wrong, and what happened isn't turned down for that: it was not later than now.
    const told = { ...heard, since: Math.min(heard.since, now) };
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
      const took = await takeUpLate(deps, with_, agent, row.state, told, now, gathered.facts, ended);
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
  { plan: { release } }: Pick<RolloutFacts, 'plan'>,
  { since }: UndoneAway,
): Promise<readonly Write[]> {
  const because = `${agent.id} took it back in cell ${cell} while the server was away`;
  return endSoaks(deps, [release.digest], { environment, until: since, because, promotion });
}

/**
 * What happened after the rollout was settled stands beside its promotion, the cell's record learns of it, and whoever holds
 * the cell by now goes no further: what its plan was made for is gone. Undefined: it changed meanwhile.
 */
async function takeUpLate(
  deps: Deps,
  with_: Gatherers,
  agent: Principal,
  { id, promotion, cell }: Rollout,
  told: UndoneAway,
  now: number,
  { plan, cell: planned }: Pick<RolloutFacts, 'plan' | 'cell'>,
  more: readonly Write[],
): Promise<TakenUp | undefined> {
  const { since, n } = told;
  const stream = streams.cell(cell);
  const beside = streams.undone(promotion);
  const watch = streams.hypercare(plan.environment);
  const rows = await deps.store.load([stream, beside, watch]);
  const row = rows.get(stream) as Row<CellRecord> | undefined;
  const undone = rows.get(beside) as Row<TakenBack> | undefined;
  const record = row?.state;
  const held = await holderOf(deps, with_, cell);
  const words = undoneWords(agent.id, told);
  const stopped = held === undefined ? [] : stopHolder(held, id, words, now);
  const recorded = isRecorded(undone?.state, cell, n);
  // From a higher number: by an older server, which knew of the cell alone, or for another promotion that was taken back.
  const uncertain = record?.uncertain === true && (record.assigned ?? 0) >= n;
  if (recorded && stopped.length === 0) return 'known';
  const assigned = Math.max(record?.assigned ?? 0, n);
  const of = { promotion, environment: plan.environment };
  const takenBack = takenBackIn(of, planned, agent.id, told, now, assigned);
  const remembers: Write = {
    stream: beside,
    expected: undone?.version ?? 0,
    entries: [takenBack],
    state: evolveTakenBack(undone?.state, takenBack),
    dueAt: null,
    ...(undone === undefined && { parent: streams.promotion(promotion) }),
  };
  const writes = [
    ...(recorded ? [] : [remembers, ...more, ...watchOver(rows.get(watch) as Row<Hypercare>, promotion, words)]),
    ...(recorded || uncertain ? [] : cellLearns(row, id, promotion, { words, since, assigned, now })),
    ...stopped,
  ];
  const committed = await deps.store.commit({
    // That a promotion stops is nothing that an agent decides.
    by: stopped.length > 0 ? 'sys' : agent.id,
    writes,
    wake: stopped.length > 0 ? wakes(held) : [],
  });
  if (!committed.ok) return undefined;
  // One that opened as this was committed hasn't heard of it, nor has this of it: told again, it is known, and stopped.
  const late = held === undefined && (await deps.store.holder(stream)) !== undefined;
  return late ? undefined : 'late';
}

/** Until it is observed nobody knows what stands in the cell. One that was never adopted has nothing that it should be. */
function cellLearns(
  row: Row<CellRecord> | undefined,
  rollout: string,
  promotion: string,
  { words, since, assigned, now }: { words: string; since: number; assigned: number; now: number },
): readonly Write[] {
  const desired = row?.state.desired;
  if (row === undefined || desired === undefined) return [];
  const away = { because: words, since };
  const data = { rollout, promotion, ...shapeInEntry(desired), uncertain: true, assigned, away };
  const state: CellRecord = { ...row.state, uncertain: true, assigned, restlessUntil: now + LEASE_MS };
  const entries = [{ type: 'cell.changed', data }];
  return [{ stream: row.stream, expected: row.version, entries, state, dueAt: null }];
}

/** Its watch ends: what it watched over is gone, and an alarm would only say so again. */
function watchOver(row: Row<Hypercare> | undefined, promotion: string, because: string): readonly Write[] {
  const events = endTakenBack(row?.state, promotion, because);
  if (row === undefined || events.length === 0) return [];
  const state = events.reduce<Hypercare>(evolveHypercare, row.state);
  return [{ stream: row.stream, expected: row.version, entries: events, state, dueAt: dueOfHypercare(state) }];
}

/** The promotion that holds a cell whose rollout before was taken back: a person says how it goes on. */
function stopHolder({ promotion, row }: HeldBy, undone: string, words: string, now: number): readonly Write[] {
  const cell = row.state.cell;
  const why = `what it found in cell ${cell} is gone: rollout ${undone} was ${words}`;
  const event = stopOver(promotion.state, why, now);
  if (event === undefined) return [];
  const state = evolvePromotion(promotion.state, event);
  const { stream, version: expected } = promotion;
  return [{ stream, expected, entries: [event], state, dueAt: dueOfPromotion(state, now) }];
}
