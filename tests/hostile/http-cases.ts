/** Every field of every route, made hostile: requests that are otherwise valid, with the place that a refusal has to name. */
import { type Route, type RouteName, routes } from '@headgate/contract';
import { z } from 'zod';
import type { Coverage } from './generate/coverage.ts';
import { type Choice, example } from './generate/example.ts';
import { branchesOf, fieldsIn, inlined, type JsonSchema, type Standing } from './generate/fields.ts';
import { classesFor, isEndless, isFreeText, type Mutant, type MutationClass, mutantsOf } from './generate/mutations.ts';
import { Pairs, Raw, serialise } from './generate/serialise.ts';

export type Part = 'path' | 'query' | 'body';

export interface Case {
  readonly route: RouteName;
  readonly method: string;
  /** Path and query as they go over the wire. */
  readonly url: string;
  readonly body: Buffer | undefined;
  /** Row of the table. */
  readonly schema: string;
  readonly field: string;
  readonly of: MutationClass;
  readonly what: string;
  /** `body/files/0/name`: what a refusal names, or something below it. */
  readonly where: string;
  /** The contract takes it as it is, so it may be accepted; and whether a rule says that such a field may hold it. */
  readonly legal: boolean;
  readonly freeText: boolean;
  /** The contract takes any number of letters or items there. */
  readonly endless: boolean;
}

const PARTS = ['path', 'query', 'body'] as const;

export function schemaOf(route: Route, part: Part): z.ZodType | undefined {
  if (part === 'body') return route.body === 'octets' ? undefined : (route.body as z.ZodType | undefined);
  return (part === 'path' ? route.params : route.query) as z.ZodType | undefined;
}

export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return inlined(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema);
}

/** Bases: as many as the part with the most branches needs, so that each branch stands in one of them. */
function bases(schema: JsonSchema, at: Choice['at']): unknown[] {
  const branches = most(schema);
  return Array.from({ length: branches }, (_, nth) => example(schema, { nth, at }));
}

export function most(schema: JsonSchema): number {
  const inner = [
    ...branchesOf(schema),
    ...Object.values(schema.properties ?? {}),
    ...(typeof schema.items === 'object' ? [schema.items] : []),
    ...(typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []),
  ];
  return Math.max(1, branchesOf(schema).length, ...inner.map(most));
}

/** All cases of some routes: the contract's, unless others are said. `known` says what stands at a field of a route's part, where the installation has something. */
export function casesOf(
  known: Readonly<Record<string, unknown>>,
  coverage: Coverage,
  of: Readonly<Record<string, Route>> = routes,
): Case[] {
  return Object.entries<Route>(of).flatMap(([name, route]) =>
    PARTS.flatMap((part) => casesOfPart(name as RouteName, route, part, known, coverage)),
  );
}

function casesOfPart(
  name: RouteName,
  route: Route,
  part: Part,
  known: Readonly<Record<string, unknown>>,
  coverage: Coverage,
): Case[] {
  const zod = schemaOf(route, part);
  if (zod === undefined) return [];
  const schema = jsonSchemaOf(zod);
  const row = `${name} ${part}`;
  coverage.expect(row, schema, part);
  const cases: Case[] = [];
  const seen = new Set<string>();
  for (const base of bases(schema, knownAt(known, name, part))) {
    const judged = zod.safeParse(base);
    if (!judged.success) throw new Error(`the example for ${row} is not valid: ${z.prettifyError(judged.error)}`);
    for (const field of fieldsIn(schema, base)) {
      for (const of of classesFor(field, part !== 'body')) {
        const key = `${field.id} ${of}`;
        if (seen.has(key) || (part === 'path' && of === 'duplicate')) continue;
        const mutants = part === 'body' ? mutantsOf(base, field, of) : inAddress(base as object, field, of, part);
        if (mutants.length > 0) seen.add(key);
        for (const mutant of mutants) cases.push(caseOf(name, route, part, zod, known, field, mutant));
      }
    }
  }
  return cases;
}

function knownAt(known: Readonly<Record<string, unknown>>, name: string, part: Part): Record<string, unknown> {
  const at: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(known)) {
    const [route = '', of, field = ''] = key.split(' ');
    if ((route === '*' || route === name) && (of === '*' || of === part)) at[field] = value;
  }
  return at;
}

