import type { Digest } from '../model/identity.ts';
import { type Gate, pass, stop, wholeNumber } from './gate.ts';

/** Predicate type of in-toto's test result attestation. */
export const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1';

/** Signed test results for this very digest: none failed, exit code 0, and at least `minimum` passed. */
export const testsPassed: Gate = {
  name: 'tests-passed',
  asks: 'Are there signed results of its tests, all of them green, and enough of them?',
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['minimum'],
    properties: { minimum: { type: 'integer', minimum: 1, description: 'So many passed tests in one result' } },
  },
  at: 'promotion',
  judge(params, facts) {
    const name = 'tests-passed';
    const minimum = wholeNumber(params, 'minimum');
    if (minimum === undefined || minimum < 1)
      return stop(
        name,
        'error',
        'the policy gives no minimum count of tests',
        'set params.minimum in the policy',
        'release manager',
      );
    const results = facts.evidence.filter(
      (e) => e.predicateType === TEST_RESULT && e.subject === facts.release.digest && e.verified,
    );
    if (results.length === 0)
      return stop(
        name,
        'no-data',
        'no verified test result names this release',
        attachResult(facts.release.digest),
        'developer',
      );
    // Every result counts: a red run beside a green one is a red release until it is explained by a waiver.
    const red = results.find((e) => e.result === undefined || e.result.exitCode !== 0 || e.result.failed > 0);
    if (red !== undefined) {
      const why =
        red.result === undefined
          ? 'it carries no counts'
          : `${red.result.failed} failed, exit code ${red.result.exitCode}`;
      return stop(
        name,
        'fail',
        `test result ${red.digest} is not green: ${why}`,
        'mend the tests and create a new release',
        'developer',
      );
    }
    const passed = Math.max(...results.map((e) => e.result?.passed ?? 0));
    if (passed < minimum)
      return stop(
        name,
        'fail',
        `${passed} tests passed, the policy asks for ${minimum}`,
        `attach a result with at least ${minimum} passed tests: ${attachResult(facts.release.digest)}`,
        'developer',
      );
    return pass(name, `${passed} tests passed, ${minimum} asked`);
  },
};

function attachResult(release: Digest): string {
  return `\`headgate evidence attach --release ${release} --key KEY --junit REPORT --run -- COMMAND\`, which runs the tests and signs what they did`;
}
