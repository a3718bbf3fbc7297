import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterCall, CLOSED, mayCall } from './circuit.ts';
import {
  type Attempted,
  afterAttempt,
  type Delivery,
  dueOfDelivery,
  evolveDelivery,
  MOST_AGE_MS,
  MOST_ATTEMPTS,
} from './delivery.ts';

function queued(): Delivery {
  const core = { id: 'msg_1', rule: 'r', channel: 'c', audience: 'team', about: 'planned', urgent: false } as const;
  return evolveDelivery(undefined, {
    type: 'delivery.queued',
    data: { ...core, items: [], count: 1, madeAt: 1_000, dueAt: 2_000 },
  });
}

const failed: Attempted = { kind: 'failed', why: 'no answer' };

function attempt(delivery: Delivery, now: number, outcome: Attempted, chance = 0): Delivery {
  const data = { attempt: delivery.attempt + 1, until: now + 15_000 };
  const sending = evolveDelivery(delivery, { type: 'delivery.attempted', data });
  expect(dueOfDelivery(sending)).toBe(now + 15_000);
  return evolveDelivery(sending, afterAttempt(sending, outcome, now, chance));
}

describe('a message', () => {
  test('comes to an end whatever its receiver does: sent, or given up with a reason', () => {
    const outcome: fc.Arbitrary<Attempted> = fc.oneof(
      { weight: 12, arbitrary: fc.constant(failed) },
      {
        weight: 4,
        arbitrary: fc.integer({ min: 0, max: 9e7 }).map((ms) => ({ ...failed, notBefore: ms }) as Attempted),
      },
      { weight: 1, arbitrary: fc.constant<Attempted>({ kind: 'delivered' }) },
      { weight: 1, arbitrary: fc.constant<Attempted>({ kind: 'refused', why: 'gone' }) },
    );
    const chance = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(outcome, chance), { minLength: 20, maxLength: 20 }), (outcomes) => {
        let delivery = queued();
        for (const [each, luck] of outcomes) {
          const due = dueOfDelivery(delivery);
          if (due === null) break;
          const before = delivery.attempt;
          delivery = attempt(delivery, due, each, luck);
          expect(delivery.attempt).toBe(before + 1);
          expect(delivery.id).toBe('msg_1');
          const next = dueOfDelivery(delivery);
          if (next !== null) expect(next).toBeGreaterThan(due);
        }
        expect(['sent', 'given-up']).toContain(delivery.phase);
        expect(delivery.attempt).toBeLessThanOrEqual(MOST_ATTEMPTS);
        if (delivery.phase === 'given-up') expect(delivery.why).toMatch(/no answer|gone/);
      }),
    );
  });

  test('waits four times as long after each failure, an hour at most, and up to a half less by chance', () => {
    const waits = (chance: number) => {
      let delivery = queued();
      return Array.from({ length: 9 }, () => {
        const due = dueOfDelivery(delivery) as number;
        delivery = attempt(delivery, due, failed, chance);
        return ((dueOfDelivery(delivery) as number) - due) / 1_000;
      });
    };
    expect(waits(0)).toEqual([1, 4, 16, 64, 256, 1_024, 3_600, 3_600, 3_600]);
    expect(waits(1)).toEqual([0.5, 2, 8, 32, 128, 512, 1_800, 1_800, 1_800]);
  });

  test('is given up when it would come a day late', () => {
    const late = attempt(queued(), 2_000 + MOST_AGE_MS - 10, failed);
    expect(late).toMatchObject({ phase: 'given-up', why: 'it would be too late: no answer' });
  });

  test('that was given up starts anew when a person says so, and keeps its id', () => {
    const over = attempt(queued(), 2_000, { kind: 'refused', why: '410' });
    const again = evolveDelivery(over, { type: 'delivery.retried', data: { by: 'usr_a', at: 9_000 } });
    expect(again).toMatchObject({ id: 'msg_1', phase: 'waiting', dueAt: 9_000, attempt: 0 });
  });

  test('that is on its way takes nothing in', () => {
    const sending = evolveDelivery(queued(), { type: 'delivery.attempted', data: { attempt: 1, until: 9 } });
    expect(() => evolveDelivery(sending, { type: 'delivery.folded', data: { more: 1, items: [] } })).toThrow(/sending/);
  });
});

describe('a channel that fails', () => {
  const after = (failures: number, now = 0) => {
    let circuit = CLOSED;
    for (let n = 0; n < failures; n++) circuit = afterCall(circuit, false, now);
    return circuit;
  };

  test.each([
    [4, true],
    [5, false],
    [40, false],
  ])('%i times in a row may be called: %s', (failures, may) => {
    expect(mayCall(after(failures), 1).may).toBe(may);
  });

  test('is tried by one call when its pause is over, while the others wait', () => {
    const circuit = after(5);
    const first = mayCall(circuit, 5_000);
    if (!first.may) throw new Error('it may not');
    expect(mayCall(first.circuit, 5_001)).toEqual({ may: false, lookAt: 10_000 });
    expect(mayCall(afterCall(first.circuit, true, 5_001), 5_002).may).toBe(true);
    expect(mayCall(afterCall(first.circuit, false, 5_001), 9_000).may).toBe(false);
  });

  test('is never left alone for longer than ten minutes', () => {
    expect(after(60, 1_000).openUntil).toBe(601_000);
  });
});
