import type {
  AlterDomainStmt,
  AlterEnumStmt,
  CompositeTypeStmt,
  CreateDomainStmt,
  CreateEnumStmt,
  DropStmt,
  Node,
} from 'libpg-query';
import type { UserType } from '../catalogue/catalogue.ts';
import type { TableState, TypeState } from '../catalogue/table-state.ts';
import { typeRefFrom, typeRefOf, typeText } from '../catalogue/type-name.ts';
import { as, type Name, nameFrom, nameOf, quoted, strings, written } from '../parse/nodes.ts';
import { defaultsOf, standsOn } from '../types/domains.ts';
import { isFresh } from './alter-table/altered.ts';
import { fails, failsIfTaken } from './names/taken-name.ts';
import { callsOfOwn } from './queries.ts';
import { type Family, isUnsure, type Scene } from './scene.ts';

function make(kind: UserType['kind'], name: Name, more: Partial<TypeState>, scene: Scene): void {
  const made = scene.schema.qualified(name);
  const there = scene.schema.type(made);
  const relation = scene.schema.find(made);
  if (there !== undefined && there.kind !== 'other' && scene.schema.complete)
    fails(scene, `there is a type ${written(made)} already`);
  else if (relation !== undefined && relation.perhaps !== true && kind !== 'composite')
    fails(scene, `there is a relation ${relation.key}, and so a type of that name`);
  else if (kind === 'composite') failsIfTaken(scene, made);
  scene.schema.putType({ ...scene.schema.qualified(name), kind, ...more, fresh: !scene.conditional });
}

export const createEnum: Family<CreateEnumStmt> = ({ typeName, vals }, scene) =>
  make('enum', nameFrom(typeName), scene.conditional ? {} : { values: strings(vals) }, scene);

export const createComposite: Family<CompositeTypeStmt> = ({ typevar }, scene) =>
  make('composite', nameOf(typevar), {}, scene);

export const createDomain: Family<CreateDomainStmt> = ({ domainname, typeName, constraints }, scene) => {
  const parts = (constraints ?? []).flatMap((node) => as(node, 'Constraint') ?? []);
  const constrained = parts.some(({ contype }) => contype === 'CONSTR_CHECK' || contype === 'CONSTR_NOTNULL');
  const calls = parts.flatMap((part) => (part.contype === 'CONSTR_CHECK' ? callsOfOwn(part.raw_expr, scene) : []));
  const base = typeRefOf(typeName);
  const own = parts.find(({ contype }) => contype === 'CONSTR_DEFAULT');
  // What the domain below has as its default now, this one has for good.
  const fills =
    own === undefined ? defaultsOf(standsOn(base, scene.schema), scene.schema) : [own.raw_expr ?? []].flat();
  const more = { base: typeText(base), constrained, calls, ...(fills === undefined ? {} : { fills }) };
  make('domain', nameFrom(domainname), more, scene);
};

/** Most values of one enum that are followed. */
const MOST_VALUES = 10_000;

/** A value of an enum can be added in an instant, and never be taken away. */
export const alterEnum: Family<AlterEnumStmt> = (statement, scene) => {
  const { oldVal, newVal = '', newValNeighbor, skipIfNewValExists } = statement;
  const name = nameFrom(statement.typeName);
  const { does, schema } = scene;
  const type = schema.type(name);
  const { values } = type ?? {};
  const key = (({ schema: of, name: own }) => `${of}.${own}`)(type ?? schema.qualified(name));
  const needed = oldVal ?? newValNeighbor;
  if (needed !== undefined && values !== undefined && !values.includes(needed))
    return fails(scene, `${written(name)} has no value '${needed}'`);
  if (values?.includes(newVal) === true) {
    if (skipIfNewValExists !== true) fails(scene, `${written(name)} has a value '${newVal}' already`);
    return;
  }
  // Of a type that the transaction made itself, servers from 17 on take its new values at once.
  const own = schema.server >= 17 && schema.journal.changed.includes(`type ${key}`) && type?.fresh === true;
  const old = oldVal === undefined ? 'surely' : schema.journal.values.has(key, oldVal);
  const sure = !isUnsure(scene) && old === 'surely' && (values !== undefined || skipIfNewValExists !== true);
  if (!own && old !== undefined && !schema.isTrying)
    schema.journal.note('new value', schema.journal.values.add(key, newVal, sure));
  if (type !== undefined && values !== undefined)
    // Whether a statement was reached that isn't sure to be, nobody knows; then neither which values there are.
    schema.putType({
      ...type,
      values: sure && values.length < MOST_VALUES ? [...values.filter((each) => each !== oldVal), newVal] : undefined,
    });
  if (type?.fresh === true) return;
  if (oldVal !== undefined) {
    does.breaks(
      'certain',
      `running code writes and reads the value '${oldVal}' of ${written(name)}, which is '${newVal}' now`,
      `${written(name)}.${oldVal}`,
    );
    does.safely(
      'break',
      'Add the new value, have the new code write it and read both, change the rows in batches; the old value stays.',
    );
    return;
  }
  does.undo('never');
  does.breaks('possible', `running code may read the value '${newVal}' of ${written(name)}, which it doesn’t know`);
  does.safely(
    'break',
    'Add the value in a release before the one whose code writes it; it can only be used after its transaction has committed.',
  );
};

