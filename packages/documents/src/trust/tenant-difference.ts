/**
 * A tenant's difference as a file: its first line is canonical JSON, named by its digest, and holds the SHA-256 of all that
 * follows, a row a line. So an approval of the first line covers every value, and the first line alone says all but the values.
 */
import type { Digest, RowDifference, TableDifference, TenantDifference } from '@headgate/domain';
import { differenceLines } from '@headgate/domain/tenant-rows/words';
import { z } from 'zod';
import { canonicalJson } from '../canonical.ts';
import { digestOf } from '../digest.ts';
import { type Refused, refuse } from '../refusal.ts';
import { digest, list, name, oneOf, principal, text, whole } from '../schema/fields.ts';
import { dotted, problemsOf } from '../schema/problems.ts';

/** Of a difference's first line, and of any other. */
export const MOST_HEAD_BYTES = 8 * 1024 * 1024;
export const MOST_ROW_BYTES = 64 * 1024 * 1024;
/** Of a whole file. */
export const MOST_DIFFERENCE_BYTES = 512 * 1024 * 1024;
export const MOST_DIFFERENCE_ROWS = 1_000_000;

const MOST_TABLES = 10_000;
const MOST_COLUMNS = 1_600;
const FORM = 'tenant-difference/2';

const word = text(200);
const count = whole(0);
const typed = z.strictObject({ name: word, type: word });
const rowSum = z.strictObject({ rows: count, sum: z.string().regex(/^-?\d{1,60}:-?\d{1,60}$/) });
const added = z
  .string()
  .regex(/^(NaN|-?Infinity|-?\d{1,2000}(\.\d{1,2000})?)$/)
  .nullable();

const number = z.string().regex(/^-?\d{1,20}$/);

const side = z.strictObject({
  database: text(100),
  schemaVersion: count,
  lsn: text(40),
  snapshot: text(4_000),
  at: count,
});

const table = z.strictObject({
  table: word,
  belongs: z.discriminatedUnion('rows', [
    z.strictObject({ rows: z.literal('schema') }),
    z.strictObject({ rows: z.literal('tenant'), column: word, type: word }),
    z.strictObject({
      rows: z.literal('through'),
      by: list(word, 1, 32),
      of: word,
      ofColumns: list(word, 1, 32),
    }),
  ]),
  key: list(word, 1, 32),
  columns: list(typed, 1, MOST_COLUMNS),
  liveOnly: list(typed, 0, MOST_COLUMNS),
  sums: list(word, 0, 100),
  back: count,
  away: count,
  changed: count,
  changes: list(z.strictObject({ column: word, rows: count }), 0, MOST_COLUMNS),
  live: rowSum,
  was: rowSum,
  added: list(z.strictObject({ column: word, live: added, was: added }), 0, 100),
});

const headForm = z.strictObject({
  form: z.literal(FORM),
  environment: name,
  cell: name,
  store: name,
  tenant: text(100),
  value: text(200),
  rules: z.strictObject({ name, digest }),
  schemas: z.strictObject({ named: text(100), others: list(text(400), 0, 100_000) }).exactOptional(),
  sequences: list(
    z.strictObject({ sequence: word, column: word, next: number, to: number }),
    1,
    MOST_TABLES,
  ).exactOptional(),
  moment: text(300),
  live: side,
  was: side,
  schema: digest,
  tables: list(table, 0, MOST_TABLES),
  shared: list(word, 0, MOST_TABLES),
  by: principal,
  madeAt: count,
  undoes: digest.nullable(),
  body: z.strictObject({
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    bytes: whole(0, MOST_DIFFERENCE_BYTES),
    lines: whole(0, MOST_DIFFERENCE_ROWS),
  }),
});

const values = z.array(z.string().nullable()).max(2 * MOST_COLUMNS);
const rowForm = z.strictObject({
  table: whole(0, MOST_TABLES),
  kind: oneOf('back', 'away', 'changed'),
  live: values.exactOptional(),
  was: values.exactOptional(),
});

const WHAT = 'difference of a tenant';
const ANEW =
  'have it made anew: `headgate-agent recover-tenant diff --config FILE --store STORE --tenant TENANT --rules FILE --recovered DIR`';

export type DifferenceRefusal = Refused<'difference-malformed'>;
export type OpenedDifference =
  | { readonly ok: true; readonly difference: TenantDifference; readonly digest: Digest }
  | DifferenceRefusal;

/** A difference's first line, without its end, and the digest that names it. */
export function differenceHead(difference: TenantDifference): { readonly text: string; readonly digest: Digest } {
  const written = canonicalJson({ form: FORM, ...difference });
  return { text: written, digest: digestOf(written) };
}

/** Reads a first line; never throws on what comes from outside. */
export function openDifference(line: string): OpenedDifference {
  const no = (why: string, where = ''): DifferenceRefusal =>
    refuse('difference-malformed', WHAT, why, { where, unblock: ANEW });
  if (Buffer.byteLength(line) > MOST_HEAD_BYTES) return no(`its first line has more than ${MOST_HEAD_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return no('its first line is not JSON');
  }
  const parsed = headForm.safeParse(value);
  if (!parsed.success) {
    const [problem] = problemsOf(parsed.error, value, headForm);
    const where = dotted(problem?.path ?? []);
    return no(`at ${where}: expected ${problem?.expected}, found ${problem?.found}`, where);
  }
  const { form: _, ...difference } = parsed.data;
  if (canonicalJson(parsed.data) !== line) return no('its first line is not canonical JSON');
  if (!addsUp(difference as TenantDifference)) return no('its numbers of rows don’t add up');
  return { ok: true, difference: difference as TenantDifference, digest: digestOf(line) };
}

function addsUp({ tables, body }: TenantDifference): boolean {
  const rows = tables.reduce((sum, { back, away, changed }) => sum + back + away + changed, 0);
  return rows === body.lines && tables.every(({ live, was, back, away }) => live.rows + back - away === was.rows);
}

/** A row as a line, without its end. */
export function rowLine(row: RowDifference): string {
  return canonicalJson(row);
}

/** Reads a row's line by the tables of its difference. Undefined: it is none. Never throws. */
export function openRow(line: string, tables: readonly TableDifference[]): RowDifference | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = rowForm.safeParse(value);
  if (!parsed.success) return undefined;
  const row = parsed.data as RowDifference;
  const of = tables[row.table];
  if (of === undefined) return undefined;
  const fits = (given: RowDifference['live']): boolean =>
    given?.length === of.columns.length || given?.length === of.columns.length + of.liveOnly.length;
  const [live, was] = [row.live !== undefined, row.was !== undefined];
  if (live !== (row.kind !== 'back') || was !== (row.kind !== 'away')) return undefined;
  return (!live || fits(row.live)) && (!was || fits(row.was)) ? row : undefined;
}

/** A difference as people read it before they say yes. `examples`: some of its rows, where they may be shown. */
export function differenceText(
  difference: TenantDifference,
  digestOfIt: Digest,
  examples: readonly RowDifference[],
): readonly string[] {
  return differenceLines(difference, digestOfIt, examples);
}

/** So many rows of each kind in each table, as examples. */
export async function examplesOf(rows: AsyncIterable<RowDifference>, most = 3): Promise<readonly RowDifference[]> {
  const seen = new Map<string, number>();
  const examples: RowDifference[] = [];
  for await (const row of rows) {
    const key = `${row.table} ${row.kind}`;
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    if (count <= most) examples.push(row);
  }
  return examples;
}
