import { plans } from '@headgate/testkit/domain/arbitraries';
import { aCell, aDownMigration, aManifest, aMigration, anUpgrade, aPlan } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Migration } from '../model/release.ts';
import { covers, envelopeOf } from './envelope.ts';
import { noReturnOf } from './no-return.ts';
import type { CellPlan, Plan } from './plan.ts';
import { planPromotion } from './planner.ts';
import { renderPlan } from './render.ts';
import { twoDecisions, type WayOfData } from './two-decisions.ts';
import { type UndoStep, undoSteps } from './undo.ts';

const planOf = (...migrations: readonly Migration[]): Plan => aPlan({ manifest: aManifest({ migrations }) });

/** The undo of all, of a cell that began everything up to and including a step. */
const backFrom = (cell: CellPlan, id: string): readonly UndoStep[] =>
  undoSteps(cell, { kind: 'all', wave: 3 }, cell.steps.findIndex((step) => step.id === id) + 1);
const asksIn = (plan: Plan, id: string) =>
  backFrom(plan.cells[0]!, id)
    .filter(({ approver }) => approver !== undefined)
    .map((step) => step.id);

describe('a migration is taken back without a question', () => {
  const plan = planOf(aDownMigration(1));

  test('as long as no new code was started, which could have written into it', () => {
    expect(backFrom(plan.cells[0]!, 'w1.migrate.main').map(({ id }) => id)).toEqual(['undo.w1.migrate.main']);
    expect(asksIn(plan, 'w1.migrate.main')).toEqual([]);
  });

  test('and no longer: from its start on an approver is asked, after traffic and code went back', () => {
    for (const id of ['w1.deploy', 'w1.route', 'w2.soak', 'w3.verify']) {
      expect(asksIn(plan, id)).toEqual(['undo.w1.migrate.main']);
      const ids = backFrom(plan.cells[0]!, id).map((step) => step.id);
      expect(ids.indexOf('undo.w1.migrate.main')).toBeGreaterThan(ids.indexOf('undo.w1.deploy'));
    }
  });

  test('never, where it takes back what isn’t only added: what that was nobody brings', () => {
    for (const phase of ['data', 'contract'] as const) {
      const taking = planOf(aDownMigration(1, { phase }));
      expect(asksIn(taking, 'w1.migrate.main')).toEqual(['undo.w1.migrate.main']);
    }
  });

  test('never, where the new code serves in that cell already', () => {
    const [first] = aPlan({
      manifest: aManifest({ migrations: [], schemaRange: { min: 1, max: 2 } }),
      tenants: ['ada'],
    }).cells;
    const cell = first!.base;
    const running = {
      ...cell,
      slots: { ...cell.slots, green: { release: aPlan().release, schemaRange: { min: 2, max: 2 } } },
      tenants: { ...cell.tenants, ada: { ...cell.tenants.ada!, slot: 'green' } },
    };
    const more = aPlan({ manifest: aManifest({ migrations: [aDownMigration(1)] }), cells: [running] });
    expect(more.cells[0]?.steps.some(({ action }) => action.kind === 'deploy')).toBe(false);
    const id = more.cells[0]!.steps.find(({ action }) => action.kind === 'migrate')!.id;
    expect(asksIn(more, id)).toEqual([`undo.${id}`]);
  });

  test('in a tenant’s own store only until they are opened', () => {
    const planned = planPromotion(
      anUpgrade({ manifest: aManifest({ schemaRange: { min: 2, max: 2 }, migrations: [aDownMigration(1)] }) }),
    );
    if (!planned.ok) throw new Error(planned.refusals[0]?.why);
    const { plan: own } = planned;
    expect(asksIn(own, 'w1.verify.ada')).toEqual([]);
    expect(asksIn(own, 'w1.open.ada')).toEqual(['undo.w1.open.ada']);
    expect(noReturnOf(own.cells[0]!)?.step).toBe('w1.open.ada');
  });

  test('which is no point of no return of a shared store: the application goes back, and the store stays expanded', () => {
    expect(plan.pointOfNoReturn).toBeNull();
  });
});

const waysOf = (plan: Plan): Readonly<Record<string, WayOfData>> =>
  Object.fromEntries(twoDecisions(plan).data.flatMap(({ ways }) => ways.map((way) => [way.way, way])));

