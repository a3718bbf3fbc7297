/** From rules and what both sides are like to a plan: which tables are compared, by which columns, and whose rows are whose. */
import { fullName, type RuleRefusal } from '../masking/rule.ts';
import { type Refusal, refused } from '../model/refusal.ts';
import { named } from '../plan/render-words.ts';
import { otherwiseEqual, type RowsCatalogue, type RowsTable, type RowsTableKind, tablesByName } from './catalogue.ts';
import { compareColumns } from './columns.ts';
import type { TenantRowsRule } from './rule.ts';
import type { OwnSchema } from './schema.ts';

export interface TypedColumn {
  readonly name: string;
  readonly type: string;
}

/** Whose a row is: by a column of its own, by the row that a foreign key leads to, or as every row of the tenant's schema. */
export type Belongs =
  | { readonly rows: 'schema' }
  | { readonly rows: 'tenant'; readonly column: string; readonly type: string }
  | {
      readonly rows: 'through';
      readonly by: readonly string[];
      readonly of: string;
      readonly ofColumns: readonly string[];
    };

/** A table that has rows of tenants. */
export interface TenantTable {
  /** `schema.table`. */
  readonly table: string;
  readonly belongs: Belongs;
  readonly key: readonly string[];
  /** Those of both sides, by name: what is compared and written. */
  readonly columns: readonly TypedColumn[];
  /** Of the live side alone: kept in the file for what is taken away, so that it can be undone. */
  readonly liveOnly: readonly TypedColumn[];
  /** Columns that are added up for people. */
  readonly sums: readonly string[];
}

export interface TenantRowsPlan {
  /** What is referred to comes before what refers to it. */
  readonly tables: readonly TenantTable[];
  readonly shared: readonly string[];
}

export type PlannedRows =
  | { readonly ok: true; readonly plan: TenantRowsPlan }
  | { readonly ok: false; readonly refusals: readonly (Refusal | RuleRefusal)[] };

const WHAT = 'rules of a tenant’s rows';
const MOST_SUMS = 20;

/** Why a table of each kind can't be compared row by row. */
const UNFIT: Readonly<Record<Exclude<RowsTableKind, 'plain'>, string>> = {
  partitioned: 'it is partitioned',
  inheriting: 'it inherits from another table, or is inherited from',
  unlogged: 'it is unlogged, and no row of it comes back',
  foreign: 'its rows lie on another server',
};

/**
 * Plans the comparison; every rule that can't hold and every table that no rule names is a refusal. `own`: the tenant's schema,
 * where tenants have one each; then no catalogue has other tenants' schemas.
 */
export function planTenantRows(
  rules: readonly TenantRowsRule[],
  live: RowsCatalogue,
  was: RowsCatalogue,
  own?: OwnSchema,
): PlannedRows {
  const [here, before] = [tablesByName(live), tablesByName(was)];
  const byTable = new Map(rules.map((rule) => [fullName(rule.table), rule]));
  const refusals: (Refusal | RuleRefusal)[] = [];
  const all = [...new Set([...here.keys(), ...before.keys()])].toSorted();
  const inOwn = own === undefined ? [] : all.filter((table) => isOf(own, table));
  const unnamed = all.filter((table) => !byTable.has(table) && !inOwn.includes(table));
  if (unnamed.length > 0)
    refusals.push(
      refused(
        'table-unnamed',
        WHAT,
        unnamed[0]!,
        `no rule names ${unnamed.length === 1 ? 'the table' : `${unnamed.length} tables:`} ${named(unnamed)}`,
        'say of each whose its rows are, or `rows: shared`; `headgate-agent recover-tenant scan --config FILE --store STORE` proposes it',
      ).refusal,
    );
  const tables: TenantTable[] = [];
  const known = { here, before, live, byTable };
  rules.forEach((rule, index) => {
    const planned = own !== undefined && isOf(own, fullName(rule.table)) ? RULED_TWICE : planTable(rule, known);
    if ('table' in planned) tables.push(planned);
    else
      for (const { field, why, unblock } of planned.faults)
        refusals.push(ruleRefusal(rule, index, field, why, unblock));
  });
  if (own !== undefined) refusals.push(...strangeSchema(own, here, before, inOwn));
  const left = inOwn.filter((table) =>
    own!.leave.some((each) => each.columns === undefined && inSchema(own!, each.table) === table),
  );
  for (const table of inOwn.filter((each) => !left.includes(each))) {
    const leave = own!.leave.find((each) => inSchema(own!, each.table) === table)?.columns;
    const planned = planTable({ table, rows: 'schema', ...(leave !== undefined && { leave }) }, known);
    if ('table' in planned) tables.push(planned);
    else
      for (const { why, unblock } of planned.faults)
        refusals.push(refused('rule-unfit', WHAT, table, why, unblock).refusal);
  }
  if (refusals.length > 0) return { ok: false, refusals };
  const shared = [...rules.filter(({ rows }) => rows === 'shared').map(({ table }) => fullName(table)), ...left];
  return { ok: true, plan: { tables: parentsFirst(tables, live), shared: shared.toSorted() } };
}

