import { HOUR_MS, MINUTE_MS, NOON } from '@headgate/testkit/domain/builders';
import { sound } from '@headgate/testkit/domain/world';
import { begun, offered } from '@headgate/testkit/domain/worlds';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CellState, TenantState } from '../model/cell.ts';
import { decidePause } from '../promotion/commands.ts';
import { freezeEffect } from './freeze-effect.ts';
import { type IncidentFacts, incidentOf, type SeenCell } from './incident.ts';
import { movedAt } from './moves.ts';
import { transactionsOf } from './transactions.ts';
import { whomToCall } from './whom-to-call.ts';

const digest = `sha256:${'a'.repeat(64)}` as const;

function cell(name: string, more: Partial<SeenCell> = {}, state: Partial<CellState> = {}): SeenCell {
  const tenant: TenantState = { slot: 'blue', store: 'main', ring: 'broad' };
  return {
    ...{ cell: name, environment: 'production', application: 'shop', uncertain: false, observedAt: NOON - MINUTE_MS },
    state: {
      ...{ cell: name, environment: 'production', application: 'shop' },
      slots: { blue: { release: { digest, version: '1.0.0' } } },
      stores: { main: { schemaVersion: 1 } },
      tenants: { acme: tenant, bolt: tenant },
      ...state,
    },
    ...more,
  };
}

function facts(more: Partial<IncidentFacts> = {}): IncidentFacts {
  return { now: NOON, since: NOON - 6 * HOUR_MS, cells: [], promotions: [], alarms: [], ...more };
}

const held: TenantState = { slot: 'blue', store: 'main', ring: 'broad', held: true };

describe('a matter is', () => {
  test.each<[string, SeenCell, string[], string[]]>([
    ['nothing where all was seen and is as it should be', cell('a'), [], []],
    [
      'a cell that no agent observes any more',
      cell('a', { observedAt: NOON - HOUR_MS }),
      ['unobserved'],
      ['acme', 'bolt'],
    ],
    ['a cell that no agent has observed', cell('a', { observedAt: undefined }), ['unobserved'], ['acme', 'bolt']],
    ['a cell in which nobody confirmed a step', cell('a', { uncertain: true }), ['uncertain'], ['acme', 'bolt']],
    ['a tenant that is held', cell('a', {}, { tenants: { acme: held } }), ['held'], ['acme']],
    [
      'a store that was changed by hand, of whoever lives in it',
      cell(
        'a',
        {},
        {
          stores: { main: { schemaVersion: 1 }, own: { schemaVersion: 1, drift: ['a table'] } },
          tenants: { acme: held, cyd: { ...held, store: 'own' } },
        },
      ),
      ['held', 'drifted'],
      ['acme', 'cyd'],
    ],
  ])('%s', (_title, seen, kinds, tenants) => {
    const { matters, tenants: reached } = incidentOf(facts({ cells: [seen] }));
    expect(matters.map(({ kind }) => kind)).toEqual(kinds);
    expect(reached.map(({ tenant }) => tenant)).toEqual(tenants);
  });

  test('one, however many cells lost their agent; and what they serve is said not to be known', () => {
    const cells = Array.from({ length: 500 }, (_, i) => cell(`c-${i}`, { observedAt: NOON - HOUR_MS }));
    const { matters, unknown } = incidentOf(facts({ cells }));
    expect(matters).toMatchObject([{ kind: 'unobserved', tenants: 1_000, held: 0, since: NOON - HOUR_MS }]);
    expect(unknown[0]).toContain('500 cells serve now isn’t known');
  });

  test('a promotion that is paused, with those that it moved, and not one that goes as planned', () => {
    const world = begun();
    world.run(sound, offered(world, 5));
    const involved = () => ({ promotion: world.promotion, plan: world.plan, rollouts: world.rollouts });
    const at = { now: world.now, since: world.now - HOUR_MS };
    expect(incidentOf(facts({ ...at, promotions: [involved()] })).matters).toEqual([]);
    world.command((promotion, now) => decidePause(promotion, 'usr_ops', 'customers call', now));
    const { matters, tenants } = incidentOf(facts({ ...at, promotions: [involved()] }));
    expect(matters[0]).toMatchObject({ kind: 'promotion', since: world.now });
    expect(matters[0]?.why).toBe('it is paused by usr_ops: customers call');
    expect(tenants.length).toBe(matters[0]?.tenants);
    // Nobody has seen the cell, so what serves them isn't known, whatever the plan hopes.
    expect(tenants.every(({ release }) => release === null)).toBe(true);
  });
});

/** Tenants that are held in the facts themselves, whatever `incidentOf` makes of them. */
const heldIn = (cells: readonly SeenCell[]) =>
  cells
    .flatMap((c) => Object.entries(c.state.tenants).flatMap(([name, t]) => (t.held ? [`${c.cell}/${name}`] : [])))
    .sort();

