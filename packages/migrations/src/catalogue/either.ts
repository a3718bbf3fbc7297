/** A relation that a statement changed which may not have been reached, or was undone: whichever of both would be the worse is believed. */
import type { ColumnState, TableState, TypeState } from './table-state.ts';

/** `before`: without the statement; undefined: there was none. */
export function either(before: TableState | undefined, after: TableState): TableState {
  if (before === after) return after;
  if (before === undefined)
    return {
      ...after,
      ...{ fresh: false, known: false, rows: null, bytes: null, indexBytes: null, perhaps: true },
      columns: after.columns.map(notFresh),
    };
  return {
    ...after,
    kind: before.kind,
    fresh: before.fresh && after.fresh,
    known: before.known && after.known,
    rows: most(before.rows, after.rows),
    bytes: most(before.bytes, after.bytes),
    indexBytes: most(before.indexBytes, after.indexBytes),
    columns: columnsOf(before, after),
    // What may be there keeps nobody out: a CHECK isn't held against the rows, an index doesn't tell them apart.
    constraints: both(before.constraints, after.constraints, (each) => ({ ...each, validated: false })),
    indexes: both(before.indexes, after.indexes, (each) => ({ ...each, unique: false, plain: false })),
    triggers: [...new Set([...before.triggers, ...after.triggers])],
    parents: [...new Set([...before.parents, ...after.parents])],
    uses: [...new Set([...before.uses, ...after.uses])],
    calls: before.calls && after.calls && [...new Set([...before.calls, ...after.calls])],
    defaultPartition: before.defaultPartition || after.defaultPartition,
    rowSecurity: before.rowSecurity || after.rowSecurity,
    unlogged: before.unlogged && after.unlogged,
    replicaIdentity: before.replicaIdentity === after.replicaIdentity ? after.replicaIdentity : 'unknown',
    published: [...new Set([...before.published, ...after.published])],
    rules: before.rules === after.rules ? after.rules : undefined,
    policies: before.policies === after.policies ? after.policies : undefined,
    ...(before.perhaps === true || after.perhaps === true ? { perhaps: true } : {}),
  };
}

/** The same of a type: it may have the rules and the defaults of both. */
export function eitherType(before: TypeState | undefined, after: TypeState): TypeState {
  const text = after.default ?? before?.default;
  return {
    ...after,
    fresh: false,
    constrained:
      after.constrained === true || before?.constrained === true || (before?.base ?? after.base) !== after.base,
    fills: [...new Set([...(before?.fills ?? []), ...(after.fills ?? [])])],
    calls: [...new Set([...(before?.calls ?? []), ...(after.calls ?? [])])],
    ...(text === undefined ? {} : { default: text }),
  };
}

/** One that a statement may have taken away. */
export function perhapsGone(state: TableState): TableState {
  return { ...state, fresh: false, perhaps: true, columns: state.columns.map(notFresh) };
}

function columnsOf(before: TableState, after: TableState): readonly ColumnState[] {
  if (before.columns === after.columns) return after.columns;
  const old = new Map(before.columns.map((column) => [column.name, column]));
  const now = new Set(after.columns.map(({ name }) => name));
  const merged = after.columns.map((column): ColumnState => {
    const was = old.get(column.name);
    if (was === column) return column;
    if (was === undefined) return { ...notFresh(column), nullable: true };
    const type = was.type === column.type ? column.type : 'unknown';
    return { ...was, ...column, type, nullable: was.nullable || column.nullable };
  });
  return [...merged, ...before.columns.filter(({ name }) => !now.has(name))];
}

function notFresh({ fresh: _, ...column }: ColumnState): ColumnState {
  return column;
}

/** What both have as it is; what only one has as `unsure` says. */
function both<Part extends { readonly name: string }>(
  before: readonly Part[],
  after: readonly Part[],
  unsure: (part: Part) => Part,
): readonly Part[] {
  if (before === after) return after;
  const [old, now] = [new Set(before), new Set(after)];
  const named = new Set(after.map(({ name }) => name));
  return [
    ...after.map((each) => (old.has(each) ? each : unsure(each))),
    ...before.filter((each) => !now.has(each) && !named.has(each.name)).map(unsure),
  ];
}

function most(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}
