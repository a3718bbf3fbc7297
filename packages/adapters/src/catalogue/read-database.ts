import type {
  Catalogue,
  Column,
  Constraint,
  Index,
  KeyAction,
  Publication,
  Published,
  Relation,
  RelationKind,
  Routine,
  Trigger,
  TriggerEvent,
  Use,
  UserType,
} from '@headgate/migrations';
import { MOST_RELATIONS } from '@headgate/migrations';
import pg from 'pg';
import * as sql from './queries.ts';
import { type CastRow, castOf, type OperatorRow, operatorOf, volatilityOf } from './read-operators.ts';

/** How long any of the queries may take, and wait for a table that somebody holds. Milliseconds. */
const STATEMENT_MS = 120_000;
const LOCK_MS = 5_000;

/** Reads a database's schema over a connection URL, which stands in no error. Throws when it can't be reached or read. */
export async function readDatabase(connectionUrl: string): Promise<Catalogue> {
  const client = new pg.Client({
    connectionString: connectionUrl,
    connectionTimeoutMillis: 10_000,
    application_name: 'headgate analyse',
  });
  client.on('error', () => {}); // the query's own rejection tells
  try {
    await client.connect();
    return await readCatalogueOf(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** The same on a session that is there. */
export async function readCatalogueOf(client: pg.Client): Promise<Catalogue> {
  await client.query('begin isolation level repeatable read read only');
  try {
    await client.query(`set local statement_timeout = ${STATEMENT_MS}; set local lock_timeout = ${LOCK_MS}`);
    const [settings] = await rows<{ server: number; time_zone: string; search_path: string[]; read_at: number }>(
      client,
      sql.SETTINGS,
    );
    // Names of types come with their schema then, whoever reads.
    await client.query(`set local search_path = ''`);
    const server = settings?.server ?? 15;
    const calls = grouped(await rows<{ relation: string; calls: string }>(client, sql.CALLS), (row) => row.calls);
    const relations = await readRelations(client, server, calls);
    const [record] = await rows<{ readable: boolean }>(client, sql.RECORD);
    const [recorded] = record?.readable === true ? await rows<{ version: number }>(client, sql.SCHEMA_VERSION) : [];
    return {
      server,
      timeZone: settings?.time_zone ?? '',
      searchPath: settings?.search_path ?? [],
      relations,
      types: await readTypes(client, calls),
      routines: await readRoutines(client),
      binaryCasts: (await rows<{ cast: string }>(client, sql.BINARY_CASTS)).map(({ cast }) => cast),
      operators: (await rows<OperatorRow>(client, sql.OPERATORS)).map(operatorOf),
      casts: (await rows<CastRow>(client, sql.CASTS)).map(castOf),
      publications: (await rows<PublicationRow>(client, sql.PUBLICATIONS(server))).map(publicationOf),
      ...(settings === undefined ? {} : { readAt: settings.read_at }),
      ...(recorded === undefined ? {} : { schemaVersion: recorded.version }),
    };
  } finally {
    await client.query('rollback');
  }
}

async function rows<Row>(client: pg.Client, text: string): Promise<readonly Row[]> {
  return (await client.query(text)).rows as readonly Row[];
}

interface RelationRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly unlogged: boolean;
  readonly row_security: boolean;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly index_bytes: number | null;
  readonly default_partition: boolean;
  readonly identity: string;
  readonly identity_index: string | null;
  readonly policies: string[];
  readonly rules: string[];
}

const KINDS: Readonly<Record<string, RelationKind>> = {
  r: 'table',
  p: 'partitioned',
  v: 'view',
  m: 'materialized-view',
  f: 'foreign',
  S: 'sequence',
};

type Calls = ReadonlyMap<string, readonly string[]>;

async function readRelations(client: pg.Client, server: number, calls: Calls): Promise<readonly Relation[]> {
  const [{ found: count } = { found: 0 }] = await rows<{ found: number }>(client, sql.HOW_MANY);
  if (count > MOST_RELATIONS)
    throw new RangeError(`it has ${count} tables, views and sequences; a catalogue holds at most ${MOST_RELATIONS}`);
  const found = await rows<RelationRow>(client, sql.RELATIONS);
  const keys = new Map(found.map(({ oid, schema, name }) => [oid, `${schema}.${name}`]));
  const columns = grouped(await rows<ColumnRow>(client, sql.COLUMNS), columnOf);
  const constraints = grouped(await rows<ConstraintRow>(client, sql.CONSTRAINTS), (row) => constraintOf(row, keys));
  const indexes = grouped(await rows<IndexRow>(client, sql.INDEXES), indexOf);
  const triggers = grouped(await rows<TriggerRow>(client, sql.TRIGGERS), triggerOf);
  const published = grouped(await rows<PublishedRow>(client, sql.PUBLISHED(server)), publishedOf);
  const parents = grouped(await rows<{ relation: string; parent: string }>(client, sql.PARENTS), ({ parent }) =>
    keys.get(parent),
  );
  const uses = grouped(
    await rows<{ relation: string; used: string; columns: string[] }>(client, sql.VIEW_USES),
    ({ used, columns: names }): Use | undefined => {
      const relation = keys.get(used);
      return relation === undefined ? undefined : { relation, columns: names };
    },
  );
  const owners = new Map(
    (await rows<{ relation: string; used: string; columns: string[] }>(client, sql.SEQUENCES)).flatMap(
      ({ relation, used, columns: names }): [string, Use][] => {
        const table = keys.get(used);
        return table === undefined ? [] : [[relation, { relation: table, columns: names }]];
      },
    ),
  );
  return found.map(
    ({
      oid,
      schema,
      name,
      kind,
      unlogged,
      row_security,
      rows: estimate,
      bytes,
      index_bytes,
      default_partition,
      ...more
    }) => ({
      schema,
      name,
      kind: KINDS[kind] ?? 'table',
      rows: estimate,
      bytes,
      indexBytes: index_bytes,
      columns: columns.get(oid) ?? [],
      constraints: constraints.get(oid) ?? [],
      indexes: indexes.get(oid) ?? [],
      triggers: triggers.get(oid) ?? [],
      parents: parents.get(oid) ?? [],
      uses: uses.get(oid) ?? [],
      ...(calls.has(oid) ? { calls: calls.get(oid) ?? [] } : {}),
      ...(owners.has(oid) ? { ownedBy: owners.get(oid) as Use } : {}),
      ...(unlogged ? { unlogged } : {}),
      ...(row_security ? { rowSecurity: true } : {}),
      ...(default_partition ? { defaultPartition: true } : {}),
      ...identityOf(more),
      ...(published.has(oid) ? { published: published.get(oid) ?? [] } : {}),
      ...(more.rules.length === 0 ? {} : { rules: more.rules }),
      ...(more.policies.length === 0 ? {} : { policies: more.policies }),
    }),
  );
}

function identityOf({
  identity,
  identity_index,
}: Pick<RelationRow, 'identity' | 'identity_index'>): Pick<Relation, 'replicaIdentity'> {
  if (identity === 'f') return { replicaIdentity: 'full' };
  // One whose index was dropped is as none.
  if (identity === 'n' || (identity === 'i' && identity_index === null)) return { replicaIdentity: 'nothing' };
  return identity === 'i' && identity_index !== null ? { replicaIdentity: { index: identity_index } } : {};
}

interface PublicationRow extends Readonly<Record<TriggerEvent, boolean>> {
  readonly name: string;
  readonly all_tables: boolean;
  readonly schemas: string[];
}

function publicationOf({ name, all_tables, schemas, ...row }: PublicationRow): Publication {
  return {
    name,
    ...(all_tables ? { allTables: true as const } : {}),
    ...(schemas.length === 0 ? {} : { schemas }),
    publishes: (['insert', 'update', 'delete', 'truncate'] as const).filter((event) => row[event]),
  };
}

interface PublishedRow {
  readonly relation: string;
  readonly by: string;
  readonly columns: string[] | null;
  readonly filters: string[] | null;
}

function publishedOf({ by, columns, filters }: PublishedRow): Published {
  return { by, ...(columns === null ? {} : { columns }), ...(filters === null ? {} : { filters }) };
}

/** Rows by their relation, in their order. */
function grouped<Row extends { readonly relation: string }, Value>(
  all: readonly Row[],
  of: (row: Row) => Value | undefined,
): ReadonlyMap<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const row of all) {
    const value = of(row);
    if (value === undefined) continue;
    const group = groups.get(row.relation);
    if (group === undefined) groups.set(row.relation, [value]);
    else group.push(value);
  }
  return groups;
}

