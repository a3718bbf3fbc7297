/** The copy that a rehearsal asks for, by this machine's configuration or by a URL. */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import type { CommandMigrations } from '@headgate/adapters/execution/command-migrator/command-config';
import { clientConfig, readConnectionUrl } from '@headgate/adapters/execution/external-store/connection-url';
import { openExternalStore } from '@headgate/adapters/execution/external-store/external-store';
import { findStore } from '@headgate/adapters/execution/odoo/index';
import { odooStores } from '@headgate/adapters/execution/odoo/odoo-cell';
import type { OdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { copyOfTenant, type TenantCopy } from '@headgate/adapters/execution/odoo/rehearsal/index';
import { hasPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { recordedVersion } from '@headgate/adapters/execution/rehearsal/copy';
import {
  type Copy,
  type CopyServer,
  copyFromBackup,
  copyFromDump,
  copyFromDumpPoint,
  copyFromPhysicalPoint,
  copyFromSnapshot,
  givenServer,
  heaviestIn,
  ownServer,
  sweepClusters,
} from '@headgate/adapters/execution/rehearsal/index';
import type { BackedStore } from '@headgate/adapters/execution/restore-points/backed-store';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { hasSnapshots } from '@headgate/adapters/execution/snapshots/snapshot-restore-points';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import type { RehearsedStore } from '@headgate/domain/rehearsal/rehearsal';

export interface CopyAsk {
  /** A store of these cells … */
  readonly cells: readonly AnyCellConfig[];
  readonly from: string | undefined;
  /** … or a database by the environment variable with its URL, and what to call it. */
  readonly databaseEnv: string | undefined;
  readonly name: string | undefined;
  /** Environment variable with a superuser's URL of the server that the copy is made on. */
  readonly scratchEnv: string | undefined;
  /** Folder for copies; what killed rehearsals left in it goes first. */
  readonly workDir: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export interface OpenedCopy {
  readonly copy: Copy;
  readonly from: RehearsedStore;
  /** Of the database that serves, if it keeps them. */
  readonly heaviest: readonly string[] | undefined;
  /** Of the schema of the store itself, as it is now; absent: its copy is as new, or it doesn't run here. */
  readonly schemaVersion?: number | undefined;
  /** The application's own program, where that migrates the store. */
  readonly migrations?: CommandMigrations | undefined;
  /** The cell's Node. */
  readonly node?: string;
  /** Of a tenant of Odoo: its cell, and the copy as Odoo's upgrade finds it. */
  readonly odoo?: { readonly cell: OdooCellConfig; readonly copy: TenantCopy };
  remove(): Promise<void>;
}

/** Makes it. Throws, in words, why there is none. */
export async function openCopy(ask: CopyAsk): Promise<OpenedCopy> {
  await ownFolder(ask.workDir);
  await sweepClusters(ask.workDir);
  return ask.databaseEnv === undefined ? fromStore(ask) : fromUrl(ask, ask.databaseEnv);
}

async function fromUrl(ask: CopyAsk, variable: string): Promise<OpenedCopy> {
  const source = await readConnectionUrl({ variable });
  const { major, heaviest } = await withClient(clientConfig(source), async (client) => {
    const { rows } = await client.query<{ major: number }>(
      `select current_setting('server_version_num')::int / 10000 as major`,
    );
    return { major: rows[0]?.major ?? 0, heaviest: await heaviestIn(client) };
  });
  const { deadlineMs, signal, workDir } = ask;
  const onto = await serverOf(ask, major);
  return closing(onto, async () => ({
    copy: await copyFromDump({ source, onto, workDir: join(workDir, 'dumps'), deadlineMs, signal }),
    from: { store: ask.name ?? source.database },
    heaviest,
  }));
}

async function fromStore(ask: CopyAsk): Promise<OpenedCopy> {
  const { cell, name } = storeOf(ask);
  const from = { environment: cell.environment, cell: cell.cell, store: name };
  if (cell.kind === 'odoo') return fromTenant(ask, cell, from);
  const external = Object.hasOwn(cell.externalStores, name) ? cell.externalStores[name] : undefined;
  const config = external ?? cell.stores[name];
  if (config === undefined) throw new Error(`there is no store ${name} in the cell ${cell.cell}`);
  const { migrations } = config;
  if (migrations !== undefined && ask.scratchEnv !== undefined)
    throw new Error(
      `the store ${name} is migrated by a program, and the application is asked for its version by its own login, which gets a password for it: leave --scratch-env out, so that the copy is on a server of its own`,
    );
  if (external !== undefined) {
    const store = await openExternalStore(name, external);
    const serving = await store.cluster.controlConnection(store.database);
    const now = await withClient(serving, ofStore);
    const onto = await serverOf(ask, await store.cluster.major());
    return closing(onto, async () => ({
      copy: await copyFromDumpPoint(store, onto, ask),
      from,
      ...now,
      migrations,
      node: cell.node,
    }));
  }
  const store = physicalStore(cell, name, await findPrograms(15, ask.workDir));
  const { cluster, database } = store;
  const copy = await copyOfOwn(store, ask);
  const serving = (await cluster.postmaster())?.ready === true ? await cluster.controlConnection(database) : undefined;
  const now = serving === undefined ? { heaviest: undefined } : await withClient(serving, ofStore);
  return { copy, from, ...now, migrations, node: cell.node, remove: () => copy.remove() };
}

/** By what its restore points are kept. */
function copyOfOwn(store: BackedStore, { workDir, ...bounds }: CopyAsk): Promise<Copy> {
  if (hasPgBackRest(store)) return copyFromBackup(store, workDir, bounds);
  if (hasSnapshots(store)) return copyFromSnapshot(store, workDir, bounds);
  return copyFromPhysicalPoint({ ...store, files: [], keep: 1 }, workDir, bounds);
}

/** What is read of the database that serves. */
async function ofStore(
  client: Parameters<typeof heaviestIn>[0],
): Promise<Pick<OpenedCopy, 'heaviest' | 'schemaVersion'>> {
  return { heaviest: await heaviestIn(client), schemaVersion: await recordedVersion(client) };
}

async function fromTenant(ask: CopyAsk, cell: OdooCellConfig, from: RehearsedStore): Promise<OpenedCopy> {
  if (ask.scratchEnv !== undefined)
    throw new Error(
      `a copy of Odoo’s store ${from.store} has logins of its own, and is always on a server of its own: leave --scratch-env out`,
    );
  const stores = odooStores(cell);
  const copy = await copyOfTenant(stores, findStore(stores, from.store), ask.workDir, ask);
  return { copy, from, heaviest: undefined, odoo: { cell, copy }, remove: () => copy.remove() };
}

/** A store by its name, or by cell/store where several cells have one of that name. Throws, in words, when there is none. */
export function storeOf({ cells, from = '' }: Pick<CopyAsk, 'cells' | 'from'>): {
  readonly cell: AnyCellConfig;
  readonly name: string;
} {
  const [cellName, storeName] = from.includes('/') ? from.split('/', 2) : [undefined, from];
  const known: string[] = [];
  const found: { readonly cell: AnyCellConfig; readonly name: string }[] = [];
  for (const cell of cells) {
    for (const name of storesIn(cell)) {
      known.push(`${cell.cell}/${name}`);
      if (name === storeName && (cellName === undefined || cellName === cell.cell)) found.push({ cell, name });
    }
  }
  const [one, second] = found;
  if (one === undefined)
    throw new Error(`no store of this agent's is called ${from}; it has ${known.slice(0, 50).join(', ') || 'none'}`);
  if (second !== undefined)
    throw new Error(`${from} may be ${found.map(({ cell, name }) => `${cell.cell}/${name}`).join(' or ')}: say which`);
  return one;
}

function storesIn(cell: AnyCellConfig): readonly string[] {
  const external = cell.kind === 'odoo' ? {} : cell.externalStores;
  return [...Object.keys(cell.stores), ...Object.keys(external)];
}

function serverOf({ scratchEnv, workDir }: CopyAsk, major: number): Promise<CopyServer> {
  return scratchEnv === undefined ? ownServer(workDir, major) : givenServer({ variable: scratchEnv });
}

/** The server goes when the copy goes, and when there is none. */
async function closing(onto: CopyServer, open: () => Promise<Omit<OpenedCopy, 'remove'>>): Promise<OpenedCopy> {
  try {
    const opened = await open();
    return {
      ...opened,
      async remove() {
        try {
          await opened.copy.remove();
        } finally {
          await onto.close();
        }
      },
    };
  } catch (error) {
    await onto.close();
    throw error;
  }
}

/** Copies hold what production holds: nobody else may have made the folder, or write in it. */
export async function ownFolder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const { uid, mode } = await stat(dir);
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0)
    throw new Error(`${dir} is somebody else's, or others may write in it: give --work-dir a folder of your own`);
}
