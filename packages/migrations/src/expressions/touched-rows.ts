/** How many rows a condition lets through, as far as its form tells. */
import type { A_Expr, Node, SelectStmt } from 'libpg-query';
import type { TableState } from '../catalogue/table-state.ts';
import { as, constant, strings } from '../parse/nodes.ts';

/** A batch of more rows than this isn't a small one. */
export const BATCH_ROWS = 50_000;

/** `all`: no condition. `few`: bounded by a key or a limit. `some`: nobody knows. */
export type Touched = 'all' | 'some' | 'few';

/** What an UPDATE or DELETE with this condition touches. `joined`: other tables stand beside it. */
export function touchedRows(where: Node | undefined, table: TableState, joined: boolean): Touched {
  if (where === undefined || alwaysTrue(where)) return 'all';
  // Whose column a name means can't be told from its form when there are several tables.
  return !joined && isBounded(where, table) ? 'few' : 'some';
}

function alwaysTrue(node: Node): boolean {
  if (constant(node) === true) return true;
  const cast = as(node, 'TypeCast');
  return cast?.arg !== undefined && ['t', 'true', true].includes(constant(cast.arg) as never);
}

/** One side of an AND is enough; an OR needs both. */
function isBounded(node: Node, table: TableState): boolean {
  const bool = as(node, 'BoolExpr');
  if (bool?.boolop === 'AND_EXPR') {
    const parts = bool.args ?? [];
    return parts.some((each) => isBounded(each, table)) || isRange(parts, table);
  }
  if (bool?.boolop === 'OR_EXPR') return (bool.args ?? []).every((each) => isBounded(each, table));
  const link = as(node, 'SubLink');
  if (link?.subLinkType === 'ANY_SUBLINK') {
    const column = columnOf(link.testexpr);
    return column !== undefined && isKey(column, table) && isLimited(as(link.subselect, 'SelectStmt'));
  }
  const expr = as(node, 'A_Expr');
  return expr !== undefined && boundedComparison(expr, table);
}

function boundedComparison(expr: A_Expr, table: TableState): boolean {
  const column = columnOf(expr.lexpr);
  if (column === undefined) return false;
  const [operator] = strings(expr.name);
  if (expr.kind === 'AEXPR_BETWEEN' && isKey(column, table)) {
    const [low, high] = (as(expr.rexpr, 'List')?.items ?? []).map(constant);
    return typeof low === 'number' && typeof high === 'number' && high - low <= BATCH_ROWS;
  }
  if (operator !== '=') return false;
  if (expr.kind === 'AEXPR_OP') return isKey(column, table) && (isValue(expr.rexpr) || limitedSubquery(expr.rexpr));
  if (expr.kind === 'AEXPR_IN') return isKey(column, table) && (as(expr.rexpr, 'List')?.items ?? []).every(isValue);
  if (expr.kind === 'AEXPR_OP_ANY') return isKey(column, table) && limitedArray(expr.rexpr);
  return false;
}

/** `id > 100 and id <= 200`. */
function isRange(parts: readonly Node[], table: TableState): boolean {
  const bounds = new Map<string, { low?: number; high?: number }>();
  for (const part of parts) {
    const expr = as(part, 'A_Expr');
    const column = columnOf(expr?.lexpr);
    const value = constant(expr?.rexpr);
    if (expr?.kind !== 'AEXPR_OP' || column === undefined || typeof value !== 'number') continue;
    const [operator] = strings(expr.name);
    const bound = bounds.get(column) ?? {};
    if (operator === '>' || operator === '>=') bound.low = value;
    if (operator === '<' || operator === '<=') bound.high = value;
    bounds.set(column, bound);
  }
  return [...bounds].some(
    ([column, { low, high }]) =>
      low !== undefined && high !== undefined && high - low <= BATCH_ROWS && isKey(column, table),
  );
}

/** A unique column; of a table that nobody knows, one that is called like it. */
function isKey(column: string, table: TableState): boolean {
  if (column === 'ctid') return true;
  if (!table.known) return column === 'id';
  return table.indexes.some(
    ({ unique, columns, computed }) => unique && !computed && columns.length === 1 && columns[0] === column,
  );
}

function columnOf(node: Node | undefined): string | undefined {
  return strings(as(node, 'ColumnRef')?.fields).at(-1);
}

function isValue(node: Node | undefined): boolean {
  if (node === undefined) return false;
  const cast = as(node, 'TypeCast');
  // The row that a trigger runs for is one row.
  const [row, ...column] = strings(as(node, 'ColumnRef')?.fields);
  if ((row === 'new' || row === 'old') && column.length === 1) return true;
  return (
    constant(node) !== undefined || as(node, 'ParamRef') !== undefined || (cast !== undefined && isValue(cast.arg))
  );
}

/** `ctid = any (array(select ctid from … limit 1000))`. */
function limitedArray(node: Node | undefined): boolean {
  const link = as(node, 'SubLink');
  if (link?.subLinkType === 'ARRAY_SUBLINK') return isLimited(as(link.subselect, 'SelectStmt'));
  const array = as(node, 'A_ArrayExpr');
  return array !== undefined && (array.elements ?? []).every(isValue);
}

function limitedSubquery(node: Node | undefined): boolean {
  const link = as(node, 'SubLink');
  return link?.subLinkType === 'EXPR_SUBLINK';
}

function isLimited(select: SelectStmt | undefined): boolean {
  const limit = constant(select?.limitCount);
  return typeof limit === 'number' && limit <= BATCH_ROWS;
}
