import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Due, DueHeap } from './due-heap.ts';

test('whatever is moved however often, the first is the oldest', () => {
  const moves = fc.array(fc.tuple(fc.nat(19), fc.oneof(fc.nat(30), fc.constant(Number.POSITIVE_INFINITY))));
  fc.assert(
    fc.property(moves, (list) => {
      const heap = new DueHeap<Due>();
      const items = Array.from(
        { length: 20 },
        (_, order): Due => ({ dueKey: Number.POSITIVE_INFINITY, order, heapIndex: -1 }),
      );
      for (const [which, key] of list) {
        heap.move(items[which]!, key);
        const due = items.filter((item) => item.dueKey !== Number.POSITIVE_INFINITY);
        due.sort((a, b) => a.dueKey - b.dueKey || a.order - b.order);
        expect(heap.first()).toBe(due[0]);
        expect(heap.size).toBe(due.length);
      }
    }),
  );
});
