import type { Promotion } from '@headgate/contract';
import { expect, test } from 'vitest';
import { promotionLine } from './watch-promotion.ts';

const AT = { cell: 'live', step: 'w1.restore-point.main', at: 1_800_000_000_000 };
const promotion = (more: Partial<Promotion>): Promotion =>
  ({
    ...{ id: 'prm_1', release: { version: '2.0.0' }, environment: 'production', phase: 'advancing', wave: 1, waves: 1 },
    ...more,
  }) as Promotion;

test('whoever comes after a go was asked for is told so, and how it is answered, until it is', () => {
  const asked = promotionLine(promotion({ goAsked: AT }));
  expect(asked).toContain('GO OR NO-GO? live stands before w1.restore-point.main');
  expect(asked).toContain('headgate go prm_1 --reason');
  expect(promotionLine(promotion({ goAsked: AT, phase: 'paused' }))).toContain('GO OR NO-GO?');
  const go = { by: 'usr_a', reason: 'well', at: AT.at };
  for (const over of [
    {},
    { goAsked: AT, go },
    { goAsked: AT, phase: 'undoing' },
    { goAsked: AT, phase: 'ended' },
  ] as const)
    expect(promotionLine(promotion(over))).not.toContain('GO OR NO-GO?');
});
