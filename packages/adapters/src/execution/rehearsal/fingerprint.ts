/** A database as it is now: every object of the schema by its definition, every table's rows by checksums. */
import type { Fingerprint, TableSum } from '@headgate/domain/rehearsal/compare';
import pg from 'pg';
import { FOREIGN_SCHEMAS, NAMED, SETTINGS, TABLES } from '../census/application-tables.ts';

/** An object's name, and the statement or the words that define it. One query a kind; a handful for any number of tables. */
const OBJECTS: readonly string[] = [
  // Columns, each by itself, and the order in which they stand.
  `select 'column ' || ${NAMED} || '.' || quote_ident(a.attname) as object,
     concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attcollation <> t.typcollation then 'collate ' || a.attcollation::regcollation end,
       case when a.attnotnull then 'not null' end, case when a.attidentity <> '' then 'identity ' || a.attidentity::text end,
       case when a.attgenerated <> '' then 'generated ' || a.attgenerated::text end, 'default ' || pg_get_expr(d.adbin, d.adrelid)) as definition
   from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace join pg_type t on t.oid = a.atttypid
     left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where c.relkind in ('r', 'p', 'v', 'm', 'f', 'c') and a.attnum > 0 and not a.attisdropped and ${FOREIGN_SCHEMAS}`,
  `select 'order of columns of ' || ${NAMED}, string_agg(quote_ident(a.attname), ', ' order by a.attnum)
   from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped and ${FOREIGN_SCHEMAS} group by 1`,
  `select case c.relkind when 'v' then 'view ' when 'm' then 'materialized view ' when 'S' then 'sequence ' else 'table ' end || ${NAMED},
     concat_ws(' ', c.relkind::text, c.relpersistence::text, 'owner ' || pg_get_userbyid(c.relowner), 'rights ' || (select string_agg(r::text, ',' order by r::text) from unnest(c.relacl) r),
       case when c.relrowsecurity then 'row security' end, case when c.relforcerowsecurity then 'forced' end, 'options ' || array_to_string(c.reloptions, ','),
       'partition ' || pg_get_expr(c.relpartbound, c.oid), case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
       case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end, case when c.relkind = 'm' then c.relispopulated::text end,
       'inherits ' || (select string_agg(i.inhparent::regclass::text, ',' order by i.inhseqno) from pg_inherits i where i.inhrelid = c.oid),
       case when c.relkind = 'S' then (select concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcycle) from pg_sequence where seqrelid = c.oid) end)
   from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and ${FOREIGN_SCHEMAS}`,
  `select 'constraint ' || quote_ident(k.conname) || ' of ' || coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text), pg_get_constraintdef(k.oid) || case when k.convalidated then '' else ' (not validated)' end
   from pg_constraint k join pg_namespace n on n.oid = k.connamespace where ${FOREIGN_SCHEMAS}`,
  `select 'index ' || ${NAMED}, pg_get_indexdef(c.oid) || case when i.indisvalid then '' else ' (invalid)' end
   from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace where n.nspname <> 'pg_toast' and ${FOREIGN_SCHEMAS}`,
  `select 'trigger ' || quote_ident(g.tgname) || ' of ' || g.tgrelid::regclass, pg_get_triggerdef(g.oid) || ' ' || g.tgenabled::text
   from pg_trigger g join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace where not g.tgisinternal and ${FOREIGN_SCHEMAS}`,
  `select 'rule ' || quote_ident(r.rulename) || ' of ' || r.ev_class::regclass, pg_get_ruledef(r.oid)
   from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace where r.rulename <> '_RETURN' and ${FOREIGN_SCHEMAS}`,
  `select 'policy ' || quote_ident(p.polname) || ' of ' || p.polrelid::regclass, concat_ws(' ', p.polcmd::text, p.polpermissive, p.polroles::regrole[]::text, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
   from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace where ${FOREIGN_SCHEMAS}`,
  `select 'routine ' || p.oid::regprocedure, case when p.prokind in ('f', 'p') then pg_get_functiondef(p.oid) else p.prokind::text end || coalesce(' rights ' || p.proacl::text, '')
   from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${FOREIGN_SCHEMAS}`,
  `select 'type ' || t.oid::regtype, concat_ws(' ', t.typtype::text, case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end, t.typnotnull, t.typdefault,
     (select string_agg(quote_literal(e.enumlabel), ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
   from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typtype in ('e', 'd', 'r') and ${FOREIGN_SCHEMAS}`,
  `select 'schema ' || quote_ident(n.nspname), concat_ws(' ', 'owner ' || pg_get_userbyid(n.nspowner), 'rights ' || n.nspacl::text)
   from pg_namespace n where ${FOREIGN_SCHEMAS} and n.nspname !~ '^pg_'`,
  `select 'extension ' || quote_ident(e.extname), e.extversion from pg_extension e`,
  // Of the database, and of roles but for those that are made here.
  `select concat_ws(' ', 'settings', 'of ' || quote_ident(r.rolname), case when s.setdatabase <> 0 then 'in this database' end), array_to_string(s.setconfig, ', ')
   from pg_db_role_setting s left join pg_database d on d.oid = s.setdatabase left join pg_roles r on r.oid = s.setrole
   where (s.setdatabase = 0 or d.datname = current_database()) and coalesce(r.rolname, '') !~ '^headgate_'`,
  `select 'large objects', count(*) || ' of them' from pg_largeobject_metadata having count(*) > 0`,
];

