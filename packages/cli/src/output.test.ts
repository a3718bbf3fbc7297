import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { output, printable, table } from './output.ts';

/** What a terminal would act on, or a reader would not see. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function said(json: boolean, text: string): string {
  const stream = new PassThrough();
  const out = output(json, stream);
  out.answer({ text }, `${text}\n${table(['A'], [[text]])}`);
  out.event({ text }, text);
  return String(stream.read());
}

test.each([
  ['\u001b[2J\u001b]0;owned\u0007', '‹U+001B›[2J‹U+001B›]0;owned‹U+0007›'],
  ['\u009b31m', '‹U+009B›31m'],
  ['approved by \u202eecila', 'approved by ‹U+202E›ecila'],
  ['a\r\nb\tc', 'a b c'],
  ['שלום <b>', 'שלום <b>'],
])('%j is one line that can be seen', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('whatever somebody wrote, nothing of it reaches the terminal that can’t be seen; and JSON says the same to programs', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(said(false, text).replace(/[\n\t\u200d]/g, '')).not.toMatch(HARMFUL);
      const [line = ''] = said(true, text).split('\n');
      expect(line.replace(/\u200d/g, '')).not.toMatch(HARMFUL);
      expect(JSON.parse(line)).toEqual({ text });
    }),
  );
});
