import { describe, expect, test } from 'vitest';
import type { Objection } from '../protocol/agent-pins.ts';
import type { Explanation, Wait } from './explain-promotion.ts';
import { MOST_TOLD, toldExplanation, toldObjections } from './told.ts';

const objection = (n: number, why: string): Objection => ({
  ...{ cell: `cell-${n}`, environment: 'production', agent: 'agt_one' as Objection['agent'] },
  ...{ code: 'other-policy', why, unblock: 'pin it there' },
});
const wait = (n: number, more: Partial<Wait> = {}): Wait => ({
  ...{ where: `rollout/p.cell-${n}`, cell: `cell-${n}`, why: 'migrations-analysed: fail', until: 1, after: '' },
  ...{ overdue: false, unblock: [{ what: 'the step', who: ['agent'] }] },
  ...more,
});
const explanation = (waits: readonly Wait[], objections: readonly Objection[]): Explanation => ({
  ...{ promotion: 'prm_1', phase: 'advancing', summary: '', gates: [], waits, objections },
});
const many = <T>(make: (n: number) => T): readonly T[] => Array.from({ length: 1_000 }, (_, n) => make(n));

describe('what one answer tells of a thousand cells', () => {
  test('has a bound, and says how many it leaves out', () => {
    const long = 'x'.repeat(900);
    const told = toldExplanation(
      explanation(
        many((n) => wait(n, { why: `${n} ${long}` })),
        many((n) => objection(n, `${n} ${long}`)),
      ),
    );
    expect(told).toMatchObject({ waitsLeft: 1_000 - MOST_TOLD, objectionsLeft: 1_000 - MOST_TOLD });
    expect(JSON.stringify(told).length).toBeLessThan(100_000);
  });

  test('is all of it where there is room', () => {
    const whole = explanation([wait(1)], [objection(1, 'a')]);
    expect(toldExplanation(whole)).toEqual(whole);
  });

  test('begins with one objection of each cause, that of most cells first', () => {
    const rare = [objection(2_000, 'rare'), objection(2_001, 'rarer')];
    const { told, left } = toldObjections([...rare, ...many((n) => objection(n, 'common'))]);
    expect(told.slice(0, 3).map(({ why }) => why)).toEqual(['common', 'rare', 'rarer']);
    expect(left).toBe(1_002 - MOST_TOLD);
  });

  test('keeps the promotion’s own wait, and what a person ends or is overdue, in their order', () => {
    const { cell: _, ...own } = wait(0, { where: 'promotion/prm_1', why: 'paused' });
    const asks = wait(990, { why: 'asks', unblock: [{ what: 'answer', who: ['operator'] }] });
    const late = wait(991, { why: 'late', overdue: true });
    const { waits } = toldExplanation(explanation([own, ...many(wait), late, asks], []));
    expect(waits[0]).toBe(own);
    expect(waits.slice(-2)).toEqual([late, asks]);
    expect(waits).toHaveLength(MOST_TOLD);
  });
});
