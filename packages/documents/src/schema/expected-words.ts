/** What a schema without phrases of its own expects, in the words that our building blocks have (`fields.ts`). */
import { NAME_PATTERN } from '@headgate/domain';
import type { z } from 'zod';
import { quoted } from '../refusal.ts';
import { NAME_PHRASE } from './fields.ts';

/** A schema's own message; anything else is ours, and stands as it is. */
const OF_THE_VALIDATOR = /^(Too (small|big)|Invalid )/;

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a mapping (key: value)',
  record: 'a mapping (key: value)',
  null: 'null',
};

/** What stands after "expected" in a problem: one phrase, never a validator's idiom. */
export function expectedOf(issue: z.core.$ZodIssue): string {
  const { message } = issue;
  if (message.startsWith('expected:')) return message.slice('expected:'.length);
  if (!OF_THE_VALIDATOR.test(message)) return message;
  switch (issue.code) {
    case 'invalid_type':
      return typeWords(issue.expected);
    case 'too_small':
      return sizeWords(issue.origin, issue.exact ? '=' : issue.inclusive === false ? '>' : '>=', issue.minimum);
    case 'too_big':
      return sizeWords(issue.origin, issue.exact ? '=' : issue.inclusive === false ? '<' : '<=', issue.maximum);
    case 'invalid_value':
      return oneOfWords(issue.values);
    case 'invalid_format':
      return formatWords(issue);
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'invalid_union': {
      // A union by a discriminator has its words in there, and no branches.
      if ('options' in issue && Array.isArray(issue.options)) return oneOfWords(issue.options);
      const branches = issue.errors.flatMap(([first]) => (first === undefined ? [] : [expectedOf(first)]));
      return branches.length === 0 ? 'another value' : [...new Set(branches)].join(', or ');
    }
    default:
      return 'another value';
  }
}

function typeWords(type: string): string {
  return TYPES[type] ?? `a value of the type ${type}`;
}

type Compared = '=' | '>' | '>=' | '<' | '<=';

const BOUNDS: Readonly<Record<Compared, string>> = {
  '=': '',
  '>': 'more than ',
  '>=': 'at least ',
  '<': 'fewer than ',
  '<=': 'at most ',
};

function sizeWords(origin: string, compared: Compared, bound: number | bigint): string {
  const counted = (of: string, each: string): string =>
    `${of} ${BOUNDS[compared]}${bound} ${each}${Number(bound) === 1 ? '' : 's'}`;
  if (origin === 'array' || origin === 'set') return counted('a list of', 'item');
  if (origin === 'string') return counted('a text of', 'character');
  if (origin === 'object' || origin === 'record' || origin === 'map') return counted('a mapping of', 'key');
  return `${typeWords(origin)} ${compared} ${bound}`;
}

function oneOfWords(values: readonly unknown[]): string {
  return values.length === 1 ? quoted(values[0]) : `one of ${values.join(', ')}`;
}

function formatWords(issue: z.core.$ZodIssueInvalidStringFormat): string {
  const { format, pattern } = issue;
  if (pattern === String(NAME_PATTERN)) return NAME_PHRASE;
  const part = (key: 'prefix' | 'suffix' | 'includes') => quoted((issue as Partial<Record<typeof key, unknown>>)[key]);
  if (format === 'starts_with') return `a text that begins with ${part('prefix')}`;
  if (format === 'ends_with') return `a text that ends with ${part('suffix')}`;
  if (format === 'includes') return `a text with ${part('includes')} in it`;
  if (format === 'regex' && pattern !== undefined) return `a text that fits ${pattern}`;
  return format === 'url' ? 'a URL' : `a text of the form ${format}`;
}
