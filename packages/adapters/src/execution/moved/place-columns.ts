/**
 * What counts as equal in two places, said by the columns' types before anything is compared. Two types are compared only
 * where nothing has to be made of a value first that could change it; anything else the query has to cast.
 */
import pg from 'pg';
import type { MoveConfig } from './move-config.ts';

/** What both places can't be compared by; it says what would help. */
export class CantCompare extends Error {}

type Family = 'whole' | 'exact' | 'text' | 'own';

export interface PlaceColumn {
  readonly name: string;
  readonly family: Family;
  /** What a bound of a batch is cast to. */
  readonly castTo: string;
}

export interface PlaceColumns {
  readonly key: readonly PlaceColumn[];
  readonly compare: readonly PlaceColumn[];
  readonly tenant: PlaceColumn | undefined;
  readonly amounts: readonly PlaceColumn[];
  /** Whether both places are ordered by key alike, so that they can be gone through in ranges of it. */
  readonly ordered: boolean;
}

interface Type {
  readonly oid: number;
  readonly name: string;
  readonly category: string;
}

const WHOLE = new Set([20, 21, 23]);
const NUMERIC = 1700;
/** json and xml: they have no equality. */
const NO_EQUALITY: ReadonlyMap<number, string> = new Map([
  [114, 'jsonb'],
  [142, 'text'],
]);

/** A side's query as a table. */
export function placeOf(sql: string): string {
  return `(${sql}\n) q`;
}

/** Reads both sides' columns and says by what they are compared. Throws {@link CantCompare} in words. */
export async function placeColumns(client: pg.Client, move: MoveConfig): Promise<PlaceColumns> {
  const names = [...new Set([...move.key, ...move.compare, ...(move.tenant === undefined ? [] : [move.tenant])])];
  const [old, other] = [await typesOf(client, 'old', move.old, names), await typesOf(client, 'new', move.new, names)];
  const columns = new Map(names.map((name) => [name, together(name, old.get(name)!, other.get(name)!)] as const));
  const of = (all: readonly string[]): PlaceColumn[] => all.map((name) => columns.get(name)!);
  const key = of(move.key);
  for (const { name, family } of key)
    if (family === 'exact') throw new CantCompare(`the key ${name} is a numeric: cast it to bigint in both queries`);
  const amounts = of(move.amounts);
  for (const { name, family } of amounts)
    if (family !== 'whole' && family !== 'exact')
      throw new CantCompare(`the amount ${name} is no exact number: cast it to numeric in both queries`);
  return {
    ...{ key, amounts, compare: of(move.compare) },
    tenant: move.tenant === undefined ? undefined : columns.get(move.tenant)!,
    ordered: await orderedAlike(client, move, key),
  };
}

async function typesOf(
  client: pg.Client,
  side: string,
  sql: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, Type>> {
  const { fields } = await client.query(`select * from ${placeOf(sql)} limit 0`);
  const { rows } = await client.query<Type>(
    `select oid::integer as oid, pg_catalog.format_type(oid, null) as name, typcategory::text as category
     from pg_catalog.pg_type where oid = any($1::oid[])`,
    [fields.map((field) => field.dataTypeID)],
  );
  const byOid = new Map(rows.map((row) => [row.oid, row]));
  return new Map(
    names.map((name) => {
      const found = fields.filter((field) => field.name === name);
      if (found.length !== 1)
        throw new CantCompare(`the ${side} place's query has ${found.length} columns named ${name}, expected one`);
      return [name, byOid.get(found[0]!.dataTypeID)!];
    }),
  );
}

function together(name: string, old: Type, other: Type): PlaceColumn {
  for (const { oid, name: type } of [old, other]) {
    const instead = NO_EQUALITY.get(oid);
    if (instead !== undefined)
      throw new CantCompare(`${name} is of type ${type}, which has no equality: cast it to ${instead} in the query`);
  }
  const of = (family: Family, castTo: string): PlaceColumn => ({ name, family, castTo });
  if (WHOLE.has(old.oid) && WHOLE.has(other.oid)) return of('whole', 'bigint');
  const exact = (type: Type): boolean => WHOLE.has(type.oid) || type.oid === NUMERIC;
  if (exact(old) && exact(other)) return of('exact', 'numeric');
  if (old.category === 'S' && other.category === 'S') return of('text', 'text');
  if (old.oid === other.oid) return of('own', old.name);
  throw new CantCompare(
    `${name} is ${old.name} in the old place and ${other.name} in the new one: cast one of them in its query`,
  );
}

/** Two texts are put in order by the collations of their columns: gone through by ranges only where that is one and the same. */
async function orderedAlike(client: pg.Client, move: MoveConfig, key: readonly PlaceColumn[]): Promise<boolean> {
  for (const { name, family } of key) {
    if (family !== 'text') continue;
    const collation = (sql: string): string =>
      `pg_catalog.pg_collation_for((select q.${pg.escapeIdentifier(name)} from ${placeOf(sql)} limit 1))`;
    const { rows } = await client.query<{ alike: boolean | null }>(
      `select s.o = s.n and not exists (
         select from pg_catalog.pg_collation c
         where not c.collisdeterministic and c.oid = pg_catalog.to_regcollation(s.o)) as alike
       from (select ${collation(move.old)} as o, ${collation(move.new)} as n) s`,
    );
    if (rows[0]?.alike !== true) return false;
  }
  return true;
}