describe('the two decisions of a plan', () => {
  test.each([
    ['keep', 'expand', { 'keep-schema': 'planned nothing', 'undo-migration': 'none', restore: 'none' }],
    ['keep', 'contract', { 'keep-schema': 'planned what-it-took', 'undo-migration': 'none', restore: 'none' }],
    [
      'down',
      'expand',
      {
        'keep-schema': 'instead nothing',
        'undo-migration': 'planned not-known approver from w1.deploy',
        restore: 'none',
      },
    ],
    [
      'down',
      'data',
      {
        'keep-schema': 'instead what-it-took',
        'undo-migration': 'planned not-known approver from w1.migrate.main',
        restore: 'none',
      },
    ],
    [
      'restore',
      'expand',
      {
        'keep-schema': 'instead nothing',
        'undo-migration': 'none',
        restore: 'planned written-since approver from w1.migrate.main',
      },
    ],
  ] as const)('where it is declared %s, of a migration that is %s', (undo, phase, expected) => {
    const ways = waysOf(planOf(undo === 'down' ? aDownMigration(1, { phase }) : aMigration(1, { undo, phase })));
    const said = Object.entries(ways).map(([name, { stands, loses, approver, losesFrom }]) => [
      name,
      stands === 'none'
        ? stands
        : `${stands} ${loses}${approver === undefined ? '' : ` ${approver} from ${losesFrom}`}`,
    ]);
    expect(Object.fromEntries(said)).toMatchObject(expected);
    expect(ways['forward-fix']?.stands).toBe('instead');
    expect(ways['point-in-time']?.stands).toBe('none');
  });

  test('promise a moment of the log only of the stores that it can be had of', () => {
    const text = renderPlan(planOf(aMigration(1))).replace(/\s+/g, ' ');
    expect(text).toContain('of a store whose PostgreSQL Headgate keeps `headgate-agent recover-store …` proposes it');
    expect(text).toContain('one on somebody else’s server goes to a moment by its owner’s means');
    expect(text).toContain('a tenant of Odoo by that command, too');
  });

  test('tell cells and stores that are alike once, and a thousand tenants’ own stores as one', () => {
    const tenants = Object.fromEntries([...Array(1_000).keys()].map((i) => [`t-${i}`, 'internal']));
    const planned = planPromotion(
      anUpgrade({ cells: [aCell({ tenants, ownStores: true, schemaRange: { min: 1, max: 1 } })] }),
    );
    if (!planned.ok) throw new Error(planned.refusals[0]?.why);
    const { application, data } = twoDecisions(planned.plan);
    expect(application).toMatchObject([{ cells: ['shared'], withDataFrom: 'w1.open.*' }]);
    expect(data).toHaveLength(1);
    expect(data[0]).toMatchObject({ step: 'w1.migrate.*', cells: ['shared'] });
    expect(data[0]?.stores).toHaveLength(1_000);
    expect(
      renderPlan(planned.plan)
        .split('\n')
        .filter((line) => line.includes('planned:')),
    ).toHaveLength(1);
  });

  test('have what the release says of when it is to go back, which is in what people approve, too', () => {
    const conditions = ['a business transaction fails for any tenant of the wave'];
    const plan = aPlan({ manifest: aManifest({ rollbackConditions: conditions }) });
    expect(twoDecisions(plan).conditions).toEqual(conditions);
    expect(renderPlan(plan)).toContain(`- ${conditions[0]}`);
    const { rollbackConditions: _, ...without } = plan;
    expect(covers(envelopeOf(plan), plan)).toBe(true);
    expect(covers(envelopeOf(plan), without)).toBe(false);
    // Of a release that says nothing the plan is what it was before there were any.
    expect(aPlan()).not.toHaveProperty('rollbackConditions');
  });

  test('say of every store that is changed one planned way, and what they say is what an undo then asks', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const { data, application } = twoDecisions(plan);
        expect(application.flatMap(({ cells }) => cells).sort()).toEqual(plan.cells.map(({ cell }) => cell).sort());
        for (const cell of plan.cells) {
          const changed = cell.steps.filter(({ action }) => action.kind === 'migrate');
          for (const step of changed) {
            const store = 'store' in step.action ? step.action.store : '';
            const told = data.filter(
              (each) => each.cells.includes(cell.cell) && each.stores.includes(store) && matches(each.step, step.id),
            );
            expect(told).toHaveLength(1);
            const ways = told[0]!.ways.filter(({ stands }) => stands === 'planned');
            expect(ways).toHaveLength(1);
            const { losesFrom, approver, loses } = ways[0]!;
            for (let begun = cell.steps.indexOf(step) + 1; begun <= cell.steps.length; begun++) {
              const back = undoSteps(cell, { kind: 'all', wave: 9 }, begun);
              const asks =
                back.filter((each) => each.approver !== undefined && about(each, step, cell, store)).length > 0;
              const from = cell.steps.findIndex(
                ({ id, of }) =>
                  losesFrom !== undefined &&
                  matches(losesFrom, id) &&
                  (step.of === undefined || of?.[0] === step.of[0]),
              );
              expect(asks).toBe(approver !== undefined && from >= 0 && from < begun);
            }
            if (approver === undefined) expect(['nothing', 'what-it-took']).toContain(loses);
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});

const matches = (told: string, id: string): boolean =>
  told === id || (told.endsWith('*') && id.startsWith(told.slice(0, -1)));

/** Whether a step of an undo is what a store's way back waits at. */
function about({ id, action }: UndoStep, step: CellPlan['steps'][number], cell: CellPlan, store: string): boolean {
  if (step.of === undefined) return 'store' in action && action.store === store && id === `undo.${step.id}`;
  const open = cell.steps.find((each) => each.action.kind === 'open' && each.of?.[0] === step.of?.[0]);
  return id === `undo.${step.id}` || id === `undo.${open?.id}`;
}
