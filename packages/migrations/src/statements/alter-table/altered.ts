import type { AlterTableCmd, Node } from 'libpg-query';
import type { ColumnState, TableState } from '../../catalogue/table-state.ts';
import type { LockMode } from '../../effects/lock-modes.ts';
import { as } from '../../parse/nodes.ts';
import { parseOne } from '../../parse/parser.ts';
import type { Scene } from '../scene.ts';

/** The table of an ALTER TABLE, with all below it that the change reaches. */
export interface Altered {
  readonly table: TableState;
  /** The table and, without ONLY, its partitions and heirs. */
  readonly tables: readonly TableState[];
  readonly only: boolean;
}

/** What one part of an ALTER TABLE does; answers the lock that it needs on the table (and what stands below). */
export type Part = (cmd: AlterTableCmd, on: Altered, scene: Scene) => LockMode;

export function columnOf(table: TableState, name: string | undefined): ColumnState | undefined {
  return table.columns.find((column) => column.name === name);
}

/** Nobody writes it yet: it, or its table, was made in the same file. */
export function isFresh(table: TableState, column: string | undefined): boolean {
  return table.fresh || columnOf(table, column)?.fresh === true;
}

/** Changes one column in a table and all that stands below it. */
export function changeColumn(on: Altered, scene: Scene, name: string | undefined, more: Partial<ColumnState>): void {
  for (const { key } of on.tables) {
    const table = scene.schema.byKey(key) ?? on.table;
    const columns = table.columns.map((column) => (column.name === name ? { ...column, ...more } : column));
    scene.schema.put({ ...table, columns });
  }
}

/** Whether a valid constraint says already that the column is never null: then PostgreSQL needn't look. */
export function knownNotNull(table: TableState, column: string | undefined): boolean {
  if (column === undefined) return false;
  if (columnOf(table, column)?.nullable === false) return true;
  return table.constraints.some(
    ({ kind, validated, expression }) =>
      kind === 'check' && validated && expression !== undefined && saysNotNull(expression, column),
  );
}

/** Whether an expression is `column IS NOT NULL`, by itself or as a part of an AND. */
export function saysNotNull(expression: string, column: string): boolean {
  const select = as(parseOne(`select ${expression}`), 'SelectStmt');
  const target = as(
    as(select?.targetList?.[0], 'ResTarget')?.val === undefined ? undefined : select?.targetList?.[0],
    'ResTarget',
  );
  return target?.val !== undefined && nodeSaysNotNull(target.val, column);
}

function nodeSaysNotNull(node: Node, column: string): boolean {
  const test = as(node, 'NullTest');
  if (test?.nulltesttype === 'IS_NOT_NULL') {
    const fields = as(test.arg, 'ColumnRef')?.fields ?? [];
    return as(fields.at(-1), 'String')?.sval === column;
  }
  const bool = as(node, 'BoolExpr');
  return bool?.boolop === 'AND_EXPR' && (bool.args ?? []).some((each) => nodeSaysNotNull(each, column));
}
