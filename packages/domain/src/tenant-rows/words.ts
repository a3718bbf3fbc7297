/** A difference as people read it before they say yes: what would be lost, what comes back, in numbers and examples. */

import type { Digest } from '../model/identity.ts';
import { cut } from '../model/text.ts';
import {
  type RowDifference,
  type RowValues,
  rowsOf,
  type TableDifference,
  type TenantDifference,
} from './difference.ts';
import { schemaOfTenant } from './schema.ts';

/** How much of a value is shown. Characters. */
const SHOWN = 40;
const COLUMNS_SHOWN = 4;

/** `examples`: some of the rows, where they are at hand. */
export function differenceLines(
  difference: TenantDifference,
  digest: Digest,
  examples: readonly RowDifference[] = [],
): readonly string[] {
  const { tenant, store, cell, environment, tables, moment, live, was, rules } = difference;
  const touched = tables.filter(({ back, away, changed }) => back + away + changed > 0);
  return [
    `${tenant} of the store ${store}, cell ${cell} (${environment}): back to ${moment}.`,
    ...valueLines(difference),
    ...schemaLines(difference),
    '',
    ...(touched.length === 0
      ? ['Nothing of this tenant differs.']
      : touched.flatMap((table) =>
          tableLines(
            table,
            examples.filter((each) => tables[each.table] === table),
          ),
        )),
    '',
    `${counted(rowsOf(difference), 'row')} in ${counted(touched.length, 'table')}: ${totals(touched)}.`,
    `Of the tenant’s ${counted(tables.length, 'table')} ${number(tables.length - touched.length)} are the same.`,
    '',
    ...sequenceLines(difference),
    ...whoseLines(difference),
    '',
    `difference  ${digest}`,
    `made        by ${difference.by}, ${timeText(difference.madeAt)}`,
    `rules       ${rules.name}, ${rules.digest}`,
    `live        database ${live.database}, schema ${live.schemaVersion}, LSN ${live.lsn}, ${timeText(live.at)}`,
    `recovered   database ${was.database}, schema ${was.schemaVersion}, LSN ${was.lsn}`,
    ...(difference.undoes === null ? [] : [`takes back  ${difference.undoes}`]),
  ];
}

function schemaLines({ live, was }: TenantDifference): readonly string[] {
  if (live.schemaVersion === was.schemaVersion) return [];
  return [
    `The schema is at version ${live.schemaVersion}, and was at ${was.schemaVersion}: rows come back in the columns that both have.`,
  ];
}

/** Whose rows change is decided by what stands in tenant columns, and by no name. */
function valueLines({ tenant, value, rules, schemas }: TenantDifference): readonly string[] {
  if (schemas !== undefined) {
    const own = schemaOfTenant(schemas.named, value);
    if (value === tenant) return [`Its rows are all those of the schema ${own}.`];
    return [
      `CAUTION: its rows are all those of the schema ${own}, which is named for ${JSON.stringify(value)} and not for it, by the rules ${rules.name}.`,
      `         See first that this is ${tenant}, and nobody else.`,
    ];
  }
  if (value === tenant) return [`Its rows are those in whose tenant columns its name stands.`];
  return [
    `CAUTION: its rows are those in whose tenant columns ${JSON.stringify(value)} stands, which isn’t its name, by the rules ${rules.name}.`,
    `         See first that this is ${tenant}, and nobody else.`,
  ];
}

function whoseLines({ tables, shared, value, schemas }: TenantDifference): readonly string[] {
  const own = schemas && schemaOfTenant(schemas.named, value);
  const all = tables.filter(({ belongs }) => belongs.rows === 'schema').length;
  const by = ({ table, belongs }: TableDifference): readonly string[] => {
    if (belongs.rows === 'schema') return [];
    if (belongs.rows === 'tenant') return [`of ${table} where ${belongs.column} is ${JSON.stringify(value)}`];
    return [`of ${table} where ${belongs.by.join(', ')} leads to a row of ${belongs.of} that is`];
  };
  const left = shared.filter((table) => own !== undefined && table.startsWith(`${own}.`));
  const others = shared.filter((table) => !left.includes(table));
  return [
    'A row is the tenant’s',
    ...indented([
      ...(all === 0 ? [] : [`in ${counted(all, 'table')} of the schema ${own}, always`]),
      ...tables.flatMap(by),
    ]),
    ...(left.length === 0 ? [] : [`Of the schema ${own} stays as it is, as the rules say: ${left.join(', ')}.`]),
    others.length === 0 ? 'No table is shared.' : `Shared, neither read nor changed: ${others.join(', ')}.`,
    ...(schemas === undefined ? [] : ['Schemas of other tenants: neither read nor changed.']),
  ];
}

