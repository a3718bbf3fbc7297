import { aCell, aManifest, aMigration, aPlan, aRelease, aRequest } from '@headgate/testkit/domain/builders';
import { toldUndo } from '@headgate/testkit/domain/undone-away';
import type { World } from '@headgate/testkit/domain/world';
import { begun, twoCells } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import { happeningOf, type NotedPromotion } from '../notify/happening.ts';
import { planPromotion } from '../plan/planner.ts';
import type { UndoneAway } from '../rollout/undone-away.ts';
import {
  evolveTakenBack,
  isRecorded,
  resultWords,
  type TakenBack,
  type TakenBackEvent,
  takenBackIn,
  toldTakenBack,
} from './taken-back.ts';

const OF = { promotion: 'prm_1', environment: 'production' };
const ended = (): World => begun(twoCells()).run();
const AT = Date.UTC(2026, 10, 22, 9, 30);
const SINCE = Date.UTC(2026, 10, 22, 8);

function recorded(world: World, more: Partial<UndoneAway> = {}, cell = 'shared', assigned = 99): TakenBackEvent {
  const told = { ...toldUndo(world), since: SINCE, n: 40, ...more };
  return takenBackIn(OF, { ...world.cellPlan('shared'), cell }, 'agt_1', told, AT, assigned);
}
const folded = (...events: TakenBackEvent[]): TakenBack | undefined =>
  events.reduce<TakenBack | undefined>((state, event) => evolveTakenBack(state, event), undefined);

describe('what an agent took back of a promotion that had ended', () => {
  test('says by whom, where, to which release and between when, with the reason as it was given', () => {
    const told = toldTakenBack(folded(recorded(ended())))!;
    expect(told.words).toMatch(
      /^then taken back by hand in cell shared to 1\.0\.0 \(between 2026-11-22T08:00:00Z, .* and 2026-11-22T09:30:00Z, .*\): undone by agt_1 while the server was away, which says that usr_op decided it: it hurts$/,
    );
    expect(told).toMatchObject({ at: AT, cellCount: 1, left: [] });
    expect(told.cells).toMatchObject([{ cell: 'shared', by: 'usr_op', whole: true, to: { version: '1.0.0' } }]);
  });

  test('a condition that was declared is nobody’s hand', () => {
    expect(toldTakenBack(folded(recorded(ended(), { by: 'agent' })))?.words).toMatch(
      /^then taken back by its agent in/,
    );
  });

  test('its result stays what was decided, with what came after beside it', () => {
    const world = ended();
    expect(resultWords('promoted', undefined)).toBe('promoted');
    expect(resultWords('promoted', folded(recorded(world)))).toBe('promoted, then taken back by hand in cell shared');
    const both = folded(recorded(world), recorded(world, {}, 'dedicated'));
    expect(resultWords('promoted', both)).toBe('promoted, then taken back by hand in 2 cells');
    expect(toldTakenBack(both)?.words).toMatch(/in cell dedicated .*; and in 1 more cell$/);
  });

  test('what was not carried out is said, with what would do it', () => {
    const world = ended();
    const cell = world.cellPlan('shared');
    const reconciles = { kind: 'reconcile', tenants: Object.keys(cell.base.tenants), reconciliation: {} } as never;
    const recovery = [...cell.recovery, { id: 'recover.reconcile', action: reconciles, timeoutMs: 1, attempts: 1 }];
    const take = (told: UndoneAway) => folded(takenBackIn(OF, { ...cell, recovery }, 'agt_1', told, AT, 9));
    const told = toldUndo(world);
    expect(toldTakenBack(take({ ...told, stopped: 'the disk is full' }))?.left).toEqual([
      expect.stringMatching(
        /^the undo went no further in cell shared.*nobody is asked.*headgate promote RELEASE --to production/,
      ),
      expect.stringMatching(/^the reconciliation .* was not carried out in cell shared: .*headgate-agent reconcile/),
    ]);
    const reconciliation = { compared: 3, replayed: 1, acknowledged: 0, asked: 2 } as never;
    const done = { ...told, steps: [...told.steps, { id: 'recover.reconcile', result: { reconciliation } }] };
    expect(toldTakenBack(take(done))?.left).toEqual([
      expect.stringMatching(/^its reconciliation put transactions before a person in cell shared/),
    ]);
  });

  test('and the way on that is named goes: the same release again, from the code of before on the store that went further', () => {
    const manifest = aManifest({ migrations: [aMigration(1, { phase: 'contract', undo: 'restore' })] });
    const asked = { manifest, cells: [aCell({ schemaVersion: 1 })] };
    expect(aPlan(asked).cells[0]?.steps.map(({ undo }) => 'approver' in undo)).toContain(true);
    const stands = planPromotion(aRequest({ ...asked, cells: [aCell({ schemaVersion: 2, green: aRelease() })] }));
    expect(stands.ok && stands.plan.cells[0]?.steps.some(({ action }) => action.kind === 'migrate')).toBe(false);
    expect(stands.ok).toBe(true);
  });

  test('told again it is known; told further it takes the place of what was told', () => {
    const world = ended();
    const first = folded(recorded(world, { n: 40, stopped: 'killed' }));
    expect([isRecorded(undefined, 'shared', 1), isRecorded(first, 'shared', 40)]).toEqual([false, true]);
    expect([isRecorded(first, 'shared', 41), isRecorded(first, 'dedicated', 40)]).toEqual([false, false]);
    const more = evolveTakenBack(first, recorded(world, { n: 45 }));
    expect(more.cells).toHaveLength(1);
    expect(toldTakenBack(more)?.left).toEqual([]);
  });

  test('reports stand on the log and not in the row, which 500 cells share', () => {
    const event = recorded(ended());
    expect(event.data.reported?.length).toBeGreaterThan(0);
    expect(folded(event)?.cells[0]).not.toHaveProperty('reported');
  });

  test('people are told at once, as of any rollback: those whose cell it is', () => {
    const promotion = {
      ...{
        id: 'prm_1',
        application: 'psa',
        environment: 'production',
        release: { version: '2.0.0', digest: 'sha256:1' },
      },
      ...{ requester: 'usr_1', authors: [], waves: 2, cells: ['shared', 'dedicated'], before: {} },
      tenants: [['shared/acme', 'dedicated/bolt'], ['shared/coda']],
    };
    const noted = { place: 7, at: AT, promotion, cell: 'shared', ...recorded(ended()) } as unknown as NotedPromotion;
    expect(happeningOf(noted, 0)).toMatchObject({
      ...{ kind: 'rolled-back', urgent: true, cell: 'shared', tenants: ['shared/acme', 'shared/coda'] },
      words: expect.stringMatching(/^it had ended, and was taken back in cell shared: undone by agt_1 .*it hurts$/),
    });
  });
});
