import { expect, test } from 'vitest';
import { notFoundOut, planText } from './plan-text.ts';

const verdict = (gate: string, said: string) => ({
  gate,
  verdict: said,
  because: `because of ${gate}`,
  unblock: 'look',
  who: 'operator',
});
const PLANNED = { text: 'Three waves.', plan: {}, verdicts: [] };

test('a gate without data holds it up, and is told there, once; what else isn’t known stands by itself', () => {
  const verdicts = ['pass', 'waived', 'pending', 'fail', 'no-data', 'error'].map((said) => verdict(`g-${said}`, said));
  const action = { kind: 'migrate', migrations: [{ id: '0002-note' }] };
  const plan = {
    gates: [...verdicts, verdict('restore-point', '')].map(({ gate }) => ({ gate, at: 'migrate' })),
    waves: [{ steps: [{ action }] }],
  };
  const unknown = notFoundOut({ plan, verdicts });
  expect(unknown.map(({ what }) => what)).toEqual(['g-no-data', 'g-error', 'migration 0002-note']);
  const [waits, notKnown] = planText({ ...PLANNED, plan, verdicts }, unknown).split('It could not find out:');
  for (const said of ['g-pending waits', 'g-fail refuses', 'g-no-data has no data', 'g-error can’t judge'])
    expect(waits).toContain(`- ${said}: because of g-`);
  expect(waits).toContain('Judged on the way: restore-point before each migrate step.');
  expect(waits).not.toMatch(/g-(pass|waived)/);
  expect(notKnown).toContain('- migration 0002-note');
  expect(notKnown).not.toContain('g-');
});

test('a plan that knows everything says that, too, and that nothing was touched', () => {
  expect(planText(PLANNED, [])).toMatch(
    /^Three waves\.\n\nNothing is left that it could not find out\.\n\nNothing was touched\. .* has no digest yet/,
  );
});
