/** What a difference's rows come to, counted from the rows: its first line says it, and people approve by that. */
import type { RowDifference, RowValues, TableDifference } from './difference.ts';

/** An exact decimal: `units` of ten to the power of minus `scale`. */
interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

interface Counted {
  back: number;
  away: number;
  changed: number;
  /** Of the changed ones: in how many rows each column changes. */
  readonly changes: Map<string, number>;
  /** By column of `sums`, how much more it is afterwards; undefined: a value is no number that can be added up. */
  readonly more: Map<string, Decimal | undefined>;
}

const NOTHING: Decimal = { units: 0n, scale: 0 };

/** Takes rows one by one, in any number, and judges at the end. */
export class RowsTally {
  readonly #tables: readonly TableDifference[];
  readonly #counted: readonly Counted[];
  #strange: string | undefined;

  constructor(tables: readonly TableDifference[]) {
    this.#tables = tables;
    this.#counted = tables.map(({ sums }) => ({
      ...{ back: 0, away: 0, changed: 0, changes: new Map() },
      more: new Map(sums.map((column) => [column, NOTHING])),
    }));
  }

  add(row: RowDifference): void {
    const table = this.#tables[row.table]!;
    const of = this.#counted[row.table]!;
    of[row.kind]++;
    if (row.kind === 'changed') {
      const names = table.columns.flatMap(({ name }, i) => (row.live?.[i] === row.was?.[i] ? [] : [name]));
      for (const name of names) of.changes.set(name, (of.changes.get(name) ?? 0) + 1);
      if (names.length === 0) this.#strange ??= `a row of ${table.table} is said to change, and doesn’t`;
      if (names.some((name) => table.key.includes(name)))
        this.#strange ??= `a row of ${table.table} changes into one of another key`;
    }
    for (const name of table.sums) {
      const at = table.columns.findIndex((each) => each.name === name);
      of.more.set(name, plus(of.more.get(name), value(row.was, at), minus(value(row.live, at))));
    }
  }

  /** What the first line says otherwise, in words; undefined: nothing. */
  misfit(): string | undefined {
    return (
      this.#strange ??
      this.#tables.map((table, i) => misfitIn(table, this.#counted[i]!)).find((why) => why !== undefined)
    );
  }
}

function misfitIn(table: TableDifference, counted: Counted): string | undefined {
  const wrong = (what: string): string => `its first line says other ${what} of ${table.table} than its rows come to`;
  if ((['back', 'away', 'changed'] as const).some((kind) => table[kind] !== counted[kind])) return wrong('numbers');
  const changes = new Map(table.changes.map(({ column, rows }) => [column, rows]));
  if (
    changes.size !== table.changes.length ||
    changes.size !== counted.changes.size ||
    [...changes].some(([column, rows]) => counted.changes.get(column) !== rows)
  )
    return wrong('changes');
  if (table.added.map(({ column }) => column).join('\0') !== table.sums.join('\0')) return wrong('sums');
  const otherwise = table.added.some(({ column, live, was }) => {
    const told = plus(decimal(was ?? '0'), minus(decimal(live ?? '0')));
    const more = counted.more.get(column);
    return told !== undefined && more !== undefined && plus(told, minus(more))?.units !== 0n;
  });
  return otherwise ? wrong('sums') : undefined;
}

function value(values: RowValues | undefined, at: number): Decimal | undefined {
  return decimal(values?.[at] ?? '0');
}

/** Undefined: no finite number. */
function decimal(text: string): Decimal | undefined {
  const [, sign, whole, part = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  return whole === undefined ? undefined : { units: BigInt(`${sign}${whole}${part}`), scale: part.length };
}

function plus(...all: readonly (Decimal | undefined)[]): Decimal | undefined {
  const known = all.flatMap((each) => each ?? []);
  if (known.length < all.length) return undefined;
  const scale = Math.max(...known.map((each) => each.scale));
  return { scale, units: known.reduce((sum, each) => sum + each.units * 10n ** BigInt(scale - each.scale), 0n) };
}

function minus(of: Decimal | undefined): Decimal | undefined {
  return of && { ...of, units: -of.units };
}
