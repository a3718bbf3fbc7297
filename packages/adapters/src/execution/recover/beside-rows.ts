/**
 * What a store has beside the rows of its tables, as facts by name: definitions, sequences, large objects, unlogged tables, settings, the
 * roles of its cluster, and the other databases there. A fact's mark is compared, what it says may be told: never a definition.
 */
import { digestOf, digestOfJson, oneLine } from '@headgate/documents';
import { type PartDigests, type ProposedOther, STORE_PARTS, type StorePart } from '@headgate/domain';
import type pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { SETTINGS_FILE } from '../../postgres-cluster/settings.ts';
import { SETTINGS } from '../census/application-tables.ts';
import { objectsOf, sequencesOf } from '../rehearsal/fingerprint.ts';
import { controlConnection, type Store } from '../store/store-session.ts';
import { CATALOGUES_OF_CLUSTER, cataloguesIn } from './catalogues.ts';
import { type CountedTables, countedIn } from './counted-tables.ts';

type OneStore = Pick<Store, 'cluster' | 'database' | 'user'>;

export interface Fact {
  readonly part: StorePart;
  readonly what: string;
  /** In a word, where that says something; else empty. */
  readonly says: string;
  readonly mark: string;
  /** Of a sequence: what it gives next, and by how much it goes on. */
  readonly at?: { readonly next: bigint; readonly by: bigint };
  /** One that is there, with all that is told of it. */
  readonly database?: string;
  /** Of PostgreSQL's own tables: told where nothing else of its part is, since what is in it is told by name. */
  readonly silent?: boolean;
}

/** Of the cluster's databases those that everybody's has. */
const OF_EVERY_CLUSTER = ['postgres', 'template0', 'template1'];
const MOST_CHARACTERS = 200;
/** So far ahead PostgreSQL writes a sequence into its log: a copy of the files goes on there. */
const AHEAD = 32n;

export interface FactsOfStore {
  readonly facts: readonly Fact[];
  /** Other databases of the cluster but for those that every cluster has; and those that take no connections. */
  readonly databases: readonly string[];
  readonly closed: readonly string[];
}

/** `client`: at one moment in the store's own database, in which `counted` were counted. */
export async function factsOf(
  store: OneStore,
  client: pg.Client,
  counted: CountedTables,
  signal: AbortSignal,
): Promise<FactsOfStore> {
  const facts = [...(await ofDatabase(client, counted)), ...(await ofCluster(client, store.user))];
  const databases: string[] = [];
  const closed: string[] = [];
  for (const { name, open } of await otherDatabases(client)) {
    signal.throwIfAborted();
    if (!OF_EVERY_CLUSTER.includes(name)) databases.push(name);
    // As part of what is compared, so that one which was closed since a proposal turns it void.
    if (!open && name !== 'template0') {
      closed.push(name);
      facts.push({ part: 'databases', what: `database ${name}: closed`, says: '', mark: '' });
    }
    if (open) facts.push(...(await ofOther(store, name, signal)));
  }
  return { facts: facts.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)), databases, closed };
}

export function digestsOf(facts: readonly Fact[]): PartDigests {
  const digests = STORE_PARTS.map((part) => [
    part,
    digestOfJson(facts.filter((fact) => fact.part === part).map(({ what, mark }) => [what, mark])),
  ]);
  return Object.fromEntries(digests) as PartDigests;
}

/** What differs, in an order in which it matters. `aside`: what is told of tables already. */
export function differencesIn(
  now: readonly Fact[],
  then: readonly Fact[],
  aside: (what: string) => boolean,
): readonly ProposedOther[] {
  const [a, b] = [byKey(now), byKey(then)];
  const differ: Pair[] = [...new Set([...a.keys(), ...b.keys()])]
    .filter((each) => a.get(each)?.mark !== b.get(each)?.mark)
    .map((each) => ({ either: (a.get(each) ?? b.get(each))!, stands: a.get(each), stood: b.get(each) }))
    .filter((pair) => !onlyAhead(pair));
  const said = differ.filter(({ either }) => either.silent !== true);
  const silent = differ.filter(
    ({ either }) => either.silent === true && !said.some((other) => goesWith(other.either, either)),
  );
  const whole = differ
    .filter(
      ({ either, stands, stood }) => either.database !== undefined && (stands === undefined) !== (stood === undefined),
    )
    .map(({ either }) => `database ${either.database}: `);
  const ofWhole = ({ either: { what } }: Pair): boolean => whole.some((each) => what.startsWith(each));
  const order = ({ either }: Pair): number => STORE_PARTS.indexOf(either.part);
  return [...said.filter(({ either }) => !aside(either.what)), ...silent]
    .filter((pair) => !ofWhole(pair))
    .toSorted((x, y) => order(x) - order(y))
    .map(asTold);
}

