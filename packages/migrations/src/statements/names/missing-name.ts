/** Things of a table that a statement names and the table hasn't: PostgreSQL refuses it. */
import type { TableState } from '../../catalogue/table-state.ts';
import { quoted } from '../../parse/nodes.ts';
import type { Scene } from '../scene.ts';
import { fails, isWhole } from './taken-name.ts';

/** Says that a table has no column of a name, where all of its columns are known. PostgreSQL's own columns have none to be changed. */
export function failsIfNoColumn(scene: Scene, table: TableState, column: string): boolean {
  const missing = isWhole(table, scene.schema) && !table.columns.some(({ name }) => name === column);
  if (missing) fails(scene, `${table.key} has no column ${quoted(column)}`);
  return missing;
}

export function failsIfNoIndex(scene: Scene, table: TableState, index: string): void {
  if (isWhole(table, scene.schema) && !table.indexes.some(({ name }) => name === index))
    fails(scene, `${table.key} has no index ${quoted(index)}`);
}

export function failsIfNoTrigger(scene: Scene, table: TableState, trigger: string): boolean {
  const missing = isWhole(table, scene.schema) && !table.triggers.some(({ name }) => name === trigger);
  if (missing) fails(scene, `${table.key} has no trigger ${quoted(trigger)}`);
  return missing;
}

/** Rules and policies: catalogues of before don't hold them. */
export function failsIfNot(scene: Scene, table: TableState, kind: 'rule' | 'policy', name: string): boolean {
  const there = kind === 'rule' ? table.rules : table.policies;
  const missing = isWhole(table, scene.schema) && there !== undefined && !there.includes(name);
  if (missing) fails(scene, `${table.key} has no ${kind} ${quoted(name)}`);
  return missing;
}
