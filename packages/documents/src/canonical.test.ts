import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { canonicalJson, isCanonicalText, MAX_DEPTH, NotCanonical } from './canonical.ts';
import { digestOf, digestOfJson, hexOf } from './digest.ts';

describe('canonical JSON', () => {
  it('equals the canonicalize library for every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        expect(canonicalJson(value)).toBe(canonicalize(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is read back as the same value, and does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), (value) => {
        // JSON has no minus zero.
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
      }),
    );
  });

  it('writes the example of RFC 8785 section 3.2.2', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units (RFC 8785 section 3.2.3)', () => {
    const value = {
      '\u20ac': 1,
      '\r': 2,
      '\ufb33': 3,
      '1': 4,
      '\ud83d\ude00': 5,
      '\u0080': 6,
      '\u00f6': 7,
      '10': 8,
      '9': 9,
    };
    expect(
      Object.values(
        JSON.parse(
          `[${canonicalJson(value)
            .replace(/"(?:[^"\\]|\\.)*":/g, '')
            .slice(1, -1)}]`,
        ),
      ),
    ).toEqual([2, 4, 8, 9, 6, 7, 1, 5, 3]);
  });

  test.each([
    ['NaN', { a: [Number.NaN] }, '/a/0'],
    ['Infinity', { a: Number.POSITIVE_INFINITY }, '/a'],
    ['undefined', { a: { b: undefined } }, '/a/b'],
    ['an undefined array item', [undefined], '/0'],
    ['bigint', { a: 1n }, '/a'],
    ['a function', { a: () => 1 }, '/a'],
    ['a symbol', { a: Symbol('x') }, '/a'],
    ['a lone surrogate', { a: '\ud800' }, '/a'],
    ['a lone surrogate in a key', { '\udc00': 1 }, '/\udc00'],
    ['a Date', { a: new Date(0) }, '/a'],
    ['a Map', { a: new Map() }, '/a'],
    ['bytes', { a: Buffer.from('x') }, '/a'],
  ])('refuses %s and names the place', (_, value, pointer) => {
    expect(() => canonicalJson(value)).toThrow(NotCanonical);
    try {
      canonicalJson(value);
    } catch (error) {
      expect((error as NotCanonical).pointer).toBe(pointer);
    }
  });

  it('refuses bottomless nesting and cycles', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => canonicalJson(cycle)).toThrow(`deeper than ${MAX_DEPTH}`);
  });
});

describe('digests', () => {
  it('are SHA-256 of the bytes, lower-case hexadecimal with a prefix', () => {
    expect(digestOf('')).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(digestOf(Buffer.from('abc'))).toBe(digestOf('abc'));
    expect(digestOfJson({ b: 1, a: 2 })).toBe(digestOf('{"a":2,"b":1}'));
    expect(hexOf(digestOf('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('a text is told to be canonical', () => {
  const texts = fc
    .jsonValue()
    .chain((value) => fc.constantFrom(JSON.stringify(value), canonicalJson(value), JSON.stringify(value, null, 1)));

  it('exactly when it is what its value is written as', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const value: unknown = JSON.parse(text);
        expect(isCanonicalText(text, value)).toBe(canonicalJson(value) === text);
      }),
    );
  });

  it.each([
    '{"b":1,"a":2}',
    '{"a":{"b":1,"a":2}}',
    '[{"b":1,"a":2}]',
    '-0',
    '1.0',
    '1e400',
    '{"9":1,"10":1}',
    ' 1',
    '"\\u0061"',
    '{"a":1,"a":1}',
  ])('so not %s', (text) => {
    let said = false;
    try {
      said = isCanonicalText(text, JSON.parse(text));
    } catch {}
    expect(said).toBe(false);
  });

  it('so {"10":1,"9":1}, which the engine reads in another order', () => {
    expect(isCanonicalText('{"10":1,"9":1}', JSON.parse('{"10":1,"9":1}'))).toBe(true);
  });

  it('but never with a lone surrogate, or nested without end', () => {
    const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
    for (const text of ['"\\ud800"', '{"\\udfff":1}', deep])
      expect(() => isCanonicalText(text, JSON.parse(text))).toThrow(NotCanonical);
  });
});
