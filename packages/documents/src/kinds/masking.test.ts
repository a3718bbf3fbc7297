import { describe, expect, test } from 'vitest';
import { parseDocuments } from './parse-documents.ts';

const KEY = '{env: HEADGATE_MASK_KEY}';

function problem(rules: string, key = KEY, more = ''): string {
  const spec = `{key: ${key}, rules: [${rules}]${more}}`;
  const text = `apiVersion: headgate/v1\nkind: Masking\nmetadata: {name: people, owner: ops}\nspec: ${spec}\n`;
  const result = parseDocuments(text, { file: 'm.yaml' });
  return result.ok ? '' : result.problems.map((p) => p.message).join('; ');
}

const rule = (more: string) => `{table: customer, column: email, ${more}}`;

describe('a Masking', () => {
  test.each([
    rule('mask: email'),
    rule('mask: email, domain: mail.example'),
    rule('mask: person-name, part: last'),
    rule('mask: date, by: id, days: 30'),
    '{table: "*.customer", column: email, mask: email}',
    rule('mask: amount, percent: 3, keepTotalBy: [region]'),
    rule('mask: json, fields: [{field: e-mail, as: email}]'),
    `${rule('mask: text')}, {table: hr.customer, column: email, mask: text, with: removed}`,
  ])('may have the rule %s', (rules) => {
    expect(problem(rules)).toBe('');
  });

  test.each([
    ['a masker that nobody knows', rule('mask: emal'), 'expected a rule'],
    ['an option of another masker', rule('mask: email, days: 3'), 'the unknown field "days"'],
    ['days without whose they are', rule('mask: date'), 'by'],
    ['a table with a semicolon', '{table: "a; drop", column: b, mask: code}', 'a table, schema.table or *.table'],
    ['a column twice', `${rule('mask: email')}, ${rule('mask: code')}`, 'only once'],
    [
      'a column twice, its schema said once',
      `${rule('mask: email')}, {table: public.customer, column: email, mask: code}`,
      'only once',
    ],
    ['too much noise', rule('mask: amount, percent: 90'), 'a whole number from 1 to 50'],
    ['no rule', '', '1 to 2000'],
  ])('with %s is refused', (_, rules, words) => {
    expect(problem(rules)).toContain(words);
  });

  test.each([
    ['its key in it', 'abcdefghijklmnop', 'by reference'],
    ['another variable as its key', '{env: AWS_SECRET_ACCESS_KEY}', 'begins with HEADGATE_MASK_'],
    ['a key elsewhere', '{file: ../../etc/key}', 'a relative file path'],
  ])('with %s is refused', (_, key, words) => {
    expect(problem(rule('mask: email'), key)).toContain(words);
  });
});
