import { aCell, aManifest, anUpgrade, aPlan, aRelease, aRequest } from '@headgate/testkit/domain/builders';
import { describe, expect, test } from 'vitest';
import type { CellState } from '../model/cell.ts';
import { envelopeOf, uncovered } from './envelope.ts';
import type { Plan } from './plan.ts';
import { type PlanRequest, planPromotion } from './planner.ts';

function codes(request: PlanRequest): string[] {
  const planned = planPromotion(request);
  return planned.ok ? [] : planned.refusals.map((r) => `${r.code} ${r.where}`);
}

/** Tenants of one cell on both slots, as a kept promotion of 1.1.0 leaves them. */
function halfWay(): CellState {
  const base = aCell({ schemaVersion: 2, schemaRange: { min: 1, max: 2 } });
  const { ada, ...rest } = base.tenants;
  return {
    ...base,
    slots: { ...base.slots, green: { release: aRelease('1.1.0'), schemaRange: { min: 2, max: 2 } } },
    tenants: { ada: { ...(ada as (typeof base.tenants)[string]), slot: 'green' }, ...rest },
  };
}

describe('for tenants who are named', () => {
  const upgrade = (more: Partial<PlanRequest>): Plan => {
    const planned = planPromotion(anUpgrade(more));
    if (!planned.ok) throw new Error(planned.refusals[0]?.why);
    return planned.plan;
  };
  const touched = (plan: Plan): string[] => [
    ...new Set(
      plan.cells.flatMap((c) =>
        c.steps.flatMap((s) =>
          'tenants' in s.action ? s.action.tenants : 'store' in s.action ? [s.action.store] : [],
        ),
      ),
    ),
  ];

  test('touches nobody else, neither store nor route, and says so to whoever approves it', () => {
    const plan = upgrade({ tenants: ['bob'] });
    expect(plan.tenants).toEqual(['bob']);
    expect(touched(plan)).toEqual(['bob']);
    expect(plan.waves.map(({ ring }) => ring)).toEqual(['pilot']);
    expect(uncovered(envelopeOf(upgrade({})), plan)).toContain('who it is for differs');
  });

  test('of a shared store moves them alone, while the store stays as it is', () => {
    const plan = aPlan({
      tenants: ['ada', 'cyd'],
      manifest: aManifest({ migrations: [], schemaRange: { min: 1, max: 2 } }),
    });
    expect(touched(plan).sort()).toEqual(['ada', 'cyd']);
    expect(plan.tenants).toEqual(['ada', 'cyd']);
  });

  test('who are all that are left is for everybody, whatever it was called', () => {
    expect(upgrade({ tenants: ['cyd', 'bob', 'ada', 'bob'] })).toEqual(upgrade({}));
    const kept = halfWay();
    const rest = aPlan({ cells: [kept], release: aRelease('1.1.0'), tenants: ['bob', 'cyd'] });
    expect(rest).not.toHaveProperty('tenants');
  });

  test('leaves cells without them out', () => {
    const other = aCell({
      cell: 'dedicated',
      tenants: { zoe: 'pilot' },
      ownStores: true,
      schemaRange: { min: 1, max: 1 },
    });
    const { cells } = anUpgrade();
    expect(upgrade({ cells: [...cells, other], tenants: ['zoe'] }).cells.map((c) => c.cell)).toEqual(['dedicated']);
    expect(upgrade({ cells: [...cells, other], tenants: ['zoe'] }).tenants).toEqual(['zoe']);
  });

  test('goes by cell and name where somebody stays who has a namesake elsewhere', () => {
    const own = { ownStores: true, schemaRange: { min: 1, max: 1 } } as const;
    const other = aCell({ cell: 'dedicated', tenants: { bob: 'pilot', zoe: 'pilot' }, ...own });
    const cells = [...anUpgrade().cells, other];
    const staying = new Map([['dedicated', new Set(['bob', 'zoe'])]]);
    const rest = upgrade({ cells, staying });
    expect(rest.cells.map(({ cell }) => cell)).toEqual(['shared']);
    expect(rest.tenants).toEqual(['ada', 'cyd', 'shared/bob']);
    const bob = upgrade({ cells, staying, tenants: ['bob'] });
    expect(touched(bob)).toEqual(['bob']);
    expect([bob.cells.map(({ cell }) => cell), bob.tenants]).toEqual([['shared'], ['shared/bob']]);
    expect(upgrade({ cells, tenants: ['bob'] }).tenants).toEqual(['bob', 'bob']);
    expect(codes(anUpgrade({ cells, staying, tenants: ['zoe'] }))).toEqual(['already-there environment/production']);
  });

  test.each<[rule: string, request: PlanRequest, expected: string[]]>([
    ['nobody at all', anUpgrade({ tenants: [] }), ['no-tenants environment/production']],
    ['somebody whom no cell has', anUpgrade({ tenants: ['bob', 'eve'] }), ['no-such-tenant environment/production']],
    [
      'neighbours of a store that would change under others',
      aRequest({ tenants: ['bob'] }),
      ['shared-store cell/shared'],
    ],
    [
      'those who have the release',
      aRequest({ cells: [halfWay()], release: aRelease('1.1.0'), tenants: ['ada'] }),
      ['already-there environment/production'],
    ],
  ])('is refused for %s', (_rule, request, expected) => {
    expect(codes(request)).toEqual(expected);
  });
});

describe('a store that somebody changed by hand', () => {
  const drift = { shared: [{ store: 'bob', why: 'the module sale is at 19.0.9' }] };
  test('is not built upon', () => {
    expect(codes(anUpgrade({ drift }))).toEqual(['drifted cell/shared']);
    expect(codes(anUpgrade({ drift, tenants: ['bob'] }))).toEqual(['drifted cell/shared']);
    expect(codes(aRequest({ drift: { shared: [{ store: 'main', why: 'hm' }] } }))).toEqual(['drifted cell/shared']);
  });
  test('is no matter of those who live elsewhere', () => {
    expect(codes(anUpgrade({ drift, tenants: ['ada'] }))).toEqual([]);
    expect(codes(anUpgrade({ drift: { elsewhere: drift.shared } }))).toEqual([]);
  });
});