/** A fact of both sides; absent where it stands on one alone. */
interface Pair {
  readonly either: Fact;
  readonly stands: Fact | undefined;
  readonly stood: Fact | undefined;
}

/** Of one part, and of one database. */
function goesWith(one: Fact, other: Fact): boolean {
  const database = ({ what }: Fact): string => /^database [^:]*: /.exec(what)?.[0] ?? '';
  return one.part === other.part && database(one) === database(other);
}

function asTold({ either, stands, stood }: Pair): ProposedOther {
  const again = stands?.at !== undefined && stood?.at !== undefined && isBehind(stood.at, stands.at);
  const saysThen = `${stood?.says}${again ? ', so numbers that were given are given again' : ''}`;
  return {
    ...{ part: either.part, what: oneLine(either.what, MOST_CHARACTERS) },
    ...(stands !== undefined && { saysNow: oneLine(stands.says, MOST_CHARACTERS) }),
    ...(stood !== undefined && { saysThen: oneLine(saysThen, MOST_CHARACTERS) }),
  };
}

function isBehind(then: NonNullable<Fact['at']>, now: NonNullable<Fact['at']>): boolean {
  return now.by < 0n ? then.next > now.next : then.next < now.next;
}

/** A copy's sequence may be a little ahead of the store's, which loses nobody anything. */
function onlyAhead({ stands, stood }: Pair): boolean {
  if (stands?.at === undefined || stood?.at === undefined || stands.at.by !== stood.at.by) return false;
  const by = stands.at.by;
  const ahead = (stood.at.next - stands.at.next) / by;
  return ahead >= 0n && ahead <= AHEAD;
}

function key({ part, what }: Fact): string {
  return `${part} ${what}`;
}

function byKey(facts: readonly Fact[]): ReadonlyMap<string, Fact> {
  return new Map(facts.map((fact) => [key(fact), fact]));
}

/** Objects by their definitions, where sequences stand, and unlogged tables: what a login may see of a database that can only read. */
export async function readableFacts(client: pg.Client, counted: CountedTables): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for (const [what, definition] of Object.entries(await objectsOf(client))) {
    if (what === 'large objects') continue;
    const part = what.startsWith('settings') ? 'settings' : 'definitions';
    facts.push({ part, what, says: '', mark: digestOf(definition) });
  }
  for (const { name, next, by } of await sequencesOf(client))
    facts.push({
      part: 'sequences',
      what: `sequence ${name}`,
      says: `next ${next}`,
      mark: `${next}/${by}`,
      at: { next, by },
    });
  for (const [name, { rows, sum }] of counted.unlogged)
    facts.push({ part: 'unlogged', what: `unlogged table ${name}`, says: rowsOf(rows), mark: `${rows}/${sum}` });
  return facts;
}

/** Of one database; its ordinary tables' rows are told elsewhere. */
async function ofDatabase(client: pg.Client, counted: CountedTables): Promise<readonly Fact[]> {
  const facts: Fact[] = [...(await readableFacts(client, counted))];
  const { rows: large } = await client.query<{ n: string; mark: string }>(
    `select (select count(*) from pg_catalog.pg_largeobject_metadata)::text as n,
       coalesce((select sum(hashtextextended((loid, pageno, data)::text, 0)) from pg_catalog.pg_largeobject), 0)::text || '/' ||
       coalesce((select sum(hashtextextended(to_jsonb(m)::text, 0)) from pg_catalog.pg_largeobject_metadata m), 0)::text as mark`,
  );
  const [{ n, mark } = { n: '0', mark: '' }] = large;
  if (n !== '0')
    facts.push({ part: 'largeObjects', what: 'large objects', says: `${n} of them`, mark: `${n}/${mark}` });
  for (const { relation, rows, sum } of await ownRecords(client))
    facts.push({
      part: 'definitions',
      what: `Headgate’s own table ${relation}`,
      says: rowsOf(rows),
      mark: `${rows}/${sum}`,
    });
  for (const { name, mark: of, silent } of await cataloguesIn(client, 'database'))
    facts.push({ part: 'definitions', what: `PostgreSQL’s own table ${name}`, says: '', mark: of, silent });
  return facts;
}

