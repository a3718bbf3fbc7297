/**
 * What became of a promotion that was taken back, read from its plan, its entries of the log, and what its agents saw in the
 * cells afterwards. Whoever has the log reads the same from it.
 */
import { type CellState, driftOf } from '../model/cell.ts';
import type { Instant } from '../model/identity.ts';
import { type CellPlan, changesSomething, type Plan, type Step } from '../plan/plan.ts';
import { movedTenants, type UndoStep, undoSteps } from '../plan/undo.ts';
import type { PromotionEvent } from '../promotion/events.ts';
import { cellAfter } from '../rollout/cell-after.ts';
import type { RolloutEvent } from '../rollout/events.ts';
import type {
  RehearsedCell,
  RehearsedFailure,
  RehearsedStep,
  RehearsedStoreUndo,
  RehearsedTraffic,
  RehearsedWay,
  RollbackRehearsalFacts,
} from './rollback.ts';

/** An entry of the log: of the promotion's own stream, or of one of its rollouts'. */
export interface RehearsedEntry {
  readonly place: number;
  readonly stream: string;
  readonly at: Instant;
  readonly by: string;
  readonly event: PromotionEvent | RolloutEvent;
}

/** A cell as its agent saw it, and when that came in, by the log's clock. */
export interface SeenCell {
  readonly state: CellState;
  readonly at: Instant;
}

/** Cells that are told of, and steps and stores of all of them together: a statement is bounded. */
export const MOST_CELLS = 200;
export const MOST_STEPS = 2_000;
export const MOST_STORES = 2_000;
/** Migrations that are told; of one that isn't, it isn't known that it was run. */
export const MOST_MIGRATIONS = 200;
/** Names in a list of a cell, and failures that are told of one with their reasons. */
export const MOST_NAMES = 20;
export const MOST_FAILURES = 5;
/** Characters of a reason. */
const MOST_CHARACTERS = 500;

/** The facts of a promotion. Undefined when its beginning isn't among the entries. `seen`: the last look at each cell. */
export function rollbackRehearsalFacts(
  plan: Plan,
  entries: readonly RehearsedEntry[],
  seen: ReadonlyMap<string, SeenCell>,
  traffic?: RehearsedTraffic,
): RollbackRehearsalFacts | undefined {
  const [first] = entries;
  const last = entries.at(-1);
  const requested = entries.map(({ event }) => event).find((event) => event.type === 'promotion.requested');
  if (first === undefined || last === undefined || requested === undefined) return undefined;
  const { id, application, environment, release, plan: planDigest, envelope, waves } = requested.data;
  const way = turns(entries);
  const reachedAt = lastStepForward(plan, id, entries);
  const room = { steps: MOST_STEPS, stores: MOST_STORES };
  const cells = plan.cells.slice(0, MOST_CELLS).map((cell) => {
    const told = tellCell(plan, cell, ofCell(entries, id, cell), seen.get(cell.cell));
    const steps = told.steps.slice(0, room.steps);
    room.steps -= steps.length;
    // What isn't as promised always has room, however much is.
    const stores = [...told.stores.filter(isOff).slice(0, MOST_NAMES), ...told.stores.filter((each) => !isOff(each))];
    const kept = stores.slice(0, Math.max(room.stores, stores.filter(isOff).length));
    room.stores -= kept.length;
    return { ...told, steps, stores: kept };
  });
  const untold = plan.cells.length - cells.length;
  return {
    at: way.endedAt ?? last.at,
    promotion: id,
    ...{ application, environment, release, plan: planDigest, envelope, waves },
    log: { from: first.place, to: last.place },
    migrations: migrationsDone(plan, id, entries),
    ...way,
    ...(reachedAt !== undefined && { reachedAt }),
    cells,
    ...(untold > 0 && { untold }),
    ...(traffic !== undefined && { traffic }),
  };
}

function isOff({ found, promised }: RehearsedStoreUndo): boolean {
  return found !== promised;
}

function ofCell(entries: readonly RehearsedEntry[], promotion: string, { cell }: CellPlan): readonly RehearsedEntry[] {
  return entries.filter(({ stream }) => stream === `rollout/${promotion}.${cell}`);
}

type Turns = Pick<RollbackRehearsalFacts, 'opened' | 'begunAt' | 'turned' | 'endedAt' | 'result'>;

/** When it began, turned and ended. */
function turns(entries: readonly RehearsedEntry[]): Turns {
  let way: Turns = { opened: 0 };
  for (const { at, by, event } of entries) {
    switch (event.type) {
      case 'promotion.wave-opened':
        way = { ...way, opened: event.data.wave, begunAt: way.begunAt ?? at };
        break;
      case 'promotion.rollback-decided':
      case 'promotion.overtaken':
        // Decided once more for more of it, it goes on going back.
        way = {
          ...way,
          turned: way.turned ?? { at, by, because: event.data.because.slice(0, MOST_CHARACTERS).toWellFormed() },
        };
        break;
      case 'promotion.kept':
        way = { ...way, endedAt: at, result: 'partly-rolled-back' };
        break;
      case 'promotion.ended':
        way = { ...way, endedAt: at, result: event.data.result };
        break;
    }
  }
  return way;
}

