import type { ColumnDef, Constraint as ConstraintNode, Node } from 'libpg-query';
import type { Constraint, Index, KeyAction } from '../catalogue/catalogue.ts';
import type { ColumnState } from '../catalogue/table-state.ts';
import { serialBase, typeRefOf, typeText } from '../catalogue/type-name.ts';
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
export function partsOfColumn(column: ColumnDef): readonly ConstraintNode[] {
  const own = [text(column.colname ?? '')];
  return (column.constraints ?? []).flatMap((node) => {
    const part = as(node, 'Constraint');
    return part === undefined ? [] : [{ ...part, keys: own, fk_attrs: own }];
  });
}

/** A constraint that has its name, as the catalogue would have it; `undefined` for what is none there (a default, NULL …). */
export function constraintFrom(part: ConstraintNode, scene: Scene): Constraint | undefined {
  const keys = strings(part.keys);
  const validated = part.skip_validation !== true;
  const name = part.conname ?? '';
  switch (part.contype) {
    case 'CONSTR_PRIMARY':
      return { name, kind: 'primary', columns: keys, validated };
    case 'CONSTR_UNIQUE':
      return { name, kind: 'unique', columns: keys, validated };
    case 'CONSTR_EXCLUSION':
      return { name, kind: 'exclude', columns: columnsIn(part.exclusions), validated };
    case 'CONSTR_CHECK': {
      const columns = columnsIn(part.raw_expr);
      // Its text isn't kept, only what of it later statements ask for.
      const required = columns.filter((column) => isNotNullTest(part.raw_expr, column));
      const expression = required.map((column) => `"${column.replaceAll('"', '""')}" is not null`).join(' and ');
      return {
        name,
        kind: 'check',
        columns,
        validated,
        ...(expression === '' ? {} : { expression }),
        ...(part.is_no_inherit === true ? { noInherit: true as const } : {}),
      };
    }
    case 'CONSTR_FOREIGN': {
      const { key } = scene.schema.findOrAssume(nameOf(part.pktable));
      return {
        name,
        kind: 'foreign',
        columns: strings(part.fk_attrs),
        validated,
        references: { relation: key, columns: strings(part.pk_attrs) },
        ...action('onUpdate', part.fk_upd_action),
        ...action('onDelete', part.fk_del_action),
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

const ACTIONS: Readonly<Record<string, KeyAction>> = { c: 'cascade', n: 'set null', d: 'set default' };

function action(when: 'onUpdate' | 'onDelete', letter: string | undefined): Pick<Constraint, 'onUpdate' | 'onDelete'> {
  const does = ACTIONS[letter ?? ''];
  return does === undefined ? {} : { [when]: does };
}

/** The index that a constraint makes; it has the constraint's name. */
export function indexFrom(part: ConstraintNode): Index | undefined {
  const kinds: readonly ConstraintNode['contype'][] = ['CONSTR_PRIMARY', 'CONSTR_UNIQUE', 'CONSTR_EXCLUSION'];
  if (!kinds.includes(part.contype) || part.indexname !== undefined) return undefined;
  const included = strings(part.including);
  const columns = [...strings(part.keys), ...included];
  const unique = part.contype !== 'CONSTR_EXCLUSION';
  return {
    name: part.conname ?? '',
    columns,
    reads: unique ? columns : columnsIn(part.exclusions),
    unique,
    computed: !unique,
    valid: true,
    method: part.access_method || 'btree',
    included: included.length,
    ...(unique ? { plain: part.nulls_not_distinct !== true } : {}),
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
