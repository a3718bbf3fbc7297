import type { CellConfigInput } from '@headgate/adapters/execution/cell-config';
import {
  SERVICE_RING,
  SERVICE_SLOTS,
  type ServiceContent,
  type ServiceEnvironment,
  serviceCellName,
  serviceStoreName,
} from '@headgate/documents/service/index';

/** Ports of a service's cell, each free when it was chosen. */
export interface ServicePorts {
  readonly listen: number;
  readonly admin: number;
  readonly blue: number;
  readonly green: number;
  /** Of the PostgreSQL that we keep, where the service names no database. */
  readonly store: number;
}

/** The cell of a service in one environment, in a folder below `cellsDir`: what somebody would write by hand. */
export function serviceCell(
  service: ServiceContent,
  environment: ServiceEnvironment,
  cellsDir: string,
  ports: ServicePorts,
): CellConfigInput {
  const { metadata, spec } = service;
  const cell = serviceCellName(service, environment);
  const dir = `${cellsDir}/${cell}`;
  const store = serviceStoreName(service, environment);
  const migrations = spec.migrate === undefined ? {} : { migrations: spec.migrate as never };
  // What they hold is said where the cell is read. Without any nothing is written, which an older agent reads, too.
  const declared = environment.database?.moves;
  const moves = declared === undefined ? {} : { moves: declared as never };
  const stores =
    environment.database === undefined
      ? {
          stores: {
            [store]: {
              clusterDir: `${dir}-store`,
              port: ports.store,
              database: 'service',
              user: 'service',
              passwordFile: `${dir}-store-password`,
              archiveDir: `${dir}-archive`,
              restorePointsDir: `${dir}-restore-points`,
              ...migrations,
            },
          },
        }
      : {
          externalStores: {
            [store]: {
              ...(environment.database as Omit<NonNullable<ServiceEnvironment['database']>, 'moves'>),
              restorePointsDir: `${dir}-restore-points`,
              ...migrations,
              ...moves,
            },
          },
        };
  return {
    cell,
    environment: environment.name,
    application: metadata.name,
    dir,
    slots: Object.fromEntries(SERVICE_SLOTS.map((slot) => [slot, { web: ports[slot] }])),
    env: environment.env,
    storeEnv: { [spec.databaseVariable]: store },
    ...stores,
    tenants: { [metadata.name]: { store, ring: SERVICE_RING } },
    router: {
      listenPort: environment.port ?? ports.listen,
      adminPort: ports.admin,
      tokenFile: `${dir}-router-token`,
      tenantBy: { one: metadata.name },
    },
  };
}
