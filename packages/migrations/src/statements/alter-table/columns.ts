import type { Node } from 'libpg-query';
import type { ColumnState, TableState } from '../../catalogue/table-state.ts';
import { typeRefFrom } from '../../catalogue/type-name.ts';
import { isNull } from '../../expressions/volatility.ts';
import { as, isOn, quoted, written } from '../../parse/nodes.ts';
import { isConstrained, standsOn } from '../../types/domains.ts';
import { isNoneOf, isTooLarge } from '../../types/fits.ts';
import { fails } from '../names/taken-name.ts';
import { breaksIfUsed, lockAll, type Scene, tree } from '../scene.ts';
import { changeColumn, columnOf, isFresh, knownNotNull, type Part } from './altered.ts';

/** SET NOT NULL reads every row, unless a valid CHECK says already what it would find. */
export const setNotNull: Part = ({ name }, on, scene) => {
  const { table, tables } = on;
  const column = columnOf(table, name);
  const needless = tables.every((each) => knownNotNull(each, name));
  if (!needless) {
    for (const each of tables)
      if (!knownNotNull(each, name)) scene.does.work('scan', each, `${quoted(name ?? '')} is looked at in every row`);
    if (!isFresh(table, name))
      scene.does.breaks(
        column?.default === undefined && column?.identity !== true ? 'certain' : 'possible',
        `running code may still leave ${quoted(name ?? '')} of ${table.key} empty`,
      );
    if (!table.fresh) adviseNotNull(table, name ?? '', scene);
  }
  changeColumn(on, scene, name, { nullable: false });
  return 'ACCESS EXCLUSIVE';
};

function adviseNotNull(table: TableState, column: string, { does }: Scene): void {
  const [name, check] = [written(table), quoted(`${column}_not_null`)];
  does.safely(
    'lock',
    'Say it first as a CHECK that isn’t held against old rows, validate it without blocking anybody, then set NOT NULL, which then needs no scan.',
    `ALTER TABLE ${name} ADD CONSTRAINT ${check} CHECK (${quoted(column)} IS NOT NULL) NOT VALID;`,
    `ALTER TABLE ${name} VALIDATE CONSTRAINT ${check};`,
    `ALTER TABLE ${name} ALTER COLUMN ${quoted(column)} SET NOT NULL;`,
    `ALTER TABLE ${name} DROP CONSTRAINT ${check};`,
  );
  adviseFilling(table, column, does);
}

/** Code that leaves a column empty must be gone, or be spared by a default, before the column is required. */
export function adviseFilling(table: TableState, column: string, does: Scene['does']): void {
  does.safely(
    'break',
    'Require it when nothing that leaves it empty runs any more: release code that writes it first, or give it a default.',
    `ALTER TABLE ${written(table)} ALTER COLUMN ${quoted(column)} SET DEFAULT …;`,
  );
}

export const dropNotNull: Part = ({ name }, on, scene) => {
  const key = on.table.constraints.find(({ kind, columns }) => kind === 'primary' && columns.includes(name ?? ''));
  const column = columnOf(on.table, name);
  if (key !== undefined && on.table.perhaps !== true)
    fails(scene, `${quoted(name ?? '')} belongs to the primary key of ${on.table.key}, and can’t be null`);
  else if (column?.identity === true)
    fails(scene, `${quoted(name ?? '')} of ${on.table.key} is an identity, and can’t be null`);
  scene.does.undo('until-written');
  changeColumn(on, scene, name, { nullable: true });
  return 'ACCESS EXCLUSIVE';
};