interface Known {
  readonly here: ReadonlyMap<string, RowsTable>;
  readonly before: ReadonlyMap<string, RowsTable>;
  readonly live: RowsCatalogue;
  readonly byTable: ReadonlyMap<string, TenantRowsRule>;
}

interface Fault {
  readonly field: string;
  readonly why: string;
  readonly unblock: string;
}

const RULED_TWICE = {
  faults: [
    {
      field: 'table',
      why: 'it is in the tenant’s schema, whose tables are the tenant’s without a rule',
      unblock: 'take the rule out; what of the schema stays as it is says `leave` in `schemas`',
    },
  ],
} as const;

/** What the rules say of a tenant's schema, and isn't so. */
function strangeSchema(
  own: OwnSchema,
  here: ReadonlyMap<string, RowsTable>,
  before: ReadonlyMap<string, RowsTable>,
  tables: readonly string[],
): readonly Refusal[] {
  const no = (why: string, unblock: string): Refusal => refused('rule-unfit', WHAT, own.name, why, unblock).refusal;
  const lacking = [here, before].findIndex((side) => ![...side.keys()].some((table) => isOf(own, table)));
  if (lacking >= 0)
    return [
      no(
        `${lacking === 0 ? 'the live store' : 'the recovered one'} has no table in the schema ${own.name}`,
        'say in the rules how a tenant’s schema is named (`schemas: {named: …}`), and what stands for the tenant in it (`values`); or recover to a moment when it had one',
      ),
    ];
  const nowhere = own.leave.filter(({ table }) => !tables.includes(inSchema(own, table)));
  if (nowhere.length === 0) return [];
  const names = named(nowhere.map(({ table }) => inSchema(own, table)));
  return [no(`leave names ${names}, which is on neither side`, 'take it from the list, or correct the name')];
}

function isOf({ name }: OwnSchema, table: string): boolean {
  return table.startsWith(`${name}.`);
}

function inSchema({ name }: OwnSchema, table: string): string {
  return `${name}.${table}`;
}

/** A rule, or what holds of every table of the tenant's schema. */
type AnyRule = TenantRowsRule | { readonly table: string; readonly rows: 'schema'; readonly leave?: readonly string[] };

function planTable(rule: AnyRule, known: Known): TenantTable | { readonly faults: readonly Fault[] } {
  const table = fullName(rule.table);
  const [now, was] = [known.here.get(table), known.before.get(table)];
  const fault = (field: string, why: string, unblock: string) => ({ faults: [{ field, why, unblock }] });
  const alone = table.slice(table.indexOf('.') + 1);
  const aside =
    rule.rows === 'schema' ? `leave it out (\`leave: [{table: ${alone}}]\` in \`schemas\`)` : 'name it `rows: shared`';
  if (now === undefined && was === undefined)
    return fault('table', `neither side has a table ${table}`, 'take the rule out, or correct the name');
  if (rule.rows === 'shared') return { faults: [] };
  if (now === undefined || was === undefined)
    return fault(
      'table',
      `${now === undefined ? 'the live store' : 'the recovered one'} has no table ${table}: a migration ${now === undefined ? 'dropped' : 'made'} it since`,
      `${aside}, which leaves it alone; or recover to a moment after the migration`,
    );
  if (now.kind !== 'plain' || was.kind !== 'plain')
    return fault(
      'table',
      `${table} can’t be compared row by row: ${UNFIT[(now.kind === 'plain' ? was.kind : now.kind) as Exclude<RowsTableKind, 'plain'>]}`,
      `bring its rows back by hand, from the recovered store, and ${aside} here`,
    );
  if (now.rewrites.length > 0)
    return fault(
      'table',
      `rewrite rules of ${table} change what is written: ${named(now.rewrites)}`,
      'replace them with triggers, which are off while rows come back',
    );
  if (now.key.length === 0)
    return fault(
      'table',
      `${table} has no primary key, so that no row of it can be told from another`,
      rule.rows === 'schema' ? `give it one, or ${aside}` : 'give it one',
    );
  if (now.key.join() !== was.key.join())
    return fault(
      'table',
      `the primary key of ${table} is (${now.key.join(', ')}), and was (${was.key.join(', ')})`,
      'recover to a moment after the migration that changed it',
    );
  const belongs = belongsOf(rule, now, was, known);
  if ('why' in belongs) return { faults: [belongs] };
  const deciding = decidingColumns(belongs);
  const odd = [...oddIn(table, now, [...now.key, ...deciding]), ...oddIn(table, was, [...now.key, ...deciding])];
  if (belongs.rows === 'through') odd.push(...oddIn(belongs.of, known.here.get(belongs.of)!, belongs.ofColumns));
  if (odd.length > 0)
    return fault(
      rule.rows === 'tenant' ? 'column' : 'by',
      `rows are told apart, and whose they are, by ${named([...new Set(odd)])}, whose type has an = of its own: rows that the application takes for the tenant’s would be somebody else’s`,
      `bring its rows back by hand, from the recovered store, and ${aside} here; or give the column a type of PostgreSQL’s own, such as text with a collation that ignores case`,
    );
  const columns = compareColumns(table, now, was, rule.leave ?? [], [...now.key, ...deciding], (names) =>
    rule.rows === 'schema'
      ? `leave: [{table: ${alone}, columns: [${names.join(', ')}]}]`
      : `leave: [${names.join(', ')}]`,
  );
  if ('faults' in columns) return { faults: columns.faults.map((each) => ({ field: 'table', ...each })) };
  const planned = { table, belongs, key: now.key, ...columns };
  return { ...planned, sums: sumsOf(planned, now, known.live) };
}

