import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { analyse } from '../analyse.ts';
import { loadParser } from '../parse/parser.ts';
import { sarifOf, uriOf } from './sarif.ts';
import { squawkMissing, squawkRun } from './squawk.ts';

beforeAll(loadParser);

// What the specification asks of a log, as far as a log of ours can hold it (SARIF 2.1.0, sections 3.13 to 3.52).
const text = z.strictObject({ text: z.string().min(1) });
const position = z.number().int().min(1);
const level = z.enum(['none', 'note', 'warning', 'error']);
const region = z
  .strictObject({
    startLine: position,
    startColumn: position.optional(),
    endLine: position.optional(),
    endColumn: position.optional(),
    byteOffset: z.number().int().min(0).optional(),
    byteLength: z.number().int().min(0).optional(),
    snippet: text.optional(),
  })
  .refine(({ startLine, endLine }) => endLine === undefined || endLine >= startLine);
const uri = z.string().refine((value) => /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-F]{2})*$/.test(value));
const location = z.strictObject({
  physicalLocation: z.strictObject({ artifactLocation: z.strictObject({ uri }), region }),
});
const log = z.strictObject({
  $schema: z.url(),
  version: z.literal('2.1.0'),
  runs: z.array(
    z.strictObject({
      tool: z.strictObject({
        driver: z.strictObject({
          name: z.string().min(1),
          version: z.string().optional(),
          rules: z.array(z.strictObject({ id: z.string().min(1), shortDescription: text })).optional(),
        }),
      }),
      columnKind: z.enum(['utf16CodeUnits', 'unicodeCodePoints']),
      artifacts: z.array(z.strictObject({ location: z.strictObject({ uri }) })).optional(),
      results: z.array(
        z.strictObject({
          ruleId: z.string().min(1),
          ruleIndex: z.number().int().min(0).optional(),
          level,
          message: text,
          locations: z.array(location).min(1),
          properties: z.record(z.string(), z.unknown()).optional(),
        }),
      ),
      invocations: z
        .array(
          z.strictObject({
            executionSuccessful: z.boolean(),
            toolExecutionNotifications: z.array(z.strictObject({ level, message: text })).optional(),
          }),
        )
        .optional(),
    }),
  ),
});

const report = () =>
  analyse([
    { name: 'my files/größe #1.sql', text: `select 'ü';\ncreate index on t(a);\nselec` },
    { name: '2.sql', text: 'create table a(b int)' },
  ]);

describe('SARIF', () => {
  it('is what the specification asks for', () => {
    const made = sarifOf(report(), [squawkMissing('not installed')]);
    expect(log.parse(JSON.parse(JSON.stringify(made)))).toBeDefined();
  });

  it('names every finding by its rule, at its place', () => {
    const [run] = sarifOf(report()).runs;
    expect(run?.results.map(({ ruleId, level: of }) => [ruleId, of])).toContainEqual([
      'index-build-under-lock',
      'error',
    ]);
    for (const { ruleId, ruleIndex } of run?.results ?? [])
      expect(run?.tool.driver.rules?.[ruleIndex ?? -1]?.id).toBe(ruleId);
    expect(run?.results[0]?.locations[0]?.physicalLocation).toMatchObject({
      artifactLocation: { uri: 'my%20files/gr%C3%B6%C3%9Fe%20%231.sql' },
      region: { startLine: 2, startColumn: 1, byteOffset: 13, byteLength: 20 },
    });
  });

  it('a path is a relative reference', () => {
    expect(uriOf('a b/c?.sql')).toBe('a%20b/c%3F.sql');
    expect(uriOf('..\\a.sql')).toBe('../a.sql');
  });
});

describe('a second opinion', () => {
  it('keeps its findings, with places that count from 1', () => {
    const printed =
      '[{"file":"a.sql","line":2,"column":0,"level":"Error","message":"expected command","help":null,"rule_name":"syntax-error","column_end":0,"line_end":2}]';
    const run = squawkRun(printed, '2.66.0');
    expect(run).toMatchObject({
      tool: { driver: { name: 'squawk', version: '2.66.0' } },
      results: [
        {
          ruleId: 'syntax-error',
          level: 'error',
          message: { text: 'expected command' },
          locations: [{ physicalLocation: { region: { startLine: 3, startColumn: 1 } } }],
        },
      ],
    });
    expect(log.parse(sarifOf(report(), [run]))).toBeDefined();
  });

  it.each(['', 'error: no such file', '{}', 'null'])(
    'that can’t be read (%j) says so, and is no silence',
    (printed) => {
      const run = squawkRun(printed, undefined);
      expect(run.invocations).toMatchObject([{ executionSuccessful: false }]);
    },
  );
});
