import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ApprovedCompensation,
  type CompensationApproval,
  judgeCompensation,
  USUAL_COMPENSATION_APPROVALS,
} from './approved-compensation.ts';
import { type CompensationLine, type CompensationPlan, compensationOf } from './compensation.ts';
import { coversCompensation } from './covers-compensation.ts';

const PLACE = {
  ...{ reconciliation: 'invoices', document: `sha256:${'d'.repeat(64)}` as const },
  ...{ environment: 'production', cell: 'shared', store: 'main', among: ['acme', 'globex'] },
};
const line = (key: string, more: Partial<CompensationLine> = {}): CompensationLine => ({
  ...{ key, tenant: 'acme', class: 'half-done', rule: 'not-posted', effect: 'replay', why: 'not-posted' },
  amounts: [{ field: 'total', unit: 'EUR', left: '11900', right: null }],
  ...more,
});
const planOf = (lines: readonly CompensationLine[], of: Partial<typeof PLACE> = {}): CompensationPlan =>
  compensationOf({ ...PLACE, ...of }, lines, { field: 'total' });
const keys = (lines: readonly CompensationLine[]) => lines.map(({ key }) => key);

describe('an approved plan', () => {
  const ask = { effect: 'ask', rule: null, class: 'in-doubt', why: 'which is right?' } as const;
  const approved = planOf([line('1'), line('2', { effect: 'acknowledge' }), line('3', ask)]);

  test('covers itself in its order, but for what a person must decide', () => {
    const covered = coversCompensation(approved, approved);
    expect(keys(covered.covered)).toEqual(['2', '1']);
    expect(keys(covered.asked)).toEqual(['3']);
    expect([covered.gone, covered.changed, covered.fresh]).toEqual([[], [], []]);
  });

  test('still covers the others where a line went away by itself', () => {
    const covered = coversCompensation(approved, planOf([line('1')]));
    expect(keys(covered.covered)).toEqual(['1']);
    expect(keys(covered.gone)).toEqual(['2', '3']);
  });

  test('leaves alone what came since', () => {
    const covered = coversCompensation(approved, planOf([line('1'), line('9')]));
    expect(keys(covered.covered)).toEqual(['1']);
    expect(keys(covered.fresh)).toEqual(['9']);
  });

  test.each<[string, Partial<CompensationLine>]>([
    ['another amount', { amounts: [{ field: 'total', unit: 'EUR', left: '11901', right: null }] }],
    ['another currency', { amounts: [{ field: 'total', unit: 'CHF', left: '11900', right: null }] }],
    ['another rule', { rule: 'other' }],
    ['another effect', { effect: 'cancel' }],
    ['another class', { class: 'one-side-only' }],
    ['another reason', { why: 'otherwise' }],
    ['a question in place of an effect', ask],
  ])('leaves alone what changed: %s', (_, more) => {
    const covered = coversCompensation(approved, planOf([line('1', more)]));
    expect([covered.covered, keys(covered.changed)]).toEqual([[], ['1']]);
  });

  test('covers no other tenant’s line of the same key', () => {
    expect(coversCompensation(approved, planOf([line('1', { tenant: 'globex' })])).covered).toEqual([]);
  });

  test.each(['reconciliation', 'document', 'environment', 'cell', 'store'] as const)(
    'covers nothing of another %s',
    (of) => {
      const other = planOf(approved.lines, { [of]: of === 'document' ? `sha256:${'e'.repeat(64)}` : 'other' });
      expect(coversCompensation(approved, other).covered).toEqual([]);
    },
  );

  test('covers never more than was approved, whatever is found', () => {
    const some = fc.record({
      key: fc.constantFrom('1', '2', '3', '4'),
      effect: fc.constantFrom('replay', 'acknowledge', 'ask'),
      left: fc.constantFrom('1', '2'),
    });
    const lines = fc
      .uniqueArray(some, { selector: ({ key }) => key })
      .map((all) =>
        all.map(({ key, effect, left }) =>
          line(key, { effect: effect as 'ask', amounts: [{ field: 'total', left, right: null }] }),
        ),
      );
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const { covered, gone, asked, changed, fresh } = coversCompensation(planOf(before), planOf(after));
        for (const each of covered) {
          expect(before).toContainEqual(each);
          expect(after).toContainEqual(each);
          expect(each.effect).not.toBe('ask');
        }
        // Everything that is found is in one of four places, everything approved and not found in the fifth.
        expect(keys([...covered, ...asked, ...changed, ...fresh]).sort()).toEqual(keys(after).sort());
        expect(gone.every(({ key }) => !keys(after).includes(key))).toBe(true);
      }),
    );
  });
});