/** SET DEFAULT and DROP DEFAULT touch no row that is there. */
export const columnDefault: Part = ({ name, def }, on, scene) => {
  const { table } = on;
  const column = columnOf(table, name);
  if (!isNull(def)) {
    lookAtDefault(table, column, def, scene);
    const counted = column?.default !== undefined && /\bnextval\(/.test(column.default);
    if (counted && !isFresh(table, name) && !JSON.stringify(def).includes('"nextval"'))
      scene.does.breaks(
        'certain',
        `rows that running code inserts into ${table.key} get no number from a sequence for ${quoted(name ?? '')} any more`,
        `${table.key}.${name}`,
      );
    changeColumn(on, scene, name, { default: 'an expression' });
    return 'ACCESS EXCLUSIVE';
  }
  const had = column === undefined || column.default !== undefined;
  if (had && !isFresh(table, name)) {
    const nullable = column?.nullable === true;
    scene.does.breaks(
      'certain',
      nullable
        ? `rows that running code inserts without ${quoted(name ?? '')} get no value where they got the default`
        : `running code that inserts into ${table.key} without ${quoted(name ?? '')} is refused, or finds no value where the default was`,
      `${table.key}.${name}`,
    );
    scene.does.safely(
      'break',
      'Drop the default when no code that counts on it runs any more: the new code writes the value itself first.',
    );
  }
  const { default: _, ...rest } = column ?? { name: name ?? '', type: 'text', nullable: true };
  const columns = table.columns.map((each) => (each.name === name ? rest : each));
  if (column !== undefined) scene.schema.put({ ...(scene.schema.byKey(table.key) ?? table), columns });
  return 'ACCESS EXCLUSIVE';
};

/** What running code leaves out gets the new default: a value that the column can't take, or that a rule of it may refuse. */
function lookAtDefault(
  table: TableState,
  column: ColumnState | undefined,
  value: Node | undefined,
  scene: Scene,
): void {
  if (column === undefined) return;
  const { name } = column;
  const type = typeRefFrom(column.type);
  const none = isNoneOf(value, type, scene.schema);
  if (none !== undefined) fails(scene, `${none}, which the default of ${quoted(name)} would be`);
  if (none !== undefined || isFresh(table, name)) return;
  const large = isTooLarge(value, type, scene.schema);
  if (large !== undefined)
    scene.does.breaks(
      'certain',
      `running code that inserts into ${table.key} without ${quoted(name)} is refused: ${large}`,
      `${table.key}.${name}`,
    );
  const ruled =
    isConstrained(standsOn(type, scene.schema)) ||
    table.constraints.some(({ kind, columns }) => kind !== 'not-null' && columns.includes(name));
  if (ruled)
    scene.does.breaks(
      'possible',
      `rows that running code inserts into ${table.key} without ${quoted(name)} get another value, which a rule of that column may refuse`,
    );
}

/** A column that goes takes its indexes and foreign keys along; the rows are only written again later. */
export const dropColumn: Part = ({ name = '', behavior, missing_ok }, on, scene) => {
  const { table, tables } = on;
  const column = columnOf(table, name);
  if (column === undefined && table.known && missing_ok === true) return 'ACCESS EXCLUSIVE';
  const { does, schema } = scene;
  for (const { columns, references } of table.constraints)
    if (references !== undefined && columns.includes(name))
      lockAll(scene, tree(scene, schema.byKey(references.relation) ?? table), 'ACCESS EXCLUSIVE');
  const views = schema.viewsOn(table.key, name);
  const referrers = schema
    .referrers(table.key)
    .filter((each) =>
      each.constraints.some((c) => c.references?.relation === table.key && c.references.columns.includes(name)),
    );
  if (behavior === 'DROP_CASCADE') {
    for (const view of views) {
      does.lock(view, 'ACCESS EXCLUSIVE');
      if (!view.fresh) does.breaks('certain', `the view ${view.key}, which shows it, goes along`, view.key);
      schema.remove(view.key);
    }
    lockAll(scene, referrers, 'ACCESS EXCLUSIVE');
  } else if (views.length > 0 || referrers.length > 0) {
    const first = views[0] ?? referrers[0];
    does.remark('fails', 'error', `${first?.key} depends on ${table.key}.${quoted(name)}, and nothing says CASCADE`);
  }
  const publishing = table.published.find(({ columns: shown, filters }) =>
    [...(shown ?? []), ...(filters ?? [])].includes(name),
  );
  if (publishing !== undefined && behavior !== 'DROP_CASCADE')
    fails(
      scene,
      `the publication ${quoted(publishing.by)} names ${table.key}.${quoted(name)}, and nothing says CASCADE`,
    );
  if (!isFresh(table, name)) {
    does.destroys(`the values of ${table.key}.${quoted(name)}`);
    does.breaks('certain', `running code that names ${quoted(name)} of ${table.key} fails`, `${table.key}.${name}`);
    does.safely(
      ['loss', 'break'],
      'Release code that doesn’t use the column first; drop it in a later release, when no slot, worker or open way back needs it. Archive its values before.',
    );
  }
  for (const { key } of tables) {
    const now = schema.byKey(key) ?? table;
    for (const sequence of schema.sequencesOf(key, name)) schema.remove(sequence.key);
    schema.put({
      ...now,
      columns: now.columns.filter((each) => each.name !== name),
      constraints: now.constraints.filter((each) => !each.columns.includes(name)),
      indexes: now.indexes.filter((each) => !each.reads.includes(name)),
    });
  }
  return 'ACCESS EXCLUSIVE';
};

/** A generated column with another expression is worked out again for each row. */
export const setExpression: Part = ({ name }, { table, tables }, scene) => {
  const column = columnOf(table, name);
  if (column?.generated !== 'virtual')
    for (const each of tables)
      scene.does.work('rewrite', each, `the generated ${quoted(name ?? '')} is worked out again`);
  if (!isFresh(table, name)) scene.does.breaks('possible', `running code finds other values in ${quoted(name ?? '')}`);
  return 'ACCESS EXCLUSIVE';
};

export const dropExpression: Part = ({ name }, on, scene) => {
  if (!isFresh(on.table, name))
    scene.does.breaks(
      'certain',
      `rows that running code writes get no value in ${quoted(name ?? '')} any more`,
      `${on.table.key}.${name}`,
    );
  scene.does.undo('never');
  for (const { key } of on.tables) {
    const now = scene.schema.byKey(key) ?? on.table;
    scene.schema.put({
      ...now,
      columns: now.columns.map(({ generated, from, ...each }) =>
        each.name === name
          ? each
          : { ...each, ...(generated === undefined ? {} : { generated }), ...(from === undefined ? {} : { from }) },
      ),
    });
  }
  return 'ACCESS EXCLUSIVE';
};

export const setStorage: Part = () => 'ACCESS EXCLUSIVE';

/** Options of a column or of the table that nobody waits for. */
export const quietly: Part = () => 'SHARE UPDATE EXCLUSIVE';
export const exclusively: Part = () => 'ACCESS EXCLUSIVE';

/** Options of a view that decide what running code sees by it, and writes. */
const OF_VIEW = ['security_barrier', 'security_invoker', 'check_option'];

/** Options of the table: most can change while others work. */
export const relationOptions: Part = ({ def, subtype }, { table }, scene) => {
  const options = (as(def, 'List')?.items ?? []).flatMap((node) => as(node, 'DefElem') ?? []);
  const names = options.map(({ defname = '' }) => defname);
  const items = as(def, 'List')?.items;
  const changed = names.filter((name) => OF_VIEW.includes(name));
  if (table.kind === 'view' && changed.length > 0) {
    const opens =
      names.includes('security_invoker') && (subtype === 'AT_ResetRelOptions' || !isOn(items, 'security_invoker'));
    if (opens && !table.fresh)
      scene.does.remark(
        'exposes-rows',
        'warning',
        `${table.key} is read with the rights of its owner, not of who asks`,
      );
    breaksIfUsed(
      scene,
      table,
      'possible',
      `what running code sees by ${table.key}, and may write there, is decided anew (${changed.join(', ')})`,
    );
  }
  return names.some((name) => ['user_catalog_table', 'buffering', ...OF_VIEW].includes(name))
    ? 'ACCESS EXCLUSIVE'
    : 'SHARE UPDATE EXCLUSIVE';
};
