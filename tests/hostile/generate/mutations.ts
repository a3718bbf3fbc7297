/**
 * The ways in which a field is made hostile, by class. Each class says for which fields it is, and what it puts there.
 * They know nothing of what should become of it: that is judged by whoever sends it.
 */
import { bare, branchesOf, isMapping, type JsonSchema, type Path, type Standing } from './fields.ts';
import { chance, MORE } from './sample.ts';
import { Pairs, Raw, serialise, withAt } from './serialise.ts';

export const CLASSES = ['type', 'size', 'encoding', 'duplicate', 'prototype', 'path', 'markup', 'bidi'] as const;
export type MutationClass = (typeof CLASSES)[number];

export interface Mutant {
  readonly of: MutationClass;
  /** What was done, in a word or two. */
  readonly what: string;
  readonly value: unknown;
  /** Can't be said in JSON, or not twice the same: no schema can judge it, and nobody may take it. */
  readonly never: boolean;
}

/** How much is too much: more than any bound of what is tried, and little enough to be tried often. */
export interface TooMuch {
  readonly letters: number;
  readonly keys: number;
}
const A_LOT: TooMuch = { letters: 200_000, keys: 10_001 };

const TEXTS: Readonly<Record<'encoding' | 'path' | 'markup' | 'bidi', readonly (readonly [string, string])[]>> = {
  encoding: [
    ['half a character', 'alpha\ud800'],
    ['a zero byte', 'al\u0000pha'],
    ['a terminal’s escape', '\u001b[31malpha\u001b]0;owned\u0007'],
    ['an 8-bit escape', '\u009b2Jalpha'],
    ['a line break behind', 'alpha\n'],
    ['a carriage return', 'alpha\r\nSet-Cookie: a=b'],
    ['letters that look alike', '\u0430lpha'],
    ['a letter put together', 'a\u0301lpha'],
    ['full width', '\uff41lpha'],
  ],
  path: [
    ['upwards', '../../../../etc/passwd'],
    ['upwards, written backwards', '..\\..\\windows\\win.ini'],
    ['from the root', '/etc/passwd'],
    ['encoded', '%2e%2e%2fetc%2fpasswd'],
    ['upwards on the way', 'alpha/../../beta'],
    ['a file’s address', 'file:///etc/passwd'],
    ['a share', '\\\\host\\share'],
    ['a drive', 'C:\\alpha'],
    ['cut by a zero byte', '../etc/passwd\u0000.yaml'],
  ],
  markup: [
    ['a script', '<script>alert(1)</script>'],
    ['out of an attribute', '"><img src=x onerror=alert(1)>'],
    ['a template', '{{7*7}}${7*7}<%= 7*7 %>'],
    ['SQL', "alpha'; drop table headgate.entry; --"],
    ['a formula', "=cmd|' /C calc'!A0"],
    ['a link', '[alpha](javascript:alert(1))'],
    ['XML', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
    ['a shell’s', '$(touch owned)`touch owned`'],
  ],
  bidi: [
    ['a right-to-left override', 'alpha\u202egpj.exe'],
    ['an isolate', '\u2067alpha\u2069'],
    ['a right-to-left mark', 'al\u200fpha'],
    ['nothing to see', 'al\u200bpha'],
    ['a byte order mark', '\ufeffalpha'],
    ['a tag', 'alpha\u{e0041}'],
  ],
};

/** What texts of a class are made of, when more of them are asked for. */
const LETTERS: Readonly<Record<keyof typeof TEXTS, readonly string[]>> = {
  encoding: ['\u0000', '\u0007', '\u001b[', '\u009b', '\u007f', '\ud83d', '\udc00', '\n', '\r', '\u2028', 'a', 'b'],
  path: ['../', '..\\', '/', './/', '%2e', '%2f', '\u0000', '~', 'a', '.'],
  markup: ['<', '>', '"', "'", '&', '${', '}}', '{{', '<!--', ']]>', ';', '--', '`', '\\', 'a'],
  bidi: ['\u202a', '\u202e', '\u2066', '\u2069', '\u200e', '\u200f', '\u061c', '\u200b', '\u00ad', 'a', '\u05d0'],
};

/** So many of a class' letters, its last ones, are nothing without another. */
const HARMLESS: Readonly<Record<keyof typeof TEXTS, number>> = { encoding: 2, path: 2, markup: 1, bidi: 2 };

/** The texts of a class: those of the table, and as many more by chance as were asked for. */
function textsOf(of: keyof typeof TEXTS, at: string): readonly (readonly [string, string])[] {
  const pick = chance(`${of} ${at}`);
  const letters = LETTERS[of];
  const more = Array.from({ length: MORE }, () => {
    const text = Array.from({ length: 1 + (pick() % 12) }, () => letters[pick() % letters.length]).join('');
    // One letter of the class at least, and no lone letter that is harmless.
    return ['by chance', `${letters[pick() % (letters.length - HARMLESS[of])]}${text}`] as const;
  });
  return [...TEXTS[of], ...more];
}

/** The classes that are for a field; `address`: it stands in a path or a query, where everything is text. */
export function classesFor({ schema, key }: Pick<Standing, 'schema' | 'key'>, address = false): MutationClass[] {
  const types = typesOf(schema);
  const text = key === true || types.has('string');
  const found: MutationClass[] = [];
  // An address knows texts alone: whatever a text field is given there is one.
  if (key !== true && types.size > 0 && !(address && types.has('string') && schema.enum === undefined))
    found.push('type');
  if (text || types.has('number') || types.has('array') || types.has('object')) found.push('size');
  if (text) found.push('encoding', 'path', 'markup', 'bidi');
  if (text || types.has('object')) found.push('prototype');
  if (key !== true) found.push('duplicate');
  return found;
}

/** Every mutant of a value at a field. */
export function mutantsOf(root: unknown, field: Standing, of: MutationClass, much: TooMuch = A_LOT): Mutant[] {
  const { path, schema, key } = field;
  const here = valueAt(root, path);
  const put = (what: string, value: unknown, never = false): Mutant =>
    key === true
      ? { of, what, value: renamed(root, path, value), never }
      : { of, what, value: withAt(root, path, () => value), never };
  const types = typesOf(schema);
  switch (of) {
    case 'type':
      return otherTypes(types).map((value) => put(shortly(value), value));
    case 'size':
      return sizes(schema, types, here, key === true, much).map(([what, value]) => put(what, value));
    case 'duplicate': {
      const parent = path.slice(0, -1);
      const name = path.at(-1);
      if (typeof name === 'number') return [];
      const value = withAt(
        root,
        parent,
        (before) => new Pairs([...Object.entries(before as object), [name as string, here]]),
      );
      return [{ of, what: 'the key twice', value, never: true }];
    }
    case 'prototype':
      return [
        ...(types.has('object') && key !== true ? prototypes(here).map(([what, value]) => put(what, value, true)) : []),
        ...(key === true || types.has('string')
          ? ['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map((word) =>
              key === true && word === '__proto__' ? putKey(root, path, here) : put(word, word),
            )
          : []),
      ];
    case 'encoding':
      return [
        ...textsOf('encoding', path.join('/')).map(([what, text]) => put(what, text)),
        ...(key === true
          ? []
          : [
              put('bytes that are no UTF-8', new Raw(Buffer.from([0x22, 0x61, 0xff, 0xfe, 0x22])), true),
              put('an overlong slash', new Raw(Buffer.from([0x22, 0xc0, 0xaf, 0x22])), true),
              put('half a character, spelled out', new Raw('"\\ud800"')),
            ]),
      ];
    default:
      return textsOf(of, path.join('/')).map(([what, text]) => put(what, text));
  }
}

function putKey(root: unknown, path: Path, here: unknown): Mutant {
  const value = withAt(root, path.slice(0, -1), () => new Pairs([['__proto__', here]]));
  return { of: 'prototype', what: 'the key __proto__', value, never: true };
}

/** No pattern, no list of words: a person's words, or what is checked elsewhere. */
export function isFreeText(given: JsonSchema): boolean {
  const schema = bare(given);
  const { pattern, format, enum: words, contentEncoding } = schema;
  if (branchesOf(schema).length > 1) return branchesOf(schema).some((branch) => isFreeText(branch));
  const free = pattern === undefined && format === undefined && words === undefined && contentEncoding === undefined;
  return schema.type === 'string' && free && !('const' in schema);
}

/** Whether a schema that takes a mutant of the class `size` has no end itself. */
export function isEndless(given: JsonSchema, { of, what }: Mutant): boolean {
  const schema = bare(given);
  if (of !== 'size') return false;
  if (/letters?\b/.test(what)) return (schema.maxLength ?? Number.POSITIVE_INFINITY) > 10_000_000;
  return / items$/.test(what) && schema.maxItems === undefined;
}

/** The types that a field takes; empty for one that takes anything. */
function typesOf(given: JsonSchema): ReadonlySet<string> {
  const schema = bare(given);
  const branches = branchesOf(schema);
  if (branches.length > 1) return new Set(branches.flatMap((branch) => [...typesOf(branch)]));
  if ('const' in schema) return new Set([typeof schema.const]);
  if (schema.enum !== undefined) return new Set(schema.enum.map((each) => typeof each));
  if (schema.properties !== undefined || isMapping(schema)) return new Set(['object']);
  if (schema.prefixItems !== undefined) return new Set(['array']);
  const types = schema.type === undefined ? [] : Array.isArray(schema.type) ? schema.type : [schema.type];
  return new Set(types.map((type: string) => (type === 'integer' ? 'number' : type)));
}

function otherTypes(types: ReadonlySet<string>): unknown[] {
  const all: readonly (readonly [string, unknown])[] = [
    ['number', 7],
    ['boolean', true],
    ['string', 'alpha'],
    ['array', [['alpha']]],
    ['object', { alpha: { beta: 1 } }],
    ['null', null],
  ];
  return [
    ...all.filter(([type]) => !types.has(type)).map(([, value]) => value),
    ...(types.has('number') ? ['7', 1.5] : []),
  ];
}

function sizes(
  given: JsonSchema,
  types: ReadonlySet<string>,
  here: unknown,
  key: boolean,
  much: TooMuch,
): (readonly [string, unknown])[] {
  const schema = bare(given);
  const found: (readonly [string, unknown])[] = [];
  if (key || types.has('string')) {
    found.push([`${much.letters} letters`, 'a'.repeat(much.letters)], ['nothing', '']);
    const text = key ? 'alpha' : String(here ?? 'alpha');
    found.push([`its last letter ${much.letters} times`, text + (text.at(-1) ?? 'a').repeat(much.letters)]);
  }
  if (types.has('number')) {
    found.push(['a number without end', new Raw('1e400')], ['2^53', 2 ** 53], ['-2^53', -(2 ** 53)]);
    if (schema.maximum !== undefined && schema.maximum < 2 ** 53 - 1) found.push(['one more', schema.maximum + 1]);
    if (schema.minimum !== undefined && schema.minimum > -(2 ** 53 - 1)) found.push(['one less', schema.minimum - 1]);
  }
  if (types.has('array')) {
    const items = Array.isArray(here) ? here : [];
    const most = schema.maxItems ?? 100_000;
    found.push([`${most + 1} items`, Array.from({ length: most + 1 }, () => items[0] ?? 'alpha')]);
  }
  if (types.has('object')) {
    const own = Object.entries((here ?? {}) as object);
    const one = own[0]?.[1] ?? 1;
    // As many as are no more than a body takes.
    const wanted = isMapping(schema) ? much.keys : 101;
    const keys = Math.min(wanted, Math.ceil((wanted * 12) / serialise(one).length));
    const more = Array.from({ length: keys }, (_, i) => [`k${i}`, one] as const);
    found.push([`${keys} keys more`, Object.fromEntries([...own, ...more])]);
    const deep = new Raw(`${'{"alpha":'.repeat(3_000)}1${'}'.repeat(3_000)}`);
    found.push(['3,000 deep', new Pairs([...own, ['beta', deep]])]);
  }
  return found;
}

function prototypes(here: unknown): (readonly [string, unknown])[] {
  const own = Object.entries((here ?? {}) as object);
  return [
    ['__proto__', new Pairs([...own, ['__proto__', { polluted: 'yes' }]])],
    ['__proto__, spelled out', new Pairs([...own, [new Raw('"\\u005f_proto__"'), { polluted: 'yes' }]])],
    ['a constructor’s prototype', new Pairs([...own, ['constructor', { prototype: { polluted: 'yes' } }]])],
  ];
}

export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<string | number, unknown> | undefined)?.[part], root);
}

function renamed(root: unknown, path: Path, key: unknown): unknown {
  const last = path.at(-1) as string;
  return withAt(root, path.slice(0, -1), (before) => {
    const { [last]: value, ...rest } = before as Record<string, unknown>;
    return { ...rest, [String(key)]: value };
  });
}

function shortly(value: unknown): string {
  return JSON.stringify(value).slice(0, 30);
}
