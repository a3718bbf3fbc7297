/**
 * A tenant's database of now and of then, row against row and in what isn't a row, for a proposal to put it back in its place. What Odoo
 * writes to by itself is left out: a moment later it is otherwise, though nobody did anything. Roles, settings and other databases stay
 * as they are, so nothing of them is compared.
 */
import { digestOfJson, MOST_OTHERS } from '@headgate/documents';
import type { Digest, ProposedOther, ProposedSide, ProposedTable } from '@headgate/domain';
import type pg from 'pg';
import { differencesIn, digestsOf, type Fact, readableFacts } from '../../recover/beside-rows.ts';
import { censusOf, comparedTables, placeOf, toldBy } from '../../recover/compare-stores.ts';
import { type Counted, countedIn } from '../../recover/counted-tables.ts';
import { readerConnection } from '../reader.ts';
import { inRecords } from '../records.ts';
import type { OdooStore, OdooStores } from '../store.ts';
import { type StoreVersion, storeVersion } from '../version-records.ts';
import { isByItself, numbersByItself } from './by-itself.ts';
import { inOneMoment } from './difference.ts';

export interface LookedAtTenant {
  readonly side: ProposedSide;
  /** PostgreSQL's own number of its database. */
  readonly database: string;
  /** Names of all of its objects. */
  readonly objects: Digest;
}

export interface ComparedTenants {
  readonly live: LookedAtTenant;
  readonly was: LookedAtTenant;
  readonly tables: readonly ProposedTable[];
  readonly others: readonly ProposedOther[];
  readonly othersInAll: number;
  /** Tables of either that weren't compared. */
  readonly byItself: readonly string[];
}

/** A tenant's modules are at versions of which nobody can say which release runs on them: in words, with what helps. */
export class UnknownVersion extends Error {}

/** Reads both, each as it is in one moment; nobody is held. Throws an {@link UnknownVersion} where one isn't at one that a release of the cell has. */
export async function compareTenants(
  live: OdooStores,
  aside: OdooStores,
  store: OdooStore,
  signal: AbortSignal,
): Promise<ComparedTenants> {
  return inOneMoment(await readerConnection(live, store.database), async (now) =>
    inOneMoment(await readerConnection(aside, store.database), async (then) => {
      const [a, b] = [await countedTenant(now, signal), await countedTenant(then, signal)];
      const tables = await comparedTables([now, a.tables], [then, b.tables], signal);
      const others = differencesIn(a.facts, b.facts, toldBy(tables));
      return {
        live: await lookedAt(live, store, a, 'now'),
        was: await lookedAt(aside, store, b, 'then'),
        ...{ tables, others: others.slice(0, MOST_OTHERS), othersInAll: others.length },
        byItself: [...new Set([...a.byItself, ...b.byItself])].toSorted(),
      };
    }),
  );
}

/** What a tenant is like now. Throws as {@link compareTenants} does. */
export async function lookAtTenant(stores: OdooStores, store: OdooStore, signal: AbortSignal): Promise<LookedAtTenant> {
  const counted = await inOneMoment(await readerConnection(stores, store.database), (client) =>
    countedTenant(client, signal),
  );
  return lookedAt(stores, store, counted, 'now');
}

/** PostgreSQL's own number of the database that stands in the tenant's place; undefined: none does. */
export async function numberOfDatabase(stores: OdooStores, { database }: OdooStore): Promise<string | undefined> {
  return inRecords(stores, async (client) => {
    const { rows } = await client.query<{ oid: string }>(
      'select oid::text as oid from pg_catalog.pg_database where datname = $1',
      [database],
    );
    return rows[0]?.oid;
  });
}

interface CountedTenant {
  readonly tables: ReadonlyMap<string, Counted>;
  readonly facts: readonly Fact[];
  readonly byItself: readonly string[];
}

async function countedTenant(client: pg.Client, signal: AbortSignal): Promise<CountedTenant> {
  const counted = await countedIn(client, signal);
  const own = <T>(all: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...all].filter(([table]) => !isByItself(table)));
  const facts = (await readableFacts(client, { tables: own(counted.tables), unlogged: own(counted.unlogged) })).filter(
    ({ part, what }) =>
      part !== 'settings' && !(part === 'sequences' && numbersByItself(what.slice('sequence '.length))),
  );
  const large = await largeObjects(client);
  return {
    tables: own(counted.tables),
    facts: large === undefined ? facts : [...facts, large],
    byItself: [...counted.tables.keys(), ...counted.unlogged.keys()].filter(isByItself),
  };
}

/** Odoo keeps none. Which there are is seen; who may only read doesn't see what is in them. */
async function largeObjects(client: pg.Client): Promise<Fact | undefined> {
  const { rows } = await client.query<{ n: string; mark: string }>(
    `select count(*)::text as n, coalesce(sum(hashtextextended(oid::text, 0)), 0)::text as mark from pg_catalog.pg_largeobject_metadata`,
  );
  const { n, mark } = rows[0]!;
  if (n === '0') return undefined;
  return { part: 'largeObjects', what: 'large objects', says: `${n} of them`, mark: `${n}/${mark}` };
}

async function lookedAt(
  stores: OdooStores,
  store: OdooStore,
  { tables, facts }: CountedTenant,
  when: 'now' | 'then',
): Promise<LookedAtTenant> {
  const version = await storeVersion(stores, store);
  if (version.kind !== 'at') throw new UnknownVersion(unknownVersion(store, version, when));
  const names = facts.filter(({ part }) => part === 'definitions').map(({ what }) => what);
  return {
    side: {
      ...(await inRecords(stores, placeOf)),
      ...{ schemaVersion: version.version, census: censusOf(tables), tables: tables.size },
      beside: digestsOf(facts.toSorted((a, b) => (`${a.part} ${a.what}` < `${b.part} ${b.what}` ? -1 : 1))),
    },
    database: (await numberOfDatabase(stores, store)) ?? '0',
    objects: digestOfJson(names.toSorted()),
  };
}

/** Nobody could tell whether what serves runs on it. */
function unknownVersion(
  { name }: OdooStore,
  version: Exclude<StoreVersion, { readonly kind: 'at' }>,
  when: 'now' | 'then',
): string {
  const what =
    version.kind === 'half-way'
      ? `an upgrade from ${version.from} to ${version.to} was begun and hadn’t ended`
      : version.why.join('; ');
  return when === 'now'
    ? `nobody can say which release runs on ${name} as it is now: ${what}. It goes back by the way back of that promotion: headgate rollback PROMOTION --reason "…"`
    : `nobody can say which release runs on ${name} as it was then: ${what}. Name another moment: --before PROMOTION is the one before that upgrade`;
}
