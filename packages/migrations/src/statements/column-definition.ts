import type { ColumnDef, Constraint as ConstraintNode, Node } from 'libpg-query';
import type { Constraint, Index } from '../catalogue/catalogue.ts';
import { serialBase, typeRefOf, typeText } from '../catalogue/type-name.ts';
import type { ColumnState } from '../catalogue/working-schema.ts';
import { as, nameOf, strings, walk } from '../parse/nodes.ts';
import type { Scene } from './scene.ts';

/** A column as the catalogue would have it afterwards. */
export function columnFrom(column: ColumnDef): ColumnState {
  const type = typeRefOf(column.typeName);
  const serial = serialBase(type);
  const parts = (column.constraints ?? []).flatMap((node) => as(node, 'Constraint') ?? []);
  const has = (kind: ConstraintNode['contype']) => parts.find(({ contype }) => contype === kind);
  const generated = has('CONSTR_GENERATED');
  const required =
    serial !== undefined ||
    ['CONSTR_NOTNULL', 'CONSTR_PRIMARY', 'CONSTR_IDENTITY'].some((kind) => has(kind as ConstraintNode['contype']));
  return {
    name: column.colname ?? '',
    type: serial ?? typeText(type),
    nullable: !required,
    ...(serial !== undefined || has('CONSTR_DEFAULT') !== undefined ? { default: 'an expression' } : {}),
    ...(has('CONSTR_IDENTITY') === undefined ? {} : { identity: true }),
    ...(generated === undefined
      ? {}
      : { generated: generated.generated_kind === 'v' ? 'virtual' : 'stored', from: columnsIn(generated.raw_expr) }),
  };
}

/** The constraints that a column's definition makes. */
export function constraintsOfColumn(column: ColumnDef, table: string, scene: Scene): readonly Constraint[] {
  const name = column.colname ?? '';
  return (column.constraints ?? []).flatMap((node) => {
    const part = as(node, 'Constraint');
    const made =
      part === undefined
        ? undefined
        : constraintFrom({ ...part, keys: [text(name)], fk_attrs: [text(name)] }, table, scene);
    return made === undefined ? [] : [made];
  });
}

export function indexesOfColumn(column: ColumnDef, table: string): readonly Index[] {
  return (column.constraints ?? []).flatMap((node) => {
    const part = as(node, 'Constraint');
    const made = part === undefined ? undefined : indexFrom({ ...part, keys: [text(column.colname ?? '')] }, table);
    return made === undefined ? [] : [made];
  });
}

/** A constraint as the catalogue would have it; `undefined` for what is none there (a default, NULL …). */
export function constraintFrom(part: ConstraintNode, table: string, scene: Scene): Constraint | undefined {
  const keys = strings(part.keys);
  const validated = part.skip_validation !== true;
  const named = (suffix: string, columns: readonly string[]) => part.conname ?? [table, ...columns, suffix].join('_');
  switch (part.contype) {
    case 'CONSTR_PRIMARY':
      return { name: part.conname ?? part.indexname ?? `${table}_pkey`, kind: 'primary', columns: keys, validated };
    case 'CONSTR_UNIQUE':
      return {
        name: part.indexname === undefined ? named('key', keys) : (part.conname ?? part.indexname),
        kind: 'unique',
        columns: keys,
        validated,
      };
    case 'CONSTR_EXCLUSION':
      return { name: named('excl', []), kind: 'exclude', columns: columnsIn(part.exclusions), validated };
    case 'CONSTR_CHECK': {
      const columns = columnsIn(part.raw_expr);
      // Its text isn't kept, only what of it later statements ask for.
      const required = columns.filter((column) => isNotNullTest(part.raw_expr, column));
      const expression = required.map((column) => `"${column.replaceAll('"', '""')}" is not null`).join(' and ');
      return {
        name: named('check', columns.slice(0, 1)),
        kind: 'check',
        columns,
        validated,
        ...(expression === '' ? {} : { expression }),
      };
    }
    case 'CONSTR_FOREIGN': {
      const { schema, name } = scene.schema.findOrAssume(nameOf(part.pktable));
      const columns = strings(part.fk_attrs);
      return {
        name: named('fkey', columns),
        kind: 'foreign',
        columns,
        validated,
        references: { relation: `${schema}.${name}`, columns: strings(part.pk_attrs) },
      };
    }
    case 'CONSTR_NOTNULL':
      return part.conname === undefined
        ? undefined
        : { name: part.conname, kind: 'not-null', columns: keys, validated };
    default:
      return undefined;
  }
}

/** The index that a constraint makes. */
export function indexFrom(part: ConstraintNode, table: string): Index | undefined {
  const kinds: readonly ConstraintNode['contype'][] = ['CONSTR_PRIMARY', 'CONSTR_UNIQUE', 'CONSTR_EXCLUSION'];
  if (!kinds.includes(part.contype) || part.indexname !== undefined) return undefined;
  const columns = strings(part.keys);
  const unique = part.contype !== 'CONSTR_EXCLUSION';
  const name =
    part.conname ?? (part.contype === 'CONSTR_PRIMARY' ? `${table}_pkey` : [table, ...columns, 'key'].join('_'));
  return {
    name,
    columns,
    reads: unique ? columns : columnsIn(part.exclusions),
    unique,
    computed: !unique,
    valid: true,
  };
}

/** The columns that an expression names. */
export function columnsIn(expression: unknown): readonly string[] {
  const found = new Set<string>();
  walk(expression, (kind, content) => {
    const last = (content.fields as readonly Node[] | undefined)?.at(-1);
    if (kind === 'ColumnRef' && last !== undefined) found.add(as(last, 'String')?.sval ?? '*');
    if (kind === 'IndexElem' && typeof content.name === 'string') found.add(content.name);
  });
  return [...found];
}

function isNotNullTest(node: Node | undefined, column: string): boolean {
  const test = as(node, 'NullTest');
  if (test?.nulltesttype === 'IS_NOT_NULL') return columnsIn(test.arg).includes(column);
  const bool = as(node, 'BoolExpr');
  return bool?.boolop === 'AND_EXPR' && (bool.args ?? []).some((each) => isNotNullTest(each, column));
}

function text(sval: string): Node {
  return { String: { sval } };
}
