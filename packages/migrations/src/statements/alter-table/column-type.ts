import type { TableState } from '../../catalogue/table-state.ts';
import { typeRefFrom, typeRefOf, typeText } from '../../catalogue/type-name.ts';
import { as, quoted, strings, written } from '../../parse/nodes.ts';
import { type TypeChange, typeChange } from '../../types/type-change.ts';
import { fails } from '../names/taken-name.ts';
import { lockAll, type Scene, tree } from '../scene.ts';
import { changeColumn, columnOf, isFresh, type Part } from './altered.ts';

/** ALTER COLUMN … TYPE: written again, unless the bytes stay what they are. */
export const alterColumnType: Part = ({ name = '', def }, on, scene) => {
  const definition = as(def, 'ColumnDef');
  const { table, tables } = on;
  const to = typeRefOf(definition?.typeName);
  const column = columnOf(table, name);
  const collation = definition?.collClause !== undefined;
  const using = definition?.raw_default !== undefined && !isCastOf(definition.raw_default, name, typeText(to));
  const from = column === undefined ? undefined : typeRefFrom(column.type);
  const change: TypeChange =
    from === undefined ? { rewrite: true, reindex: true, narrows: true } : typeChange(from, to, scene.schema, using);
  for (const each of tables) workOf(each, name, change, collation, scene);
  dependants(table, name, change, scene);
  if (!isFresh(table, name)) {
    scene.does.undo(change.narrows ? 'never' : 'until-written');
    const before = from === undefined ? 'a type that isn’t known' : typeText(from);
    const what = `${quoted(name)} of ${table.key} turns from ${before} to ${typeText(to)}`;
    if (change.narrows)
      scene.does.breaks(
        'certain',
        from?.name === to.name
          ? `${what}: what running code still writes may be refused or cut`
          : `${what}: running code reads and writes the old type`,
        `${table.key}.${name}`,
      );
    else if (from !== undefined && change.rewrite)
      scene.does.breaks('possible', `${what}: running code may read it as the old type`);
    if (change.rewrite) adviseNewColumn(table, name, typeText(to), scene);
  }
  changeColumn(on, scene, name, { type: typeText(to) });
  return 'ACCESS EXCLUSIVE';
};

function workOf(table: TableState, column: string, change: TypeChange, collation: boolean, scene: Scene): void {
  if (change.rewrite) {
    scene.does.work('rewrite', table, `${quoted(column)} is written again in another type`);
    return;
  }
  const rebuilt = table.indexes.filter(
    ({ reads, computed }) => reads.includes(column) && (change.reindex || collation || computed),
  );
  if (rebuilt.length > 0)
    scene.does.work('index-build', table, `${rebuilt.map(({ name }) => name).join(', ')} built again`);
  // The constraint is made anew, and a new one is held against every row.
  const check = table.constraints.find(
    ({ kind, columns, validated }) => kind === 'check' && validated && columns.includes(column),
  );
  if (check !== undefined) scene.does.work('scan', table, `${check.name} is held against every row again`);
}

/** What stands on a column is made anew with it, or stands in the way. */
function dependants(table: TableState, column: string, { rewrite }: TypeChange, scene: Scene): void {
  const { does, schema } = scene;
  const [view] = schema.viewsOn(table.key, column);
  if (view !== undefined)
    does.remark(
      'fails',
      'error',
      `the view ${view.key} shows ${table.key}.${quoted(column)}: drop it first and make it again`,
    );
  const trigger = table.triggers.find(({ fires }) => fires?.columns?.includes(column));
  if (trigger !== undefined)
    fails(
      scene,
      `the trigger ${quoted(trigger.name)} of ${table.key} is of ${quoted(column)}: drop it first and make it again`,
    );
  const generated = table.columns.find(({ from }) => from?.includes(column));
  if (generated !== undefined)
    does.remark('fails', 'error', `${quoted(generated.name)} is generated from ${quoted(column)}`);
  for (const { references, columns } of table.constraints)
    if (references !== undefined && columns.includes(column))
      lockAll(scene, tree(scene, schema.byKey(references.relation) ?? table), 'ACCESS EXCLUSIVE');
  for (const referrer of schema.referrers(table.key)) {
    const key = referrer.constraints.find(
      (c) => c.references?.relation === table.key && c.references.columns.includes(column),
    );
    if (key === undefined) continue;
    lockAll(scene, tree(scene, referrer), 'ACCESS EXCLUSIVE');
    if (rewrite && key.validated)
      for (const each of tree(scene, referrer)) does.work('scan', each, `${key.name} is held against every row again`);
  }
}

/** `USING column::type` says only what is done anyway. */
function isCastOf(expression: NonNullable<Parameters<typeof as>[0]>, column: string, type: string): boolean {
  const cast = as(expression, 'TypeCast');
  const inner = as(cast === undefined ? expression : cast.arg, 'ColumnRef');
  const same = strings(inner?.fields).at(-1) === column;
  return same && (cast?.typeName === undefined || typeText(typeRefOf(cast.typeName)) === type);
}

function adviseNewColumn(table: TableState, column: string, type: string, scene: Scene): void {
  const next = quoted(`${column}_new`);
  scene.does.safely(
    ['lock', 'break'],
    'Add a column of the new type, write both (a trigger, or the code), fill the old rows in batches, read the new one, and drop the old one in a later release.',
    `ALTER TABLE ${written(table)} ADD COLUMN ${next} ${type};`,
    `UPDATE ${written(table)} SET ${next} = ${quoted(column)} WHERE ${next} IS NULL AND id BETWEEN … AND …; -- a few thousand rows at a time`,
  );
}
