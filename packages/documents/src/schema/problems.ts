/** Turns a schema's complaints into problems that a person can act on: where, what was expected, what was found. */
import { z } from 'zod';
import { quoted } from '../refusal.ts';
import { expectedOf } from './expected-words.ts';
import { didYouMean } from './nearest.ts';

export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  /** What stands after "expected". */
  readonly expected: string;
  /** What stands after "found"; absent when the place itself says it. */
  readonly found?: string;
}

/** No document is answered with more problems than this. */
export const MAX_PROBLEMS = 20;

/** The problems of a value that a schema refused, in the order of the document's fields. */
export function problemsOf(error: z.ZodError, value: unknown, schema: z.ZodType): Problem[] {
  const problems: Problem[] = [];
  for (const issue of error.issues) collect(issue, [], value, schema, problems);
  return problems.slice(0, MAX_PROBLEMS);
}

/** The first problem of a statement's predicate that a schema refused: where it stands in the statement, and why. */
export function misfitOf(
  error: z.ZodError,
  value: unknown,
  schema: z.ZodType,
): { readonly where: string; readonly why: string } {
  const [problem] = problemsOf(error, value, schema);
  const where = `predicate.${dotted(problem?.path ?? [])}`;
  return { where, why: `at ${where}: expected ${problem?.expected}, found ${problem?.found}` };
}

function collect(issue: z.core.$ZodIssue, base: Path, value: unknown, schema: z.ZodType, into: Problem[]): void {
  const path = [...base, ...issue.path.filter((part) => typeof part !== 'symbol')] as Path;
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) {
        const known = fieldsAt(schema, path, value);
        into.push({
          path: [...path, key],
          expected: knownFields(known),
          found: `the unknown field "${key.slice(0, 80)}"${didYouMean(key, known)}`,
        });
      }
      return;
    case 'invalid_key':
    case 'invalid_element':
      for (const inner of issue.issues)
        into.push({ path, expected: expectedOf(inner), found: `the key ${quoted(path.at(-1))}` });
      return;
    case 'invalid_union': {
      // The branch that got furthest is the one that was meant.
      const deepest = issue.errors
        .filter((branch) => branch.length > 0)
        .sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0];
      if (deepest !== undefined && depth(deepest) > 0) {
        for (const inner of deepest) collect(inner, path, value, schema, into);
        return;
      }
    }
  }
  const expected = expectedOf(issue);
  into.push({ path, expected, found: foundAt(value, path, expected, issue) });
}

/** What stands there, with a hint where people often slip. */
function foundAt(value: unknown, path: Path, expected: string, issue: z.core.$ZodIssue): string {
  const found = at(value, path);
  if (typeof found === 'string' && mayBeSecret(found, path)) return 'a text that is not shown, as it may be a secret';
  const words = /\bone of ([\w, -]+)$/.exec(expected)?.[1]?.split(', ');
  if (typeof found === 'string' && words !== undefined) return quoted(found) + didYouMean(found, words);
  const scalar = typeof found === 'number' || typeof found === 'boolean';
  if (scalar && issue.code === 'invalid_type' && issue.expected === 'string')
    return `${quoted(found)}; put it in quotes if it is meant as text`;
  return quoted(found);
}

/** A secret that somebody put where its place belongs: it mustn't go on into a log. */
function mayBeSecret(text: string, path: Path): boolean {
  if (path.some((part) => /secret|password|^(url|adminUrl|accessKeyId)$/i.test(String(part)))) return true;
  return /SECRET-KEY|PRIVATE KEY|:\/\/[^/\s:@]+:[^/\s@]+@/.test(text);
}

const depth = (issues: readonly z.core.$ZodIssue[]) => Math.max(0, ...issues.map((issue) => issue.path.length));

function knownFields(known: readonly string[]): string {
  return known.length === 0 ? 'no such field' : `one of the fields ${known.join(', ')}`;
}

/** The value at a path; undefined when there is none. */
export function at(value: unknown, path: Path): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<string | number, unknown>)[part];
  }
  return here;
}

/** Names of the fields that a schema knows at a path of a value; follows the branches of unions that name the value's discriminators. */
function fieldsAt(schema: z.ZodType, path: Path, value: unknown): string[] {
  let candidates: JsonSchema[] = [jsonSchemaOf(schema)];
  for (let i = 0; i <= path.length; i++) {
    candidates = candidates.flatMap((c) => branches(c, at(value, path.slice(0, i))));
    const part = path[i];
    if (part === undefined) break;
    candidates = candidates.flatMap((c) => stepInto(c, part));
  }
  return [
    ...new Set(candidates.flatMap((c) => [...Object.keys(c.properties ?? {}), ...(c.propertyNames?.enum ?? [])])),
  ];
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: { readonly enum?: readonly string[] };
  readonly items?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly const?: unknown;
}

const cache = new WeakMap<z.ZodType, JsonSchema>();

function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  let found = cache.get(schema);
  if (found === undefined) {
    found = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as JsonSchema;
    cache.set(schema, found);
  }
  return found;
}

function branches(schema: JsonSchema, value: unknown): JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const fitting = inner.filter((branch) =>
    Object.entries(branch.properties ?? {}).every(([key, s]) => s.const === undefined || s.const === at(value, [key])),
  );
  return [schema, ...fitting.flatMap((branch) => branches(branch, value))];
}

function stepInto(schema: JsonSchema, part: string | number): JsonSchema[] {
  if (typeof part === 'number') return typeof schema.items === 'object' ? [schema.items] : [];
  const property = schema.properties?.[part];
  if (property !== undefined) return [property];
  return typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : [];
}

/** JSON pointer (RFC 6901) of a path. */
export function pointerOf(path: Path): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** `spec.gates[1].params.minimum`. */
export function dotted(path: Path): string {
  let out = '';
  for (const part of path) {
    if (typeof part === 'number') out += `[${part}]`;
    else out += /^[A-Za-z_][\w-]*$/.test(part) ? (out === '' ? part : `.${part}`) : `[${quoted(part)}]`;
  }
  return out;
}
