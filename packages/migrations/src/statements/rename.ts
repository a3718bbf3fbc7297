import type { AlterObjectSchemaStmt, AlterOwnerStmt, RenameStmt } from 'libpg-query';
import type { TableState } from '../catalogue/table-state.ts';
import { as, nameFrom, nameOf, quoted, written } from '../parse/nodes.ts';
import { columnOf, isFresh } from './alter-table/altered.ts';
import { followMove } from './move-behind.ts';
import { failsIfNoColumn, failsIfNoTrigger, failsIfNot } from './names/missing-name.ts';
import {
  fails,
  failsIfTaken,
  failsWithoutConstraint,
  failsWithoutIndex,
  isWhole,
  standsOnIndex,
} from './names/taken-name.ts';
import { breaksIfUsed, type Family, lockAll, relationIn, type Scene, tree } from './scene.ts';

/** A new name takes an instant, and running code knows only the old one. */
export const rename: Family<RenameStmt> = (statement, scene) => {
  const { does, schema } = scene;
  const { renameType = 'OBJECT_TABLE', subname = '', newname = '' } = statement;
  if (renameType === 'OBJECT_INDEX') return renameIndex(statement, scene);
  if (statement.relation === undefined) {
    const name = renamed(statement);
    followMove(statement.object, { name: newname }, scene);
    does.breaks('certain', `running code that names ${name} fails (${renameType.slice(7).toLowerCase()})`, name);
    return;
  }
  const table = relationIn(scene, statement.relation, statement.missing_ok === true);
  if (table === undefined) return;
  const column = renameType === 'OBJECT_COLUMN' || renameType === 'OBJECT_ATTRIBUTE';
  const tables =
    column || renameType === 'OBJECT_TABCONSTRAINT' ? tree(scene, table, statement.relation.inh !== true) : [table];
  lockAll(scene, tables, 'ACCESS EXCLUSIVE');
  if (column) {
    if (renameType === 'OBJECT_COLUMN' && failsIfNoColumn(scene, table, subname)) return;
    if (table.known && table.columns.some(({ name }) => name === newname))
      fails(scene, `${table.key} has a column ${quoted(newname)} already`);
    if (!isFresh(table, subname)) {
      does.breaks(
        'certain',
        `running code that names ${quoted(subname)} of ${table.key} fails`,
        `${table.key}.${subname}`,
      );
      const type = columnOf(table, subname)?.type ?? '…';
      does.safely(
        'break',
        'Add a column with the new name, write both, fill the old rows in batches, read the new one, and drop the old one in a later release.',
        `ALTER TABLE ${written(table)} ADD COLUMN ${quoted(newname)} ${type};`,
      );
    }
    for (const each of tables) renameColumn(each, subname, newname, scene);
  } else if (
    ['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_SEQUENCE', 'OBJECT_FOREIGN_TABLE'].includes(renameType)
  ) {
    breaksIfUsed(scene, table, 'certain', `running code that names ${table.key} fails`, table.key);
    if (!table.fresh)
      does.safely(
        'break',
        'Rename it and leave a view of the old name in its place, in one transaction; drop the view in a later release.',
        `ALTER TABLE ${written(table)} RENAME TO ${quoted(newname)};`,
        `CREATE VIEW ${written(table)} AS SELECT * FROM ${written({ schema: table.schema, name: newname })};`,
      );
    if (!failsIfTaken(scene, { schema: table.schema, name: newname }))
      move(table, { schema: table.schema, name: newname }, schema);
  } else if (renameType === 'OBJECT_TRIGGER') {
    if (!failsIfNoTrigger(scene, table, subname))
      schema.put({
        ...table,
        triggers: table.triggers.map((each) => (each.name === subname ? { ...each, name: newname } : each)),
      });
  } else if (renameType === 'OBJECT_RULE') {
    if (!failsIfNot(scene, table, 'rule', subname))
      schema.put({ ...table, rules: table.rules?.map((each) => (each === subname ? newname : each)) });
  } else if (renameType === 'OBJECT_POLICY') {
    if (!failsIfNot(scene, table, 'policy', subname))
      schema.put({ ...table, policies: table.policies?.map((each) => (each === subname ? newname : each)) });
  } else if (renameType === 'OBJECT_TABCONSTRAINT') {
    breaksIfUsed(
      scene,
      table,
      'possible',
      `running code that names the constraint ${quoted(subname)} (ON CONFLICT, or in an error) fails`,
    );
    const constraint = table.constraints.find((each) => each.name === subname);
    if (constraint === undefined && isWhole(table, schema)) failsWithoutConstraint(scene, table.key, subname);
    if (table.constraints.some((each) => each.name === newname))
      fails(scene, `${table.key} has a constraint ${quoted(newname)} already`);
    else if (table.indexes.some((each) => each.name === subname))
      failsIfTaken(scene, { schema: table.schema, name: newname });
    schema.put({
      ...table,
      constraints: table.constraints.map((each) => (each.name === subname ? { ...each, name: newname } : each)),
      indexes: table.indexes.map((each) => (each.name === subname ? { ...each, name: newname } : each)),
    });
  }
};