/** What is added up of a table for people: amounts and counts, and no number that only names a row. */
export function sumsOf(
  { table, belongs, key, columns }: Omit<TenantTable, 'sums'>,
  live: RowsTable,
  { foreignKeys }: RowsCatalogue,
): readonly string[] {
  const referring = foreignKeys.filter((each) => each.table === table).flatMap((each) => each.columns);
  const out = new Set([...key, ...decidingColumns(belongs), ...referring]);
  const exact = new Set(live.columns.flatMap((each) => (each.exact ? [each.name] : [])));
  return columns.flatMap(({ name }) => (exact.has(name) && !out.has(name) ? [name] : [])).slice(0, MOST_SUMS);
}

/** By which a row is somebody's. */
export function decidingColumns(belongs: Belongs): readonly string[] {
  if (belongs.rows === 'schema') return [];
  return belongs.rows === 'tenant' ? [belongs.column] : belongs.by;
}

function oddIn(name: string, table: RowsTable, columns: readonly string[]): readonly string[] {
  return otherwiseEqual(table, columns).map((each) => `${name}.${each}`);
}

function belongsOf(
  rule: Exclude<AnyRule, { rows: 'shared' }>,
  now: RowsTable,
  was: RowsTable,
  { live, byTable }: Known,
): Belongs | Fault {
  if (rule.rows === 'schema') return { rows: 'schema' };
  const table = fullName(rule.table);
  const own = rule.rows === 'tenant' ? [rule.column] : rule.by;
  const lacking = own.find((name) => [now, was].some(({ columns }) => !columns.some((each) => each.name === name)));
  const field = rule.rows === 'tenant' ? 'column' : 'by';
  if (lacking !== undefined)
    return { field, why: `${table} has no column ${lacking} on both sides`, unblock: 'correct the rule' };
  if (rule.rows === 'tenant')
    return { rows: 'tenant', column: rule.column, type: now.columns.find(({ name }) => name === rule.column)!.type };
  const of = fullName(rule.of);
  const parent = byTable.get(of);
  if (parent === undefined || parent.rows === 'shared')
    return {
      field: 'of',
      why: `the rows of ${of} aren’t a tenant’s by any rule, so that nothing follows from them`,
      unblock: 'name a table that has rows of tenants',
    };
  const key = live.foreignKeys.find(
    (each) =>
      each.table === table && each.references === of && each.columns.toSorted().join() === rule.by.toSorted().join(),
  );
  if (key === undefined)
    return {
      field: 'by',
      why: `no foreign key leads from ${table} (${rule.by.join(', ')}) to ${of}`,
      unblock:
        'name the columns of one that does; `headgate-agent recover-tenant scan --config FILE --store STORE` lists them',
    };
  if (leadsBack(table, byTable))
    return {
      field: 'of',
      why: `the way from ${table} leads back to it, and never to a tenant`,
      unblock: 'name another way',
    };
  return { rows: 'through', by: key.columns, of, ofColumns: key.referencedColumns };
}

function leadsBack(table: string, byTable: ReadonlyMap<string, TenantRowsRule>): boolean {
  const seen = new Set<string>();
  for (let at = byTable.get(table); at?.rows === 'through'; at = byTable.get(fullName(at.of))) {
    const name = fullName(at.table);
    if (seen.has(name)) return true;
    seen.add(name);
  }
  return false;
}

/** What is referred to before what refers to it; where they go in a circle, by name. */
function parentsFirst(tables: readonly TenantTable[], { foreignKeys }: RowsCatalogue): readonly TenantTable[] {
  const left = new Map(tables.toSorted((a, b) => (a.table < b.table ? -1 : 1)).map((each) => [each.table, each]));
  const parents = (table: string): readonly string[] =>
    foreignKeys.flatMap((key) => (key.table === table && key.references !== table ? [key.references] : []));
  const ordered: TenantTable[] = [];
  while (left.size > 0) {
    const free = [...left.values()].find(({ table }) => !parents(table).some((parent) => left.has(parent)));
    const next = free ?? left.values().next().value!;
    left.delete(next.table);
    ordered.push(next);
  }
  return ordered;
}

function ruleRefusal(rule: TenantRowsRule, index: number, field: string, why: string, unblock: string): RuleRefusal {
  return { code: 'rule-unfit', what: WHAT, where: fullName(rule.table), why, unblock, rule: index, field };
}