/** Their names, in no order; sequences that people made, by hand or for a column. */
const SEQUENCES = `select ${NAMED} as name, s.seqincrement as increment
  from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace where ${FOREIGN_SCHEMAS}`;
/** Sequences that are read with one statement. */
const SEQUENCES_AT_ONCE = 200;

/** Takes one, on so many connections. In a database that nobody writes to. */
export async function fingerprintOf(connection: pg.ClientConfig, connections: number): Promise<Fingerprint> {
  const clients = Array.from(
    { length: connections },
    () => new pg.Client({ ...connection, application_name: 'headgate rehearsal' }),
  );
  try {
    for (const client of clients) {
      client.on('error', () => {}); // the query's own rejection tells
      await client.connect();
      await client.query(SETTINGS);
    }
    const [first] = clients;
    if (first === undefined) throw new Error('a fingerprint is taken on one connection or more');
    const objects = await objectsOf(first);
    const sequences = Object.fromEntries(
      (await sequencesOf(first)).map(({ name, next, by }) => [name, { next, down: by < 0n }]),
    );
    const { rows: waiting } = await first.query<{ relation: string; columns: (string | null)[] }>(TABLES);
    const tables: TableSum[] = [];
    await Promise.all(
      clients.map(async (client) => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          const columns = next.columns.flatMap((column) => column ?? []);
          tables.push(await sumOf(client, next.relation, columns));
        }
      }),
    );
    tables.sort((a, b) => (a.relation < b.relation ? -1 : 1));
    return { objects, tables, sequences };
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
  }
}

/** Every object of the schema, by its definition. In a session of {@link SETTINGS}. */
export async function objectsOf(client: pg.Client): Promise<Readonly<Record<string, string>>> {
  const objects: Record<string, string> = {};
  for (const text of OBJECTS) {
    const { rows } = await client.query<[string, string | null]>({ text, rowMode: 'array' });
    for (const [object, definition] of rows) objects[object] = definition ?? '';
  }
  return objects;
}

export interface SequenceAt {
  readonly name: string;
  /** The number that it gives next, and by how much it goes on. */
  readonly next: bigint;
  readonly by: bigint;
}

/** Where every sequence stands: only the sequence itself says whether its number was given. */
export async function sequencesOf(client: pg.Client): Promise<readonly SequenceAt[]> {
  const { rows: named } = await client.query<{ name: string; increment: string }>(SEQUENCES);
  const places: SequenceAt[] = [];
  for (let at = 0; at < named.length; at += SEQUENCES_AT_ONCE) {
    const some = named.slice(at, at + SEQUENCES_AT_ONCE);
    const each = some.map(
      ({ name }, i) => `select ${i} as i, last_value::text as last, is_called as given from ${name}`,
    );
    const { rows } = await client.query<{ i: number; last: string; given: boolean }>(each.join(' union all '));
    for (const { i, last, given } of rows) {
      const { name, increment } = some[i] as { name: string; increment: string };
      const by = BigInt(increment);
      places.push({ name, next: BigInt(last) + (given ? by : 0n), by });
    }
  }
  return places;
}

/** One scan of the table. A sum over rows stays the same in whatever order they are read. */
async function sumOf(client: pg.Client, relation: string, columns: readonly string[]): Promise<TableSum> {
  const quoted = columns.map((column) => `t.${pg.escapeIdentifier(column)}`);
  const sums = quoted.flatMap((column) => [
    `coalesce(sum(hashtextextended(${column}::text, 0)), 0)::text`,
    `count(${column})::text`,
  ]);
  const row = quoted.length === 0 ? `''` : `row(${quoted.join(', ')})::text`;
  const all = ['count(*)::text', `coalesce(sum(hashtextextended(${row}, 0)), 0)::text`];
  const values: string[] = [];
  // A target list holds 1,664 entries at most, and a table has up to 1,600 columns.
  for (let at = 0; at === 0 || at < sums.length; at += 1_000) {
    const list = [...(at === 0 ? all : []), ...sums.slice(at, at + 1_000)];
    const { rows } = await client.query<string[]>({
      text: `select ${list.join(', ')} from only ${relation} t`,
      rowMode: 'array',
    });
    values.push(...(rows[0] ?? []));
  }
  const [rows = '0', sum = '0', ...each] = values;
  return {
    relation,
    rows: Number(rows),
    sum,
    columns: columns.map((column, i) => ({
      column,
      sum: each[i * 2] ?? '0',
      values: Number(each[i * 2 + 1] ?? 0),
    })),
  };
}
