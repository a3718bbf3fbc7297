/**
 * How one tenant's rows become a made-up tenant's, any number of times: for each column of each table what its value is, so
 * that every key and every foreign key holds. Decided from the tables alone; the rows are written by the database itself.
 */
import { fullName, type RuleRefusal } from '../masking/rule.ts';
import { type Refusal, refused } from '../model/refusal.ts';
import { named } from '../plan/render-words.ts';
import { type RowsCatalogue, type RowsTable, tablesByName } from './catalogue.ts';
import { planTenantRows, type TenantTable } from './plan.ts';
import type { TenantRowsRule } from './rule.ts';

/** A column of a table that has rows of tenants. */
export interface RowsColumnId {
  /** `schema.table`. */
  readonly table: string;
  readonly column: string;
}

/** What stands in a column of a made-up row. A key that is made anew is made alike wherever it is referred to. */
export type MadeValue =
  | { readonly make: 'keep' }
  | { readonly make: 'tenant' }
  | {
      readonly make: KeyKind;
      /** The key's column whose values are made so. */
      readonly of: RowsColumnId;
      /** It has to differ among a tenant's own rows alone: the first copy is what it was, as an invoice's number is. */
      readonly scoped: boolean;
    };

export type KeyKind = 'number' | 'uuid' | 'text';

export interface MadeColumn {
  readonly name: string;
  readonly type: string;
  readonly value: MadeValue;
}

export interface MadeTable {
  readonly table: TenantTable;
  readonly columns: readonly MadeColumn[];
  /**
   * Its key lets a tenant have its rows only once, however often the others are made: settings by a name that nothing refers
   * to, the tenant itself.
   */
  readonly once: boolean;
}

export interface SynthesisPlan {
  /** What is referred to comes before what refers to it. */
  readonly tables: readonly MadeTable[];
  readonly shared: readonly string[];
}

export type PlannedSynthesis =
  | { readonly ok: true; readonly plan: SynthesisPlan }
  | { readonly ok: false; readonly refusals: readonly (Refusal | RuleRefusal)[] };

const WHAT = 'making a tenant up';

/** Plans it; every table whose keys can't be made anew is a refusal. */
export function planSynthesis(rules: readonly TenantRowsRule[], catalogue: RowsCatalogue): PlannedSynthesis {
  // `leave` is of a comparison with another moment: here there is one.
  const now = rules.map((rule) => (rule.rows === 'shared' ? rule : { ...rule, leave: [] }));
  const planned = planTenantRows(now, catalogue, catalogue);
  if (!planned.ok) return planned;
  const { tables, shared } = planned.plan;
  const maker = new Maker(tables, catalogue);
  const refusals = tables.flatMap((table) => maker.decideKeys(table));
  if (refusals.length > 0) return { ok: false, refusals };
  const made = tables.map((table) => maker.made(table));
  const wrong = tables.flatMap((table) => maker.twoWays(table));
  return wrong.length > 0 ? { ok: false, refusals: wrong } : { ok: true, plan: { tables: made, shared } };
}

/** Where the values of a plan that are numbers come from: whose least and greatest have to be known. */
export function numberedColumns({ tables }: SynthesisPlan): readonly RowsColumnId[] {
  const found = new Map<string, RowsColumnId>();
  for (const { table, columns } of tables)
    for (const { name, value } of columns)
      if (value.make === 'number' && value.of.table === table.table && value.of.column === name)
        found.set(`${table.table} ${name}`, value.of);
  return [...found.values()];
}

class Maker {
  readonly #order: ReadonlyMap<string, number>;
  readonly #byName: ReadonlyMap<string, TenantTable>;
  readonly #catalogue: RowsCatalogue;
  readonly #tables: ReadonlyMap<string, RowsTable>;
  /** Columns that are made anew: `table column`. */
  readonly #fresh = new Map<string, { readonly make: KeyKind; readonly scoped: boolean }>();
  readonly #once = new Set<string>();

  constructor(tables: readonly TenantTable[], catalogue: RowsCatalogue) {
    this.#order = new Map(tables.map(({ table }, at) => [table, at]));
    this.#byName = new Map(tables.map((table) => [table.table, table]));
    this.#catalogue = catalogue;
    this.#tables = tablesByName(catalogue);
  }

