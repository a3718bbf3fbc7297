import { randomBytes } from 'node:crypto';
import { readIfThere, readSecret, writeDurably } from '../../machine/durable-file.ts';
import { type Cluster, openCluster, SUPERUSER } from '../../postgres-cluster/cluster.ts';
import type { ClusterConfig } from '../../postgres-cluster/cluster-config.ts';
import { databaseUrl, passwordFileOf, withClient } from '../../postgres-cluster/database.ts';
import type { Programs } from '../../postgres-cluster/programs.ts';
import { migrateControlDatabase } from './migrate.ts';

const NAME = 'headgate';

export interface EmbeddedControl {
  readonly cluster: Cluster;
  /** For the server, as the application's role. Holds a password: never log it. */
  readonly databaseUrl: string;
  /** For who migrates. Holds a password: never log it. */
  readonly adminUrl: string;
}

/** Starts or adopts the control plane's own cluster and brings its database up to date. Idempotent. */
export async function openEmbeddedControl(config: ClusterConfig, programs: Programs): Promise<EmbeddedControl> {
  const cluster = await openCluster(config, programs);
  const passwordFile = passwordFileOf(cluster, NAME);
  if ((await readIfThere(passwordFile)) === undefined) {
    await writeDurably(passwordFile, `${randomBytes(24).toString('base64url')}\n`, 0o600);
  }
  await withClient(await cluster.connection(), async (client) => {
    const there = await client.query('select 1 from pg_database where datname = $1', [NAME]);
    if (there.rowCount === 0) await client.query(`create database ${NAME}`);
    await client.query(`revoke connect on database ${NAME} from public`);
  });
  const admin = { database: NAME, user: SUPERUSER, passwordFile: cluster.passwordFile };
  const adminUrl = await databaseUrl(config.port, admin);
  const application = { role: NAME, password: await readSecret(passwordFile) };
  const migrated = await migrateControlDatabase({ adminUrl, application });
  return { cluster, databaseUrl: migrated.databaseUrl, adminUrl };
}
