/**
 * in-toto's test result, v0.1, with an extension field of ours for what it can't say: command, exit code, log, counts.
 * Reading is fail-closed: figures that contradict each other are refused, never averaged.
 */
import type { Digest } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { digest, expects, list, text, whole } from '../schema/fields.ts';
import { dotted, problemsOf } from '../schema/problems.ts';
import { TEST_RESULT_PREDICATE, TEST_RUN_FIELD } from '../trust/predicates.ts';
import { type Statement, statementAbout } from '../trust/statement.ts';
import { kept } from '../words/unkept.ts';
import type { EvidenceFormat, TestRun } from './evidence.ts';

const MAX_TESTS = 50_000;
const testNames = list(z.string(expects('a text')).max(500, expects('at most 500 characters')), 0, MAX_TESTS);

const run = z.strictObject({
  command: list(text(4_096), 1, 64),
  exitCode: whole(0, 255),
  log: digest,
  passed: whole(0, MAX_TESTS),
  failed: whole(0, MAX_TESTS),
  skipped: whole(0, MAX_TESTS),
});

/** Loose outside of our field: in-toto asks readers to ignore what they don't know. */
export const testResultPredicate = z.object({
  result: z.enum(['PASSED', 'WARNED', 'FAILED'], expects('PASSED, WARNED or FAILED')),
  passedTests: testNames.optional(),
  warnedTests: testNames.optional(),
  failedTests: testNames.optional(),
  [TEST_RUN_FIELD]: run.optional(),
});

/** Names of the tests of a run, by how they ended. */
export interface TestNames {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

export interface TestResultContent {
  /** `psa@1.1.0`. */
  readonly release: string;
  /** The release's digest. */
  readonly subject: Digest;
  readonly command: readonly string[];
  readonly exitCode: number;
  /** Digest of the run's log. */
  readonly log: Digest;
  readonly tests: TestNames;
}

/** The statement to sign for a run of tests. A run with a failure or another exit code than 0 says FAILED. */
export function testResultStatement(content: TestResultContent): Statement {
  const { release, subject, command, exitCode, log, tests } = content;
  const failed = exitCode !== 0 || tests.failed.length > 0;
  return statementAbout(release, subject, TEST_RESULT_PREDICATE, {
    result: failed ? 'FAILED' : 'PASSED',
    configuration: [],
    passedTests: tests.passed.map(shortened),
    warnedTests: [],
    failedTests: tests.failed.map(shortened),
    [TEST_RUN_FIELD]: {
      command: [...command],
      exitCode,
      log,
      passed: tests.passed.length,
      failed: tests.failed.length,
      skipped: tests.skipped.length,
    },
  });
}

export const testResult: EvidenceFormat = {
  predicateType: TEST_RESULT_PREDICATE,
  duty: 'evidence',
  read(predicate) {
    const parsed = testResultPredicate.safeParse(predicate);
    if (!parsed.success) {
      const [problem] = problemsOf(parsed.error, predicate, testResultPredicate);
      const where = `predicate.${dotted(problem?.path ?? [])}`;
      return wrong(`at ${where}: expected ${problem?.expected}, found ${problem?.found}`, where);
    }
    const { result, passedTests, failedTests } = parsed.data;
    const ours = parsed.data[TEST_RUN_FIELD];
    const counted: TestRun =
      ours === undefined
        ? // Evidence from elsewhere: the lists are all there is, and no exit code is known but the verdict.
          {
            passed: passedTests?.length ?? 0,
            failed: failedTests?.length ?? 0,
            skipped: 0,
            exitCode: result === 'FAILED' ? 1 : 0,
            command: [],
          }
        : {
            passed: ours.passed,
            failed: ours.failed,
            skipped: ours.skipped,
            exitCode: ours.exitCode,
            command: ours.command,
            logDigest: ours.log,
          };
    if (ours !== undefined && (passedTests?.length !== ours.passed || failedTests?.length !== ours.failed)) {
      return wrong(
        'the lists of tests and the counts of the run contradict each other',
        `predicate["${TEST_RUN_FIELD}"]`,
      );
    }
    const red = counted.failed > 0 || counted.exitCode !== 0;
    if (red === (result !== 'FAILED')) {
      return wrong(
        `it says ${result} with ${counted.failed} failed tests and exit code ${counted.exitCode}`,
        'predicate.result',
      );
    }
    return { ok: true, result: counted };
  },
};

function wrong(why: string, where: string): Refused<'evidence-malformed'> {
  return refuse('evidence-malformed', 'test result', why, { where, unblock: 'create the evidence again from the run' });
}

function shortened(name: string): string {
  return kept(kept(name).slice(0, 500));
}