  /** Sees to it that every key of a table has a column that is another in each copy. Tables come in the order of the plan. */
  decideKeys({ table, key }: TenantTable): readonly Refusal[] {
    const unique = this.#tables.get(table)?.unique ?? [];
    const keys = [{ name: 'primary key', columns: key }, ...unique];
    const circle = this.#circle(table);
    if (circle !== undefined) return [circle];
    for (const { name, columns } of keys) {
      const values = columns.map((column) => this.#value(table, column));
      // With the tenant, or with what comes of one row of the tenant's, in it: another tenant's keys are others already.
      const scoped = values.some((value) => value.make !== 'keep' && !('scoped' in value && value.scoped));
      if (values.some((value, i) => this.#differs(value, { table, column: columns[i]! }, scoped))) continue;
      const byName = scoped && name === 'primary key' && !this.#isReferredTo(table, columns);
      const chosen = this.#candidate(table, columns, byName);
      if (chosen !== undefined) this.#fresh.set(`${table} ${chosen.column}`, { make: chosen.make, scoped });
      // A tenant that is another has rows of its own: once, since nothing else in the key can be another.
      else if (scoped) this.#once.add(table);
      else return [this.#unmade(table, name, columns)];
    }
    return [];
  }

  made(table: TenantTable): MadeTable {
    const generated = new Set(
      this.#tables.get(table.table)?.columns.flatMap((column) => (column.generated ? [column.name] : [])),
    );
    return {
      table,
      columns: table.columns
        .filter(({ name }) => !generated.has(name))
        .map(({ name, type }) => ({ name, type, value: this.#value(table.table, name) })),
      once: this.#once.has(table.table),
    };
  }

  /** A column that two foreign keys make different things of. */
  twoWays({ table, columns }: TenantTable): readonly Refusal[] {
    return columns.flatMap(({ name }) => {
      const ways = new Set(this.#ways(table, name).map((each) => JSON.stringify(this.#value(each.table, each.column))));
      if (ways.size < 2) return [];
      const why = `foreign keys lead from ${table} (${name}) to ${ways.size} tables whose keys are made anew, each in its own way`;
      return [no('two-ways', table, why, 'name one of the tables `rows: shared`, whose keys stay as they are')];
    });
  }

  /** What the column is: by its own key, or by that which it refers to. */
  #value(table: string, column: string, seen: ReadonlySet<string> = new Set()): MadeValue {
    const id = `${table} ${column}`;
    const { belongs } = this.#byName.get(table)!;
    if (belongs.rows === 'tenant' && belongs.column === column) return { make: 'tenant' };
    const fresh = this.#fresh.get(id);
    if (fresh !== undefined) return { ...fresh, of: { table, column } };
    const [way] = this.#ways(table, column);
    // One that leads back to itself is a key of its own.
    return way === undefined || seen.has(id)
      ? { make: 'keep' }
      : this.#value(way.table, way.column, new Set([...seen, id]));
  }

  /** What the column refers to, of those that have rows of tenants; itself left out. */
  #ways(table: string, column: string): readonly RowsColumnId[] {
    return this.#catalogue.foreignKeys.flatMap((key) => {
      const at = key.columns.indexOf(column);
      if (key.table !== table || at < 0 || !this.#byName.has(key.references)) return [];
      const to = { table: key.references, column: key.referencedColumns[at]! };
      return to.table === table && to.column === column ? [] : [to];
    });
  }

  /** Whether a value is another in every copy, and as far as is asked. What comes of a table that is made once is one. */
  #differs(value: MadeValue, { table, column }: RowsColumnId, scoped: boolean): boolean {
    if (value.make === 'keep' || value.make === 'tenant') return false;
    const own = value.of.table === table && value.of.column === column;
    return (own || !this.#once.has(value.of.table)) && (scoped || !value.scoped);
  }

  /** The column of a key that can be made anew: one that refers to nothing, a number before a uuid before a text. */
  #candidate(
    table: string,
    columns: readonly string[],
    numbersAlone: boolean,
  ): { readonly column: string; readonly make: KeyKind } | undefined {
    const free = columns.toReversed().filter((column) => !this.#refers(table, column));
    for (const make of numbersAlone ? (['number', 'uuid'] as const) : (['number', 'uuid', 'text'] as const)) {
      const column = free.find((each) => this.#kind(table, each) === make);
      if (column !== undefined) return { column, make };
    }
    return undefined;
  }

  #refers(table: string, column: string): boolean {
    const { belongs } = this.#byName.get(table)!;
    if (belongs.rows === 'tenant' && belongs.column === column) return true;
    return this.#catalogue.foreignKeys.some((key) => key.table === table && key.columns.includes(column));
  }

  /** Whether other rows lead to this key: then its text is an id of theirs, and no name under which a setting is looked up. */
  #isReferredTo(table: string, columns: readonly string[]): boolean {
    return this.#catalogue.foreignKeys.some(
      (key) => key.references === table && columns.every((column) => key.referencedColumns.includes(column)),
    );
  }

  #kind(table: string, column: string): KeyKind | undefined {
    const found = this.#tables.get(table)?.columns.find(({ name }) => name === column);
    if (found === undefined || found.generated) return undefined;
    if (/^(smallint|integer|bigint|numeric(\(\d+,0\))?)$/.test(found.type)) return 'number';
    if (found.type === 'uuid') return 'uuid';
    return /^(text|character varying(\(\d+\))?|character\(\d+\))$/.test(found.type) ? 'text' : undefined;
  }

  /** A foreign key to a table that comes later, and that is checked at once. */
  #circle(table: string): Refusal | undefined {
    const key = this.#catalogue.foreignKeys.find(
      (each) =>
        each.table === table && !each.deferrable && (this.#order.get(each.references) ?? -1) > this.#order.get(table)!,
    );
    if (key === undefined) return undefined;
    const why = `${table} and ${key.references} refer to one another, and the foreign key ${key.name} is checked at once: neither can be first`;
    return no('circle', table, why, `alter table … alter constraint ${key.name} deferrable, in this copy`);
  }

  #unmade(table: string, name: string, columns: readonly string[]): Refusal {
    const why = `no column of ${table}, ${name} (${named(columns)}), can be made anew: none is a number, a uuid or a text that refers to nothing`;
    return no(
      'key-unmade',
      table,
      why,
      'name the table `rows: shared`, which leaves it out; or give it a key of its own',
    );
  }
}

function no(code: string, where: string, why: string, unblock: string): Refusal {
  return refused(code, WHAT, fullName(where), why, unblock).refusal;
}
