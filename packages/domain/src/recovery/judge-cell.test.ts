import { anUpgrade, aPlan, aRelease, digestOf, NOON } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CellState } from '../model/cell.ts';
import type { CellPlan, Plan } from '../plan/plan.ts';
import { cellAfter } from '../rollout/cell-after.ts';
import { evolveRollout } from '../rollout/evolve.ts';
import type { Rollout } from '../rollout/state.ts';
import type { CellAccount } from './account.ts';
import { judgeCell, type RememberedCell } from './judge-cell.ts';
import { takeUp } from './take-up.ts';

const PLAN = digestOf('plan');
const plan = aPlan();
const own = aPlan(anUpgrade());

const cellOf = (of: Plan): CellPlan => of.cells[0] as CellPlan;

function rollout(of: Plan, more: Partial<Rollout> = {}): Rollout {
  const opened = evolveRollout(undefined, {
    type: 'rollout.opened',
    data: {
      id: 'p.shared',
      promotion: 'p',
      cell: 'shared',
      environment: 'e',
      plan: PLAN,
      epoch: 1,
      until: of.latestFinish,
    },
  });
  return { ...opened, ...more } as Rollout;
}

/** The cell once so many steps are done. */
function after(of: Plan, steps: number): CellState {
  return cellAfter(of, cellOf(of), rollout(of, { cursor: steps, begun: steps })).state;
}

function remembered(of: Plan, state: Rollout | undefined, n = state?.n ?? 0): RememberedCell {
  return {
    fence: { epoch: 1, n },
    desired: cellOf(of).base,
    held: state && { rollout: state, cell: cellOf(of) },
  };
}

const account = (more: Partial<CellAccount> & Pick<CellAccount, 'state'>): CellAccount => ({
  fence: { epoch: 1, n: 9 },
  plans: [],
  restorePoints: [],
  ...more,
});

describe.each([
  ['a shared store', plan],
  ['stores of tenants’ own', own],
])('a rollout over %s', (_, of) => {
  const steps = cellOf(of).steps.length;
  const far = fc.tuple(fc.nat(steps), fc.nat(steps), fc.boolean());

  test('whose agent came farther goes on from the step that was begun last, whether that had its effect or not', () => {
    fc.assert(
      fc.property(far, ([one, other, hadEffect]) => {
        const [cursor, begun] = one < other ? [one, other] : [other, one];
        fc.pre(begun > cursor);
        const told = account({ plans: [{ plan: PLAN, begun }], state: after(of, hadEffect ? begun : begun - 1) });
        const state = rollout(of, { cursor, begun: cursor, n: 3 });
        expect(judgeCell(remembered(of, state), told)).toMatchObject({
          kind: 'ahead',
          rollout: { cursor: begun - 1, begun },
        });
      }),
    );
  });

  test('that stands where no step leaves it is put before a person', () => {
    const begun = Math.min(4, steps);
    const seen = after(of, begun);
    const [name = '', tenant] = Object.entries(seen.tenants).at(-1) ?? [];
    const elsewhere = { ...seen, tenants: { ...seen.tenants, [name]: { ...tenant, slot: 'red' } as never } };
    const told = account({ plans: [{ plan: PLAN, begun }], state: elsewhere });
    expect(judgeCell(remembered(of, rollout(of)), told)).toMatchObject({
      kind: 'differs',
      why: expect.stringContaining(`tenant ${name} is on slot red`),
    });
  });

  test('whose done steps the agent has no marks of is put before a person', () => {
    const told = account({ fence: null, state: after(of, 2) });
    expect(judgeCell(remembered(of, rollout(of, { cursor: 2, begun: 2 })), told).kind).toBe('unreadable');
  });

  test('that was being taken back goes back, with as much begun as the agent says', () => {
    const told = account({ plans: [{ plan: PLAN, begun: 3, undone: true }], state: after(of, 0) });
    const found = judgeCell(remembered(of, rollout(of, { cursor: 1, begun: 2 })), told);
    expect(found).toMatchObject({ kind: 'undone', rollout: { begun: 3, cursor: 1 } });
  });

  test('is taken up so that every step of before counts as done, and none after the one begun last', () => {
    const state = rollout(of, { cursor: 1, begun: 1, attempt: 2 });
    const told = account({ plans: [{ plan: PLAN, begun: 3 }], state: after(of, 3) });
    const found = judgeCell(remembered(of, state), told);
    if (!('rollout' in found) || found.rollout === undefined) throw new Error(found.kind);
    const event = takeUp(state, found.rollout, { epoch: 2, now: NOON, until: NOON + 1 });
    expect(evolveRollout(state, event)).toMatchObject({ phase: 'waiting', cursor: 2, begun: 3, attempt: 0, epoch: 2 });
  });
});

