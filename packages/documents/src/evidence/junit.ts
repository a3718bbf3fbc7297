/**
 * JUnit XML, as nearly every test runner writes it, to names by outcome. Read as a stream of tags (saxes): no document
 * type, no entities of its own, bounded size, depth and count. Suites that claim more failures than their cases show are
 * refused: a runner reports a crash outside of any case that way.
 */
import { SaxesParser } from 'saxes';
import { type Refused, refuse } from '../refusal.ts';
import type { TestNames } from './test-result.ts';

/** Largest report, in bytes. */
export const MAX_JUNIT_BYTES = 32 * 1024 * 1024;
const MAX_DEPTH = 64;
const MAX_CASES = 50_000;

type Outcome = 'passed' | 'failed' | 'skipped';

interface OpenSuite {
  readonly name: string;
  /** Failures and errors that the suite claims. */
  readonly claimed: number;
  failed: number;
}

/** Reads a report. A test case with a `failure` or an `error` failed, with `skipped` was skipped, else passed. */
export function readJunit(
  xml: Uint8Array | string,
): { readonly ok: true; readonly tests: TestNames } | Refused<'junit-malformed'> {
  const wrong = (why: string, where = '') =>
    refuse('junit-malformed', 'JUnit report', why, {
      where,
      unblock: 'hand in the XML file that the test runner wrote',
    });
  if (xml.length > MAX_JUNIT_BYTES) return wrong(`it has ${xml.length} bytes, at most ${MAX_JUNIT_BYTES} are read`);
  const tests: Record<Outcome, string[]> = { passed: [], failed: [], skipped: [] };
  const suites: OpenSuite[] = [];
  const path: string[] = [];
  let current: { name: string; outcome: Outcome } | undefined;
  let trouble: Refused<'junit-malformed'> | undefined;
  const parser = new SaxesParser({ xmlns: false as const, position: true });
  const stop = (why: string): void => {
    trouble ??= wrong(why, `line ${parser.line}, column ${parser.columnIndex + 1}`);
  };
  parser.on('error', (error) => stop(error.message.replace(/^\d+:\d+: /, '')));
  parser.on('doctype', () => stop('a document type is not allowed'));
  parser.on('opentag', ({ name, attributes }) => {
    if (trouble !== undefined) return;
    path.push(name);
    if (path.length > MAX_DEPTH) return stop(`elements nest deeper than ${MAX_DEPTH}`);
    if (path.length === 1 && name !== 'testsuites' && name !== 'testsuite')
      return stop(`expected <testsuites> or <testsuite>, found <${name.slice(0, 50)}>`);
    if (name === 'testsuite' || name === 'testsuites') {
      if (current !== undefined) return stop('a test suite stands inside a test case');
      const claimed = count(attributes.failures) + count(attributes.errors);
      if (Number.isNaN(claimed))
        return stop(`the counts of suite "${(attributes.name ?? '').slice(0, 80)}" are not whole numbers`);
      suites.push({ name: attributes.name ?? '', claimed, failed: 0 });
    } else if (name === 'testcase') {
      if (current !== undefined) return stop('a test case stands inside a test case');
      current = { name: [attributes.classname, attributes.name].filter(Boolean).join(' › '), outcome: 'passed' };
    } else if (current !== undefined && path.at(-2) === 'testcase') {
      if (name === 'failure' || name === 'error') current.outcome = 'failed';
      else if (name === 'skipped' && current.outcome === 'passed') current.outcome = 'skipped';
    }
  });
  parser.on('closetag', ({ name }) => {
    if (trouble !== undefined) return;
    path.pop();
    if (name === 'testcase' && current !== undefined) {
      tests[current.outcome].push(current.name);
      if (current.outcome === 'failed') for (const suite of suites) suite.failed++;
      current = undefined;
      if (tests.passed.length + tests.failed.length + tests.skipped.length > MAX_CASES)
        stop(`more than ${MAX_CASES} test cases`);
    } else if (name === 'testsuite' || name === 'testsuites') {
      const suite = suites.pop();
      if (suite !== undefined && suite.claimed > suite.failed) {
        stop(
          `suite "${suite.name.slice(0, 80)}" claims ${suite.claimed} failures and errors, its cases show ${suite.failed}`,
        );
      }
    }
  });
  try {
    parser.write(typeof xml === 'string' ? xml : new TextDecoder('utf-8', { fatal: true }).decode(xml)).close();
  } catch (error) {
    // saxes throws only for use after a fault; the decoder for bytes that are no UTF-8.
    stop(error instanceof TypeError ? 'it is not UTF-8' : 'it is not well-formed XML');
  }
  return trouble ?? { ok: true, tests };
}

function count(attribute: string | undefined): number {
  if (attribute === undefined || attribute === '') return 0;
  return /^\d{1,9}$/.test(attribute) ? Number(attribute) : Number.NaN;
}
