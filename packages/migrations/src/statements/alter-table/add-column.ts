import type { ColumnDef, Constraint, Node } from 'libpg-query';
import { serialBase, type TypeRef, typeRefOf, typeText } from '../../catalogue/type-name.ts';
import { isNull, volatilePart } from '../../expressions/volatility.ts';
import { as, quoted, strings, walk, written } from '../../parse/nodes.ts';
import { defaultsOf, isConstrained, standsOn } from '../../types/domains.ts';
import { columnFrom, partsOfColumn } from '../column-definition.ts';
import { madeBy } from '../names/constraint-name.ts';
import { failsAsColumn, failsToGetColumn, failsToRefer } from '../names/refused-column.ts';
import { columnPassedOver } from '../names/same-column.ts';
import { fails, hasAllColumns } from '../names/taken-name.ts';
import { lockAll, relationIn, type Scene, tree } from '../scene.ts';
import { type Altered, columnOf, type Part } from './altered.ts';
import { lookUp } from './constraints.ts';

/** A new column: PostgreSQL writes the table again when each row's value must be worked out, else it only notes it. */
export const addColumn: Part = ({ def, missing_ok }, on, scene) => {
  const column = as(def, 'ColumnDef');
  if (column === undefined) return 'ACCESS EXCLUSIVE';
  const { table, tables } = on;
  const name = column.colname ?? '';
  const there = columnOf(table, name);
  if (there !== undefined) {
    if (missing_ok !== true) fails(scene, `${table.key} has a column ${quoted(name)} already`);
    else columnPassedOver(scene, table, there, column);
    return 'ACCESS EXCLUSIVE';
  }
  if (hasAllColumns(scene, table.key, table.columns.length)) return 'ACCESS EXCLUSIVE';
  scene.does.undo('until-written');
  const type = typeRefOf(column.typeName);
  failsAsColumn(scene, column, true);
  failsToGetColumn(scene, table, on.only);
  const because = rewritesBecause(column, type, scene);
  if (because !== undefined) {
    for (const each of tables) scene.does.work('rewrite', each, because);
    adviseBackfill(on, column, type, scene);
  }
  if (serialBase(type) !== undefined && !table.fresh)
    scene.does.breaks(
      'possible',
      `rows that running code inserts take a number from a new sequence: a role that isn’t the owner needs USAGE on it`,
    );
  constraintsOf(column, on, scene, type);
  comparability(type, on, scene);
  // IF NOT EXISTS may find one that is there, full and in use, unless all columns are known.
  const isNew = missing_ok !== true || table.known;
  const parts = partsOfColumn(column);
  for (const each of tables) {
    const now = scene.schema.byKey(each.key) ?? each;
    const { constraints, indexes } = madeBy(parts, now, scene, each.key === table.key);
    scene.schema.put({
      ...now,
      columns: [...now.columns, { ...columnFrom(column), fresh: isNew }],
      constraints: [...now.constraints, ...constraints],
      indexes: [...now.indexes, ...indexes],
    });
  }
  return 'ACCESS EXCLUSIVE';
};

/** What of a column's definition makes each row's value different; `undefined`: nothing does. */
function rewritesBecause(column: ColumnDef, type: TypeRef, scene: Scene): string | undefined {
  if (serialBase(type) !== undefined) return `${type.name} numbers the rows that are there`;
  const stands = standsOn(type, scene.schema);
  if (stands.unknown !== undefined) return `${stands.unknown}: a domain may have constraints`;
  const [domain] = stands.domains;
  if (isConstrained(stands))
    return domain?.constrained === true
      ? `the domain ${type.name} has constraints`
      : `the domain ${type.name} stands on one that has constraints`;
  for (const constraint of partsOf(column)) {
    if (constraint.contype === 'CONSTR_IDENTITY') return 'the identity numbers the rows that are there';
    if (constraint.contype === 'CONSTR_GENERATED' && constraint.generated_kind !== 'v')
      return 'the stored generated value is worked out for each row';
    if (constraint.contype === 'CONSTR_DEFAULT') {
      const culprit = volatilePart(constraint.raw_expr, scene.schema, type);
      if (culprit !== undefined) return `the default is worked out for each row: ${culprit} is volatile, or not known`;
      return undefined;
    }
  }
  const filled = defaultsOf(stands, scene.schema);
  if (filled === undefined) return `what default the domain ${type.name} has isn’t in the catalogue: write it again`;
  const culprit = filled
    .map((each) => volatilePart(each, scene.schema, stands.base))
    .find((each) => each !== undefined);
  if (culprit === undefined) return undefined;
  return `the default of the domain ${type.name} is worked out for each row: ${culprit} is volatile, or not known`;
}

