/** Sequences of a tenant's schema: which columns they fill, whether they would give out what comes back, and raising them. */
import {
  type FeedingSequence,
  type RaisedSequence,
  type RowDifference,
  sequencesToRaise,
  type TableDifference,
  type TenantTable,
} from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import type pg from 'pg';
import { tableSql } from './rows-sql.ts';
import type { Laid } from './write-rows.ts';

/** By what the column is an identity, owns the sequence, or has it in its default. */
const FEEDING = `
  select distinct n.nspname || '.' || s.relname as sequence, n.nspname || '.' || t.relname as "table", a.attname as "column", q.seqincrement::text as increment
  from pg_class s join pg_namespace n on n.oid = s.relnamespace join pg_sequence q on q.seqrelid = s.oid
    join lateral (
      select d.refobjid as relation, d.refobjsubid as place from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = s.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0
      union select f.adrelid, f.adnum from pg_depend d join pg_attrdef f on f.oid = d.objid
      where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = s.oid) at on true
    join pg_class t on t.oid = at.relation and t.relnamespace = n.oid
    join pg_attribute a on a.attrelid = t.oid and a.attnum = at.place and not a.attisdropped
  where s.relkind = 'S' and n.nspname = $1 and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
  order by 1, 2, 3`;

/** All that fill columns of tables in the schema, as they stand. */
export async function feedingSequences(client: pg.ClientBase, schema: string): Promise<readonly FeedingSequence[]> {
  const { rows } = await client.query<Omit<FeedingSequence, 'next'>>(FEEDING, [schema]);
  const feeding: FeedingSequence[] = [];
  for (const each of rows) feeding.push({ ...each, next: await nextOf(client, each) });
  return feeding;
}

async function nextOf(
  client: pg.ClientBase,
  { sequence, increment }: Pick<FeedingSequence, 'sequence' | 'increment'>,
): Promise<string> {
  const { rows } = await client.query<{ next: string }>(
    `select (last_value::numeric + case when is_called then $1::numeric else 0 end)::text as next from ${tableSql(sequence)}`,
    [increment],
  );
  return rows[0]!.next;
}

interface Numbers {
  readonly least: bigint;
  readonly most: bigint;
}

/** The numbers that come back in columns which sequences fill: rows are told one by one. */
export class ComingNumbers {
  readonly #places: ReadonlyMap<number, readonly { readonly id: string; readonly at: number }[]>;
  readonly #found = new Map<string, Numbers>();

  constructor(tables: readonly TenantTable[], feeding: readonly FeedingSequence[]) {
    this.#places = new Map(
      tables.map(({ table, columns }, index) => [
        index,
        feeding.flatMap((each) => {
          const at = each.table === table ? columns.findIndex(({ name }) => name === each.column) : -1;
          return at < 0 ? [] : [{ id: idOf(table, each.column), at }];
        }),
      ]),
    );
  }

  add({ table, was }: Pick<RowDifference, 'table' | 'was'>): void {
    for (const { id, at } of this.#places.get(table) ?? []) {
      const text = was?.[at];
      if (typeof text !== 'string' || !/^-?\d+$/.test(text)) continue;
      const n = BigInt(text);
      const { least, most } = this.#found.get(id) ?? { least: n, most: n };
      this.#found.set(id, { least: n < least ? n : least, most: n > most ? n : most });
    }
  }

  of(table: string, column: string): Numbers | undefined {
    return this.#found.get(idOf(table, column));
  }
}

function idOf(table: string, column: string): string {
  return `${table}.${column}`;
}

/**
 * Raises the sequences behind the rows that came back, in the caller's transaction, which takes it back where it is. Answers why
 * not, in words: they aren't those that were approved. One that went on by itself meanwhile is left where it is.
 */
export async function raiseSequences(
  client: pg.Client,
  tables: readonly TableDifference[],
  laid: Laid,
  schema: string,
  approved: readonly RaisedSequence[],
): Promise<string | undefined> {
  const feeding = await feedingSequences(client, schema);
  const coming = await comingNumbers(client, tables, laid, feeding);
  // As the approver saw them stand; those that nobody was told of, as they do.
  const seen = feeding.map((each) => ({ ...each, next: approved.find(isOf(each))?.next ?? each.next }));
  const wanted = sequencesToRaise(seen, coming);
  const strange = [
    ...wanted.filter((each) => approved.find(isOf(each))?.to !== each.to),
    ...approved.filter((each) => !wanted.some(isOf(each))),
  ];
  if (strange.length > 0)
    return `what it says of ${named(strange.map(({ sequence }) => sequence))} isn’t so: whether what comes back would be given out again, and what it goes on from`;
  const behind = sequencesToRaise(feeding, coming);
  // Whoever takes a number waits from here on; where it stood is read again behind that.
  for (const { sequence } of behind) {
    const { rows } = await client.query<{ increment: string }>(
      'select seqincrement::text as increment from pg_sequence where seqrelid = $1::regclass',
      [tableSql(sequence)],
    );
    await client.query(`alter sequence ${tableSql(sequence)} increment by ${BigInt(rows[0]!.increment)}`);
  }
  for (const { sequence, to } of sequencesToRaise(await feedingSequences(client, schema), coming))
    await client.query(`alter sequence ${tableSql(sequence)} restart with ${BigInt(to)}`);
  return undefined;
}

function isOf({ sequence }: { readonly sequence: string }): (each: { readonly sequence: string }) => boolean {
  return (each) => each.sequence === sequence;
}

/** The same of the rows that lie beside their tables. */
async function comingNumbers(
  client: pg.Client,
  tables: readonly TableDifference[],
  laid: Laid,
  feeding: readonly FeedingSequence[],
): Promise<(table: string, column: string) => Numbers | undefined> {
  const found = new Map<string, Numbers>();
  for (const { table, column } of feeding) {
    const index = tables.findIndex((each) => each.table === table);
    const [lying, at] = [laid.get(index), tables[index]?.columns.findIndex(({ name }) => name === column) ?? -1];
    if (lying === undefined || at < 0) continue;
    const { rows } = await client.query<{ least: string | null; most: string | null }>(
      `select min(was${at}::numeric)::text as least, max(was${at}::numeric)::text as most from ${lying.name} where kind in ('back', 'changed') and was${at} ~ '^-?[0-9]+$'`,
    );
    const { least, most } = rows[0]!;
    if (least !== null && most !== null) found.set(idOf(table, column), { least: BigInt(least), most: BigInt(most) });
  }
  return (table, column) => found.get(idOf(table, column));
}
