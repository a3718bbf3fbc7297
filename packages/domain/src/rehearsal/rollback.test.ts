import {
  aCell,
  aDownMigration,
  aManifest,
  aMigration,
  anApplication,
  anUpgrade,
  aPlan,
  brokenChecks,
} from '@headgate/testkit/domain/builders';
import { type Carry, sound, World } from '@headgate/testkit/domain/world';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CellState } from '../model/cell.ts';
import type { Action, Plan } from '../plan/plan.ts';
import { decideRollback } from '../promotion/commands.ts';
import { decideAnswer } from '../rollout/assignment.ts';
import { stepAtHand } from '../rollout/decide.ts';
import { judgeRollbackRehearsal, type RollbackRehearsalFacts, rollbackRehearsalEvidence } from './rollback.ts';
import { type RehearsedEntry, rollbackRehearsalFacts } from './rollback-facts.ts';

const count = { requests: 50, failed: 0, slowestMs: 30, outageMs: 210 };
const traffic = {
  addresses: ['http://127.0.0.1:8080/orders'],
  everyMs: 200,
  forward: count,
  back: { ...count, outageMs: 350 },
};

/** The last ring is watched, so that there is a moment at which all is done and nothing has ended. */
const soaking = anApplication({
  rings: ['internal', 'pilot', 'broad'].map((name) => ({ name, soakMs: 10_000 })),
});
const migrating = (undo: 'keep' | 'down') =>
  aPlan({
    application: soaking,
    manifest: aManifest({
      schemaRange: { min: 1, max: 2 },
      migrations: [undo === 'down' ? aDownMigration(1) : aMigration(1)],
    }),
    cells: [aCell(), aCell({ cell: 'dedicated', tenants: { zoe: 'pilot', yan: 'broad' } })],
  });

/** Whether every cell is at its last step, the soak of the last wave. */
function atTheEnd(world: World): boolean {
  return [...world.rollouts].every(([cell, rollout]) => {
    const { length } = world.cellPlan(cell).steps;
    return rollout.phase === 'leased' && rollout.cursor === length - 1;
  });
}

interface Went {
  readonly world: World;
  readonly facts: RollbackRehearsalFacts;
}

/** A promotion as it is rehearsed, by the shipped deciders: to the soak of its last wave, and back. */
function rehearse(plan: Plan, carry: Carry = sound, look: (cell: CellState) => CellState = (cell) => cell): Went {
  const world = new World(plan);
  world.approve();
  const silentAtTheEnd: Carry = (cell, step, action, now) =>
    step === world.cellPlan(cell).steps.at(-1)?.id && action.kind === 'soak'
      ? 'silence'
      : carry(cell, step, action, now);
  world.run(silentAtTheEnd, () => atTheEnd(world) || world.promotion.phase === 'undoing');
  world.command((promotion, now) => decideRollback(promotion, 'usr_manager', 'rehearsed', now));
  world.run(carry, asks(world));
  // Somebody agrees that a migration is taken back, into which the rehearsal wrote.
  if (asksOnlyOf(world, 'unmigrate')) agree(world, carry);
  return { world, facts: read(world, look) };
}

const asks = (world: World) => () => [...world.rollouts.values()].some(({ phase }) => phase === 'asking');

function asksOnlyOf(world: World, kind: Action['kind']): boolean {
  const asking = [...world.rollouts].filter(([, { phase }]) => phase === 'asking');
  return asking.every(([cell, rollout]) => stepAtHand(rollout, world.cellPlan(cell))?.action.kind === kind);
}

/** An approver agrees to all that is asked, until nothing is. */
function agree(world: World, carry: Carry = sound): void {
  const approver = { id: 'usr_approver', roles: ['approver'] as const };
  for (let times = 0; asks(world)() && times < 20; times++) {
    for (const [cell, { phase }] of world.rollouts)
      if (phase === 'asking')
        world.answer(cell, (rollout, now) => decideAnswer(rollout, world.cellPlan(cell), approver, now, 'agree'));
    world.run(carry, asks(world));
  }
}

