/**
 * Building blocks of our schemas. Each carries the phrase that stands after "expected" when a value doesn't fit, so that
 * a person reads "expected a whole number >= 1, found "ten"" and not a validator's idiom.
 */
import { isDigest, NAME_PATTERN } from '@headgate/domain';
import { z } from 'zod';

/** Zod's error parameter for a fixed phrase. The `expected:` mark tells our phrases from zod's own messages. */
export function expects(phrase: string): { error: () => string } {
  return { error: () => `expected:${phrase}` };
}

/** A text of 1 to `max` characters. */
export function text(max: number, what = `a text of 1 to ${max} characters`) {
  const phrase = expects(what);
  return z.string(phrase).min(1, phrase).max(max, phrase);
}

/** A whole number in a range. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const phrase = expects(
    min === Number.MIN_SAFE_INTEGER
      ? 'a whole number'
      : max === Number.MAX_SAFE_INTEGER
        ? `a whole number >= ${min}`
        : `a whole number from ${min} to ${max}`,
  );
  return z.number(phrase).int(phrase).min(min, phrase).max(max, phrase);
}

/** What is counted from now on must end at a moment that a calendar and a database still have: in ten years. Milliseconds. */
const MOST_MS = 3_660 * 86_400_000;

/** Milliseconds, at least `min` and at most ten years. */
export function milliseconds(min = 0) {
  const phrase = expects(`whole milliseconds from ${min} to ${MOST_MS} (ten years)`);
  return z.number(phrase).int(phrase).min(min, phrase).max(MOST_MS, phrase);
}

export const flag = z.boolean(expects('true or false'));

/** What stands after "expected" where a name is. */
export const NAME_PHRASE =
  'a name: 1 to 63 lower-case letters, digits and hyphens, starting and ending with a letter or digit';
const namePhrase = expects(NAME_PHRASE);
export const name = z.string(namePhrase).regex(NAME_PATTERN, namePhrase);

const digestPhrase = expects('a digest: sha256: and 64 lower-case hexadecimal digits');
export const digest = z.templateLiteral(['sha256:', z.string()], digestPhrase).refine(isDigest, digestPhrase);

const principalPhrase = expects('a principal id: 1 to 100 letters, digits, _ . : @ -');
/** A pseudonymous principal id. */
export const principal = z.string(principalPhrase).regex(/^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,99}$/, principalPhrase);

const pathPhrase = expects(
  'a relative file path of at most 255 characters without "..", "//", backslash or leading slash',
);
/** A relative path that can't leave its folder, the same on every system. */
export const safePath = z.string(pathPhrase).refine(isSafePath, pathPhrase);

export function isSafePath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
  if (path.length < 1 || path.length > 255 || /[\x00-\x1f\x7f\\:]/.test(path) || !path.isWellFormed()) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** A list of at least `min` and at most `max` items. */
export function list<T extends z.ZodType>(item: T, min: number, max: number) {
  const phrase = expects(min > 0 ? `a list of ${min} to ${max} items` : `a list of at most ${max} items`);
  return z.array(item, phrase).min(min, phrase).max(max, phrase);
}

/** A list whose items differ in what `keyOf` says; the second one is the problem. */
export function distinct<T extends z.ZodType>(
  item: T,
  min: number,
  max: number,
  keyOf: (item: z.output<T>) => string,
  field?: string,
) {
  return list(item, min, max).check((context) => {
    const seen = new Set<string>();
    context.value.forEach((each, i) => {
      const key = keyOf(each);
      if (seen.has(key)) {
        const path = field === undefined ? [i] : [i, field];
        context.issues.push({
          code: 'custom',
          message: 'expected:a value that stands only once in the list',
          path,
          input: each,
        });
      }
      seen.add(key);
    });
  });
}

/** A list of different names. */
export function names(min: number, max: number) {
  return distinct(name, min, max, (each) => each);
}

/** A list of mappings with different `name`s. */
export function named<T extends z.ZodType<{ name: string }>>(item: T, min: number, max: number) {
  return distinct(item, min, max, (each) => each.name, 'name');
}

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(...words: T) {
  return z.enum(words, expects(`one of ${words.join(', ')}`));
}

/** A mapping with exactly these fields. */
export function fields<T extends z.core.$ZodLooseShape>(shape: T) {
  // The `error` function also sees unknown fields; those are told apart by the issue's code.
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : 'expected:a mapping (key: value)'),
  });
}

/** A mapping from names of one kind to values of one kind, with at most `max` of them. */
export function mapping<K extends z.core.$ZodRecordKey, V extends z.ZodType>(key: K, value: V, max: number) {
  return z
    .record(key, value, {
      error: (issue) => (issue.code === 'invalid_type' ? 'expected:a mapping (key: value)' : undefined),
    })
    .refine((record) => Object.keys(record).length <= max, expects(`at most ${max} keys`));
}