describe('approvals of a plan', () => {
  const NOW = Date.UTC(2026, 2, 2, 12);
  const digest = `sha256:${'1'.repeat(64)}` as const;
  const yes = (by: string, more: Partial<CompensationApproval> = {}): CompensationApproval => ({
    ...{ by, plan: digest, at: NOW - 9, notAfter: NOW + 9, digest: `sha256:${'2'.repeat(64)}` },
    ...more,
  });
  const low = planOf([line('1', { effect: 'acknowledge', amounts: [] })]);
  const medium = planOf([line('1')]);
  const high = planOf([line('1', { effect: 'ask' })]);
  const judge = (plan: CompensationPlan, approvals: readonly CompensationApproval[], more = {}) => {
    const of: ApprovedCompensation = { plan, digest, approvals, needed: USUAL_COMPENSATION_APPROVALS, by: 'usr_run' };
    return judgeCompensation({ ...of, ...more }, NOW);
  };
  const why = (judged: ReturnType<typeof judgeCompensation>) => (judged.ok ? 'ok' : judged.refusal.why);

  test.each<[string, CompensationPlan, number]>([
    ['low', low, 0],
    ['medium', medium, 1],
    ['high', high, 2],
  ])('are as many as a %s risk asks for, and one fewer is refused', (level, plan, count) => {
    expect(plan.risk.level).toBe(level);
    const all = ['usr_a', 'usr_b'].slice(0, count).map((by) => yes(by));
    expect(judge(plan, all)).toEqual({ ok: true, counted: all });
    if (count > 0) expect(judge(plan, all.slice(1))).toMatchObject({ ok: false });
  });

  test.each<[string, readonly CompensationApproval[], RegExp]>([
    ['none', [], /none counts/],
    ['one person twice', [yes('usr_a'), yes('usr_a', { at: NOW - 3 })], /usr_a approved; that of usr_a is there twice/],
    ['one of who runs it', [yes('usr_a'), yes('usr_run')], /that of usr_run is of who runs it/],
    ['one that ended', [yes('usr_a'), yes('usr_b', { notAfter: NOW })], /that of usr_b ended at 2026-03-02T12:00/],
    ['one that is dated ahead', [yes('usr_a'), yes('usr_b', { at: NOW + 61_000 })], /dated ahead/],
    ['one of another plan', [yes('usr_a'), yes('usr_b', { plan: `sha256:${'9'.repeat(64)}` })], /is of another plan/],
  ])('don’t suffice with %s, and it is said why and by which command more come', (_, approvals, words) => {
    const judged = judge(high, approvals);
    expect(why(judged)).toMatch(words);
    expect(judged).toMatchObject({
      refusal: { code: 'approvals-missing', unblock: expect.stringContaining('headgate reconcile approve') },
    });
  });

  test('count for nobody where it isn’t said who runs it', () => {
    expect(judge(medium, [yes('usr_a')], { by: undefined })).toMatchObject({ refusal: { code: 'who-runs' } });
    expect(judge(low, [], { by: undefined })).toEqual({ ok: true, counted: [] });
  });

  test('are as many as the document says', () => {
    expect(judge(low, [], { needed: { low: 1, medium: 1, high: 1 } })).toMatchObject({ ok: false });
    expect(judge(high, [yes('usr_a')], { needed: { low: 0, medium: 1, high: 1 } })).toMatchObject({ ok: true });
  });
});