function caseOf(
  name: RouteName,
  route: Route,
  part: Part,
  zod: z.ZodType,
  known: Readonly<Record<string, unknown>>,
  field: Standing,
  mutant: Mutant,
): Case {
  const own = (of: Part): unknown => {
    const schema = schemaOf(route, of);
    return schema === undefined
      ? {}
      : of === part
        ? mutant.value
        : example(jsonSchemaOf(schema), { nth: 0, at: knownAt(known, name, of) });
  };
  const params = own('path') as Record<string, unknown>;
  const path = route.path.replace(/\{(\w+)\}/g, (_, param: string) => written(params[param]));
  const query = schemaOf(route, 'query') === undefined || part === 'body' ? '' : queryOf(own('query'), part);
  const body = schemaOf(route, 'body');
  const legal = !mutant.never && zod.safeParse(plain(mutant.value)).success;
  return {
    route: name,
    method: route.method,
    url: path + query,
    body: body === undefined ? undefined : serialise(own('body')),
    schema: `${name} ${part}`,
    field: field.id,
    of: mutant.of,
    what: mutant.what,
    // A key that nobody takes is named itself; the mapping that it stands in is where it is.
    where: [part, ...(field.key === true ? field.path.slice(0, -1) : field.path)].join('/'),
    legal,
    freeText: isFreeText(field.schema),
    endless: legal && isEndless(field.schema, mutant),
  };
}

/** Raw texts and numbers as JSON would read them, for the contract's own judgement. */
export function plain(value: unknown): unknown {
  if (value instanceof Raw || value instanceof Pairs) return JSON.parse(serialise(value).toString('utf8'));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

const NUMBERS = ['alpha', 'true', '1.5', '', ' 5', '0x10', '1e1', '+5', 'NaN', 'Infinity', '\uff15', '5 '];

/** What stands in an address is text: other texts instead of other types, and percent signs before what is no UTF-8. */
function inAddress(base: object, field: Standing, of: MutationClass, part: Part): Mutant[] {
  const name = String(field.path[0]);
  const put = (what: string, value: unknown, never = true): Mutant => ({
    of,
    what,
    value: { ...base, [name]: value },
    never,
  });
  if (of === 'type') return NUMBERS.map((text) => put(JSON.stringify(text), text, field.schema.enum === undefined));
  if (of === 'duplicate') return [put('twice', [(base as Record<string, unknown>)[name], 'alpha'])];
  if (of === 'encoding') {
    const raw = ['%ff', '%c0%af', '%zz', '%u202e', '%00', '%ed%a0%80'].map((text) => put(text, new Raw(text)));
    return [...raw, ...mutantsOf(base, field, of).filter((m) => !hasRaw(m.value) && !/half/.test(m.what))];
  }
  if (of === 'size')
    return [
      ...(field.schema.maximum !== undefined && field.schema.maximum < 2 ** 53 - 1
        ? [put('one more', field.schema.maximum + 1)]
        : []),
      ...(field.schema.minimum !== undefined ? [put('one less', field.schema.minimum - 1)] : []),
      put('5,000 letters', 'a'.repeat(5_000)),
      put('5,000 digits', '9'.repeat(5_000)),
      put('20,000 letters', 'a'.repeat(20_000)),
    ];
  const others = mutantsOf(base, field, of);
  if (of !== 'prototype' || part !== 'query') return others;
  return [
    ...others,
    { of, what: 'a parameter __proto__', value: { ...base, [`${name}[__proto__]`]: 'polluted' }, never: true },
    { of, what: 'a constructor’s prototype', value: { ...base, 'constructor.prototype.polluted': 'yes' }, never: true },
  ];
}

function hasRaw(value: unknown): boolean {
  return Object.values(value as object).some((each) => each instanceof Raw);
}

function queryOf(values: unknown, part: Part): string {
  if (part === 'path') return '';
  const pairs = Object.entries(values as object).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => `${encodeURIComponent(name)}=${written(each)}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function written(value: unknown): string {
  if (value instanceof Raw) return value.bytes.toString('latin1');
  return encodeURIComponent(String(value).toWellFormed());
}