function shownHeld(cells: readonly SeenCell[]): readonly string[] {
  const { tenants, matters } = incidentOf(facts({ cells }));
  const shown = tenants.filter((t) => t.held).map((t) => `${t.cell}/${t.tenant}`);
  const first = tenants.slice(0, shown.length).map((t) => `${t.cell}/${t.tenant}`);
  expect(shown).toEqual(first);
  expect(Math.max(0, ...matters.map((m) => m.held))).toBeGreaterThanOrEqual(shown.length > 0 ? 1 : 0);
  return [...shown].sort();
}

const someCells = fc
  .array(
    fc.record({
      observedAt: fc.constantFrom(NOON, NOON - HOUR_MS, undefined),
      uncertain: fc.boolean(),
      who: fc.array(fc.boolean(), { maxLength: 5 }),
    }),
    { maxLength: 6 },
  )
  .map((list) =>
    list.map(({ observedAt, uncertain, who }, i) => {
      const tenants = who.map(
        (is, n) => [`t${n}`, is ? held : { slot: 'blue', store: 'main', ring: 'broad' }] as const,
      );
      return cell(`c-${i}`, { observedAt, uncertain }, { tenants: Object.fromEntries(tenants) });
    }),
  );

test('whoever is held is shown, once, and before everybody else', () => {
  fc.assert(
    fc.property(someCells, (cells) => {
      expect(shownHeld(cells)).toEqual(heldIn(cells));
    }),
  );
});

test('a held tenant that is dropped from what feeds the screen is noticed', () => {
  const cells = [cell('a', {}, { tenants: { acme: held, bolt: held } })];
  const fed = cells.map((c) => ({ ...c, state: { ...c.state, tenants: { acme: held } } }));
  expect(shownHeld(fed)).not.toEqual(heldIn(cells));
});

describe('transactions', () => {
  const entry = (step: string, result: object, type = 'rollout.step-done', at = NOON) =>
    ({ cell: 'a', at, event: { type, data: { step, n: 1, result, until: 0, lookAt: 0 } } }) as never;
  const base = { reconciles: true, goesBack: false, unread: 0, cut: 0 };
  const failure = { check: 'invoice', tenant: 'acme', why: '500', at: NOON };

  test.each<[string, object, string]>([
    ['nothing reported', {}, 'No check of a business transaction has reported yet'],
    ['a way back without a report', { goesBack: true }, 'No reconciliation has reported yet'],
    ['a way back that nothing reconciles', { goesBack: true, reconciles: false }, 'declares no Reconciliation'],
    ['cells that weren’t read', { unread: 3 }, '3 more cells'],
    ['entries that weren’t read', { cut: 1 }, 'Of 1 cell only the last entries'],
  ])('with %s say so', (_title, more, words) => {
    expect(transactionsOf({ entries: [], ...base, ...more }).unknown.join(' ')).toContain(words);
  });

  test('that failed stand first, with the tenant and the check; what was caught half way is counted', () => {
    const told = transactionsOf({
      ...base,
      goesBack: true,
      entries: [
        entry('w1.verify', { checks: { passed: 4, failed: 0 } }),
        entry('w2.verify', { checks: { passed: 1, failed: 3, firstFailure: failure } }, 'rollout.step-failed'),
        entry('undo.reconcile', {
          reconciliation: { compared: 9, replayed: 2, acknowledged: 1, asked: 1, agrees: true },
        }),
      ],
    });
    expect(told.lines.map(({ step, sound }) => `${step} ${sound}`)).toEqual([
      'w2.verify false',
      'undo.reconcile false',
      'w1.verify true',
    ]);
    expect(told.lines[0]).toMatchObject({ tenant: 'acme', check: 'invoice', words: '3 of 4 checks failed: 500' });
    expect(told).toMatchObject({ checks: { passed: 5, failed: 3 }, reconciled: { compared: 9, asked: 1 } });
    expect(told.unknown.join(' ')).not.toContain('No reconciliation');
  });

  test('that were caught are told by class, and by sums that differ; what older agents told reads as before', () => {
    const old = { compared: 9, replayed: 2, acknowledged: 1, asked: 0, agrees: true };
    const fresh = {
      ...old,
      cancelled: 1,
      posted: 1,
      asked: 2,
      classes: { 'half-done': 3, doubled: 2 },
      sums: [
        { field: 'net', left: '1', right: '1' },
        { field: 'total', unit: 'EUR', left: '11900', right: '11901' },
      ],
      agrees: false,
    };
    const both = transactionsOf({
      ...base,
      entries: [entry('undo.reconcile', { reconciliation: fresh }), entry('undo.other', { reconciliation: old })],
    });
    expect(both.lines.map(({ words }) => words)).toEqual([
      '9 compared (3 half done, 2 doubled), 2 replayed, 1 acknowledged, 1 cancelled, of 1 the difference posted, 2 put before a person; the sides do NOT agree; the sum of total in EUR is 11900 in the store and 11901 on the other side',
      '9 compared, 2 replayed, 1 acknowledged, 0 put before a person; both sides agree',
    ]);
    expect(both.reconciled).toMatchObject({ compared: 18, caught: '3 half done, 2 doubled' });
    expect(
      transactionsOf({ ...base, entries: [entry('undo.other', { reconciliation: old })] }).reconciled,
    ).not.toHaveProperty('caught');
  });

  test('that an agent reconciled by itself count as told, and once, however often it tells of one undo', () => {
    const reconciliation = { compared: 9, replayed: 2, acknowledged: 1, asked: 0, agrees: true };
    const reported = [{ step: 'undo.reconcile', result: { reconciliation } }];
    const away = (at: number) =>
      ({ cell: 'a', at, event: { type: 'rollout.undone-away', data: { reported } } }) as never;
    const told = transactionsOf({ ...base, goesBack: true, entries: [away(1), away(2)] });
    const later = { cell: 'a', at: 3, event: { type: 'rollout.undone-away', data: { unreported: 4 } } } as never;
    const more = transactionsOf({ ...base, goesBack: true, entries: [away(1), later] });
    expect(more.reconciled).toEqual(told.reconciled);
    expect(more.unknown.join(' ')).toContain('Of 4 steps that an agent carried out by itself');
    expect(told.reconciled).toEqual({ compared: 9, replayed: 2, acknowledged: 1, asked: 0 });
    expect(told.lines).toMatchObject([{ at: 2, step: 'undo.reconcile', sound: true }]);
    expect(told.unknown.join(' ')).not.toContain('No reconciliation');
  });
});

