/** Whatever people and agents say, what is decided of it can be stored: no bound falls within a character. */
import { aManifest, aMigration, aPlan } from '@headgate/testkit/domain/builders';
import type { Carry } from '@headgate/testkit/domain/world';
import { begun, breaking, endOf, held, reached, twoCells } from '@headgate/testkit/domain/worlds';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideAnswer } from '../rollout/assignment.ts';
import { decidePause, decideReject, decideRollback } from './commands.ts';

/** So many letters before characters of two halves each: one of two neighbours is cut in the middle by any bound. */
const words = fc
  .tuple(fc.nat(3), fc.integer({ min: 100, max: 1_200 }))
  .map(([letters, many]) => `${'x'.repeat(letters)}${'😀'.repeat(many)}`);

const halves = (value: unknown): readonly string[] =>
  typeof value === 'string'
    ? value.isWellFormed()
      ? []
      : [value.slice(-20)]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(halves)
      : [];

/** A tenant's check that fails in so many words. */
const failing =
  (why: string): Carry =>
  (cell, step, action, now) => {
    const outcome = breaking('shared', 'w2.verify', 'bob')(cell, step, action, now);
    return typeof outcome === 'object' && outcome.kind === 'failed' ? { ...outcome, why } : outcome;
  };

test('a failure in any words brings everybody back, and every entry and row of it can be stored', () => {
  fc.assert(
    fc.property(words, words, (why, said) => {
      const world = begun(twoCells('ring'));
      const carry = failing(why);
      world.run(carry, held(world));
      world.command((p, now) => decideRollback(p, 'usr_operator', said, now));
      world.run(carry);
      expect(endOf(world)).toBe('rolled-back');
      expect(world.history.flatMap(({ event, state }) => halves([event.data, state]))).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test('so can what a person says who pauses, rejects, declines, and widens a rollback: to the end of their words', () => {
  const said = `x${'😀'.repeat(200)} the end`;
  const paused = begun();
  paused.command((p, now) => decidePause(p, 'usr_operator', said, now));
  const rejected = begun();
  rejected.command((p, now) => decideReject(p, 'usr_operator', said, now));
  const widened = begun(twoCells('ring'));
  widened.run(failing(`x${'😀'.repeat(900)}`), held(widened));
  widened.command((p, now) => decideRollback(p, 'usr_operator', said, now));
  const declined = begun(aPlan({ manifest: aManifest({ migrations: [aMigration(1, { undo: 'restore' })] }) }));
  const carry = breaking('shared', 'w1.verify', 'ada');
  declined.run(carry, reached(declined, 'asking'));
  declined.answer('shared', (r, now) =>
    decideAnswer(
      r,
      declined.cellPlan('shared'),
      { id: 'usr_x', roles: ['operator'] },
      now,
      'decline',
      `y${said.repeat(5)}`,
    ),
  );
  for (const world of [paused, rejected, widened, declined])
    expect(world.history.flatMap(({ event, state }) => halves([event.data, state]))).toEqual([]);
  const told = widened.history.flatMap(({ event }) =>
    event.type === 'promotion.rollback-decided' ? [event.data.because] : [],
  );
  expect(told.at(-1)).toMatch(/; then usr_operator: x.* the end$/u);
});
