import { detectToSafe } from '@headgate/example-psa/demo/figures.ts';
import { describe, expect, test } from 'vitest';
import { median } from './arithmetic.ts';
import { figure } from './figure.ts';
import { type Moment, pathInWords } from './rollback-path.ts';

const rollout = 'rollout/p.shared';
const moment = (stream: string, type: string, at: number, data: Record<string, unknown> = {}): Moment => ({
  stream,
  type,
  at,
  data,
});

/** A rollback whose last route was read back so long after the bad sample. */
function history(safeAfterMs: number): readonly Moment[] {
  const firstFailure = { check: 'time-to-ledger', tenant: 'pil-1', why: 'not acknowledged', at: 1_000 };
  return [
    moment(rollout, 'rollout.offered', 900, { step: 'w2.verify' }),
    moment(rollout, 'rollout.step-failed', 1_010, { step: 'w2.verify', result: { checks: { firstFailure } } }),
    moment('promotion/p', 'promotion.rollback-decided', 1_015),
    moment(rollout, 'rollout.undo-begun', 1_025),
    moment(rollout, 'rollout.offered', 1_030, { step: 'undo.route' }),
    moment(rollout, 'rollout.leased', 1_036, { step: 'undo.route' }),
    moment(rollout, 'rollout.step-done', 1_500, { step: 'undo.route', result: { observedAt: 1_000 + safeAfterMs } }),
  ];
}

const measured = (moments: readonly Moment[]) =>
  figure('bad-sample-to-safe', median([detectToSafe(moments as never) ?? Number.NaN]));

describe('from a bad sample to safe traffic', () => {
  test('the path says where the time went', () => {
    expect(pathInWords(history(120))).toBe(
      'settled +10, decided +5, undo begun +10, offered +5, leased +6, read back +84',
    );
    expect(pathInWords([])).toBe('no failing check');
  });

  test('it ends when the route was read back, and a slow one is not ok', () => {
    expect(measured(history(120))).toMatchObject({ value: 120, ok: true });
    expect(measured(history(1_001))).toMatchObject({ value: 1_001, ok: false });
  });

  test('a rollback that was never read back, or that nothing failed before, was not measured', () => {
    expect(measured(history(120).filter((e) => e.type !== 'rollout.step-done'))).toMatchObject({
      value: null,
      ok: false,
    });
    expect(measured(history(120).filter((e) => e.type !== 'rollout.step-failed'))).toMatchObject({
      value: null,
      ok: false,
    });
    expect(median([120, Number.NaN, 130])).toBeNaN();
  });
});
