/** What the gate `rehearsed` asks of the pass under load. */
import { digestOf, MINUTE_MS, NOON, soundFacts } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import type { RehearsalEvidence } from '../rehearsal/rehearsal.ts';
import type { UnderLoadEvidence } from '../rehearsal/under-load.ts';
import type { GateFacts } from './gate.ts';
import { REHEARSAL, rehearsed } from './rehearsed.ts';

const verification = { name: 'business', digest: digestOf('business') };
const loaded = (old: string, more: Partial<UnderLoadEvidence> = {}): Partial<RehearsalEvidence> => ({
  underLoad: { old, verification, interruptions: 9, transactions: 400, longestMs: 2_018, ...more },
});

/** Rehearsals of these, newest first. */
function judge(
  all: readonly Partial<RehearsalEvidence>[],
  { params = {}, ...more }: Partial<GateFacts> & { readonly params?: object } = {},
) {
  const facts = soundFacts(NOON, { serving: ['1.0.0'] });
  const sound = facts.evidence.find(({ predicateType }) => predicateType === REHEARSAL)!;
  const evidence = all.map((each, i) => ({
    ...sound,
    rehearsal: { ...sound.rehearsal!, at: NOON - (i + 1) * MINUTE_MS, ...each },
  }));
  const asked = { from: 'production', maxAgeMs: 3_600_000, longestStallMs: 500, underLoad: true, ...params };
  return rehearsed.judge(asked, { ...facts, evidence, ...more }, { kind: 'promotion' });
}

test('a policy that asks for it has no data of a rehearsal without it, and is told what to run', () => {
  expect(judge([{}])).toMatchObject({
    verdict: 'no-data',
    because: 'the newest rehearsal on a copy of production ran nothing under load',
    unblock: expect.stringMatching(
      /headgate rehearse sha256:\w+ --from STORE --config FILE --under-load --key KEY --attach$/,
    ),
  });
  expect(judge([{}], { params: { underLoad: false } }).verdict).toBe('pass');
  expect(judge([{}], { params: { underLoad: 'yes' } }).verdict).toBe('error');
});

test('what went well is told with the version, the interruptions and the longest transaction', () => {
  expect(judge([loaded('1.0.0')])).toMatchObject({
    verdict: 'pass',
    because: expect.stringContaining(
      '; interrupted 9 times while users of 1.0.0 carried out 400 business transactions, it lost and doubled none, and one took at most 2 s 18 ms',
    ),
  });
  expect(judge([loaded('1.0.0')], { params: { underLoad: false } }).because).not.toContain('interrupted');
});

test('of a tenant that is held it is told that users were turned away, and no more', () => {
  const { because, verdict } = judge([loaded('1.0.0', { held: true })]);
  expect(verdict).toBe('pass');
  expect(because).toContain(
    '; interrupted 9 times while its tenant was held, it came out the same, and its restore point, too; 400 business transactions of users of 1.0.0 were turned away meanwhile',
  );
  expect(because).not.toContain('lost');
});

test('users have to have worked with every version that serves, in one cell’s rehearsal or another’s', () => {
  const serving = ['1.0.0', '1.0.1'];
  expect(judge([loaded('1.0.0')], { serving })).toMatchObject({
    verdict: 'no-data',
    because:
      'nobody worked with 1.0.1 while its migrations ran in a rehearsal on a copy of production, and that serves',
    unblock: expect.stringMatching(/^rehearse it where 1\.0\.1 runs/),
  });
  expect(judge([loaded('1.0.0'), loaded('1.0.1')], { serving }).verdict).toBe('pass');
  expect(judge([loaded('1.0.0'), { ok: false, because: ['x'], ...loaded('1.0.1') }], { serving }).verdict).toBe(
    'no-data',
  );
  expect(judge([loaded('1.0.0')], { serving: undefined as never })).toMatchObject({
    verdict: 'no-data',
    because: 'it isn’t known which versions serve where the plan begins',
  });
});

test('a few transactions are none, neither the newest rehearsal’s nor another cell’s', () => {
  expect(judge([loaded('1.0.0', { transactions: 20 })]).verdict).toBe('pass');
  expect(judge([loaded('1.0.0', { transactions: 19 })])).toMatchObject({
    verdict: 'no-data',
    because:
      '19 business transactions ended while the migrations ran in the newest rehearsal on a copy of production, and at least 20 have to',
    unblock: expect.stringContaining('--sessions'),
  });
  const serving = ['1.0.0', '1.0.1'];
  expect(judge([loaded('1.0.0'), loaded('1.0.1', { transactions: 1 })], { serving })).toMatchObject({
    verdict: 'no-data',
    because: expect.stringContaining('nobody worked with 1.0.1'),
  });
});

test('business transactions of another Verification count only where the policy names it', () => {
  const other = { name: 'smoke', digest: digestOf('smoke') };
  expect(judge([loaded('1.0.0', { verification: other })])).toMatchObject({
    verdict: 'no-data',
    because: expect.stringContaining(`ran smoke (${other.digest}) under load`),
  });
  const named = { params: { verification: other.digest } };
  expect(judge([loaded('1.0.0', { verification: other })], named).verdict).toBe('pass');
  expect(judge([loaded('1.0.0')], named).verdict).toBe('no-data');
  expect(judge([loaded('1.0.0')], { verification: undefined as never }).verdict).toBe('no-data');
});
