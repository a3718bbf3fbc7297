import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Masker, mask, spellings } from './masking.ts';

const SECRET = 'p@ss/w0rd+"é\'x';

test.each([
  ['as it is', SECRET],
  ['in a URL', encodeURIComponent(SECRET)],
  ['in a URL with small digits', encodeURIComponent(SECRET).toLowerCase()],
  ['in JSON', JSON.stringify(SECRET)],
  ['as hexadecimal digits', Buffer.from(SECRET).toString('hex')],
  ['in base64', Buffer.from(SECRET).toString('base64')],
  ['in base64 for URLs', Buffer.from(SECRET).toString('base64url')],
  ['in base64 behind one byte', Buffer.from(`u${SECRET}`).toString('base64')],
  ['in base64 behind two bytes', Buffer.from(`u:${SECRET}:more`).toString('base64')],
])('a secret doesn’t show %s', (_, spelled) => {
  const shown = mask(`before ${spelled} after`, [SECRET]);
  expect(shown).toMatch(/^before .*\*\*\*.* after$/);
  // What is left of an encoded one are the characters that its neighbours have a part in.
  expect(shown.length).toBeLessThan('before *** after'.length + 14);
});

test('a line of a key doesn’t show by itself, and short texts aren’t secrets', () => {
  const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END KEY-----';
  expect(mask('read MIIEvQIBADANBgkqhkiG9w0BAQEFAASC there', [key])).toBe('read *** there');
  expect(mask('a b c', ['b', ''])).toBe('a b c');
});

test('the base64 of a long secret doesn’t show where it is wrapped', () => {
  const secret = 'x1Y2z3'.repeat(40);
  const wrapped = Buffer.from(secret).toString('base64').replace(/.{76}/g, '$&\n');
  expect(mask(wrapped, [secret])).toMatch(/^(\*\*\*\n?)+$/);
});

test('of two secrets that begin alike the longer one is masked whole, wherever the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 20 }), (cuts) => {
      const masker = new Masker(spellings(['secret', 'secret-and-more', 'more-than-that']));
      const text = Buffer.from('x secret-and-more y secret z secret-and-mor more-than-that');
      let out = '';
      let at = 0;
      for (const cut of cuts) {
        out += masker.push(text.subarray(at, at + cut)).toString();
        at = Math.min(text.length, at + cut);
      }
      out += masker.push(text.subarray(at)).toString() + masker.end().toString();
      expect(out).toBe('x *** y *** z ***-and-mor ***');
    }),
  );
});

test('whatever surrounds it and wherever it is cut, a secret never shows, and the rest does', () => {
  const plain = fc.string({ unit: fc.constantFrom('a', 'ü', ' ', '\n', 'Z'), maxLength: 40 });
  fc.assert(
    fc.property(plain, plain, fc.integer({ min: 0, max: 120 }), (before, after, cut) => {
      const masker = new Masker(spellings(['0123-4567-89']));
      const bytes = Buffer.from(`${before}0123-4567-89${after}`);
      const parts = [masker.push(bytes.subarray(0, cut)), masker.push(bytes.subarray(cut)), masker.end()];
      expect(Buffer.concat(parts).toString()).toBe(`${before}***${after}`);
    }),
  );
});
