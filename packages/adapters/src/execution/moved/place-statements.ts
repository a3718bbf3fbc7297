/** The statements by which two places are compared, all of them in the database, and each for one range of keys. */
import pg from 'pg';
import type { MoveConfig } from './move-config.ts';
import { type PlaceColumn, type PlaceColumns, placeOf } from './place-columns.ts';

/** Keys as texts, in the key's order. */
export type KeyTexts = readonly string[];

/** A statement's text with its values. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Which keys: a range, above `over` up to `upTo`, or these. */
export type Range =
  | { readonly over: KeyTexts | undefined; readonly upTo: KeyTexts | undefined }
  | { readonly those: readonly KeyTexts[] };

/** A tenant's name, and a key that is printed, are cut here. */
const MOST_TEXT = 200;

const id = pg.escapeIdentifier;

class Values {
  readonly all: unknown[] = [];
  add(value: unknown): string {
    this.all.push(value);
    return `$${this.all.length}`;
  }
}

/** The key at which a range above `over` ends that has about `rows` of each place; no row: nothing is left to divide. */
export function boundStatement(move: MoveConfig, columns: PlaceColumns, over: KeyTexts | undefined): Statement {
  const values = new Values();
  const { key } = columns;
  const where = inRange(key, { over, upTo: undefined }, values);
  const order = key.map(({ name }) => `q.${id(name)}`).join(', ');
  const side = (sql: string): string =>
    `(select ${key.map(({ name }, i) => `q.${id(name)} as k${i}`).join(', ')} from ${placeOf(sql)}
      where ${where} order by ${order} offset ${move.batchRows - 1} limit 1)`;
  const texts = key.map((_, i) => `k${i}::text as t${i}`).join(', ');
  return {
    text: `select ${texts} from (${side(move.old)} union all ${side(move.new)}) b
           order by ${key.map((_, i) => `k${i}`).join(', ')} limit 1`,
    values: values.all,
  };
}

/** Whether a key stands for more than one row of a place, in a range. */
export function doubledStatement(move: MoveConfig, columns: PlaceColumns, range: Range): Statement {
  const values = new Values();
  const where = inRange(columns.key, range, values);
  const keys = columns.key.map(comparable).join(', ');
  const twice = (sql: string): string =>
    `exists (select from ${placeOf(sql)} where ${where} group by ${keys} having count(*) > 1)`;
  return { text: `select ${twice(move.old)} or ${twice(move.new)} as doubled`, values: values.all };
}

/**
 * Of a range, by tenant: how many rows each place has, and how many keys differ in what. `doubled`: a key may stand for more
 * than one row, which is several times the work.
 */
export function countStatement(
  move: MoveConfig,
  columns: PlaceColumns,
  range: Range,
  { doubled, mostTenants }: { readonly doubled: boolean; readonly mostTenants: number },
): Statement {
  const values = new Values();
  const counted = ['missingInNew', 'missingInOld', 'different', 'doubled'].map(
    (what) => `count(*) filter (where what = '${what}') as "${what}"`,
  );
  return {
    text: `select t as tenant, coalesce(sum(oc), 0) as old, coalesce(sum(nc), 0) as new, ${counted.join(', ')}
           from ${compared(move, columns, range, values, doubled)} d group by t limit ${mostTenants}`,
    values: values.all,
  };
}

/** What differs in a range in one of these ways, key by key, and what it adds to both places' figures. */
export function differingStatement(
  move: MoveConfig,
  columns: PlaceColumns,
  range: Range,
  ways: readonly string[],
  most: number,
): Statement {
  const values = new Values();
  const texts = columns.key.map((_, i) => `k${i} as t${i}`);
  const sums = columns.amounts.flatMap((_, i) => [`os${i}::text as os${i}`, `ns${i}::text as ns${i}`]);
  return {
    text: `select what, pg_catalog.left(t, ${MOST_TEXT}) as tenant, says, coalesce(oc, 0) as oc, coalesce(nc, 0) as nc,
                  ${[...texts, ...sums].join(', ')}
           from ${compared(move, columns, range, values)} d where what = any(${values.add(ways)}::text[]) limit ${most}`,
    values: values.all,
  };
}

/** How many of these keys aren't the same any more once they were read from their texts: they would be looked for in vain. */
export function unlikeStatement({ key }: PlaceColumns, those: readonly KeyTexts[]): Statement {
  const values = new Values();
  const lists = key.map((_, i) => `${values.add(those.map((each) => each[i]))}::text[]`);
  const unlike = key
    .map(({ castTo }, i) => `(u.t${i}::${castTo})::text collate "C" <> u.t${i} collate "C"`)
    .join(' or ');
  return {
    text: `select count(*) as n from unnest(${lists.join(', ')}) u(${key.map((_, i) => `t${i}`).join(', ')}) where ${unlike}`,
    values: values.all,
  };
}