/** What a rename names that is no relation. */
function renamed(statement: RenameStmt): string {
  const { object, subname = '' } = statement;
  const args = as(object, 'ObjectWithArgs');
  const name = written(nameFrom(args?.objname ?? as(object, 'List')?.items ?? (object === undefined ? [] : [object])));
  return name === '""' ? quoted(subname) : name;
}

function renameColumn(table: TableState, from: string, to: string, scene: Scene): void {
  const renamed = (names: readonly string[]) => names.map((name) => (name === from ? to : name));
  scene.schema.put({
    ...table,
    columns: table.columns.map((each) => (each.name === from ? { ...each, name: to } : each)),
    constraints: table.constraints.map((each) => ({ ...each, columns: renamed(each.columns) })),
    indexes: table.indexes.map((each) => ({ ...each, columns: renamed(each.columns), reads: renamed(each.reads) })),
  });
}

function renameIndex({ relation, newname = '', missing_ok }: RenameStmt, scene: Scene): void {
  const { schema } = scene;
  const asked = nameOf(relation);
  const table = schema.tableOfIndex(asked);
  if (table === undefined) {
    if (schema.complete && missing_ok !== true) failsWithoutIndex(scene, asked);
    return;
  }
  if (failsIfTaken(scene, { schema: table.schema, name: newname })) return;
  schema.put({
    ...table,
    indexes: table.indexes.map((each) => (each.name === asked.name ? { ...each, name: newname } : each)),
    constraints: table.constraints.map((each) =>
      each.name === asked.name && standsOnIndex(each) ? { ...each, name: newname } : each,
    ),
  });
}

function move(
  table: TableState,
  { schema, name }: { readonly schema: string; readonly name: string },
  working: Scene['schema'],
): void {
  if (working.byKey(table.key) === undefined) working.put(table);
  working.rename(table.key, schema, name);
}

/** ALTER … SET SCHEMA: another name, too. */
export const setSchema: Family<AlterObjectSchemaStmt> = (statement, scene) => {
  const { newschema = '' } = statement;
  if (statement.relation === undefined) {
    const args = as(statement.object, 'ObjectWithArgs');
    const name = written(nameFrom(args?.objname ?? as(statement.object, 'List')?.items));
    followMove(statement.object, { schema: newschema }, scene);
    scene.does.breaks('certain', `running code that names ${name} fails, or finds another by its search path`, name);
    return;
  }
  const table = relationIn(scene, statement.relation, statement.missing_ok === true);
  if (table === undefined) return;
  scene.does.lock(table, 'ACCESS EXCLUSIVE');
  breaksIfUsed(scene, table, 'certain', `running code that names ${table.key} fails`, table.key);
  if (!table.fresh)
    scene.does.safely(
      'break',
      'Move it and leave a view of the old name in its place, in one transaction; drop the view in a later release.',
      `ALTER TABLE ${written(table)} SET SCHEMA ${quoted(newschema)};`,
      `CREATE VIEW ${written(table)} AS SELECT * FROM ${written({ schema: newschema, name: table.name })};`,
    );
  const names = [table.name, ...table.indexes.map(({ name }) => name)];
  const taken = names.filter((name) => failsIfTaken(scene, { schema: newschema, name }));
  if (taken.length === 0) move(table, { schema: newschema, name: table.name }, scene.schema);
};

/** Another owner: rights that came with the ownership go. */
export const changeOwner: Family<AlterOwnerStmt> = (statement, scene) => {
  const args = as(statement.object, 'ObjectWithArgs');
  const name = written(
    nameFrom(
      args?.objname ??
        as(statement.object, 'List')?.items ??
        (statement.object === undefined ? [] : [statement.object]),
    ),
  );
  scene.does.breaks('possible', `another role owns ${name}: running code that counted on the ownership is refused`);
};
