import type { Constraint as ConstraintNode } from 'libpg-query';
import type { TableState } from '../../catalogue/table-state.ts';
import type { LockMode } from '../../effects/lock-modes.ts';
import { as, quoted, strings, written } from '../../parse/nodes.ts';
import { constraintFrom, indexFrom } from '../column-definition.ts';
import { failsIfThere, withName } from '../names/constraint-name.ts';
import { failsAlone, failsToRefer } from '../names/refused-column.ts';
import { fails, failsWithoutConstraint, isFull, isWhole, standsOnIndex } from '../names/taken-name.ts';
import { breaksIfUsed, lockAll, relationIn, type Scene, tree } from '../scene.ts';
import { type Altered, columnOf, isFresh, knownNotNull, type Part } from './altered.ts';
import { adviseFilling } from './columns.ts';

/** A new constraint: PostgreSQL holds it against every row that is there, unless it is told not to. */
export const addConstraint: Part = ({ def }, on, scene) => {
  const given = as(def, 'Constraint');
  if (given === undefined) return 'ACCESS EXCLUSIVE';
  if (isFull(scene, on.table)) return 'ACCESS EXCLUSIVE';
  failsIfThere(given, on.table, scene);
  const others = new Set(on.table.constraints.map(({ name }) => name));
  const part = withName(given, on.table, others, scene.schema);
  const lock = ADD[part.contype ?? 'CONSTR_NULL']?.(part, on, scene) ?? 'ACCESS EXCLUSIVE';
  for (const { key } of on.tables) {
    const now = scene.schema.byKey(key) ?? on.table;
    const constraint = constraintFrom(part, scene);
    const index = indexFrom(part);
    scene.schema.put({
      ...now,
      constraints: constraint === undefined ? now.constraints : [...now.constraints, constraint],
      indexes: index === undefined ? now.indexes : [...now.indexes, index],
      columns:
        part.contype === 'CONSTR_PRIMARY'
          ? now.columns.map((each) => (constraint?.columns.includes(each.name) ? { ...each, nullable: false } : each))
          : now.columns,
    });
  }
  return lock;
};

type Add = (part: ConstraintNode, on: Altered, scene: Scene) => LockMode;

const ADD: Partial<Record<NonNullable<ConstraintNode['contype']>, Add>> = {
  CONSTR_CHECK: addCheck,
  CONSTR_FOREIGN: addForeignKey,
  CONSTR_PRIMARY: addKey,
  CONSTR_UNIQUE: addKey,
  CONSTR_EXCLUSION: addExclusion,
  CONSTR_NOTNULL: addNotNull,
};

function addCheck(part: ConstraintNode, { table, tables, only }: Altered, scene: Scene): LockMode {
  if (part.is_no_inherit !== true) failsAlone(scene, table, only, 'constraint');
  const checked = constraintFrom(part, scene);
  // Nobody who runs writes a fresh column; what he leaves empty, a CHECK takes, unless it asks for a value.
  const ofOld =
    checked === undefined ||
    checked.columns.length === 0 ||
    checked.columns.some((column) => !isFresh(table, column)) ||
    checked.expression !== undefined;
  if (ofOld)
    breaksIfUsed(scene, table, 'possible', `rows that running code writes to ${table.key} may not satisfy the CHECK`);
  if (part.skip_validation === true || part.is_enforced === false) return 'ACCESS EXCLUSIVE';
  for (const each of tables) scene.does.work('scan', each, 'the CHECK is held against every row');
  if (!table.fresh) adviseNotValid(table, checked?.name ?? 'check', scene, 'CHECK');
  return 'ACCESS EXCLUSIVE';
}

function addForeignKey(part: ConstraintNode, { table, tables }: Altered, scene: Scene): LockMode {
  const other = relationIn(scene, part.pktable);
  if (other !== undefined) lockAll(scene, tree(scene, other), 'SHARE ROW EXCLUSIVE');
  if (other !== undefined) failsToRefer(scene, other, strings(part.pk_attrs));
  const columns = strings(part.fk_attrs);
  if (columns.some((column) => !isFresh(table, column)))
    breaksIfUsed(
      scene,
      table,
      'possible',
      `running code may write rows to ${table.key} that refer to nothing, or delete rows that are referred to`,
    );
  if (part.skip_validation === true || part.is_enforced === false) return 'SHARE ROW EXCLUSIVE';
  for (const each of tables) scene.does.work('scan', each, 'the foreign key is held against every row');
  if (other !== undefined) lookUp(table, other, scene);
  if (!table.fresh) adviseNotValid(table, constraintFrom(part, scene)?.name ?? 'fkey', scene, 'foreign key');
  return 'SHARE ROW EXCLUSIVE';
}