/** A domain's new rule is held against every column of it, in all tables. */
export const alterDomain: Family<AlterDomainStmt> = ({ subtype, typeName, def }, scene) => {
  const name = nameFrom(typeName);
  const domain = scene.schema.type(name);
  const { does, schema } = scene;
  const part = as(def, 'Constraint');
  if (domain !== undefined) schema.putType(altered(domain, subtype, def, scene));
  if (domain?.fresh === true) return;
  if (subtype === 'X' || subtype === 'N' || subtype === 'T') {
    does.undo('until-written');
    if (subtype === 'T' && def === undefined)
      does.breaks('certain', `columns of ${written(name)} have no default any more`);
    return;
  }
  if (!(subtype === 'C' && part?.skip_validation === true)) {
    if (!schema.complete)
      does.notKnown(`which tables have columns of ${written(name)} isn’t known; each is read under a lock`);
    for (const table of tablesWith(name, scene)) {
      // A partitioned table holds no rows: its partitions are looked at.
      if (table.kind === 'partitioned') continue;
      does.lock(table, 'SHARE');
      does.work('scan', table, `the rule of ${written(name)} is held against every row`);
    }
  }
  if (subtype !== 'V')
    does.breaks('possible', `values that running code writes into columns of ${written(name)} may not satisfy it`);
  if (subtype === 'C' && part?.skip_validation !== true)
    does.safely(
      'lock',
      'Add the constraint as NOT VALID and validate it later.',
      `${scene.text.trim().replace(/;?\s*$/, '')} NOT VALID;`,
    );
};

/** A domain as it is afterwards: a rule that it had may be among those that stay. */
function altered(domain: TypeState, subtype: string | undefined, def: Node | undefined, scene: Scene): TypeState {
  if (subtype === 'T') {
    const { default: _, ...rest } = domain;
    return { ...rest, fills: def === undefined ? [] : [def] };
  }
  const check = as(def, 'Constraint')?.raw_expr;
  const calls = [...(domain.calls ?? []), ...callsOfOwn(check, scene)];
  return subtype === 'C' || subtype === 'O' ? { ...domain, constrained: true, calls } : domain;
}

/** DROP TYPE and DROP DOMAIN: with CASCADE the columns of that type go along. */
export function dropType(object: Node, { behavior, missing_ok }: DropStmt, scene: Scene): void {
  const type = as(object, 'TypeName');
  const name = nameFrom(type?.names);
  const known = scene.schema.type(name);
  const used = tablesWith(name, scene).some((table) =>
    columnsOf(table, name).some((column) => !isFresh(table, column.name)),
  );
  if ((known?.fresh === true && !used) || (known === undefined && scene.schema.complete && missing_ok === true)) return;
  const { does, schema } = scene;
  does.breaks('certain', `running code that names the type ${written(name)} fails`, written(name));
  does.safely(['break', 'loss'], 'Release code that doesn’t use it first; drop it in a later release.');
  const tables = tablesWith(name, scene);
  if (behavior !== 'DROP_CASCADE') {
    if (tables.length > 0)
      does.remark('fails', 'error', `${tables[0]?.key} has columns of ${written(name)}, and nothing says CASCADE`);
    return;
  }
  if (!schema.complete) does.notKnown(`which columns go along with ${written(name)} isn’t known`);
  for (const table of tables) {
    does.lock(table, 'ACCESS EXCLUSIVE');
    const all = columnsOf(table, name).map(({ name: column }) => column);
    schema.put({ ...table, columns: table.columns.filter((column) => !all.includes(column.name)) });
    const gone = all.filter((column) => !isFresh(table, column));
    if (gone.length === 0) continue;
    does.destroys(`the values of ${gone.map((column) => `${table.key}.${quoted(column)}`).join(', ')}`);
    for (const column of gone)
      does.breaks(
        'certain',
        `running code that names ${quoted(column)} of ${table.key} fails`,
        `${table.key}.${column}`,
      );
  }
}

function tablesWith(name: Name, scene: Scene): readonly TableState[] {
  return scene.schema
    .all()
    .filter((table) => !['view', 'sequence'].includes(table.kind) && columnsOf(table, name).length > 0);
}

function columnsOf(table: TableState, name: Name): TableState['columns'] {
  return table.columns.filter(({ type }) => {
    const ref = typeRefFrom(type);
    return (
      ref.name === name.name && (ref.schema === undefined || name.schema === undefined || ref.schema === name.schema)
    );
  });
}