/** A whole place, added up apart from all comparing. */
export function wholeStatement(sql: string, { key, amounts }: PlaceColumns): string {
  const without = key.map(({ name }) => `q.${id(name)} is null`).join(' or ');
  const sums = amounts.map(
    ({ name }, i) => `pg_catalog.trim_scale(coalesce(sum(q.${id(name)}::numeric), 0))::text as s${i}`,
  );
  return `select ${['count(*) as rows', `count(*) filter (where ${without}) as keyless`, ...sums].join(', ')} from ${placeOf(sql)}`;
}

function compared(move: MoveConfig, columns: PlaceColumns, range: Range, values: Values, doubled = true): string {
  const { key, compare, tenant, amounts } = columns;
  const where = inRange(key, range, values);
  const [old, other] = [side(move.old, columns, where, doubled), side(move.new, columns, where, doubled)];
  const on = key.map((_, i) => `o.k${i} = n.k${i}`).join(' and ');
  const whose = tenant === undefined ? [] : ['o.t is distinct from n.t'];
  const differs = [...whose, ...compare.map((_, i) => `o.v${i} is distinct from n.v${i}`)].join(' or ');
  const fields = [
    ...key.map((_, i) => `coalesce(o.k${i}::text, n.k${i}::text) as k${i}`),
    ...amounts.flatMap((_, i) => [`o.s${i} as os${i}`, `n.s${i} as ns${i}`]),
  ];
  return `(select case when n.c is null then 'missingInNew' when o.c is null then 'missingInOld'
                      when o.c > 1 or n.c > 1 then 'doubled' when ${differs} then 'different' end as what,
                  coalesce(o.t, n.t) as t, o.c as oc, n.c as nc,
                  pg_catalog.md5(row(o.*)::text || row(n.*)::text) as says, ${fields.join(', ')}
           from ${old} o full join ${other} n on ${on})`;
}

/** One row a key, with how many it stands for. */
function side(sql: string, { key, compare, tenant, amounts }: PlaceColumns, where: string, doubled: boolean): string {
  const fields = [
    ...key.map((column, i) => `${comparable(column)} as k${i}`),
    ...compare.map((column, i) => `${comparable(column)} as v${i}`),
    ...amounts.map(({ name }, i) => `q.${id(name)}::numeric as a${i}`),
    `${tenant === undefined ? 'null' : `q.${id(tenant.name)}`}::text collate "C" as t`,
  ];
  if (!doubled) {
    const own = amounts.map((_, i) => `, x.a${i} as s${i}`).join('');
    return `(select x.*, 1::bigint as c${own} from (select ${fields.join(', ')} from ${placeOf(sql)} where ${where}) x)`;
  }
  const sums = amounts.map((_, i) => `, sum(a${i}) over w as s${i}`).join('');
  return `(select * from (
             select x.*, count(*) over w as c, row_number() over w as r${sums}
             from (select ${fields.join(', ')} from ${placeOf(sql)} where ${where}) x
             window w as (partition by ${key.map((_, i) => `k${i}`).join(', ')})
           ) y where r = 1)`;
}

/** By its bytes, whatever the collation, unless its type's own equality is exact. */
function comparable({ name, family }: PlaceColumn): string {
  return family === 'text' || family === 'written' ? `q.${id(name)}::text collate "C"` : `q.${id(name)}`;
}

function inRange(key: readonly PlaceColumn[], range: Range, values: Values): string {
  const row = `(${key.map(({ name }) => `q.${id(name)}`).join(', ')})`;
  const there = key.map(({ name }) => `q.${id(name)} is not null`);
  if ('those' in range) {
    const lists = key.map((_, i) => `${values.add(range.those.map((each) => each[i]))}::text[]`);
    const cast = key.map(({ castTo }, i) => `u.t${i}::${castTo}`).join(', ');
    const names = key.map((_, i) => `t${i}`).join(', ');
    const those = (columns: string): string => `(select ${columns} from unnest(${lists.join(', ')}) u(${names}))`;
    // A collation may take others for one of these: the index goes by it, the keys don't.
    const texts = key.flatMap((column, i) => (column.family === 'text' ? [{ column, i }] : []));
    const bytes =
      texts.length === 0
        ? []
        : [
            `(${texts.map(({ column }) => comparable(column)).join(', ')}) in ${those(texts.map(({ i }) => `u.t${i} collate "C"`).join(', '))}`,
          ];
    return [...there, `${row} in ${those(cast)}`, ...bytes].join(' and ');
  }
  const bound = (texts: KeyTexts): string =>
    `(${key.map(({ castTo }, i) => `${values.add(texts[i])}::${castTo}`).join(', ')})`;
  return [
    ...there,
    ...(range.over === undefined ? [] : [`${row} > ${bound(range.over)}`]),
    ...(range.upTo === undefined ? [] : [`${row} <= ${bound(range.upTo)}`]),
  ].join(' and ');
}