/** Our own tables but for those that are carried over as they are now. */
async function ownRecords(client: pg.Client) {
  const { rows: tables } = await client.query<{ relation: string }>(
    `select 'headgate.' || quote_ident(c.relname) as relation from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'headgate' and c.relkind = 'r' and c.relname not in ('fence', 'route') order by 1`,
  );
  const found: { readonly relation: string; readonly rows: number; readonly sum: string }[] = [];
  for (const { relation } of tables) {
    const { rows } = await client.query<{ rows: string; sum: string }>(
      `select count(*)::text as rows, coalesce(sum(hashtextextended(t::text, 0)), 0)::text as sum from only ${relation} t`,
    );
    found.push({ relation, rows: Number(rows[0]!.rows), sum: rows[0]!.sum });
  }
  return found;
}

/** Settings that are read as a server starts; ours are written anew each time. */
const FILES = ['postgresql.conf', 'postgresql.auto.conf', 'pg_hba.conf', 'pg_ident.conf'];

/** Roles and what is set for all databases. `login`: the application's, which gets its password anew whenever it is needed. */
async function ofCluster(client: pg.Client, login: string): Promise<readonly Fact[]> {
  const { rows: roles } = await client.query<{ name: string; says: string; mark: string }>(
    `select r.rolname as name, concat_ws(', ', case when r.rolsuper then 'superuser' end, case when r.rolcreaterole then 'may create roles' end,
       case when r.rolcreatedb then 'may create databases' end, case when r.rolreplication then 'replication' end,
       case when r.rolbypassrls then 'passes by row security' end, case when r.rolcanlogin and r.rolname <> $1 then 'may log in' end,
       (select 'in ' || string_agg(g.rolname, ' and ' order by g.rolname) from pg_auth_members m join pg_authid g on g.oid = m.roleid where m.member = r.oid)) as says,
       (to_jsonb(r) - array['rolpassword', 'rolcanlogin'])::text ||
       case when r.rolname = $1 then '' else r.rolcanlogin::text || encode(sha256(convert_to(coalesce(r.rolpassword, ''), 'UTF8')), 'hex') end ||
       coalesce((select string_agg(to_jsonb(m)::text, ',' order by m.roleid, m.member) from pg_auth_members m where m.member = r.oid), '') as mark
     from pg_authid r`,
    [login],
  );
  const facts: Fact[] = roles.map(({ name, says, mark }) => ({
    ...{ part: 'roles', what: `role ${name}`, says: says === '' ? 'no rights of its own' : says, mark: digestOf(mark) },
  }));
  const { rows: databases } = await client.query<{ name: string; mark: string }>(
    `select d.datname as name, (to_jsonb(d) - array['datfrozenxid', 'datminmxid'])::text as mark from pg_database d`,
  );
  for (const { name, mark } of databases)
    facts.push({ part: 'databases', what: `database ${name}`, says: '', mark: digestOf(mark), database: name });
  for (const { name, mark, silent } of await cataloguesIn(client, 'cluster'))
    facts.push({
      part: CATALOGUES_OF_CLUSTER[name] ?? 'settings',
      what: `PostgreSQL’s own table ${name}`,
      says: '',
      mark,
      silent,
    });
  for (const file of FILES) {
    const { rows } = await client.query<{ text: string | null }>('select pg_read_file($1, 0, 16777216, true) as text', [
      file,
    ]);
    // Tools write when they ran into these, as comments.
    const lines = (rows[0]?.text ?? '')
      .split('\n')
      .filter((line) => !/^\s*(#|$)/.test(line) && !line.includes(SETTINGS_FILE));
    facts.push({ part: 'settings', what: `file ${file}`, says: '', mark: digestOfJson(lines) });
  }
  return facts;
}

async function otherDatabases(
  client: pg.Client,
): Promise<readonly { readonly name: string; readonly open: boolean }[]> {
  const { rows } = await client.query<{ name: string; open: boolean }>(
    'select datname as name, datallowconn as open from pg_database where datname <> current_database() order by 1',
  );
  return rows;
}

/** All of another database of the cluster, rows too: by counts and sums. */
async function ofOther({ cluster }: OneStore, database: string, signal: AbortSignal): Promise<readonly Fact[]> {
  return withClient(await controlConnection({ cluster, database }), async (client) => {
    await client.query(SETTINGS);
    await client.query('begin isolation level repeatable read, read only');
    const counted = await countedIn(client, signal);
    const own = await ofDatabase(client, counted);
    const facts = own.filter(({ part, what }) => part !== 'settings' || what.endsWith(' in this database'));
    for (const [name, { rows, sum }] of counted.tables)
      facts.push({ part: 'databases', what: `rows of ${name}`, says: String(rows), mark: `${rows}/${sum}` });
    return facts.map((fact) => ({ ...fact, part: 'databases', what: `database ${database}: ${fact.what}` }));
  });
}

function rowsOf(rows: number): string {
  return `${rows.toLocaleString('en-US')} ${rows === 1 ? 'row' : 'rows'}`;
}
