/** Columns, and keys to them, that PostgreSQL refuses whatever the rows are. */
import type { ColumnDef } from 'libpg-query';
import type { TableState } from '../../catalogue/table-state.ts';
import { typeRefOf } from '../../catalogue/type-name.ts';
import { as, quoted } from '../../parse/nodes.ts';
import { isNoneOf, isTooLarge } from '../../types/fits.ts';
import type { Scene } from '../scene.ts';
import { fails, isWhole } from './taken-name.ts';

/** Every table has them already. */
const OF_SYSTEM = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid']);

/** Says that a column can't be made: for its name, or for its default. `filled`: its default is worked out at once. */
export function failsAsColumn(scene: Scene, column: ColumnDef, filled: boolean): void {
  const name = column.colname ?? '';
  if (OF_SYSTEM.has(name))
    fails(scene, `${quoted(name)} is a column that every table has already, by PostgreSQL itself`);
  const parts = (column.constraints ?? []).flatMap((node) => as(node, 'Constraint') ?? []);
  const value = parts.find(({ contype }) => contype === 'CONSTR_DEFAULT')?.raw_expr;
  const type = typeRefOf(column.typeName);
  const why = isNoneOf(value, type, scene.schema) ?? (filled ? isTooLarge(value, type, scene.schema) : undefined);
  if (why !== undefined) fails(scene, `${why}, which the default of ${quoted(name)} would be`);
}

/** A partition has its table's columns, and no table with partitions or heirs gets one alone. */
export function failsToGetColumn(scene: Scene, table: TableState, only: boolean): void {
  const parent = table.parents.find((key) => scene.schema.byKey(key)?.kind === 'partitioned');
  if (parent !== undefined) fails(scene, `${table.key} is a partition of ${parent}, and has that one’s columns alone`);
  failsAlone(scene, table, only, 'column');
}

/** ONLY, where those below must have it, too. */
export function failsAlone(scene: Scene, table: TableState, only: boolean, what: string): void {
  const [below] = only ? scene.schema.descendants(table.key) : [];
  if (below !== undefined && below.perhaps !== true)
    fails(scene, `ONLY: ${below.key} stands below ${table.key}, and must get the ${what}, too`);
}

/** A foreign key refers to a table, by columns that a unique index of it tells rows apart by. */
export function failsToRefer(scene: Scene, other: TableState, columns: readonly string[]): void {
  if (!isWhole(other, scene.schema) || other.perhaps === true) return;
  if (other.kind !== 'table' && other.kind !== 'partitioned')
    return void fails(scene, `${other.key} is no table, and nothing can refer to it by a foreign key`);
  const primary = other.constraints.some(({ kind }) => kind === 'primary');
  if (columns.length === 0 && !primary)
    fails(scene, `${other.key} has no primary key, and the foreign key names no columns of it`);
  const wanted = [...columns].sort().join('\0');
  const unique = other.indexes.some(
    (index) =>
      index.unique &&
      !index.computed &&
      index.columns
        .slice(0, index.columns.length - (index.included ?? 0))
        .sort()
        .join('\0') === wanted,
  );
  const keyed = other.constraints.some(
    ({ kind, columns: own }) => (kind === 'primary' || kind === 'unique') && [...own].sort().join('\0') === wanted,
  );
  if (columns.length > 0 && !unique && !keyed)
    fails(
      scene,
      `nothing makes ${columns.map(quoted).join(', ')} of ${other.key} unique, and a foreign key refers to it`,
    );
}