describe('whom to call', () => {
  const { matters, tenants } = incidentOf(facts({ cells: [cell('a', {}, { tenants: { acme: held } })] }));
  const contact = (name: string, role: string) => ({ name, role, phone: '1' }) as never;
  const declared = [
    { kind: 'Application' as const, name: 'shop', contacts: [contact('Owner', 'owner'), contact('App', 'on-call')] },
    {
      kind: 'Environment' as const,
      name: 'production',
      contacts: [contact('Desk', 'support'), contact('Night', 'on-call'), contact('Data', 'data-loss')],
    },
    { kind: 'Tenant' as const, name: 'a/acme', contacts: [contact('Otto', 'customer')] },
    { kind: 'Environment' as const, name: 'staging', contacts: [contact('Nobody', 'on-call')] },
  ];
  const names = (asked: readonly string[] = []) =>
    whomToCall({ matters, held: tenants, declared, dataLossAsked: new Set(asked) }).calls.map(({ name }) => name);

  test('stands in the order of who helps first, and leaves out whoever it isn’t about', () => {
    expect(names()).toEqual(['Night', 'App', 'Owner', 'Desk', 'Data', 'Otto']);
  });
  test('brings forward whose yes a step waits for', () => {
    expect(names(['production'])).toEqual(['Night', 'App', 'Owner', 'Data', 'Desk', 'Otto']);
  });
  test('names nobody twice, and says for what nobody is declared', () => {
    const twice = whomToCall({
      matters,
      held: [],
      declared: [...declared.slice(1, 2), ...declared.slice(1, 2)],
      dataLossAsked: new Set(),
    });
    expect(twice.calls.map(({ name }) => name)).toEqual(['Night', 'Desk', 'Data']);
    expect(twice.unknown).toEqual([]);
    const nobody = whomToCall({ matters, held: [], declared: declared.slice(3), dataLossAsked: new Set() });
    expect(nobody.unknown).toEqual([
      'Nobody to call is declared for shop in production: their documents Application and Environment take spec.contacts.',
    ]);
  });
});

describe('a freeze', () => {
  test('stops a promotion before its next step, and says what is at work', () => {
    const world = begun();
    world.run(sound, offered(world, 3));
    world.lease('shared');
    const effect = freezeEffect(world.promotion, world.rollouts, world.plan);
    expect(effect).toMatchObject({ stands: 'stopped', running: [{ cell: 'shared', course: 'forward' }] });
    expect(effect?.words).toContain('1 step at work ends first');
  });
});

test('since when a tenant is where it is comes from the step that moved it, or from nowhere', () => {
  const world = begun();
  world.run(sound, offered(world, 6));
  const plan = world.plan.cells.find((c) => c.cell === 'shared')!;
  const rollout = world.rollouts.get('shared')!;
  const route = plan.steps.find(({ action }) => action.kind === 'route')!;
  const [tenant] = route.action.kind === 'route' ? route.action.tenants : [];
  const done = { type: 'rollout.step-done', data: { step: route.id, n: 1, result: {}, until: 0, lookAt: 0 } } as const;
  expect(movedAt(plan, rollout, [{ cell: 'shared', at: 7, event: done }]).get(tenant as string)?.at).toBe(7);
  expect(movedAt(plan, rollout, []).size).toBe(0);
  // Its agent brought it back by itself since then: when, nobody tells.
  const scope = { kind: 'all', wave: 1 } as const;
  const away = { type: 'rollout.undone-away', data: { scope, begun: plan.steps.length, done: 99 } } as never;
  const moves = movedAt(plan, rollout, [
    { cell: 'shared', at: 7, event: done },
    { cell: 'shared', at: 9, event: away },
  ]);
  expect(moves.get(tenant as string)).toEqual({ at: 9, slot: undefined, alone: true });
});
