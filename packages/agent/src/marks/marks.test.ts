import { compareFences } from '@headgate/domain/protocol/fence';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_MARKS, staleness, taken } from './marks.ts';

const token = fc.record({ epoch: fc.integer({ min: 0, max: 3 }), n: fc.integer({ min: 0, max: 9 }) });
const offer = fc.record({ cell: fc.constantFrom('a', 'b', '__proto__'), token });

test('whatever is offered in whatever order, a cell’s taken tokens rise strictly and no epoch falls', () => {
  fc.assert(
    fc.property(fc.array(offer, { maxLength: 60 }), (offers) => {
      let marks = NO_MARKS;
      let epoch = 0;
      const last = new Map<string, { epoch: number; n: number }>();
      for (const { cell, token: t } of offers) {
        if (staleness(marks, cell, t) !== undefined) continue;
        const before = last.get(cell);
        if (before !== undefined) expect(compareFences(t, before)).toBeGreaterThan(0);
        expect(t.epoch).toBeGreaterThanOrEqual(epoch);
        epoch = t.epoch;
        last.set(cell, t);
        marks = taken(marks, cell, t);
        expect(staleness(marks, cell, t)).toBeDefined();
      }
    }),
  );
});
