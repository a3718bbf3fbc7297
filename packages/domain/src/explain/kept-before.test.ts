import { expect, test } from 'vitest';
import { keptBefore } from './kept-before.ts';

const point = { id: 'rp-1', store: 'main', takenAt: 1_000, manifest: 'sha256:x', bytes: 1, verified: true };
const entry = (type: string, result?: object) => ({ at: 2_000, type, data: { step: 'undo.w1.migrate.main', result } });

test('what was kept before a program’s way back is told once, of steps that failed, too, and of others nothing', () => {
  expect(
    keptBefore([
      entry('rollout.step-failed', { keptBefore: point }),
      entry('rollout.step-done', { schemaVersion: 1, keptBefore: point }),
      entry('rollout.step-done', { restorePoint: point }),
      entry('rollout.step-done'),
    ]),
  ).toEqual([
    {
      ...{ step: 'undo.w1.migrate.main', store: 'main', restorePoint: 'rp-1' },
      words:
        'what the program of undo.w1.migrate.main took away is in restore point rp-1 of 1970-01-01T00:00:01Z, which stays until a person lets it go',
    },
  ]);
});
