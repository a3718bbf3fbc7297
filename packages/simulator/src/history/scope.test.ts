import { undoSteps } from '@headgate/domain';
import { aDownMigration, aManifest, anApplication, aPlan } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { expectedUndo } from './scope.ts';

test('the checker’s own reading of the ways back out of an activation is that of the plan, from everywhere and in every scope', () => {
  const requests = [{ methods: ['POST'] as const, path: '/returns' }];
  const { cells, waves } = aPlan({
    application: anApplication({ operations: [{ name: 'file-return', says: 'Not yet.', requests }] }),
    manifest: aManifest({
      schemaRange: { min: 1, max: 3 },
      migrations: [aDownMigration(1)],
      activates: [{ operation: 'file-return', because: 'the office has it' }],
    }),
  });
  const cell = cells[0]!;
  for (const kind of ['ring', 'all', 'cell', 'tenant'] as const)
    for (const { n: wave } of waves)
      cell.steps.forEach(({ id }, i) => {
        const scope = { kind, wave, cell: cell.cell, tenants: ['bob'] };
        const ids = undoSteps(cell, scope, i + 1).map((step) => step.id);
        expect([kind, wave, id, ids]).toEqual([kind, wave, id, expectedUndo(cell, scope, i + 1).ids]);
      });
});