function lastStepForward(plan: Plan, id: string, entries: readonly RehearsedEntry[]): Instant | undefined {
  const forward = new Set(
    plan.cells.flatMap(({ cell, steps }) => steps.map((step) => `rollout/${id}.${cell} ${step.id}`)),
  );
  return entries.findLast(
    ({ stream, event }) => event.type === 'rollout.step-done' && forward.has(`${stream} ${event.data.step}`),
  )?.at;
}

function migrationsDone(
  plan: Plan,
  id: string,
  entries: readonly RehearsedEntry[],
): RollbackRehearsalFacts['migrations'] {
  const done = new Set(
    entries.flatMap(({ stream, event }) =>
      event.type === 'rollout.step-done' ? [`${stream} ${event.data.step}`] : [],
    ),
  );
  const run = plan.cells.flatMap(({ cell, steps }) =>
    steps.flatMap(({ id: step, action }) =>
      action.kind === 'migrate' && done.has(`rollout/${id}.${cell} ${step}`) ? action.migrations : [],
    ),
  );
  const files = new Map(run.map(({ id: name, to, file }) => [file.digest, { id: name, to, file: file.digest }]));
  return [...files.values()].slice(0, MOST_MIGRATIONS);
}

function tellCell(
  plan: Plan,
  cell: CellPlan,
  entries: readonly RehearsedEntry[],
  seen: SeenCell | undefined,
): RehearsedCell {
  const back = wayBack(plan, cell, entries);
  const done = entries.flatMap(({ event }) => (event.type === 'rollout.step-done' ? [event.data] : []));
  const names = new Set(done.map(({ step }) => step));
  const resultOf = (id: string) => done.findLast(({ step }) => step === id)?.result;
  const checks = back.steps.filter(({ action }) => action.kind === 'verify').map(({ id }) => resultOf(id)?.checks);
  const verified = checks.every((each) => each !== undefined)
    ? checks.reduce((sum, { passed, failed }) => ({ passed: sum.passed + passed, failed: sum.failed + failed }), {
        passed: 0,
        failed: 0,
      })
    : undefined;
  const since = takenLast(back, entries);
  const looked = seen !== undefined && since !== undefined && seen.at >= since ? seen : undefined;
  const before = cell.base.slots[cell.slot.from]?.release;
  const settled = entries.map(({ event }) => event).findLast((event) => event.type === 'rollout.settled');
  return {
    cell: cell.cell,
    ...(before !== undefined && { before }),
    forward: wayOf(cell.steps, names, soakAtHand(cell, entries)),
    back: wayOf(back.steps, names, undefined),
    steps: stepsOf([...cell.steps, ...back.steps], cell, entries),
    failures: failuresOf(cell, entries),
    ...(settled !== undefined && { settled: settled.data.result }),
    ...(verified !== undefined && { verified }),
    reconciled: back.steps.flatMap(({ id, action }) => {
      if (action.kind !== 'reconcile') return [];
      const found = resultOf(id)?.reconciliation;
      return [{ store: action.store, ...(found !== undefined && { agrees: found.agrees, asked: found.asked }) }];
    }),
    ...(looked !== undefined && { seenAt: looked.at }),
    ...compared(plan, cell, back, looked?.state),
  };
}

interface WayBack {
  /** Forward steps that may have had an effect. */
  readonly begun: number;
  /** Of an undo of everything. */
  readonly steps: readonly UndoStep[];
}

function wayBack(plan: Plan, cell: CellPlan, entries: readonly RehearsedEntry[]): WayBack {
  const begun = entries.reduce((most, { event }) => {
    if (event.type === 'rollout.undo-begun') return Math.max(most, event.data.begun ?? 0);
    if (event.type !== 'rollout.leased') return most;
    return Math.max(most, cell.steps.findIndex(({ id }) => id === event.data.step) + 1);
  }, 0);
  return { begun, steps: undoSteps(cell, { kind: 'all', wave: plan.waves.length }, begun) };
}

/** When an agent took the last step of the undo that changed something. */
function takenLast({ steps }: WayBack, entries: readonly RehearsedEntry[]): Instant | undefined {
  const last = steps.findLast(({ action }) => changesSomething(action) && action.kind !== 'reconcile');
  return entries.findLast(({ event }) => event.type === 'rollout.leased' && event.data.step === last?.id)?.at;
}

/** The soak that comes last in a cell, once it was begun: it is where a rehearsal turns back. */
function soakAtHand({ steps }: CellPlan, entries: readonly RehearsedEntry[]): string | undefined {
  const last = steps.at(-1);
  const begun = entries.some(({ event }) => event.type === 'rollout.leased' && event.data.step === last?.id);
  return last?.action.kind === 'soak' && begun ? last.id : undefined;
}