function constraintsOf(column: ColumnDef, on: Altered, scene: Scene, type: TypeRef): void {
  const { table, tables } = on;
  const name = quoted(column.colname ?? '');
  const parts = partsOf(column);
  const value = parts.find(({ contype }) => contype === 'CONSTR_DEFAULT')?.raw_expr;
  const filled =
    serialBase(type) !== undefined ||
    parts.some(({ contype }) => contype === 'CONSTR_IDENTITY' || contype === 'CONSTR_GENERATED') ||
    !isNull(value);
  const required = parts.some(({ contype }) => contype === 'CONSTR_NOTNULL' || contype === 'CONSTR_PRIMARY');
  if (required && !filled && !table.fresh) {
    if (tables.some(({ rows, kind }) => kind !== 'partitioned' && rows !== 0))
      scene.does.remark(
        'fails',
        'error',
        `the rows of ${table.key} that are there would have no value in ${name}, which is NOT NULL: the statement fails unless the table is empty`,
      );
    scene.does.breaks(
      'certain',
      `running code inserts into ${table.key} without ${name}, which is NOT NULL and has no default`,
    );
    scene.does.safely(
      ['fails', 'break'],
      'Add the column without NOT NULL, have the new code write it, fill the old rows in batches, and only then require it.',
      `ALTER TABLE ${sqlName(table)} ADD COLUMN ${name} ${typeText(type)};`,
    );
  }
  for (const part of parts) constraintOf(part, on, scene, name, filled);
}

function constraintOf(part: Constraint, { table, tables }: Altered, scene: Scene, name: string, filled: boolean): void {
  switch (part.contype) {
    case 'CONSTR_PRIMARY':
    case 'CONSTR_UNIQUE':
      for (const each of tables) scene.does.work('index-build', each, `the unique index of ${name}`);
      if (!table.fresh)
        scene.does.safely(
          'lock',
          'Add the column without it, fill it, build the index without a lock, then make it the constraint.',
          `CREATE UNIQUE INDEX CONCURRENTLY ON ${sqlName(table)} (${name});`,
          `ALTER TABLE ${sqlName(table)} ADD CONSTRAINT … UNIQUE USING INDEX …;`,
        );
      break;
    case 'CONSTR_CHECK':
      if (part.skip_validation === true || part.is_enforced === false) break;
      for (const each of tables) scene.does.work('scan', each, `the CHECK of ${name} is held against every row`);
      if (!filled && refusesNull(part.raw_expr) && !table.fresh) {
        scene.does.breaks('certain', `running code leaves ${name} of ${table.key} empty, and the CHECK refuses that`);
        scene.does.safely(
          'break',
          'Add the column alone, release code that writes it, and add the CHECK when no other code runs any more.',
        );
      }
      if (!table.fresh)
        scene.does.safely(
          'lock',
          'Add the column first, then its CHECK as NOT VALID, and validate that in a later transaction.',
        );
      break;
    case 'CONSTR_FOREIGN': {
      const other = relationIn(scene, part.pktable);
      if (other !== undefined) lockAll(scene, tree(scene, other), 'SHARE ROW EXCLUSIVE');
      if (other !== undefined) failsToRefer(scene, other, strings(part.pk_attrs));
      if (!filled) break;
      if (other !== undefined) lookUp(table, other, scene);
      for (const each of tables) scene.does.work('scan', each, `the foreign key of ${name} is held against every row`);
      break;
    }
    default:
  }
}

function refusesNull(expression: Node | undefined): boolean {
  let refuses = false;
  walk(expression, (kind, content) => {
    if (kind === 'NullTest' && content.nulltesttype === 'IS_NOT_NULL') refuses = true;
  });
  return refuses;
}

/** json, xml and their like have no equality: rows that hold them can't be compared as a whole. */
function comparability(type: TypeRef, { table }: Altered, scene: Scene): void {
  if (table.fresh || type.schema !== undefined || !['json', 'xml', 'point', 'polygon'].includes(type.name)) return;
  scene.does.breaks(
    'possible',
    `${type.name} has no equality: running code’s SELECT DISTINCT, UNION or GROUP BY over whole rows of ${table.key} fails`,
  );
  if (type.name === 'json') scene.does.safely('break', 'Use jsonb, which can be compared and indexed.');
}

function adviseBackfill({ table }: Altered, column: ColumnDef, type: TypeRef, scene: Scene): void {
  if (table.fresh) return;
  const name = quoted(column.colname ?? '');
  const base = serialBase(type);
  const plain = base === undefined ? typeText(type) : base;
  scene.does.safely(
    'lock',
    'Add the column without a value, give new rows theirs by a default, and fill the old rows in batches.',
    `ALTER TABLE ${sqlName(table)} ADD COLUMN ${name} ${plain};`,
    `ALTER TABLE ${sqlName(table)} ALTER COLUMN ${name} SET DEFAULT …;`,
    `UPDATE ${sqlName(table)} SET ${name} = … WHERE ${name} IS NULL AND id BETWEEN … AND …; -- a few thousand rows at a time`,
  );
}

function partsOf(column: ColumnDef): readonly Constraint[] {
  return (column.constraints ?? []).flatMap((node) => as(node, 'Constraint') ?? []);
}

function sqlName({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return written({ schema, name });
}