/** Each key is looked up: few by the other table's index, many by reading all of it. */
export function lookUp(table: TableState, other: TableState, scene: Scene): void {
  const keys = tree(scene, table).reduce<number | null>(
    (sum, { rows }) => (sum === null || rows === null ? null : sum + rows),
    0,
  );
  for (const each of tree(scene, other))
    if (keys === null || keys * 1_000 >= (each.rows ?? 0))
      scene.does.work('read', each, 'the foreign key looks every row up in it');
}

/** Longest statement that is written once more as advice, in characters. */
const LONGEST_ADVICE = 10_000;

function adviseNotValid(table: TableState, name: string, scene: Scene, what: string): void {
  const sql = scene.text.length > LONGEST_ADVICE ? '' : scene.text.trim().replace(/;?\s*$/, '');
  const alone = /^ALTER\s+TABLE\b/i.test(sql) && !/,\s*(ADD|ALTER|DROP)\b/i.test(sql);
  scene.does.safely(
    'lock',
    `Add the ${what} as NOT VALID, which reads nothing; validate it in a later transaction, which blocks neither reads nor writes.`,
    ...(alone ? [`${sql} NOT VALID;`] : []),
    `ALTER TABLE ${written(table)} VALIDATE CONSTRAINT ${quoted(name)};`,
  );
}

/** PRIMARY KEY and UNIQUE: an index, and for a primary key that nothing is null. */
function addKey(part: ConstraintNode, { table, tables }: Altered, scene: Scene): LockMode {
  const primary = part.contype === 'CONSTR_PRIMARY';
  const ready = part.indexname;
  const keys =
    ready === undefined ? strings(part.keys) : (table.indexes.find(({ name }) => name === ready)?.columns ?? []);
  if (ready === undefined) {
    for (const each of tables) scene.does.work('index-build', each, 'the unique index of the constraint');
    breaksIfUsed(
      scene,
      table,
      'possible',
      `running code may write the same ${keys.map(quoted).join(', ')} twice to ${table.key}`,
    );
  }
  if (primary)
    for (const each of tables) {
      const open = keys.filter((key) => !knownNotNull(each, key));
      if (open.length > 0 || (keys.length === 0 && !each.known))
        scene.does.work('scan', each, 'the key’s columns are looked at for nulls in every row');
      if (open.some((key) => columnOf(each, key)?.default === undefined && !isFresh(each, key)))
        breaksIfUsed(
          scene,
          table,
          'certain',
          `running code may still leave ${open.map(quoted).join(', ')} of ${table.key} empty`,
        );
      for (const key of open) if (!table.fresh) adviseFilling(table, key, scene.does);
    }
  if (ready === undefined && !table.fresh) {
    const index = quoted(part.conname ?? '');
    scene.does.safely(
      'lock',
      'Build the unique index without blocking anybody, outside of a transaction, then make it the constraint in an instant.',
      `CREATE UNIQUE INDEX CONCURRENTLY ${index} ON ${written(table)} (${keys.map(quoted).join(', ')});`,
      `ALTER TABLE ${written(table)} ADD CONSTRAINT ${index} ${primary ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${index};`,
    );
  }
  return 'ACCESS EXCLUSIVE';
}

function addExclusion(_part: ConstraintNode, { table, tables }: Altered, scene: Scene): LockMode {
  for (const each of tables) scene.does.work('index-build', each, 'the index of the exclusion constraint');
  breaksIfUsed(scene, table, 'possible', `rows that running code writes to ${table.key} may exclude one another`);
  scene.does.safely(
    'lock',
    'There is no way to add an exclusion constraint without its lock: make it on a new table, or in a window.',
  );
  return 'ACCESS EXCLUSIVE';
}

/** PostgreSQL 18: NOT NULL as a constraint with a name. */
function addNotNull(part: ConstraintNode, on: Altered, scene: Scene): LockMode {
  const [name] = strings(part.keys);
  if (part.skip_validation !== true)
    for (const each of on.tables)
      if (!knownNotNull(each, name)) scene.does.work('scan', each, `${quoted(name ?? '')} is looked at in every row`);
  if (!isFresh(on.table, name))
    scene.does.breaks(
      columnOf(on.table, name)?.default === undefined ? 'certain' : 'possible',
      `running code may still leave ${quoted(name ?? '')} of ${on.table.key} empty`,
    );
  if (!on.table.fresh && name !== undefined) adviseFilling(on.table, name, scene.does);
  return 'ACCESS EXCLUSIVE';
}