function wayOf(
  steps: readonly Pick<Step, 'id'>[],
  done: ReadonlySet<string>,
  excepted: string | undefined,
): RehearsedWay {
  const left = steps.map(({ id }) => id).filter((id) => !done.has(id) && id !== excepted);
  return {
    planned: steps.length,
    done: steps.filter(({ id }) => done.has(id)).length,
    left: left.slice(0, MOST_NAMES),
  };
}

function stepsOf(
  steps: readonly Pick<Step, 'id' | 'action'>[],
  cell: CellPlan,
  entries: readonly RehearsedEntry[],
): readonly RehearsedStep[] {
  const kinds = new Map(steps.map(({ id, action }) => [id, action.kind]));
  const taken = new Map<string, Instant>();
  const told: RehearsedStep[] = [];
  for (const { event, at, place } of entries) {
    if (event.type === 'rollout.leased') taken.set(event.data.step, at);
    if (event.type !== 'rollout.step-done') continue;
    const { step } = event.data;
    const kind = kinds.get(step);
    if (kind === undefined) continue;
    told.push({ step, course: courseOf(cell, step), kind, at, tookMs: at - (taken.get(step) ?? at), place });
  }
  return told;
}

function courseOf(cell: CellPlan, step: string): 'forward' | 'back' {
  return cell.steps.some(({ id }) => id === step) ? 'forward' : 'back';
}

function failuresOf(cell: CellPlan, entries: readonly RehearsedEntry[]): readonly RehearsedFailure[] {
  const all = entries.flatMap(({ event }) => {
    if (event.type !== 'rollout.step-failed' || event.data.after === 'retry') return [];
    const { step, code, why } = event.data;
    return [{ course: courseOf(cell, step), step, code, why: why.slice(0, MOST_CHARACTERS).toWellFormed() }];
  });
  return all.slice(0, MOST_FAILURES);
}

type Compared = Pick<RehearsedCell, 'tenants' | 'stores' | 'slots' | 'drift'>;

/** What the plan's undo leaves, against what was seen. */
function compared(plan: Plan, cell: CellPlan, { begun, steps }: WayBack, seen: CellState | undefined): Compared {
  const scope = { kind: 'all', wave: plan.waves.length } as const;
  const undo = { scope, because: '', cursor: steps.length, agreed: false };
  const { state: promised } = cellAfter(plan, cell, { cursor: begun, begun, undo });
  const moved = movedTenants(cell, begun).length;
  const stores = storesOf(cell, begun, promised, seen);
  if (seen === undefined) return { tenants: { moved, back: 0, elsewhere: [] }, stores, slots: [], drift: [] };
  const tenants = Object.entries(promised.tenants);
  const elsewhere = tenants.filter(([name, { slot, store, held }]) => {
    const found = seen.tenants[name];
    return found === undefined || found.slot !== slot || found.store !== store || found.held !== held;
  });
  const slots = Object.entries(promised.slots).flatMap(([slot, { release }]) => {
    const found = seen.slots[slot]?.release;
    if (found?.digest === release?.digest) return [];
    const versions = { ...(release && { promised: release.version }), ...(found && { found: found.version }) };
    return [{ slot, ...versions }];
  });
  return {
    tenants: {
      moved,
      back: tenants.length - elsewhere.length,
      elsewhere: elsewhere.slice(0, MOST_NAMES).map(([name]) => name),
    },
    stores,
    slots: slots.slice(0, MOST_NAMES),
    drift: driftOf(seen)
      .slice(0, MOST_FAILURES)
      .map(({ store, why }) => ({ store, why: why.slice(0, MOST_CHARACTERS).toWellFormed() })),
  };
}

/** The stores that the release migrated, and any other that isn't as it was. */
function storesOf(
  { base, steps }: CellPlan,
  begun: number,
  promised: CellState,
  seen: CellState | undefined,
): readonly RehearsedStoreUndo[] {
  return Object.entries(base.stores).flatMap(([store, { schemaVersion: before }]): RehearsedStoreUndo[] => {
    const migrated = steps
      .slice(0, begun)
      .flatMap(({ action, undo }) => (action.kind === 'migrate' && action.store === store ? [{ action, undo }] : []));
    const reached = migrated.at(-1)?.action.to ?? before;
    const expected = promised.stores[store]?.schemaVersion ?? before;
    const found = seen?.stores[store]?.schemaVersion;
    if (migrated.length === 0 && (seen === undefined || found === expected)) return [];
    const told = { store, before, reached, promised: expected, undo: undoOf(migrated.map(({ undo }) => undo)) };
    return [found === undefined ? told : { ...told, found }];
  });
}

function undoOf(undos: readonly Step['undo'][]): RehearsedStoreUndo['undo'] {
  if (undos.length === 0) return 'untouched';
  if (undos.some((undo) => undo.kind === 'act' && undo.action.kind === 'restore')) return 'restored';
  return undos.some(({ kind }) => kind === 'act') ? 'undone' : 'kept';
}
