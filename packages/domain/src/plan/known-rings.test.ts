import { aCell, anApplication, aRequest } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { type PlanRequest, planPromotion } from './planner.ts';

const refused = (request: Partial<PlanRequest>) => {
  const planned = planPromotion(aRequest(request));
  return planned.ok ? [] : planned.refusals.map(({ code, where, why }) => `${code} ${where}: ${why}`);
};
const declaredRings = (rings: Record<string, string>) => new Map([['shared', new Map(Object.entries(rings))]]);

test('everybody in a ring that the application doesn’t list is named, and nobody is planned for', () => {
  const application = anApplication({ rings: [{ name: 'internal', soakMs: 0 }] });
  expect(refused({ application })).toEqual([
    'no-such-ring cell/shared: application psa has the rings internal, and not that of bob (pilot) and cyd (broad)',
  ]);
});

test('a tenant whose document says another ring than its cell is in neither', () => {
  expect(refused({ declaredRings: declaredRings({ ada: 'internal', bob: 'pilot' }) })).toEqual([]);
  expect(refused({ declaredRings: declaredRings({ ada: 'broad', bob: 'pilot', cyd: 'gone' }) })).toEqual([
    'ring-differs cell/shared: by the Tenant document in another ring than by the cell’s file, which counts: ada (broad, there internal) and cyd (gone, there broad)',
  ]);
});

test('however many they are, a handful is named, and the rest counted', () => {
  const names = Array.from({ length: 300 }, (_, i) => `t${i}`);
  const tenants = Object.fromEntries(names.map((name) => [name, 'vip']));
  const [why, ...more] = refused({ cells: [aCell({ tenants })] });
  expect(why).toContain('and 295 more, 300 in all');
  expect(why!.length).toBeLessThan(250);
  expect(more).toEqual([]);
});
