import { analyse, loadParser } from '@headgate/migrations';
import { expect, it } from 'vitest';
import { filesOf, measureAnalyse } from './analyse.ts';
import { figure } from './figure.ts';

it('an analysis that misses what the files hold is no figure', async () => {
  await loadParser();
  const files = filesOf(20);
  expect(measureAnalyse(files)).toBeGreaterThan(0);
  const blind: typeof analyse = (all, options) => {
    const report = analyse(all, options);
    return { ...report, findings: report.findings.filter(({ rule }) => rule !== 'rewrite-under-lock') };
  };
  expect(figure('migrations-analysed', measureAnalyse(files, blind)).ok).toBe(false);
  const lazy: typeof analyse = (all, options) => analyse(all.slice(1), options);
  expect(figure('migrations-analysed', measureAnalyse(files, lazy)).ok).toBe(false);
});