test('a restore point that a migration ahead needs comes back with the account; others of the cell don’t', () => {
  const { steps } = cellOf(plan);
  const at = steps.findIndex(({ action }) => action.kind === 'migrate');
  const point = { id: 'rp-1', store: 'main', takenAt: NOON, manifest: digestOf('m'), bytes: 1, verified: true };
  const told = account({
    plans: [{ plan: PLAN, begun: at + 1 }],
    state: after(plan, at),
    restorePoints: [
      { rollout: 'p.shared', point },
      { rollout: 'earlier.shared', point: { ...point, id: 'rp-0' } },
    ],
  });
  const found = judgeCell(remembered(plan, rollout(plan)), told);
  expect(found).toMatchObject({ kind: 'ahead', rollout: { cursor: at, restorePoints: [point] } });
  const later = { ...told, plans: [{ plan: PLAN, begun: at + 2 }], state: after(plan, at + 1) };
  expect(judgeCell(remembered(plan, rollout(plan)), later)).toMatchObject({ rollout: { restorePoints: [] } });
});

describe('a cell that no rollout holds', () => {
  const { base } = cellOf(plan);

  test('is as remembered when nothing newer was acted on and it stands as it should', () => {
    expect(judgeCell(remembered(plan, undefined, 9), account({ state: base }))).toEqual({ kind: 'as-remembered' });
    expect(judgeCell(remembered(plan, undefined), account({ fence: null, state: base }))).toEqual({
      kind: 'as-remembered',
    });
  });

  test('asks when its agent acted on something newer, whatever it looks like', () => {
    const told = account({ plans: [{ plan: digestOf('another'), begun: 4 }], state: base });
    expect(judgeCell(remembered(plan, undefined), told)).toMatchObject({
      kind: 'unknown-plan',
      why: expect.stringContaining('began 4 of its steps'),
    });
    // A token of a later epoch is newer, however low its number.
    const later = account({ fence: { epoch: 2, n: 1 }, state: base });
    expect(judgeCell(remembered(plan, undefined, 9), later).kind).toBe('unknown-plan');
  });

  test('asks when it stands otherwise than it should', () => {
    const seen = { ...base, slots: { ...base.slots, green: { release: aRelease('6.6.6') } } };
    expect(judgeCell(remembered(plan, undefined, 9), account({ state: seen }))).toEqual({
      kind: 'differs',
      why: 'slot green runs 6.6.6',
    });
  });
});

test('a newer plan on top of the one that the rows hold is nothing to go on from', () => {
  const state = after(plan, 2);
  const told = account({
    plans: [
      { plan: PLAN, begun: 2 },
      { plan: digestOf('newer'), begun: 1 },
    ],
    state,
  });
  expect(judgeCell(remembered(plan, rollout(plan, { cursor: 2, begun: 2 })), told).kind).toBe('unknown-plan');
});

test('undo steps that were done are not done again; a wider way back than the rows know is decided anew', () => {
  const scope = { kind: 'ring', wave: 1 } as const;
  const undoing = rollout(plan, {
    cursor: 4,
    begun: 5,
    undo: { scope, because: 'x', cursor: 0, agreed: false },
  } as Partial<Rollout>);
  const told = (step: string) =>
    account({ plans: [{ plan: PLAN, begun: 5, undone: true, undoing: step }], state: after(plan, 4) });
  expect(judgeCell(remembered(plan, undoing), told('ring.undo.route'))).toMatchObject({
    kind: 'as-remembered',
    rollout: { undoCursor: 0 },
  });
  expect(judgeCell(remembered(plan, undoing), told('undo.route')).kind).toBe('undone');
});
