import { expect, test } from 'vitest';
import { waiverLines } from './waivers-relied-on.ts';

const file = (n: number) => ({ name: `${n}.sql`, digest: `sha256:${n}` });
const waiver = (of: string, rule = 'breaks-running-code') => ({
  file: of,
  rule,
  because: 'ada looked',
  until: '2026-12-31',
});
const envelope = (waivers: unknown, files = [file(1), file(2)]) => ({
  release: { digest: 'sha256:r', version: '1.0.1' },
  cells: [{ steps: [{ action: {} }, { action: { migrations: files.map((each) => ({ file: each })) } }] }],
  gates: [{ gate: 'signature' }, { gate: 'migrations-analysed', params: { waivers } }],
});

test('of what the policy waives it names what is run, and the release itself, with the reason and the end', () => {
  const waivers = [waiver('sha256:2'), waiver('sha256:9'), waiver('sha256:r', 'older-code')];
  expect(waiverLines(envelope(waivers))).toEqual([
    '  waivers         breaks-running-code of 2.sql until 2026-12-31: ada looked',
    '                  older-code of release 1.0.1 until 2026-12-31: ada looked',
  ]);
});

test.each([[[waiver('sha256:9')]], [[]], [undefined], ['x'], [[null, { file: 'sha256:1' }]]])(
  'that nothing is waived is said, too: %j',
  (waivers) => {
    expect(waiverLines(envelope(waivers))).toEqual(['  waivers         none of what it runs']);
  },
);

test('many are counted', () => {
  const files = Array.from({ length: 30 }, (_, i) => file(i));
  const lines = waiverLines(
    envelope(
      files.map(({ digest }) => waiver(digest)),
      files,
    ),
  );
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toContain('and 10 more');
});
