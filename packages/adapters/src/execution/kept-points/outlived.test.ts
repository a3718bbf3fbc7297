import fc from 'fast-check';
import { expect, test } from 'vitest';
import { outlived } from './outlived.ts';

const points = fc
  .array(fc.record({ rollout: fc.constantFrom('r1', 'r2', 'r3'), schemaVersion: fc.integer({ min: 0, max: 4 }) }), {
    maxLength: 40,
  })
  .map((all) => all.map((each, i) => ({ ...each, id: i })));

test('of the rollout at work the newest of each schema version stays, and of the others the newest so many', () => {
  const at = (id: string, rollout: string, schemaVersion: number) => ({ id, rollout, schemaVersion });
  const waits = [1, 2, 3, 4].map((n) => at(`waits-${n}`, 'open', 2));
  const all = [...waits, at('first', 'open', 1), at('older-first', 'open', 1), at('before', 'done', 1)];
  expect(outlived(all, 2).map(({ id }) => id)).toEqual(['waits-3', 'waits-4', 'older-first', 'before']);
  expect(outlived([], 5)).toEqual([]);
});

test('whatever was taken: the newest stays, so many stay, and nothing that a way back needs goes', () =>
  fc.assert(
    fc.property(points, fc.integer({ min: 0, max: 10 }), (all, keep) => {
      const gone = new Set(outlived(all, keep).map(({ id }) => id));
      for (const { id } of all.slice(0, Math.max(1, keep))) expect(gone.has(id)).toBe(false);
      const own = all.filter(({ rollout }) => rollout === all[0]?.rollout);
      for (const version of new Set(own.map((p) => p.schemaVersion)))
        expect(gone.has(own.find((p) => p.schemaVersion === version)!.id)).toBe(false);
    }),
  ));

test('what a program’s way back took away stays until a person lets it go, and takes nobody’s place', () => {
  const at = (id: string, rollout: string) => ({ id, rollout, schemaVersion: 1 });
  const lasting = at('lasting', 'way-back/r1/undo.w1.migrate.main');
  expect(outlived([lasting, at('c', 'r3'), at('b', 'r2'), at('a', 'r1')], 2).map(({ id }) => id)).toEqual(['a']);
  expect(outlived([at('c', 'r3'), at('b', 'r2'), lasting], 1).map(({ id }) => id)).toEqual(['b']);
});
