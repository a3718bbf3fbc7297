import { digestOf, NOON, soundFacts } from '@headgate/testkit/domain/builders';
import { begun } from '@headgate/testkit/domain/worlds';
import { expect, test } from 'vitest';
import { actionsOf } from '../explain/actions.ts';
import { refuseReplaced, saidReplaced } from './replaced.ts';
import type { Promotion } from './state.ts';

const state = begun().promotion;
const replaced = { planned: digestOf('old'), inForce: digestOf('new') };
const verdict = {
  gate: 'policy',
  verdict: 'fail' as const,
  because: 'it is planned under another',
  unblock: 'ask anew',
  who: 'x',
};
const waiting = (more: object = {}): Promotion =>
  ({
    ...state,
    wave: 0,
    phase: 'awaiting',
    reason: 'wave 1: gate policy is fail',
    verdicts: [verdict],
    until: NOON,
    ...more,
  }) as never;

test('an approval of what was planned under a replaced policy isn’t taken, with how it is asked for anew', () => {
  expect(refuseReplaced(state, soundFacts(NOON, { replaced }))).toMatchObject({
    code: 'policy-replaced',
    why: expect.stringContaining(`${replaced.inForce} is in force since`),
    unblock: expect.stringMatching(
      new RegExp(`headgate reject ${state.id} .*headgate promote ${state.release.digest} --to production`),
    ),
  });
  expect(refuseReplaced(state, soundFacts(NOON))).toBeUndefined();
});

test('a row says it as of the last look, and no button offers what would be refused', () => {
  const by = { id: 'usr_other', roles: ['approver'] } as const;
  const approve = (of: Promotion) => actionsOf(of, by, NOON).approve;
  expect(saidReplaced(waiting())).toEqual(verdict);
  expect(approve(waiting())).toEqual({ allowed: false, because: 'it is planned under another; ask anew' });
  for (const other of [
    waiting({ verdicts: [] }),
    waiting({ verdicts: [{ ...verdict, verdict: 'pass' }] }),
    waiting({ wave: 1 }),
  ]) {
    expect(saidReplaced(other)).toBeUndefined();
    expect(approve(other).allowed).toBe(true);
  }
});
