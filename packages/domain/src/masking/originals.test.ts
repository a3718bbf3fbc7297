/** Originals are found in a masked copy however somebody wrote them down there. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Originals } from './originals.ts';

describe('originals', () => {
  const seed = { low: 7, high: 11 };
  const of = (...values: string[]): Originals => {
    const originals = new Originals(seed);
    for (const value of values) {
      for (const digest of originals.digests(value)) originals.add(digest);
    }
    return originals;
  };

  test('are found in any text, whatever stands between their words', () => {
    const originals = of('anna.meier@firma.example', 'Ännchen Großmann', '+49 (30) 901820-14');
    for (const text of [
      'write to ANNA.MEIER@firma.example!',
      '{"mail": "anna.meier@firma.example"}',
      '{x,anna.meier@firma.example}',
      'Frau Ännchen  GROßMANN, Berlin',
      'tel 49/30/901820 14.',
    ])
      expect(originals.isIn(text), text).toBe(true);
    for (const text of ['anna.meier@firma.examples', 'anna meier', 'Ännchen', '49 30 901820', ''])
      expect(originals.isIn(text), text).toBe(false);
  });

  test('are found wherever they stand, and nothing else is', () => {
    const word = fc.stringMatching(/^[a-z]{4,9}$/);
    const value = fc.array(word, { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), value, fc.nat(), (values, around, n) => {
        const originals = of(...values.map((words) => words.join(' ')));
        const one = values[n % values.length] as string[];
        expect(originals.isIn([...around, ...one, ...around].join('-'))).toBe(true);
        const text = around.map((each) => `${each}q7`);
        expect(originals.isIn(text.join(' '))).toBe(false);
      }),
    );
  });

  test('that say nothing of anybody are not looked for, and those that are dropped no longer', () => {
    const originals = of('Max', '12345', '...', '', 'Meier', '123456');
    expect(originals.count).toBe(2);
    expect(originals.drop(originals.digests('meier')[0]!)).toBe(true);
    expect(originals.drop(originals.digests('meier')[0]!)).toBe(false);
    expect([originals.count, originals.isIn('Meier'), originals.isIn('123456')]).toEqual([1, false, true]);
    expect([...originals.all()]).toHaveLength(1);
  });

  test('with another seed have other digests', () => {
    expect(new Originals({ low: 8, high: 11 }).digests('Meier')).not.toEqual(of().digests('Meier'));
  });

  const someone = of(
    'ann.smith@example.org',
    'José Müller',
    '+49 30 1234567',
    'Ann Smith',
    'DE89 3704 0044 0532 0130 00',
  );
  const base64 = (text: string): string => Buffer.from(text).toString('base64');

  test.each([
    ['an address', 'GET /u?name=Ann%20Smith&x=1'],
    ['an address in one', 'GET /next?to=%2Fu%3Fname%3DJos%25C3%25A9%2520M%25C3%25BCller'],
    ['JSON in a text', '{"name": "Jos\\u00e9 M\\u00fcller"}'],
    ['JSON in JSON', JSON.stringify(JSON.stringify({ name: 'Jos\\u00e9 M\\u00fcller' }))],
    ['the end of a line in JSON', '{"t":"Dear\\nAnn Smith"}'],
    ['other languages’ strings', '"\\tAnn\\x20Smith"'],
    ['HTML', '<b>Jos&eacute;&nbsp;M&#252;ller</b>'],
    ['mail', 'Jos=C3=A9 M=C3=BCller'],
    ['a broken line of mail', 'Ann Smi=\r\nth'],
    ['letters and marks', 'José Müller'.normalize('NFD')],
    ['wide letters', 'Ａnn Ｓmith'],
    ['a soft hyphen', 'Ann Smi\u00adth'],
    ['no width', 'Ann\u00a0Smi\u200bth'],
    ['a number without blanks', 'tel:+49301234567.'],
    ['other groups', '+49 (30) 123 45 67'],
    ['the number of an account', 'to DE89370400440532013000 from'],
    ['base64', `token ${base64('Ann Smith')} end`],
    ['base64 of JSON', base64('{"mail":"ann.smith@example.org"}')],
    ['hexadecimal', '\\x416e6e20536d697468'],
  ])('are found as %s writes them', (_, text) => {
    expect(someone.isIn(text), text).toBe(true);
  });

  test.each([
    'Ann Smithson',
    'annsmith',
    '+49 30 1234568',
    '+49 30 12345678',
    'DE89 3704 0044 0532 0130 01',
    '49 30',
    '%',
    '%zz',
    '\\u12',
    '&#1114112;',
    '&;',
    '=',
    `${base64('Ann Smyth')}`,
    'x'.repeat(10_000),
    '\\'.repeat(1_000),
    '49 and 301234567',
    'A'.repeat(13),
  ])('aren’t found in %s', (text) => {
    expect(someone.isIn(text)).toBe(false);
  });

  test.each([
    ['10.123.45.67', '10.12.345.67'],
    ['2001:db8:1::12', '2001:db8:11::2'],
  ])('an address %s isn’t found in another one, %s', (one, other) => {
    expect([of(one).isIn(one), of(one).isIn(other)]).toEqual([true, false]);
  });

  test('are found through any escapes, however they are put into one another', () => {
    const wraps: readonly ((text: string) => string)[] = [
      (text) => JSON.stringify({ said: text }),
      (text) => `/x?y=${encodeURIComponent(text)}`,
      (text) => text.replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
      (text) => text.replace(/[&<>"ü]/g, (c) => `&#${c.charCodeAt(0)};`),
    ];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...wraps), { maxLength: 3 }),
        fc.string({ unit: 'grapheme' }),
        (how, around) => {
          const text = how.reduce((last, wrap) => wrap(last), `José Müller ${around.toWellFormed()}`);
          expect(someone.isIn(text), text).toBe(true);
        },
      ),
    );
  });
});
