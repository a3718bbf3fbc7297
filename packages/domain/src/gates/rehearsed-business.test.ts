/** What the gate `rehearsed` asks of business transactions. */
import { digestOf, MINUTE_MS, NOON, soundFacts } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import type { BusinessEvidence } from '../rehearsal/business.ts';
import type { RehearsalEvidence } from '../rehearsal/rehearsal.ts';
import type { GateFacts } from './gate.ts';
import { REHEARSAL, rehearsed } from './rehearsed.ts';

const verification = { name: 'business', digest: digestOf('business') };
const BOTH: BusinessEvidence = { old: ['1.0.0'], new: true, verification };

function judge(asked: unknown, business: BusinessEvidence | undefined, more: Partial<RehearsalEvidence> = {}) {
  const facts = soundFacts(NOON, { serving: ['1.0.0'] });
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
  ['the new one is asked for, and alone was run', 'new', { old: [], new: true, verification }, 'pass'],
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
  expect(judge('old-and-new', { old: [], new: true, verification })).toMatchObject({
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

/** Rehearsals of these, newest first, in place of the one. */
function judgeAll(
  all: readonly (Partial<RehearsalEvidence> & { readonly business?: BusinessEvidence })[],
  { params = {}, ...more }: Partial<GateFacts> & { readonly params?: object } = {},
) {
  const facts = soundFacts(NOON, { serving: ['1.0.0'] });
  const sound = facts.evidence.find(({ predicateType }) => predicateType === REHEARSAL)!;
  const evidence = all.map((each, i) => ({
    ...sound,
    rehearsal: { ...sound.rehearsal!, at: NOON - (i + 1) * MINUTE_MS, ...each },
  }));
  const asked = { from: 'production', maxAgeMs: 3_600_000, longestStallMs: 500, business: 'old-and-new', ...params };
  return rehearsed.judge(asked, { ...facts, evidence, ...more }, { kind: 'promotion' });
}
const ran = (...old: string[]) => ({ business: { old, new: true, verification } });

test('of several versions that serve every one has to have been run, not one of them', () => {
  const serving = ['1.0.0', '1.0.1', '1.0.0'];
  expect(judgeAll([ran('1.0.0')], { serving })).toMatchObject({
    verdict: 'no-data',
    because:
      'no business transactions of 1.0.1, which serves beside its migrations, were run in a rehearsal on a copy of production',
    unblock: expect.stringMatching(
      /^rehearse it where 1\.0\.1 runs, with STORE of that cell: headgate rehearse sha256:/,
    ),
  });
  expect(judgeAll([ran('1.0.1', '1.0.0')], { serving }).verdict).toBe('pass');
  // One that another cell ran is nobody's here.
  expect(judgeAll([ran('0.9.0')], { serving: ['1.0.0'] }).verdict).toBe('no-data');
  expect(judgeAll([ran('1.0.0')], { params: { business: 'new' }, serving }).verdict).toBe('pass');
});

test('where nobody looked which versions serve, that one was run is no pass', () => {
  const facts = soundFacts(NOON);
  const business = facts.evidence.map((each) =>
    each.rehearsal === undefined ? each : { ...each, rehearsal: { ...each.rehearsal, ...ran('1.0.0') } },
  );
  const params = { from: 'production', maxAgeMs: 3_600_000, longestStallMs: 500, business: 'old-and-new' };
  expect(rehearsed.judge(params, { ...facts, evidence: business }, { kind: 'promotion' })).toMatchObject({
    verdict: 'no-data',
    because: 'it isn’t known which versions serve where the plan begins',
  });
});

test('versions that serve in different cells may be run in rehearsals of their own, as far back as all went well', () => {
  const serving = ['1.0.0', '1.0.1'];
  const [one, other] = [ran('1.0.0'), ran('1.0.1')];
  expect(judgeAll([one, other], { serving })).toMatchObject({
    verdict: 'pass',
    because: expect.stringContaining('as those of 1.0.0 and 1.0.1 did'),
  });
  const failed = { ok: false, because: ['x'] };
  expect(judgeAll([one, { ...other, ...failed }], { serving }).verdict).toBe('no-data');
  expect(judgeAll([one, failed, other], { serving }).verdict).toBe('no-data');
  expect(judgeAll([one, { ...other, at: NOON - 3_600_001 }], { serving }).verdict).toBe('no-data');
  expect(judgeAll([one, { ...other, masked: false }], { serving, params: { masked: true } }).verdict).toBe('no-data');
  const by = { name: 'other', digest: digestOf('other') };
  expect(judgeAll([one, { business: { ...other.business, verification: by } }], { serving }).verdict).toBe('no-data');
});

test('another Verification than the Application’s counts only where the policy names it', () => {
  const other = { name: 'smoke', digest: digestOf('smoke') };
  const by = (which: BusinessEvidence['verification']) => [
    { business: { old: ['1.0.0'], new: true, ...(which && { verification: which }) } },
  ];
  expect(judgeAll(by(other))).toMatchObject({
    verdict: 'no-data',
    because: `the newest rehearsal on a copy of production ran those of smoke (${other.digest}); asked for are those of business (${verification.digest})`,
  });
  const named = { params: { verification: other.digest } };
  expect(judgeAll(by(other), named)).toMatchObject({
    verdict: 'pass',
    because: expect.stringContaining(
      'the new version’s business transactions (smoke) went well, as those of 1.0.0 did',
    ),
  });
  expect(judgeAll(by(verification), named).verdict).toBe('no-data');
  // Of one that was attached when nobody wrote it down, and of a plan that checks by none.
  expect(judgeAll(by(undefined)).because).toContain('doesn’t say by which Verification it ran');
  expect(judgeAll(by(verification), { verification: undefined as never }).verdict).toBe('no-data');
  expect(judgeAll(by(other), { params: { verification: 'smoke' } }).verdict).toBe('error');
});

test('what wasn’t looked at is told by the verdict that passes', () => {
  const missing = ['business transactions of 3 of the store’s 5 tenants', 'the copy wasn’t masked', 'c', 'd'];
  expect(judgeAll([{ ...ran('1.0.0'), missing }]).because).toMatch(
    /\. NOT LOOKED AT: business transactions of 3 of the store’s 5 tenants; the copy wasn’t masked; c; and 1 more$/,
  );
  expect(judgeAll([ran('1.0.0')]).because).not.toContain('NOT LOOKED AT');
});
