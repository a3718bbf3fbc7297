import type { CellAccount, CellState } from '@headgate/domain';
import type { LogTrouble } from '../heads/alarm.ts';
import { type Marks, plansOf } from '../marks/marks.ts';
import type { Cell } from './cell.ts';

/** So many restore points are told of: the newest of each store, as far as they go. */
const MOST_POINTS = 1_000;

export interface AccountParts {
  readonly marks: { readonly marks: Marks };
  /** Looks at the log, and says why nothing goes forward. */
  log(): Promise<LogTrouble | undefined>;
}

/** What this agent tells of a cell after the control plane was restored; or why it doesn't, or not yet. */
export type Telling =
  | { readonly ok: true; readonly account: CellAccount }
  | { readonly ok: false; readonly why: string; readonly unblock: string };

/**
 * Gathers the account of a cell: marks and cell as they are together, so nothing may be under way in it. An agent that holds
 * the log for forked tells nothing: it would refuse the next step, and a promotion would turn back for that.
 */
export async function accountOf(cell: Cell, { marks, log }: AccountParts, busy: () => boolean): Promise<Telling> {
  const wait = { ok: false, why: 'a step of before is still being ended', unblock: 'nothing: it ends' } as const;
  if (busy()) return wait;
  const before = ofCell(marks.marks, cell.name);
  const trouble = await log();
  if (trouble !== undefined) return { ok: false, ...trouble };
  const { state } = await cell.observe();
  const restorePoints = await pointsOf(cell, state);
  if (busy() || JSON.stringify(ofCell(marks.marks, cell.name)) !== JSON.stringify(before)) return wait;
  return { ok: true, account: { ...before, state, restorePoints } };
}

function ofCell(marks: Marks, cell: string): Pick<CellAccount, 'fence' | 'plans'> {
  const fence = Object.hasOwn(marks.cells, cell) ? marks.cells[cell] : undefined;
  return { fence: fence ?? null, plans: plansOf(marks, cell) };
}

async function pointsOf(cell: Cell, state: CellState): Promise<CellAccount['restorePoints']> {
  const points = [];
  for (const store of Object.keys(state.stores)) {
    if (points.length >= MOST_POINTS) break;
    points.push(...(await cell.keptPoints(store)));
  }
  return points.slice(0, MOST_POINTS);
}
