/** A fetched restore point becomes a database that takes connections, below a folder that is thrown away. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../machine/free-port.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import type { ExternalStore } from '../external-store/external-store.ts';
import { recordedVersion } from '../rehearsal/copy.ts';
import { copyFromDumpPoint } from '../rehearsal/copy-from-point.ts';
import { ownServer } from '../rehearsal/copy-server.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { restoreAside } from '../restore-points/recovery.ts';
import { controlConnection, type Store } from '../store/store-session.ts';
import { type BringBackAsk, type BroughtBack, urlOf, WAL } from './brought-back.ts';
import { odooBack } from './odoo-back.ts';

export async function bringBack(ask: BringBackAsk): Promise<BroughtBack> {
  const { of } = ask;
  if (of.form === 'physical') return asCluster(ask, of.store);
  return 'odoo' in of ? odooBack(ask, of.odoo) : asDatabase(ask, of.store);
}

async function asCluster(
  { id, dir, latest = false, deadlineMs }: BringBackAsk,
  store: BackedStore,
): Promise<BroughtBack> {
  // Of the vault's alone: the store's own archive may be lost with the store.
  const archiveDir = join(dir, latest ? WAL : 'no-archive');
  await mkdir(archiveDir, { recursive: true });
  const point = join(dir, 'points', id);
  const target = { kind: latest ? 'latest' : 'restore-point' } as const;
  const place = join(dir, 'cluster');
  const cluster = await restoreAside(
    { ...store, archiveDir },
    point,
    target,
    place,
    await freePort(),
    deadlineMs,
    'new',
  );
  const copy = { ...store, cluster };
  return {
    store: copy,
    url: await urlOf(cluster, store.database),
    ...(await plainly(copy)),
    close: () => cluster.stop(0),
  };
}

async function asDatabase(
  { major, dir, workDir, deadlineMs, signal }: BringBackAsk,
  store: ExternalStore,
): Promise<BroughtBack> {
  const onto = await ownServer(workDir, major);
  try {
    const fetched = { ...store, restorePointsDir: join(dir, 'points') };
    const copy = await copyFromDumpPoint(fetched, onto, { deadlineMs, signal });
    const url = { ...(await onto.server.url()), database: copy.store.database };
    return { store: copy.store, url, ...(await plainly(copy.store)), close: () => onto.close() };
  } catch (error) {
    await onto.close();
    throw error;
  }
}

/** Of a store whose version we recorded in it. */
export async function plainly(store: Store): Promise<Pick<BroughtBack, 'counting' | 'version'>> {
  const counting = await controlConnection(store);
  return { counting, version: () => withClient(counting, recordedVersion) };
}
