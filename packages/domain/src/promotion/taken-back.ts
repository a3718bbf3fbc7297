/**
 * What agents took back of a promotion after it had ended: by themselves, while the control plane was away. What was decided
 * stays as it was decided; this stands beside it, on a stream of its own, so that nothing of its history is written anew.
 */
import type { Instant, PrincipalId } from '../model/identity.ts';
import type { ReleaseRef } from '../model/release.ts';
import type { CellPlan } from '../plan/plan.ts';
import { counted } from '../plan/render-words.ts';
import { isWhole, tenantsInScope, undoSteps } from '../plan/undo.ts';
import { reportsWithRoom, type UndoneAway, undoneWords } from '../rollout/undone-away.ts';
import type { PromotionResult } from './state.ts';

/** What an agent took back in one cell. */
export interface TakenBackCell {
  readonly cell: string;
  readonly agent: PrincipalId;
  /** Who decided it, by the agent's word alone; `agent`: nobody but a condition that was declared. */
  readonly by: string;
  /** In words, with the agent's reason. */
  readonly because: string;
  /** From when on the control plane had not answered, by the agent's clock: it was not before. */
  readonly since: Instant;
  /** When it was told: it was not after. */
  readonly at: Instant;
  /** What serves its tenants from then on; absent: nobody knows which release that was. */
  readonly to?: ReleaseRef;
  /** How many tenants it brought back, and whether those are all that were moved there. */
  readonly tenants: number;
  readonly whole: boolean;
  /** Why it went no further; absent: the undo was done. */
  readonly stopped?: string;
  /** Of an undo that ends with a reconciliation: whether the agent came as far. */
  readonly reconciled?: boolean;
  /** Transactions that it put before a person. */
  readonly asked?: number;
  /** The agent's last token, and the cell's last number then: a higher one says that something was carried out there since. */
  readonly n: number;
  readonly assigned: number;
}

/** All that was taken back of one promotion, cell by cell, in the order in which it was told. */
export interface TakenBack {
  readonly promotion: string;
  readonly environment: string;
  readonly cells: readonly TakenBackCell[];
}

export interface TakenBackEvent {
  readonly type: 'undone.recorded';
  /** What checks and reconciliations reported stands on the log alone: of many cells it is too much for one row. */
  readonly data: TakenBackCell & Pick<TakenBack, 'promotion' | 'environment'> & ReturnType<typeof reportsWithRoom>;
}

/** What is recorded of an undo that was told late. `assigned`: the cell's last number with it. */
export function takenBackIn(
  { promotion, environment }: Pick<TakenBack, 'promotion' | 'environment'>,
  cell: CellPlan,
  agent: PrincipalId,
  told: UndoneAway,
  now: Instant,
  assigned: number,
): TakenBackEvent {
  const { scope, begun, by, since, n, stopped } = told;
  const asked = undoSteps(cell, scope, begun).filter(({ action }) => action.kind === 'reconcile');
  const done = new Set(told.steps.map(({ id }) => id));
  const put = told.steps.reduce((sum, { result }) => sum + (result.reconciliation?.asked ?? 0), 0);
  const to = cell.base.slots[cell.slot.from]?.release;
  return {
    type: 'undone.recorded',
    data: {
      ...{ promotion, environment, cell: cell.cell, agent, by, because: undoneWords(agent, told), since, at: now },
      ...(to !== undefined && { to }),
      tenants: tenantsInScope(cell, scope, begun).length,
      whole: isWhole(cell, scope, begun),
      ...(stopped !== undefined && { stopped }),
      ...(asked.length > 0 && { reconciled: asked.every(({ id }) => done.has(id)) }),
      ...(put > 0 && { asked: put }),
      ...reportsWithRoom(told.steps),
      ...{ n, assigned },
    },
  };
}

/** Whether this very undo, or one after it, was recorded in the cell. */
export function isRecorded(known: TakenBack | undefined, cell: string, n: number): boolean {
  return known?.cells.some((each) => each.cell === cell && each.n >= n) === true;
}

