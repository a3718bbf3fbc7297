import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BodyMalformed, JSON_BOUNDS, readJson } from './json-body.ts';

const faultOf = (text: string | Buffer): { where: string; why: string } => {
  try {
    readJson(Buffer.from(text as string));
  } catch (error) {
    if (error instanceof BodyMalformed) return { where: error.where, why: error.message };
    throw error;
  }
  throw new Error('it was read');
};

test('what JSON can say is read as JSON.parse reads it, unless a mapping has a key twice or __proto__', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      fc.pre(!text.includes('"__proto__"'));
      expect(readJson(Buffer.from(text))).toEqual(JSON.parse(text));
    }),
  );
});

test('what is refused by JSON.parse is refused, and nothing else of a cut or doubled text', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), fc.nat(), fc.string({ maxLength: 3 }), (json, at, put) => {
      const text = json.slice(0, at % (json.length + 1)) + put + json.slice(at % (json.length + 1));
      let taken = true;
      try {
        JSON.parse(text);
      } catch {
        taken = false;
      }
      try {
        readJson(Buffer.from(text));
        expect(taken).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(BodyMalformed);
        const { message } = error as BodyMalformed;
        if (taken) expect(message).toMatch(/twice|has this key|larger than any/);
      }
    }),
  );
});

test.each([
  ['{"a": {"b": 1, "b": 2}}', 'body/a/b', /twice/],
  ['{"a": [0, {"\\u0062": 1, "b": 2}]}', 'body/a/1/b', /twice/],
  ['{"a": {"__proto__": {}}}', 'body/a/__proto__', /no mapping/],
  ['{"\\u005f_proto__": 1}', 'body/__proto__', /no mapping/],
  ['[1, 1e400]', 'body/1', /larger/],
  ['{"a": 1,\n "b": tru}', 'body:2:7', /expected a value/],
  ['{"a": "x\n"}', 'body:1:9', /end of a text/],
  ['', 'body:1:1', /expected a value/],
  ['{} {}', 'body:1:4', /nothing behind/],
  ['\ufeff{}', 'body:1:1', /expected a value/],
  [`${'['.repeat(200)}${']'.repeat(200)}`, `body${'/0'.repeat(100)}`, /nested deeper/],
  [
    Buffer.concat([Buffer.from('{"žluť": ["𝒳", "'), Buffer.from([0xc0, 0xaf, 0x22])]),
    'body/žluť/1',
    /UTF-8 from byte 21/,
  ],
])('%s is refused at %s', (text, where, why) => {
  const fault = faultOf(text as string);
  expect(fault.where).toBe(where);
  expect(fault.why).toMatch(why);
});

test('a key that hides something is named so that it is seen', () => {
  expect(faultOf('{"a\\u202eb": 1, "a\\u202eb": 2}').where).toBe('body/a‹U+202E›b');
});

test('more keys or values than any schema takes are refused at the first that is too much', () => {
  const mapping = (n: number) => `{"a": {${Array.from({ length: n }, (_, i) => `"k${i}":1`).join(',')}}}`;
  const list = (n: number) => `{"a": [${Array(n).fill('1').join(',')}]}`;
  const { keys, values } = JSON_BOUNDS;
  expect(Object.keys((readJson(Buffer.from(mapping(keys))) as { a: object }).a)).toHaveLength(keys);
  expect(faultOf(mapping(keys + 1))).toEqual({
    where: `body/a/k${keys}`,
    why: `this mapping has more than ${keys} keys`,
  });
  expect((readJson(Buffer.from(list(values - 2))) as { a: unknown[] }).a).toHaveLength(values - 2);
  expect(faultOf(list(values - 1))).toEqual({
    where: `body/a/${values - 2}`,
    why: `it holds more than ${values} values`,
  });
});

test('nothing behind what is too much is looked at, however much it is', () => {
  const fault = faultOf(`[${'1,'.repeat(JSON_BOUNDS.values)}this is no JSON, and twice {"a":1,"a":1}`);
  expect(fault.why).toContain('more than');
});
