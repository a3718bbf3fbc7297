import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainText } from './plain-text.ts';

test('a text of a tenant is bounded, well-formed and without control characters, wherever it is cut', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(20), (text, most) => {
      const plain = plainText(text, most);
      expect(plain.length).toBeLessThanOrEqual(most);
      expect(plain.isWellFormed()).toBe(true);
      expect(plain).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
    }),
  );
  expect(plainText('x😀', 2)).toBe('x\ufffd');
  expect(plainText('19\u001b[2J\nlevel=error', 40)).toBe('19\ufffd[2J\ufffdlevel=error');
  expect(plainText('19.0.1.0.2 déjà 中', 40)).toBe('19.0.1.0.2 déjà 中');
});