/** Only a foreign key can be deferred later; what else a constraint is, stays (from 18 on whether heirs have it). */
export const alterConstraint: Part = ({ def }, { table }, scene) => {
  const { conname: name = '', alterDeferrability } = as(def, 'ATAlterConstraint') ?? {};
  const constraint = table.constraints.find((each) => each.name === name);
  const named = scene.schema.server < 18 || !/_not_null\d*$/.test(name);
  if (constraint === undefined && isWhole(table, scene.schema) && named) failsWithoutConstraint(scene, table.key, name);
  if (
    constraint !== undefined &&
    constraint.kind !== 'foreign' &&
    (scene.schema.server < 18 || alterDeferrability === true)
  )
    fails(
      scene,
      `the constraint ${quoted(name)} of ${table.key} is no foreign key, and only such a one can be altered`,
    );
  return 'ACCESS EXCLUSIVE';
};

/** Reads every row, and nobody waits. */
export const validateConstraint: Part = ({ name = '' }, { table, tables }, scene) => {
  const own = table.constraints.find((each) => each.name === name);
  const named = scene.schema.server < 18 || !/_not_null\d*$/.test(name);
  if (own === undefined && isWhole(table, scene.schema) && named) failsWithoutConstraint(scene, table.key, name);
  if (own !== undefined && standsOnIndex(own))
    fails(
      scene,
      `the constraint ${quoted(name)} of ${table.key} is neither a foreign key nor a CHECK, and can’t be validated`,
    );
  for (const each of tables) {
    const constraint = each.constraints.find((c) => c.name === name);
    if (constraint?.validated === true) continue;
    scene.does.work('scan', each, `${quoted(name ?? '')} is held against every row`);
    const other = constraint?.references === undefined ? undefined : scene.schema.byKey(constraint.references.relation);
    if (other !== undefined) scene.does.lock(other, 'ROW SHARE');
  }
  for (const { key } of tables) {
    const now = scene.schema.byKey(key) ?? table;
    scene.schema.put({
      ...now,
      constraints: now.constraints.map((c) => (c.name === name ? { ...c, validated: true } : c)),
    });
  }
  return 'SHARE UPDATE EXCLUSIVE';
};

export const dropConstraint: Part = ({ name = '', behavior, missing_ok }, on, scene) => {
  const { table, tables } = on;
  const { does, schema } = scene;
  const constraint = table.constraints.find((each) => each.name === name);
  if (constraint === undefined && table.known && missing_ok === true) return 'ACCESS EXCLUSIVE';
  // From 18 on a NOT NULL has a name, which isn't followed through every change.
  const named = schema.server < 18 || !/_not_null\d*$/.test(name);
  if (constraint === undefined && isWhole(table, schema) && named && missing_ok !== true)
    failsWithoutConstraint(scene, table.key, name);
  if (constraint?.references !== undefined)
    lockAll(scene, tree(scene, schema.byKey(constraint.references.relation) ?? table), 'ACCESS EXCLUSIVE');
  const unique = constraint?.kind === 'primary' || constraint?.kind === 'unique';
  if (unique && behavior === 'DROP_CASCADE') lockAll(scene, schema.referrers(table.key), 'ACCESS EXCLUSIVE');
  breaksIfUsed(
    scene,
    table,
    'possible',
    unique
      ? `nothing keeps ${table.key} from holding the same row twice, and running code’s ON CONFLICT on it fails`
      : `nothing keeps what running code counts on in ${table.key} any more (${quoted(name)})`,
    `${table.key}.${name}`,
  );
  if (!table.fresh) {
    does.undo('until-written');
    does.phase('contract');
    does.safely(
      'break',
      'Drop it when no code that counts on it runs any more; rows that break it may stand in the way of its coming back.',
    );
  }
  for (const { key } of tables) {
    const now = schema.byKey(key) ?? table;
    schema.put({
      ...now,
      constraints: now.constraints.filter((each) => each.name !== name),
      indexes: now.indexes.filter((each) => each.name !== name),
    });
  }
  return 'ACCESS EXCLUSIVE';
};
