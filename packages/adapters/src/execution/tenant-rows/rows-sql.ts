/** The statements by which a tenant's rows are found, told from others' and compared. Names are quoted, values are parameters. */
import type { TenantTable } from '@headgate/domain';
import pg from 'pg';

const q = pg.escapeIdentifier;

/** Where the session keeps what stands for the tenant: a cursor takes no parameters. */
const TENANT = 'headgate.tenant';

/** Tells the session whose rows are meant. */
export async function meanTenant(client: pg.ClientBase, value: string): Promise<void> {
  await client.query('select set_config($1, $2, false)', [TENANT, value]);
}

/** `"schema"."table"` of `schema.table`. */
export function tableSql(table: string): string {
  const dot = table.indexOf('.');
  return `${q(table.slice(0, dot))}.${q(table.slice(dot + 1))}`;
}

/** Whether a row is the tenant's, as a condition; may be null, which is no. `byName`: all tables that have rows of tenants. */
export function belongsSql(
  table: TenantTable,
  byName: ReadonlyMap<string, TenantTable>,
  alias: string,
  depth = 0,
): string {
  const { belongs } = table;
  if (belongs.rows === 'schema') return 'true';
  if (belongs.rows === 'tenant') return `${alias}.${q(belongs.column)} = current_setting('${TENANT}')::${belongs.type}`;
  const parent = `p${depth}`;
  const joined = belongs.by.map((name, i) => `${parent}.${q(belongs.ofColumns[i]!)} = ${alias}.${q(name)}`);
  const of = byName.get(belongs.of)!;
  return `exists (select from only ${tableSql(belongs.of)} ${parent} where ${joined.join(' and ')} and ${belongsSql(of, byName, parent, depth + 1)})`;
}

/** A value as PostgreSQL writes it: equal texts are equal values, of any type. */
export function textSql(column: string): string {
  return `case when ${column} is not null then format('%s', ${column}) end`;
}

/** The key's texts first, in whose order rows come; then all columns as they are. */
export function orderedRowsSql({ table, key, columns, liveOnly }: TenantTable, belongs: string, all: boolean): string {
  const keys = key.map((name) => `t.${q(name)}::text collate "C"`);
  const named = [...columns, ...(all ? liveOnly : [])].map(({ name }) => `t.${q(name)}`);
  return `select ${[...keys, ...named].join(', ')} from only ${tableSql(table)} t where ${belongs} order by ${keys.map((_, i) => i + 1).join(', ')}`;
}

/** Rows and two sums over them, of the rows that fit. */
export function sumSql({ table, columns }: TenantTable, where: string, added: readonly string[] = []): string {
  const row = `row(${columns.map(({ name }) => `t.${q(name)}`).join(', ')})::text`;
  const sum = (seed: number): string => `coalesce(sum(hashtextextended(${row}, ${seed})), 0)::text`;
  const more = added.map((name, i) => `, sum(t.${q(name)})::text as "added ${i}"`).join('');
  return `select count(*)::text as rows, ${sum(0)} || ':' || ${sum(1)} as sum${more} from only ${tableSql(table)} t where ${where}`;
}