/** A sequence that would give out again what comes back; where none would, nothing is said. */
function sequenceLines({ sequences = [] }: TenantDifference): readonly string[] {
  if (sequences.length === 0) return [];
  return [
    'Sequences are never set back. Yet to give out what comes back, and raised behind it:',
    ...indented(sequences.map(({ sequence, column, next, to }) => `${sequence} (${column}): ${next} → ${to}`)),
    '',
  ];
}

function totals(tables: readonly TableDifference[]): string {
  const sum = (of: (table: TableDifference) => number): number => tables.reduce((total, table) => total + of(table), 0);
  return `${number(sum((t) => t.away))} written since would be lost, ${number(sum((t) => t.back))} come back, ${number(sum((t) => t.changed))} change`;
}

function tableLines(table: TableDifference, examples: readonly RowDifference[]): readonly string[] {
  const { back, away, changed, changes, added, live, was, liveOnly } = table;
  const of = (kind: RowDifference['kind']): readonly string[] => {
    const shown = examples.filter((each) => each.kind === kind).map((each) => exampleText(table, each));
    const more = { away, back, changed }[kind] - shown.length;
    return shown.length > 0 && more > 0 ? [...shown, `and ${number(more)} more`] : shown;
  };
  return [
    `${table.table}: ${number(live.rows)} → ${counted(was.rows, 'row')}`,
    ...(away > 0 ? indented([`${number(away)} written since, would be lost`, ...indented(of('away'))]) : []),
    ...(back > 0 ? indented([`${number(back)} deleted since, come back`, ...indented(of('back'))]) : []),
    ...(changed > 0
      ? indented([
          `${number(changed)} change: ${changes.map(({ column, rows }) => `${column} in ${number(rows)}`).join(', ')}`,
          ...indented(of('changed')),
        ])
      : []),
    ...(liveOnly.length === 0 ? [] : indented([`left as they are: ${liveOnly.map(({ name }) => name).join(', ')}`])),
    ...indented(
      added
        .filter((sum) => sum.live !== sum.was)
        .map((sum) => `sum of ${sum.column}: ${sum.live ?? 0} → ${sum.was ?? 0}`),
    ),
  ];
}

function exampleText({ columns, key }: TableDifference, { live, was }: RowDifference): string {
  const value = (values: RowValues | undefined, i: number): string => shown(values?.[i] ?? null);
  const keys = key.map(
    (name) =>
      `${name} ${value(
        live ?? was,
        columns.findIndex((each) => each.name === name),
      )}`,
  );
  const others = columns.flatMap(({ name }, i) => {
    if (key.includes(name)) return [];
    if (live === undefined || was === undefined) return [`${name} ${value(live ?? was, i)}`];
    return live[i] === was[i] ? [] : [`${name} ${value(live, i)} → ${value(was, i)}`];
  });
  const more = others.length - COLUMNS_SHOWN;
  return [...keys, ...others.slice(0, COLUMNS_SHOWN), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

/** On one line, and no longer than is read. */
function shown(value: string | null): string {
  if (value === null) return 'null';
  const short = value.length > SHOWN ? `${cut(value, SHOWN)}…` : value;
  return /^[\w.:+-]+$/.test(short) ? short : JSON.stringify(short);
}

/** Behind an indent; an example is as wide as it is. */
function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

function counted(n: number, noun: string): string {
  return `${number(n)} ${noun}${n === 1 ? '' : 's'}`;
}

function number(n: number): string {
  return n.toLocaleString('en-US');
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}
