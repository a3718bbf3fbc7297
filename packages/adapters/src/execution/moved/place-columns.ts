/**
 * What counts as equal in two places, said by the columns' types before anything is compared. Two types are compared only
 * where nothing has to be made of a value first that could change it; anything else the query has to cast. A type's own `=` is
 * asked only where it is known to tell apart whatever can be told apart: an interval's takes a month for thirty days, a box's
 * compares areas. All else is compared as it is written.
 */
import pg from 'pg';
import type { MoveConfig } from './move-config.ts';

/** What both places can't be compared by; it says what would help. */
export class CantCompare extends Error {}

/** `written`: by its text, byte by byte. */
type Family = 'whole' | 'exact' | 'text' | 'own' | 'written';

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
  /** By its schema, and without a length: `bit` alone is one of a single bit, and `char` of a single letter. */
  readonly qualified: string;
  readonly category: string;
  readonly isEnum: boolean;
  /** Of what it is a list; 0: it is none. */
  readonly element: number;
  readonly elementIsEnum: boolean;
}

const WHOLE = new Set([20, 21, 23]);
const NUMERIC = 1700;
/**
 * Types whose `=` tells apart what can be told apart, but for -0 and 0, the scale of a numeric, and the order of an object's
 * keys. Lists of them, too.
 */
const OWN_EQUALITY = new Set([
  16, // boolean
  17, // bytea
  18, // "char"
  ...[20, 21, 23, 26, NUMERIC, 790], // whole numbers, oid, numeric, money
  ...[700, 701], // floats
  ...[1082, 1083, 1114, 1184, 1266], // dates and times, with and without a zone
  ...[650, 869, 829, 774], // addresses
  ...[1560, 1562], // bits
  2950, // uuid
  3802, // jsonb
  ...[3904, 3906, 3908, 3910, 3912, 3926], // ranges of those
  ...[4451, 4532, 4533, 4534, 4535, 4536], // and several of them
]);
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
  for (const { name, family } of key) {
    if (family === 'exact') throw new CantCompare(`the key ${name} is a numeric: cast it to bigint in both queries`);
    if (family === 'written')
      throw new CantCompare(
        `the key ${name} is ${old.get(name)!.name}, whose equality isn’t exact: cast it to text in both queries`,
      );
  }
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
    `select t.oid::integer as oid, pg_catalog.format_type(t.oid, null) as name, t.typcategory::text as category,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) as qualified,
       t.typtype = 'e' as "isEnum", coalesce(e.oid, 0)::integer as element, coalesce(e.typtype = 'e', false) as "elementIsEnum"
     from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
       left join pg_catalog.pg_type e on e.oid = t.typelem and e.typarray = t.oid
     where t.oid = any($1::oid[])`,
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
  if (old.oid === other.oid) return of(ownEquality(old) ? 'own' : 'written', old.qualified);
  throw new CantCompare(
    `${name} is ${old.name} in the old place and ${other.name} in the new one: cast one of them in its query`,
  );
}

function ownEquality({ oid, isEnum, element, elementIsEnum }: Type): boolean {
  return OWN_EQUALITY.has(oid) || isEnum || OWN_EQUALITY.has(element) || elementIsEnum;
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
