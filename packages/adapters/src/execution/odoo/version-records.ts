import type pg from 'pg';
import { plainText } from '../store/plain-text.ts';
import { StoreFault } from '../store/store-fault.ts';
import {
  halfDone,
  type InstalledModule,
  installedModules,
  type ModuleVersions,
  moduleDrift,
} from './installed-modules.ts';
import { inRecords } from './records.ts';
import type { OdooStore, OdooStores } from './store.ts';

/** Which module versions a schema version stands for, in this cell. Another meaning for a known version is refused. */
export async function declareVersion(
  client: pg.ClientBase,
  version: number,
  modules: ModuleVersions,
  digest: string,
): Promise<string | undefined> {
  await client.query(
    'insert into headgate.version(version, modules, digest) values ($1, $2, $3) on conflict (version) do nothing',
    [version, JSON.stringify(modules), digest],
  );
  const { rows } = await client.query<{ same: boolean }>(
    'select modules = $2::jsonb as same from headgate.version where version = $1',
    [version, JSON.stringify(modules)],
  );
  return rows[0]!.same ? undefined : `schema version ${version} stands for other module versions in this cell already`;
}

/** What a version stands for in this cell; `undefined`: nobody declared it. */
export async function declaredVersion(client: pg.ClientBase, version: number): Promise<ModuleVersions | undefined> {
  const { rows } = await client.query<{ modules: ModuleVersions }>(
    'select modules from headgate.version where version = $1',
    [version],
  );
  return rows[0]?.modules;
}

/** Declares the version that a cell was brought up or adopted at. Throws when it means something else already. */
export async function declareBaseline(stores: OdooStores, version: number, modules: ModuleVersions): Promise<void> {
  const wrong = await inRecords(stores, (client) => declareVersion(client, version, modules, 'adopted'));
  if (wrong) throw new Error(wrong);
}

/** By which file a store came to a version; `undefined`: not by us, it was adopted there. */
export async function upgradedBy(
  client: pg.ClientBase,
  store: OdooStore,
  version: number,
): Promise<string | undefined> {
  const { rows } = await client.query<{ digest: string }>(
    'select digest from headgate.upgraded where store = $1 and version = $2',
    [store.name, version],
  );
  return rows[0]?.digest;
}

/** An upgrade came to its end: it is no longer under way, and its file is what made the version. */
export async function recordUpgraded(
  client: pg.ClientBase,
  store: OdooStore,
  version: number,
  digest: string,
): Promise<void> {
  await client.query(
    `with ended as (delete from headgate.pending where store = $1)
     insert into headgate.upgraded(store, version, digest) values ($1, $2, $3)
     on conflict (store, version) do update set digest = excluded.digest`,
    [store.name, version, digest],
  );
}

/** A store was restored: nothing is under way, and what came after this version never was. */
export async function recordRestored(client: pg.ClientBase, store: OdooStore, version: number): Promise<void> {
  await client.query(
    `with ended as (delete from headgate.pending where store = $1)
     delete from headgate.upgraded where store = $1 and version > $2`,
    [store.name, version],
  );
}

/** An upgrade was begun and didn't end: it counts as not done, whatever the modules say. */
interface HalfWay {
  readonly kind: 'half-way';
  readonly from: number;
  readonly to: number;
  readonly key: string;
}

/** Where a store stands, by its own `ir_module_module`. */
export type StoreVersion =
  | { readonly kind: 'at'; readonly version: number }
  | HalfWay
  /** The modules are at versions that nobody here declared: somebody upgraded by hand. */
  | {
      readonly kind: 'drifted';
      readonly why: readonly string[];
      /** The highest declared version that all of its modules have come to; 0: to none. */
      readonly reached: number;
    };

/** So much is told of a drift; an agent's observation is bounded. */
const MOST_LINES = 20;
const MOST_CHARACTERS = 300;

/** The upgrade of a store that was begun and isn't known to have ended; its database isn't asked. */
export async function upgradeUnderWay(stores: OdooStores, store: OdooStore): Promise<HalfWay | undefined> {
  return inRecords(stores, (client) => pending(client, store));
}

async function pending(client: pg.ClientBase, store: OdooStore): Promise<HalfWay | undefined> {
  const { rows } = await client.query<{ from: number; to: number; key: string }>(
    'select version_from as from, version_to as to, key from headgate.pending where store = $1',
    [store.name],
  );
  return rows[0] && { kind: 'half-way', ...rows[0] };
}

/** `also`: as {@link installedModules} has it. */
export async function storeVersion(
  stores: OdooStores,
  store: OdooStore,
  also?: (client: pg.ClientBase) => Promise<void>,
): Promise<StoreVersion> {
  let installed: ReadonlyMap<string, InstalledModule>;
  try {
    installed = await installedModules(stores, store.database, also);
  } catch (error) {
    if (error instanceof StoreFault) return { kind: 'drifted', why: [error.message], reached: 0 };
    if ((error as { readonly code?: string }).code !== NO_DATABASE) throw error;
    return { kind: 'drifted', why: [`the database ${store.database} isn't there`], reached: 0 };
  }
  return inRecords(stores, async (client) => {
    const begun = await pending(client, store);
    if (begun) return begun;
    const { rows } = await client.query<{ version: number; modules: ModuleVersions }>(
      'select version, modules from headgate.version order by version desc',
    );
    return placed(installed, rows);
  });
}

const NO_DATABASE = '3D000';

function placed(
  installed: ReadonlyMap<string, InstalledModule>,
  declared: readonly { readonly version: number; readonly modules: ModuleVersions }[],
): StoreVersion {
  const fitting = declared.find(({ modules }) => moduleDrift(installed, modules).length === 0);
  if (fitting) return { kind: 'at', version: fitting.version };
  const names = new Set(declared.flatMap(({ modules }) => Object.keys(modules)));
  const half = halfDone(installed);
  const found = [...names].map((name) => `${name} ${installed.get(name)?.version ?? 'not installed'}`);
  const why =
    half.length > 0 ? half : [`the modules are at versions that no release of this cell has: ${found.join(', ')}`];
  return {
    kind: 'drifted',
    why: why.slice(0, MOST_LINES).map((line) => plainText(line, MOST_CHARACTERS)),
    reached: declared.find(({ modules }) => hasReached(installed, modules))?.version ?? 0,
  };
}

/** Whether each of the modules is at the version or beyond it. */
function hasReached(installed: ReadonlyMap<string, InstalledModule>, modules: ModuleVersions): boolean {
  return Object.entries(modules).every(([name, version]) => {
    const found = installed.get(name);
    return found !== undefined && compareVersions(found.version, version) >= 0;
  });
}

/** Versions as Odoo writes them, compared number by number. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return Number.isNaN(difference) ? -1 : difference;
  }
  return 0;
}