interface ColumnRow {
  readonly relation: string;
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly identity: boolean;
  readonly generated: string;
  readonly default: string | null;
  readonly from: string[] | null;
}

function columnOf({ name, type, nullable, identity, generated, default: value, from }: ColumnRow): Column {
  return {
    name,
    type,
    nullable,
    ...(value === null ? {} : { default: value }),
    ...(identity ? { identity } : {}),
    ...(generated === ''
      ? {}
      : { generated: generated === 'v' ? ('virtual' as const) : ('stored' as const), from: from ?? [] }),
  };
}

interface ConstraintRow {
  readonly relation: string;
  readonly name: string;
  readonly kind: string;
  readonly validated: boolean;
  readonly columns: string[];
  readonly expression: string | null;
  readonly references_relation: string | null;
  readonly references_columns: string[] | null;
  readonly no_inherit: boolean;
  readonly on_update: string | null;
  readonly on_delete: string | null;
}

const KEY_ACTIONS: Readonly<Record<string, KeyAction>> = { c: 'cascade', n: 'set null', d: 'set default' };

const CONSTRAINT_KINDS: Readonly<Record<string, Constraint['kind']>> = {
  c: 'check',
  p: 'primary',
  u: 'unique',
  f: 'foreign',
  x: 'exclude',
  n: 'not-null',
};

