import { waiversBlock } from '@headgate/domain/gates/finding-waivers';
import { describe, expect, test } from 'vitest';
import { parseDocuments, readDocument } from './parse-documents.ts';
import { checkWaivers } from './waivers.ts';

const WHOLE = {
  file: `sha256:${'0f'.repeat(32)}`,
  rule: 'destroys-data',
  because: 'the notes were archived (usr_dba)',
  until: '2026-12-31',
};

function policy(more: object): string {
  const fields = Object.entries({ ...WHOLE, ...more }).map(
    ([key, value]) => `            ${key}: ${JSON.stringify(value)}`,
  );
  return `apiVersion: headgate/v1
kind: Policy
metadata: {name: careful, owner: ops}
spec:
  rollbackScope: all
  limits: {latestFinishMs: 1000, approvalMs: 1000}
  gates:
    - gate: migrations-analysed
      params:
        maxAgeMs: 1000
        longestStallMs: 1000
        waivers:
          -
${fields.join('\n')}
`;
}

function said(text: string): readonly string[] {
  const parsed = parseDocuments(text, { file: 'policy.yaml' });
  if (!parsed.ok) throw new Error(parsed.problems.map((p) => p.message).join('\n'));
  return checkWaivers(parsed.documents).map((p) => p.message);
}

describe('a waiver', () => {
  test.each<object>([
    {},
    { until: '2028-02-29' },
    { until: '2026-12-31T18:00Z' },
    { until: '2026-12-31T18:00:00Z' },
    { until: '1999-01-01' },
  ])('that makes sense is taken, also one that has ended: %j', (more) => expect(said(policy(more))).toEqual([]));

  const day = 'the waiver’s last day, like 2026-12-31, or a time in UTC, like 2026-12-31T18:00:00Z';
  test.each<[object, string]>([
    [{ file: 'sha256:1' }, ':14:19 spec.gates[0].params.waivers[0].file: expected the digest of the migration’s file'],
    [{ file: WHOLE.file.toUpperCase() }, ':14:19 spec.gates[0].params.waivers[0].file: expected the digest'],
    [{ file: '0f'.repeat(32) }, ':14:19 spec.gates[0].params.waivers[0].file: expected the digest'],
    [{ rule: 'phase-understated' }, 'which nothing waives: declare the migration as contract'],
    [{ rule: 'destroy-data' }, 'found "destroy-data", did you mean "destroys-data"?'],
    [
      { rule: 'destroys-data ' },
      ':15:19 spec.gates[0].params.waivers[0].rule: expected a rule of the analysis: one of ',
    ],
    [{ because: '  ' }, ':16:22 spec.gates[0].params.waivers[0].because: expected why it is taken upon oneself'],
    [
      { until: '2027-02-31' },
      `:17:20 spec.gates[0].params.waivers[0].until: expected ${day}, found "2027-02-31", which no calendar has`,
    ],
    [{ until: '2027-02-29' }, 'which no calendar has'],
    [{ until: '2027-13-01' }, 'which no calendar has'],
    [{ until: '2026-02-30T10:00:00Z' }, `expected ${day}, found "2026-02-30T10:00:00Z"`],
    [{ until: '2026-12-31T24:00:00Z' }, `expected ${day}`],
    [{ until: '2026-12-31T18:00:00+01:00' }, `expected ${day}`],
    [{ until: 'next year' }, `expected ${day}, found "next year"`],
  ])('with %j is refused, with its place and what was expected', (more, expected) => {
    expect(said(policy(more)).join('\n')).toContain(expected);
  });

  test('that was declared before these rules is still read as it was stored', () => {
    const parsed = parseDocuments(policy({ rule: 'phase-understated', until: '2027-02-31' }), { file: 'policy.yaml' });
    const [stored] = parsed.ok ? parsed.documents : [];
    expect(readDocument(stored?.content, 'Policy')).toMatchObject({ ok: true });
  });
});

test('waivers that a refusal proposes are taken as they stand once somebody wrote their reasons, and not before', () => {
  const asked = ['destroys-data', 'breaks-running-code'].map((rule) => ({
    file: WHOLE.file as never,
    rule,
    name: '5 # x.sql',
  }));
  const block = waiversBlock(asked, Date.UTC(2026, 11, 31, 12));
  const text = (waivers: string) => {
    const own = policy({});
    const lines = waivers.split('\n').map((line) => `        ${line}`);
    return `${own.slice(0, own.indexOf('        waivers:'))}${lines.join('\n')}\n`;
  };
  expect(() => said(text(block))).toThrow(
    /waivers\[0\]\.because: expected a text.*\n.*waivers\[1\]\.because: expected/,
  );
  expect(said(text(block.replaceAll('because: ""', 'because: "ada looked"')))).toEqual([]);
});