function read(world: World, look: (cell: CellState) => CellState = (cell) => cell): RollbackRehearsalFacts {
  const seen = new Map([...world.cells].map(([name, state]) => [name, { state: look(state), at: world.now }] as const));
  const facts = rollbackRehearsalFacts(world.plan, entriesOf(world), seen, traffic);
  if (facts === undefined) throw new Error('the history begins with the request');
  return facts;
}

function entriesOf(world: World): readonly RehearsedEntry[] {
  return world.history.map(({ stream, event, at }, place) => ({ stream, event, at, place, by: 'usr_manager' }));
}

describe('a rollback rehearsal', () => {
  test.each([
    ['keep', 'kept', 2],
    ['down', 'undone', 1],
  ] as const)(
    'went well when all of it went there and back; migrations whose undo is %s leave what the plan says',
    (undo, said, version) => {
      const { facts } = rehearse(migrating(undo));
      expect(judgeRollbackRehearsal(facts)).toMatchObject({ ok: true, because: [], missing: [], longestOutageMs: 350 });
      expect(facts).toMatchObject({
        result: 'rolled-back',
        waves: 3,
        opened: 3,
        turned: { by: 'usr_manager', because: 'rehearsed' },
      });
      expect(facts.migrations).toEqual([{ id: 'm2', to: 2, file: aMigration(1).up.digest }]);
      const [shared] = facts.cells;
      expect(shared).toMatchObject({
        cell: 'shared',
        before: { version: '1.0.0' },
        settled: 'undone',
        tenants: { moved: 3, back: 3, elsewhere: [] },
        stores: [{ store: 'main', before: 1, reached: 2, promised: version, undo: said, found: version }],
      });
      expect(shared?.forward.left).toEqual([]);
      expect(shared?.forward.planned).toBe((shared?.forward.done ?? 0) + 1);
      expect(shared?.back).toMatchObject({ left: [] });
    },
  );

  test('names each step with its place on the log, so that it can be looked up there', () => {
    const { world, facts } = rehearse(migrating('keep'));
    const steps = facts.cells.flatMap(({ cell, steps }) => steps.map((step) => ({ cell, ...step })));
    expect(steps.length).toBeGreaterThan(10);
    for (const { cell, step, place, at } of steps)
      expect(world.history[place]).toMatchObject({
        stream: `rollout/prm_1.${cell}`,
        at,
        event: { type: 'rollout.step-done', data: { step } },
      });
    expect(facts.log).toEqual({ from: 0, to: world.history.length - 1 });
    expect(steps.map(({ step, course }) => [step, course])).toContainEqual(['undo.route', 'back']);
  });

  test('of tenants with stores of their own goes back by restoring them, once an approver agreed', () => {
    const application = anApplication({ tenancy: 'store-per-tenant', rings: soaking.rings });
    const { world } = rehearse(aPlan(anUpgrade({ application })));
    expect(judgeRollbackRehearsal(read(world)).missing).toContain('its undo has not ended');
    agree(world);
    const facts = read(world);
    expect(judgeRollbackRehearsal(facts)).toMatchObject({ ok: true, because: [], missing: [] });
    const restored = { before: 1, reached: 2, promised: 1, undo: 'restored', found: 1 };
    expect(facts.cells[0]?.stores).toEqual(['ada', 'bob', 'cyd'].map((store) => ({ store, ...restored })));
  });

  test('that failed on the way did not go well, and says which step', () => {
    const breaks: Carry = (cell, step, action, now) =>
      cell === 'shared' && step === 'w2.verify' ? brokenChecks('bob', now) : sound(cell, step, action, now);
    const { facts } = rehearse(migrating('keep'), breaks);
    const { ok, because } = judgeRollbackRehearsal(facts);
    expect(ok).toBe(false);
    expect(because.join('\n')).toMatch(
      /taken back after wave 2 of 3[\s\S]*step w2\.verify of cell shared failed on the way forward/,
    );
  });

  test('whose undo fails did not go well, and its end isn’t known', () => {
    const breaks: Carry = (cell, step, action, now) =>
      step === 'recover.verify' ? brokenChecks('bob', now) : sound(cell, step, action, now);
    const { ok, because, backMs } = judgeRollbackRehearsal(rehearse(migrating('keep'), breaks).facts);
    expect({ ok, backMs }).toEqual({ ok: false, backMs: undefined });
    expect(because.join('\n')).toMatch(/step recover\.verify of cell \w+ failed on the way back/);
  });

  test('that was promoted to its end was not taken back', () => {
    const world = new World(migrating('keep'));
    world.approve();
    world.run();
    expect(judgeRollbackRehearsal(read(world))).toMatchObject({
      ok: false,
      because: expect.arrayContaining(['it ended promoted, and was not taken back']),
    });
  });

  test.each<[string, (cell: CellState) => CellState, RegExp]>([
    [
      'a tenant stays on the release',
      (cell) => ({ ...cell, tenants: { ...cell.tenants, yan: { slot: 'green', store: 'main', ring: 'broad' } } }),
      /yan of cell dedicated not back on 1\.0\.0/,
    ],
    [
      'a tenant is still held',
      (cell) => ({
        ...cell,
        tenants: Object.fromEntries(Object.entries(cell.tenants).map(([n, t]) => [n, { ...t, held: true }])),
      }),
      /ada, bob, cyd of cell shared not back on 1\.0\.0/,
    ],
    ['a tenant is gone', (cell) => ({ ...cell, tenants: {} }), /zoe, yan of cell dedicated not back/],
    [
      'the schema is another one than the plan’s undo leaves',
      (cell) => ({ ...cell, stores: { main: { schemaVersion: 3 } } }),
      /store main of cell shared is at schema 3, the plan’s undo leaves 1/,
    ],
    [
      'the release still runs in its slot',
      (cell) => ({ ...cell, slots: { ...cell.slots, green: { release: migrating('keep').release } } }),
      /slot green of cell shared holds 1\.1\.0 after the undo, it should hold nothing/,
    ],
    [
      'what ran before doesn’t',
      (cell) => ({ ...cell, slots: { ...cell.slots, blue: {} } }),
      /slot blue of cell shared holds nothing after the undo, it should hold 1\.0\.0/,
    ],
    [
      'a store has drifted',
      (cell) => ({ ...cell, stores: { main: { schemaVersion: 1, drift: ['a column more'] } } }),
      /store main of cell shared has drifted: a column more/,
    ],
  ])('did not go well when %s', (_, look, why) => {
    const { ok, because, missing } = judgeRollbackRehearsal(rehearse(migrating('down'), sound, look).facts);
    expect({ ok, missing }).toEqual({ ok: false, missing: [] });
    expect(because.join('\n')).toMatch(why);
  });

  test('did not go well when the two sides of business differ afterwards', () => {
    const { facts } = rehearse(migrating('keep'));
    const cells = facts.cells.map((cell) => ({ ...cell, reconciled: [{ store: 'main', agrees: false, asked: 2 }] }));
    expect(judgeRollbackRehearsal({ ...facts, cells }).because).toContain(
      'the two sides of store main of cell shared differ after the undo, 2 put before a person',
    );
  });

  test('of which something isn’t known is no pass, whatever else is right', () => {
    const { facts } = rehearse(migrating('down'));
    const drop = <T extends object>(value: T, name: string): T =>
      Object.fromEntries(Object.entries(value).filter(([key]) => key !== name)) as T;
    const inCell = (name: string) => ({ ...facts, cells: facts.cells.map((cell) => drop(cell, name)) });
    const lacking: Readonly<Record<string, RollbackRehearsalFacts>> = {
      begun: drop(facts, 'begunAt'),
      reached: drop(facts, 'reachedAt'),
      turned: drop(facts, 'turned'),
      ended: drop(facts, 'endedAt'),
      result: drop(facts, 'result'),
      cells: { ...facts, cells: [] },
      untold: { ...facts, untold: 1 },
      before: inCell('before'),
      settled: inCell('settled'),
      verified: inCell('verified'),
      seenAt: inCell('seenAt'),
      found: {
        ...facts,
        cells: facts.cells.map((cell) => ({ ...cell, stores: cell.stores.map((s) => drop(s, 'found')) })),
      },
      compared: { ...facts, cells: facts.cells.map((cell) => ({ ...cell, reconciled: [{ store: 'main' }] })) },
      left: { ...facts, cells: facts.cells.map((cell) => ({ ...cell, back: { ...cell.back, left: ['undo.route'] } })) },
      nothing: { ...facts, cells: facts.cells.map((cell) => ({ ...cell, back: { planned: 0, done: 0, left: [] } })) },
      checks: { ...facts, cells: facts.cells.map((cell) => ({ ...cell, verified: { passed: 0, failed: 0 } })) },
      forward: { ...facts, traffic: { ...traffic, forward: { ...count, requests: 0 } } },
      back: { ...facts, traffic: { ...traffic, back: { ...count, requests: 0 } } },
    };
    for (const [name, each] of Object.entries(lacking)) {
      const { ok, missing, because } = judgeRollbackRehearsal(each);
      expect({ name, ok, because }).toEqual({ name, ok: false, because: [] });
      expect(missing.length, name).toBeGreaterThan(0);
    }
  });

  test('isn’t told of by a look from before its undo', () => {
    const { world } = rehearse(migrating('keep'));
    const early = world.history.find(({ event }) => event.type === 'rollout.undo-begun')?.at ?? 0;
    const seen = new Map([...world.cells].map(([name, state]) => [name, { state, at: early - 1 }] as const));
    const facts = rollbackRehearsalFacts(world.plan, entriesOf(world), seen, traffic);
    expect(facts?.cells[0]?.seenAt).toBeUndefined();
    expect(judgeRollbackRehearsal(facts as RollbackRehearsalFacts).missing).toContain(
      'nobody looked at cell shared after the undo',
    );
  });

  test('read from any beginning of its log alone is no pass', () => {
    const { world, facts } = rehearse(migrating('down'));
    const entries = entriesOf(world);
    const seen = new Map([...world.cells].map(([name, state]) => [name, { state, at: world.now }] as const));
    expect(rollbackRehearsalFacts(world.plan, [], seen, traffic)).toBeUndefined();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: entries.length - 1 }), (many) => {
        const part = rollbackRehearsalFacts(world.plan, entries.slice(0, many), seen, traffic);
        expect(judgeRollbackRehearsal(part as RollbackRehearsalFacts).ok).toBe(false);
      }),
    );
    expect(judgeRollbackRehearsal(facts).ok).toBe(true);
  });

  test('without requests went well all the same, and says no outage', () => {
    const { world } = rehearse(migrating('keep'));
    const seen = new Map([...world.cells].map(([name, state]) => [name, { state, at: world.now }] as const));
    const facts = rollbackRehearsalFacts(world.plan, entriesOf(world), seen) as RollbackRehearsalFacts;
    const evidence = rollbackRehearsalEvidence(facts);
    expect(evidence).toMatchObject({ ok: true, promotion: 'prm_1', environment: 'production' });
    expect(Object.keys(evidence)).not.toContain('longestOutageMs');
    expect(Object.keys(evidence)).not.toContain('traffic');
  });

  test('is told in bounded words', () => {
    const { facts } = rehearse(migrating('keep'));
    const drift = Array.from({ length: 5 }, () => ({ store: 'main', why: 'x'.repeat(900) }));
    const cells = Array.from({ length: 20 }, () => ({ ...(facts.cells[0] as (typeof facts.cells)[number]), drift }));
    const said = rollbackRehearsalEvidence({ ...facts, cells });
    expect(said.because).toHaveLength(10);
    expect(Math.max(...said.because.map((each) => each.length))).toBe(300);
  });
});