function constraintOf(row: ConstraintRow, keys: ReadonlyMap<string, string>): Constraint {
  const { name, kind, validated, columns, expression } = row;
  const [onUpdate, onDelete] = [KEY_ACTIONS[row.on_update ?? ''], KEY_ACTIONS[row.on_delete ?? '']];
  const other = row.references_relation === null ? undefined : keys.get(row.references_relation);
  return {
    name,
    kind: CONSTRAINT_KINDS[kind] ?? 'check',
    columns,
    validated,
    ...(expression === null ? {} : { expression }),
    ...(row.no_inherit ? { noInherit: true as const } : {}),
    ...(other === undefined ? {} : { references: { relation: other, columns: row.references_columns ?? [] } }),
    ...(onUpdate === undefined ? {} : { onUpdate }),
    ...(onDelete === undefined ? {} : { onDelete }),
  };
}

interface TriggerRow {
  readonly relation: string;
  readonly name: string;
  readonly calls: string;
  readonly type: number;
  readonly off: boolean;
  readonly conditional: boolean;
  readonly columns: string[];
}

/** Bits of pg_trigger.tgtype. */
const EACH_ROW = 1;
const BEFORE = 2;
const INSTEAD = 64;
const EVENTS: readonly (readonly [number, TriggerEvent])[] = [
  [4, 'insert'],
  [8, 'delete'],
  [16, 'update'],
  [32, 'truncate'],
];

function triggerOf({ name, calls, type, off, conditional, columns }: TriggerRow): Trigger {
  return {
    name,
    fires: {
      calls,
      events: EVENTS.flatMap(([bit, event]) => ((type & bit) === 0 ? [] : [event])),
      ...(columns.length === 0 ? {} : { columns }),
      each: (type & EACH_ROW) === 0 ? 'statement' : 'row',
      ...((type & (BEFORE | INSTEAD)) === 0 ? {} : { decides: true as const }),
      ...(conditional ? { conditional: true as const } : {}),
      ...(off ? { off: true as const } : {}),
    },
  };
}

interface IndexRow extends Omit<Index, 'columns' | 'reads'> {
  readonly relation: string;
  readonly columns: string[];
  readonly reads: string[];
}

function indexOf({ relation: _, reads, ...index }: IndexRow): Index {
  return { ...index, reads: [...new Set([...index.columns, ...reads])] };
}

async function readTypes(client: pg.Client, calls: Calls): Promise<readonly UserType[]> {
  const kinds: Readonly<Record<string, UserType['kind']>> = {
    e: 'enum',
    d: 'domain',
    c: 'composite',
    r: 'range',
    m: 'range',
    b: 'other',
  };
  const found = await rows<TypeRow>(client, sql.TYPES);
  return found.map(({ schema, name, kind, base, constrained, values, attributes, relation, ...more }) => ({
    schema,
    name,
    kind: kinds[kind] ?? 'other',
    ...(base === null ? {} : { base, constrained }),
    ...(more.default === null ? {} : { default: more.default }),
    ...(calls.has(relation) ? { calls: calls.get(relation) ?? [] } : {}),
    ...(more.volatile_text ? { volatileText: true as const } : {}),
    ...(values === null ? {} : { values }),
    ...(attributes === null ? {} : { attributes }),
  }));
}

interface TypeRow {
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly base: string | null;
  readonly constrained: boolean;
  readonly default: string | null;
  readonly volatile_text: boolean;
  readonly relation: string;
  readonly values: string[] | null;
  readonly attributes: { name: string; type: string }[] | null;
}

async function readRoutines(client: pg.Client): Promise<readonly Routine[]> {
  const found = await rows<Omit<Routine, 'volatility' | 'source'> & { volatility: string; source: string | null }>(
    client,
    sql.ROUTINES,
  );
  return found.map(({ volatility, source, ...rest }) => ({
    ...rest,
    volatility: volatilityOf(volatility),
    ...(source === null ? {} : { source }),
  }));
}
