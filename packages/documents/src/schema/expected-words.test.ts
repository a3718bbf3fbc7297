import { NAME_PATTERN } from '@headgate/domain';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { text } from './fields.ts';
import { problemsOf } from './problems.ts';

const branches = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('process') }),
  z.object({ kind: z.literal('odoo') }),
]);

test.each<[z.ZodType, unknown, string]>([
  [z.array(z.string()).min(1), [], 'a list of at least 1 item'],
  [z.array(z.string()).max(2), ['a', 'b', 'c'], 'a list of at most 2 items'],
  [z.array(z.string()).length(2), [], 'a list of 2 items'],
  [z.array(z.string()), 'a', 'a list'],
  [z.tuple([z.string()]), [], 'a list of at least 1 item'],
  [z.string().min(1), '', 'a text of at least 1 character'],
  [z.string().max(2), 'abc', 'a text of at most 2 characters'],
  [z.string().length(3), 'ab', 'a text of 3 characters'],
  [z.string(), undefined, 'a text'],
  [z.string().regex(NAME_PATTERN), 'A', expect.stringMatching(/^a name: 1 to 63 /) as unknown as string],
  [z.string().regex(/^[a-z]+$/), 'A', 'a text that fits /^[a-z]+$/'],
  [z.string().startsWith('/'), 'a', 'a text that begins with "/"'],
  [z.string().endsWith('.sql'), 'a', 'a text that ends with ".sql"'],
  [z.string().includes('*'), 'a', 'a text with "*" in it'],
  [z.url(), 'a', 'a URL'],
  [z.iso.date(), 'a', 'a text of the form date'],
  [z.int().min(5), 3, 'a number >= 5'],
  [z.number().gt(5), 5, 'a number > 5'],
  [z.int().max(5), 9, 'a number <= 5'],
  [z.number().lt(5), 5, 'a number < 5'],
  [z.int(), 1.5, 'a whole number'],
  [z.int(), 2 ** 60, 'a whole number <= 9007199254740991'],
  [z.number().multipleOf(2), 3, 'a multiple of 2'],
  [z.boolean(), 1, 'true or false'],
  [z.null(), 1, 'null'],
  [z.date(), 1, 'a value of the type date'],
  [z.enum(['red', 'green']), 'blue', 'one of red, green'],
  [z.literal('red'), 'blue', '"red"'],
  [z.strictObject({ a: z.string() }), [], 'a mapping (key: value)'],
  [z.record(z.string(), z.string()), 3, 'a mapping (key: value)'],
  [z.record(z.string().max(1), z.string()), { ab: 'x' }, 'a text of at most 1 character'],
  [z.union([z.boolean(), z.enum(['writes', 'pause'])]), 3, 'true or false, or one of writes, pause'],
  [branches, { kind: 'else' }, 'one of process, odoo'],
  [z.never(), 1, 'a value of the type never'],
  [z.string().refine(() => false, 'each column once'), 'a', 'each column once'],
  [text(3), '', 'a text of 1 to 3 characters'],
])('what a schema expects is said in our words: case %#', (schema, value, words) => {
  const parsed = schema.safeParse(value);
  expect(parsed.success).toBe(false);
  if (parsed.success) return;
  const [problem] = problemsOf(parsed.error, value, schema);
  expect(problem?.expected).toEqual(words);
  expect(problem?.expected).not.toMatch(/Too (small|big)|Invalid|received/);
});
