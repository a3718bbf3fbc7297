/** Names that are taken, and names that nothing has: what PostgreSQL refuses, or passes over in silence, for a name alone. */
import type { Constraint, Index } from '../../catalogue/catalogue.ts';
import type { Holder, TableState } from '../../catalogue/table-state.ts';
import type { WorkingSchema } from '../../catalogue/working-schema.ts';
import { type Name, quoted, written } from '../../parse/nodes.ts';
import type { Scene } from '../scene.ts';
import { differenceOf } from './same-index.ts';

/** A name with its schema. */
interface Qualified {
  readonly schema: string;
  readonly name: string;
}

/** Most constraints, and most indexes, of one table that are followed: nobody has as many, and each is held against the others. */
export const MOST_OF_TABLE = 1_000;

/** Whether a table has more than is followed; then what is added to it isn't known. */
export function isFull({ does }: Scene, { key, constraints, indexes }: TableState): boolean {
  if (constraints.length < MOST_OF_TABLE && indexes.length < MOST_OF_TABLE) return false;
  does.notKnown(
    `${key} has ${MOST_OF_TABLE} constraints or indexes, and what is added to them isn’t looked at any more`,
  );
  return true;
}

/** Most columns of a table: PostgreSQL's own bound, which dropped ones count for as well. */
export const MOST_COLUMNS = 1_600;

/** Whether a table has as many columns as it can; then what is added isn't looked at. */
export function hasAllColumns({ does }: Scene, key: string, columns: number): boolean {
  if (columns < MOST_COLUMNS) return false;
  does.notKnown(`${key} has ${MOST_COLUMNS} columns, and PostgreSQL takes no more: what is added isn’t looked at`);
  return true;
}

/** Says that a statement fails, or, within a block, that it does if it comes to it. */
export function fails(scene: Scene, why: string): void {
  if (scene.conditional) scene.does.remark('fails', 'warning', `if it comes to it, it fails: ${why}`);
  else scene.does.remark('fails', 'error', why);
}

/** The same for what does nothing. */
function doesNothing(scene: Scene, why: string): void {
  scene.does.remark('does-nothing', scene.conditional ? 'warning' : 'error', why);
}

/** Whether something has the name already, and so another of that name is refused; says so. */
export function failsIfTaken(scene: Scene, name: Qualified): boolean {
  const holder = scene.schema.holderOf(name);
  if (holder === undefined) return false;
  fails(
    scene,
    `there is ${holderText(holder)} of the name ${written(name)} already: tables, views, sequences and indexes of a schema share their names`,
  );
  return true;
}

/** The same for a statement with IF NOT EXISTS, which is passed over then: nothing of what it says is made. */
export function passedOverIfTaken(scene: Scene, name: Qualified, tolerant: boolean): boolean {
  if (!tolerant) return failsIfTaken(scene, name);
  const holder = scene.schema.holderOf(name);
  if (holder === undefined) return false;
  doesNothing(scene, `${byNameAlone(name)}, and is ${holderText(holder)}`);
  return true;
}

function byNameAlone(name: Qualified): string {
  return `IF NOT EXISTS goes by the name alone and makes nothing: ${written(name)} is there`;
}

/** A table that is there, where IF NOT EXISTS passes over one that should have more columns, or isn't met by a table at all. */
export function lacksColumns(scene: Scene, there: TableState, wanted: readonly string[]): void {
  if (there.kind !== 'table' && there.kind !== 'partitioned' && there.kind !== 'foreign') {
    doesNothing(scene, `${byNameAlone(there)}, and is ${holderText({ kind: there.kind, relation: there })}`);
    return;
  }
  const has = new Set(there.columns.map(({ name }) => name));
  const lacking = wanted.filter((name) => !has.has(name));
  if (!there.known || lacking.length === 0) return;
  doesNothing(scene, `${byNameAlone(there)}, and has no ${lacking.map(quoted).join(', ')}`);
  scene.does.safely(
    'fails',
    'Add what is missing to the table that is there.',
    ...lacking.map((name) => `ALTER TABLE ${written(there)} ADD COLUMN ${quoted(name)} …;`),
  );
}

const KINDS: Readonly<Record<Holder['kind'], string>> = {
  table: 'a table',
  partitioned: 'a partitioned table',
  view: 'a view',
  'materialized-view': 'a materialized view',
  foreign: 'a foreign table',
  sequence: 'a sequence',
  index: 'an index',
};

/** `an index of public.invoice`, `a view`. */
export function holderText({ kind, relation }: Holder): string {
  return kind === 'index' ? `an index of ${relation.key}` : KINDS[kind];
}

/**
 * CREATE INDEX of a name that is taken: refused, or with IF NOT EXISTS passed over, whatever has the name. True: nothing is
 * made. `name`: as it is given.
 */
export function isIndexTaken(scene: Scene, table: Qualified, wanted: Index, tolerant: boolean): boolean {
  const name = { schema: table.schema, name: wanted.name };
  const holder = scene.schema.holderOf(name);
  if (holder === undefined) return false;
  if (!tolerant) return failsIfTaken(scene, name);
  const { index, relation } = holder;
  const said = byNameAlone(name);
  if (index === undefined || relation.schema !== table.schema || relation.name !== table.name) {
    doesNothing(scene, `${said}, and is ${holderText(holder)}`);
    scene.does.safely('fails', 'Give the index a name of its own.');
    return true;
  }
  const difference = differenceOf(wanted, index);
  if (difference === 'same') scene.does.remark('does-nothing', 'note', `${said}, and is what it should make`);
  else if (difference === 'unknown')
    scene.does.remark(
      'does-nothing',
      'warning',
      `${said}; whether it is what this should make can’t be told from what is known of it (\\d ${written(table)} shows it)`,
    );
  else {
    doesNothing(scene, `${said}, and ${difference.differs}`);
    scene.does.safely(
      'fails',
      index.valid
        ? 'Give the index another name, and drop the one that is there when nothing needs it any more.'
        : 'Drop the INVALID index first, in a file of its own; then create it without IF NOT EXISTS.',
      '-- headgate:no-transaction',
      `DROP INDEX CONCURRENTLY ${written(name)};`,
    );
  }
  return true;
}

/**
 * Says that there is no index of a name. Where the catalogue isn't whole, or a part of the schema is out of its sight, that
 * can't be known: then whose index it is isn't known either.
 */
export function failsWithoutIndex(scene: Scene, name: Name): void {
  const { schema, does } = scene;
  const relation = schema.find(name);
  const where = name.schema === undefined ? ` along the search path (${schema.settings.path.join(', ')})` : '';
  if (relation !== undefined) fails(scene, `${relation.key} isn’t an index: it is ${KINDS[relation.kind]}`);
  else if (schema.complete) fails(scene, `there is no index ${written(name)}${where}`);
  else does.notKnown(`it isn’t known whose index ${written(name)} is: the table’s readers and writers wait for it`);
}

/** Says that a table has no constraint of a name. */
export function failsWithoutConstraint(scene: Scene, table: string, constraint: string): void {
  fails(scene, `${table} has no constraint ${quoted(constraint)}`);
}

/** Whether what a table isn't known to have, it hasn't: the catalogue knows it, or a file made all of it. */
export function isWhole(table: TableState, { complete }: WorkingSchema): boolean {
  return table.known && (complete || table.fresh);
}

/** Whether a constraint stands on an index of its own name. */
export function standsOnIndex({ kind }: Constraint): boolean {
  return kind === 'primary' || kind === 'unique' || kind === 'exclude';
}
