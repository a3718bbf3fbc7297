/** What the gate `rehearsed` asks of business transactions. */
import { NOON, soundFacts } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import type { BusinessEvidence } from '../rehearsal/business.ts';
import type { RehearsalEvidence } from '../rehearsal/rehearsal.ts';
import { REHEARSAL, rehearsed } from './rehearsed.ts';

const BOTH: BusinessEvidence = { old: ['1.0.0'], new: true };

function judge(asked: unknown, business: BusinessEvidence | undefined, more: Partial<RehearsalEvidence> = {}) {
  const facts = soundFacts(NOON);
  const evidence = facts.evidence.map((each) =>
    each.predicateType === REHEARSAL
      ? { ...each, rehearsal: { ...each.rehearsal!, ...more, ...(business === undefined ? {} : { business }) } }
      : each,
  );
  const params = { from: 'production', maxAgeMs: 3_600_000, longestStallMs: 500 };
  return rehearsed.judge(
    asked === undefined ? params : { ...params, business: asked },
    { ...facts, evidence },
    { kind: 'promotion' },
  );
}

test.each<[what: string, asked: unknown, business: BusinessEvidence | undefined, verdict: string]>([
  ['nobody asks, nobody ran them', undefined, undefined, 'pass'],
  ['both are asked for, both went well', 'old-and-new', BOTH, 'pass'],
  ['the new one is asked for, both went well', 'new', BOTH, 'pass'],
  ['the new one is asked for, and alone was run', 'new', { old: [], new: true }, 'pass'],
  ['both are asked for, the old one wasn’t run', 'old-and-new', { old: [], new: true }, 'no-data'],
  ['both are asked for, the new one wasn’t run', 'old-and-new', { old: ['1.0.0'], new: false }, 'no-data'],
  ['the new one is asked for, only the old one was run', 'new', { old: ['1.0.0'], new: false }, 'no-data'],
  ['both are asked for, of a statement without them', 'old-and-new', undefined, 'no-data'],
  ['the new one is asked for, of a statement without them', 'new', undefined, 'no-data'],
  ['something unknown is asked for', 'all', BOTH, 'error'],
  ['false isn’t a way to ask for none', false, BOTH, 'error'],
])('%s', (_, asked, business, verdict) => {
  expect(judge(asked, business).verdict).toBe(verdict);
});

test('what is missing is said, with what to run; what went well is told with the version that ran', () => {
  const digest = soundFacts(NOON).release.digest;
  expect(judge('old-and-new', { old: [], new: true })).toMatchObject({
    because: 'the newest rehearsal on a copy of production ran no business transactions of the old version',
    unblock: expect.stringContaining(`headgate rehearse ${digest} --from STORE --config FILE --key KEY --attach`),
  });
  expect(judge('new', undefined).because).toContain('ran no business transactions of the new version');
  expect(judge('old-and-new', BOTH).because).toMatch(
    /; the new version’s business transactions went well, as those of 1\.0\.0 did$/,
  );
});

test('of one that did not go well nothing else counts', () => {
  expect(judge('new', BOTH, { ok: false, because: ['x'] }).verdict).toBe('fail');
});
