/**
 * A program of its own, because within a test runner it takes ten times as long.
 * Hostile documents: every field of everything that people write or hand over, in every class of mutation, through the
 * reader that it meets. What is refused names its place; what is taken is a text of somebody's, and taken as it is.
 */
import { Coverage } from './generate/coverage.ts';
import { example } from './generate/example.ts';
import { dotted, fieldsIn, type Path, type Standing } from './generate/fields.ts';
import { classesFor, isEndless, isFreeText, type Mutant, mutantsOf, valueAt } from './generate/mutations.ts';
import { few } from './generate/sample.ts';
import { serialise } from './generate/serialise.ts';
import { jsonSchemaOf, most, plain } from './http-cases.ts';
import { READERS, type Read, type Reader } from './readers.ts';

/** Reading YAML takes seconds a megabyte: no text of a document has more than 50,000 letters, no mapping more than 2,000 keys. */
const TOO_MUCH = { letters: 60_000, keys: 2_001 };

/** Complaints that a schema has about a value, as texts. */
function complaints({ schema }: Reader, value: unknown): ReadonlySet<string> {
  const parsed = schema.safeParse(value);
  return new Set(parsed.success ? [] : parsed.error.issues.map((i) => `${i.path.join('.')} ${i.code} ${i.message}`));
}

/** What was found, as the test reads it. */
export interface Walked {
  readonly table: string;
  readonly fields: number;
  readonly cases: number;
  readonly wrong: readonly string[];
  readonly holes: readonly string[];
}

function walk(): Walked {
  const coverage = new Coverage();
  const wrong: string[] = [];
  for (const reader of READERS) {
    const schema = jsonSchemaOf(reader.schema);
    coverage.expect(reader.name, schema);
    const seen = new Set<string>();
    // Twice as many: a union within a union has its own branches.
    for (let nth = 0; nth < 2 * most(schema); nth++) {
      const base = example(schema, { nth, at: reader.at });
      // Not every field can stand beside every other: what is wrong without a mutation is none of its doing.
      const before = complaints(reader, base);
      for (const field of fieldsIn(schema, base)) {
        for (const of of classesFor(field)) {
          const key = `${field.id} ${of}`;
          if (seen.has(key)) continue;
          const mutants = mutantsOf(base, field, of, TOO_MUCH);
          if (mutants.length > 0) seen.add(key);
          for (const mutant of few(mutants, key)) {
            const legal = !mutant.never && [...complaints(reader, plain(mutant.value))].every((c) => before.has(c));
            const fault = judge(reader, field, mutant, legal, before.size > 0);
            coverage.count(reader.name, field.id, of, legal ? 'accepted' : 'refused');
            if (fault !== undefined) wrong.push(`${reader.name} ${field.id} ${of} (${mutant.what}): ${fault}`);
          }
        }
      }
    }
  }
  const { fields, cases } = coverage;
  return { table: coverage.table(), fields, cases, wrong, holes: coverage.holes() };
}

function judge(reader: Reader, field: Standing, mutant: Mutant, legal: boolean, flawed: boolean): string | undefined {
  let read: Read;
  try {
    read = reader.read(serialise(mutant.value));
  } catch (error) {
    return `it throws: ${(error as Error).stack?.slice(0, 300)}`;
  }
  if (legal && isEndless(field.schema, mutant)) return 'a field without an end';
  if (read.ok) {
    if (!legal) return 'taken';
    if (!mayHold(field, mutant)) return 'taken, and no rule says that it may be';
    const now = valueAt(read.value, field.path);
    if (isFreeText(field.schema) && now !== undefined && now !== valueAt(plain(mutant.value), field.path))
      return 'taken as something else';
    return undefined;
  }
  if (legal) return undefined;
  if (read.places.some((place) => names(place, field, mutant))) return undefined;
  // At most twenty problems are told, and a flawed example has its own.
  return flawed && read.places.length >= 20 ? undefined : `it names ${JSON.stringify(read.places.slice(0, 4))}`;
}

/** Whom to call: one line as a person wrote it, shown as text and never followed. */
const SAID_OF_SOMEBODY = /\.contacts\[\]\.(name|chat|hours)$/;

/**
 * Teams and labels, of which no path is made; paths that are asked of the component itself, by HTTP; and the paths of a
 * machine's own configuration, which its owner says.
 */
const NOWHERE_A_PATH =
  /\.(owner|labels\{key\}|health|healthPath)$|(^|[.|\d])(\w*([fF]ile|[dD]ir)|node|python|program|addons\w*|run\w*)(\[\])?$/;

/** What may be taken: a person's words, values within their bounds, and words that are no keys of anything. */
function mayHold(field: Standing, { of }: Mutant): boolean {
  return (
    isFreeText(field.schema) ||
    SAID_OF_SOMEBODY.test(field.id) ||
    of === 'size' ||
    of === 'type' ||
    of === 'prototype' ||
    NOWHERE_A_PATH.test(field.id)
  );
}

function names(place: string, { path, key }: Standing, { never }: Mutant): boolean {
  if (place.startsWith('line ')) return never || path.length > 0;
  const own = dotted(key === true ? path.slice(0, -1) : path);
  const said = place.startsWith('/') || place === '' ? dotted(pathOf(place)) : place;
  const parent = dotted((key === true ? path.slice(0, -1) : path).slice(0, -1));
  return said === own || said.startsWith(`${own}.`) || said.startsWith(`${own}[`) || said === parent;
}

function pathOf(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

process.stdout.write(JSON.stringify(walk()));
