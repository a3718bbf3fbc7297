import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PsaVersion } from './build.ts';

const APP = path.join(path.dirname(fileURLToPath(import.meta.url)), 'app');

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * The argument vector that runs a release's own tests. Exit code 0 means that all passed; the readable log goes to
 * standard output, the machine-readable report (JUnit XML) to `reportFile`.
 */
export function testCommand(version: PsaVersion, reportFile: string): string[] {
  return [
    process.execPath,
    '--test',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=junit',
    `--test-reporter-destination=${reportFile}`,
    ...specsIn(path.join(APP, 'core', 'tests')),
    ...specsIn(path.join(APP, 'releases', version, 'tests')),
  ];
}

/** The counts of a report that `testCommand` wrote. Throws when it is not whole: a cut report proves nothing. */
export function parseTestCounts(junit: string): TestCounts {
  const count = (name: string): number => {
    const match = new RegExp(`<!-- ${name} (\\d+) -->`).exec(junit);
    if (match?.[1] === undefined) throw new Error(`the test report does not say how many tests have "${name}"`);
    return Number(match[1]);
  };
  const failed = count('fail') + count('cancelled');
  return { passed: count('pass'), failed, skipped: count('skipped') + count('todo') };
}

function specsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.spec.ts'))
    .sort()
    .map((name) => path.join(folder, name));
}
