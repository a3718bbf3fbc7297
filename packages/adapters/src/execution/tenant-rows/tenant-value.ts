/** What stands for a tenant in tenant columns: whether it can, and whether it is somebody else. As the columns' types compare it. */
import { type Refusal, refused, type TenantTable } from '@headgate/domain';
import type pg from 'pg';

export interface ValueAsk {
  readonly what: string;
  readonly tenant: string;
  readonly value: string;
  /** Names of the store's other tenants, and what stands for them. */
  readonly others: readonly string[];
}

/**
 * Why rows with this value can't be taken for the tenant's. Outside of a transaction, which a value that doesn't fit would end;
 * the tables' types are the catalogue's own.
 */
export async function valueRefusal(
  client: pg.ClientBase,
  tables: readonly TenantTable[],
  { what, tenant, value, others }: ValueAsk,
): Promise<Refusal | undefined> {
  const types = new Map(
    tables.flatMap(({ table, belongs }) => (belongs.rows === 'tenant' ? [[belongs.type, table]] : [])),
  );
  for (const [type, table] of types) {
    const no = (code: string, why: string, unblock: string): Refusal =>
      refused(code, what, table!, why, unblock).refusal;
    if ((await same(client, type!, value, [value])) === undefined || (await isCut(client, type!, value)))
      return no(
        'value-unfit',
        `what stands for ${tenant} in tenant columns doesn’t fit the type ${type} of ${table}`,
        'say in the rules what stands for it there: `values`',
      );
    const taken = await same(client, type!, value, others);
    if (taken !== undefined)
      return no(
        'value-of-another',
        `${JSON.stringify(value)} stands for ${tenant} in tenant columns, and is another tenant’s of this store (${JSON.stringify(taken)}): its rows would be changed`,
        'say in the rules what stands for each tenant: `values`, and nobody’s name for somebody else',
      );
  }
  return undefined;
}

/** Whether a text's type makes another of it, without a word: what it cuts may be somebody of a shorter name. */
async function isCut(client: pg.ClientBase, type: string, value: string): Promise<boolean> {
  const { rows } = await client.query(
    `select from pg_type t where t.oid = $2::regtype and t.typcategory = 'S' and $1::text::${type}::text <> $1`,
    [value, type],
  );
  return rows.length > 0;
}

/** The one that is equal, as a value of the type. One that doesn't fit the type is equal to none. */
async function same(
  client: pg.ClientBase,
  type: string,
  value: string,
  others: readonly string[],
): Promise<string | undefined> {
  if (others.length === 0) return undefined;
  try {
    const { rows } = await client.query<{ other: string }>(
      `select other from unnest($2::text[]) as other where other::${type} = $1::text::${type} limit 1`,
      [value, others],
    );
    return rows[0]?.other;
  } catch (error) {
    if ((error as { readonly code?: string }).code?.startsWith('22') !== true) throw error;
  }
  if (others.length === 1) return undefined;
  const half = others.length >> 1;
  return (
    (await same(client, type, value, others.slice(0, half))) ?? (await same(client, type, value, others.slice(half)))
  );
}