/** Folds an undo that was told. Of a cell the last one counts: an agent tells more of the same undo under a higher token. */
export function evolveTakenBack(state: TakenBack | undefined, { data }: TakenBackEvent): TakenBack {
  const { promotion, environment, reported: _, unreported: __, ...cell } = data;
  const others = (state?.cells ?? []).filter((each) => each.cell !== cell.cell);
  return { promotion, environment, cells: [...others, cell] };
}

/** So many cells are told one by one. */
export const MOST_CELLS_TOLD = 20;

/** What stands beside a promotion's result: who took it back, when, where, to what, and what is left to do. */
export interface ToldTakenBack {
  /** When the last of it was told. */
  readonly at: Instant;
  /** In one sentence, without what it follows: `then taken back by hand …`. */
  readonly words: string;
  /** The newest first; `cellCount` says how many there are. */
  readonly cells: readonly Omit<TakenBackCell, 'n' | 'assigned'>[];
  readonly cellCount: number;
  /** What isn't done, and what would do it. */
  readonly left: readonly string[];
}

/** Undefined when nothing was taken back. */
export function toldTakenBack(state: TakenBack | undefined): ToldTakenBack | undefined {
  const [last, ...others] = (state?.cells ?? []).toReversed();
  if (state === undefined || last === undefined) return undefined;
  const cells = [last, ...others];
  const more = others.length === 0 ? '' : `; and in ${counted(others.length, 'more cell')}`;
  return {
    at: last.at,
    words: `then taken back ${lineOf(last)}${more}`,
    cells: cells.slice(0, MOST_CELLS_TOLD).map(({ n: _, assigned: __, ...cell }) => cell),
    cellCount: cells.length,
    left: leftOf(state.environment, cells),
  };
}

/** How a promotion ended and what became of it, in a few words: `promoted, then taken back by hand in cell stage`. */
export function resultWords(result: PromotionResult, state: TakenBack | undefined): string {
  const [last, ...others] = (state?.cells ?? []).toReversed();
  if (last === undefined) return result;
  const where = others.length === 0 ? `in cell ${last.cell}` : `in ${counted(others.length + 1, 'cell')}`;
  return `${result}, then taken back ${how(last)} ${where}`;
}

function lineOf(taken: TakenBackCell): string {
  const { cell, to, tenants, whole, since, at, because, stopped } = taken;
  const whom = whole ? '' : ` for ${counted(tenants, 'tenant')} alone`;
  const where = to === undefined ? '' : ` to ${to.version}`;
  const when = `between ${clock(since)}, when its agent last heard the server, and ${clock(at)}, when it told`;
  const end = stopped === undefined ? '' : `; it went no further: ${stopped}`;
  return `${how(taken)} in cell ${cell}${where}${whom} (${when}): ${because}${end}`;
}

function how({ by }: TakenBackCell): string {
  return by === 'agent' ? 'by its agent' : 'by hand';
}

function leftOf(environment: string, cells: readonly TakenBackCell[]): readonly string[] {
  const undone = cells.filter(({ reconciled }) => reconciled === false).map(({ cell }) => cell);
  const asked = cells.filter((each) => each.asked !== undefined);
  const stopped = cells.filter((each) => each.stopped !== undefined).map(({ cell }) => cell);
  return [
    ...(stopped.length > 0
      ? [
          `the undo went no further in ${named(stopped)}, and as the promotion had ended nobody is asked about the rest: \`headgate promote RELEASE --to ${environment}\` takes the same release there again, or a later one, from how it stands (\`headgate status\` says what serves there, and whether its code is older than its store)`,
        ]
      : []),
    ...(undone.length > 0
      ? [
          `the reconciliation that its plan asks for was not carried out in ${named(undone)}: which transactions were caught half way isn’t known; headgate-agent reconcile there compares both sides`,
        ]
      : []),
    ...(asked.length > 0
      ? [
          `its reconciliation put transactions before a person in ${named(asked.map(({ cell }) => cell))}: headgate-agent reconcile there lists them`,
        ]
      : []),
  ];
}

function named(cells: readonly string[]): string {
  const more = cells.length > 5 ? ` and ${cells.length - 5} more` : '';
  return `${cells.length === 1 ? 'cell' : 'cells'} ${cells.slice(0, 5).join(', ')}${more}`;
}

/** To the second, as people compare it with what they did. */
function clock(at: Instant): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
