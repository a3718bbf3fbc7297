/** A cell's configuration for another place on this machine: own folders, own ports, and nothing that reaches out of it. */
import { join } from 'node:path';
import { freePorts } from '../../machine/free-port.ts';
import type { CellConfig } from '../cell-config.ts';
import type { OdooCellConfig } from '../odoo/odoo-cell-config.ts';
import { kept } from '../rehearsal/business/copy-environment.ts';

/**
 * The cell as it is rebuilt in an exercise. It has no vault, so nothing that happens in it goes where the cell's own copies lie; no
 * connection to other systems; and of the application's variables those that the cell names for a copy alone (`rehearsal`).
 */
export async function cellElsewhere(config: CellConfig, place: string): Promise<CellConfig> {
  const { rehearsal, vault: _, ledger: _1, connections: _2, tenantTokensFile, ...rest } = config;
  const components = Object.values(config.slots).flatMap((ports) => Object.values(ports)).length;
  const free = await freePorts(components + Object.keys(config.stores).length + 2);
  const next = (): number => free.pop()!;
  const keep = rehearsal?.keep ?? [];
  const tokens = rehearsal?.tenantTokensFile ?? tenantTokensFile;
  return {
    ...rest,
    dir: join(place, 'cell'),
    slots: mapped(config.slots, (ports) => mapped(ports, (port) => (port === 0 ? 0 : next()))),
    env: { ...kept(config.env, keep), ...rehearsal?.env },
    secretEnv: { ...kept(config.secretEnv, keep), ...rehearsal?.secretEnv },
    secretFiles: kept(config.secretFiles, keep),
    stores: mapped(config.stores, ({ pgbackrest: _3, files, ...store }, name) => ({
      ...store,
      clusterDir: join(place, 'stores', name),
      port: next(),
      passwordFile: join(place, 'passwords', name),
      archiveDir: join(place, 'archives', name),
      restorePointsDir: join(place, 'restore-points', name),
      files: files.map((each) => ({ name: each.name, dir: join(place, 'files', name, each.name) })),
    })),
    // On a server of the exercise's own, which is made as the store comes back.
    externalStores: mapped(config.externalStores, ({ url: _4, adminUrl: _5, standbys: _6, ...store }, name) => ({
      ...store,
      ...urlsIn(join(place, 'servers', name)),
      standbys: {},
      restorePointsDir: join(place, 'restore-points', name),
    })),
    router: { ...config.router, listenPort: next(), adminPort: next(), tokenFile: join(place, 'router-token') },
    ...(tokens !== undefined && { tenantTokensFile: tokens }),
  };
}

/** Where the URLs stand of the server that an exercise makes in that folder. */
export function urlsIn(dir: string): { readonly url: { file: string }; readonly adminUrl: { file: string } } {
  return { url: { file: `${dir}.url` }, adminUrl: { file: `${dir}.admin-url` } };
}

/**
 * A cell of Odoo as it is rebuilt in an exercise: on a PostgreSQL of its own, with a data folder of its own, and without a vault. What
 * its databases name of others, Odoo itself makes harmless before anybody is led there.
 */
export async function odooElsewhere(config: OdooCellConfig, place: string): Promise<OdooCellConfig> {
  const { vault: _, odoo, postgresql, slots, websocketPorts, router, ...rest } = config;
  // Its log is nobody's, and least of all that repository's.
  const { pgbackrest: __, ...server } = postgresql;
  const free = await freePorts(Object.keys(slots).length + Object.keys(websocketPorts).length + 3);
  const next = (): number => free.pop()!;
  return {
    ...rest,
    dir: join(place, 'cell'),
    odoo: { ...odoo, dataDir: join(place, 'odoo-data') },
    postgresql: { ...server, clusterDir: join(place, 'postgresql'), port: next() },
    slots: mapped(slots, next),
    websocketPorts: mapped(websocketPorts, next),
    router: { ...router, listenPort: next(), adminPort: next(), tokenFile: join(place, 'router-token') },
  };
}

function mapped<T, U>(all: Readonly<Record<string, T>>, to: (each: T, name: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(all).map(([name, each]) => [name, to(each, name)]));
}
