/** A value that a schema takes, made from the schema alone: what every mutation starts from. */
import { bare, branchesOf, isMapping, type JsonSchema } from './fields.ts';

export const DIGEST = `sha256:${'ab'.repeat(32)}`;

/** Texts that one or the other pattern of ours takes; the first that fits is the example. */
const WORDS = [
  'alpha',
  DIGEST,
  'Policy',
  '1.0.0',
  '/healthz',
  'HEADGATE_NOTIFY_KEY',
  'HEADGATE_MASK_KEY',
  'A_NAME',
  '7',
  '12:30',
  '2026-01-01T00:00',
  '2026-01-01T00:00:00Z',
  'https://a.example/in',
  'smtp://mail.example:587',
  'someone@mail.example',
  'Etc/UTC',
  '$statusCode == 200',
  'FREQ=DAILY',
  'ab+01020304+Ab==',
  'age1cfu3efjx5x763qnxy3p7glssv9nknvyvhj36dhmn7s9xwqxpquvsu2n9v8',
  '.alpha',
  'alpha/beta',
  '$left.number',
  '0000000000000000000000000000000000000000000000000000000000000000',
  // Of schemas of tenants.
  'tenant_{tenant}',
];

export interface Choice {
  /** Which branch of each union: branch `nth` of those that it has. */
  readonly nth: number;
  /** What stands at a field, where the schema can't say it. */
  readonly at: Readonly<Record<string, unknown>>;
}

/** Throws when no word is known that a pattern takes: add one to the list, or say what stands at the field. */
export function example(given: JsonSchema, choice: Choice, id = ''): unknown {
  if (Object.hasOwn(choice.at, id)) return choice.at[id];
  const schema = bare(given);
  const branches = branchesOf(schema);
  if (branches.length > 1) {
    const i = choice.nth % branches.length;
    // A union below this one takes its own turns, or two of as many branches would only ever meet in pairs.
    const below = { ...choice, nth: Math.floor(choice.nth / branches.length) };
    return example(branches[i] as JsonSchema, below, `${id}|${i}`);
  }
  if ('const' in schema) return schema.const;
  if (schema.enum !== undefined) return schema.enum[choice.nth % schema.enum.length];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'string':
      return textFor(schema, id);
    case 'integer':
    case 'number':
      return Math.min(Math.max(schema.minimum ?? 0, 1), schema.maximum ?? 1);
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array': {
      const own = (schema.prefixItems ?? []).map((inner, i) => example(inner, choice, `${id}[${i}]`));
      if (typeof schema.items !== 'object') return own;
      const items = schema.items;
      // One item of each branch, so that a list of a union has them all.
      const most = Math.max(1, branchesOf(bare(items)).length, schema.minItems ?? 1);
      const made = Array.from({ length: Math.min(most, schema.maxItems ?? most) }, (_, i) =>
        distinct(example(items, { ...choice, nth: choice.nth + i }, `${id}[]`), i),
      );
      return [...own, ...made];
    }
    default:
      return mappingFor(schema, choice, id);
  }
}

function mappingFor(schema: JsonSchema, choice: Choice, id: string): unknown {
  const made: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const below = id === '' ? name : `${id}.${name}`;
    const value = example(inner, choice, below);
    if (value !== undefined) made[name] = value;
  }
  if (isMapping(schema)) {
    const keys = schema.propertyNames?.enum ?? [textFor(schema.propertyNames ?? { type: 'string' }, `${id}{key}`)];
    made[String(keys[choice.nth % keys.length])] = example(
      schema.additionalProperties as JsonSchema,
      choice,
      `${id}{}`,
    );
  }
  return made;
}

function textFor(schema: JsonSchema, id: string): string {
  const words = schema.contentEncoding === 'base64' || schema.format === 'base64' ? ['YWxwaGE='] : WORDS;
  const pattern = schema.pattern === undefined ? undefined : new RegExp(schema.pattern, 'u');
  const uri = schema.format === 'uri';
  const found = words.find(
    (word) =>
      (pattern?.test(word) ?? true) &&
      (!uri || word.startsWith('https:')) &&
      word.length >= (schema.minLength ?? 0) &&
      word.length <= (schema.maxLength ?? Number.POSITIVE_INFINITY),
  );
  if (found === undefined) throw new Error(`no example of ${schema.pattern ?? JSON.stringify(schema)} for ${id}`);
  return found;
}

/** Lists of names want different ones. */
function distinct(value: unknown, i: number): unknown {
  if (i === 0) return value;
  if (value === 'alpha') return `alpha-${i}`;
  if (typeof value === 'object' && value !== null && (value as { name?: unknown }).name === 'alpha')
    return { ...value, name: `alpha-${i}` };
  return value;
}
