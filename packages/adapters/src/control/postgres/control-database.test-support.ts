import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../machine/free-port.ts';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { findPrograms, type PostgresMajor } from '../../postgres-cluster/programs.ts';
import { openEmbeddedControl } from './embedded.ts';
import { migrateControlDatabase } from './migrate.ts';

/** An external PostgreSQL's superuser (or a role that may create databases and roles), to run the same tests there. */
export const EXTERNAL_URL = process.env.HEADGATE_TEST_DATABASE_URL;

export interface TestDatabase {
  readonly databaseUrl: string;
  readonly adminUrl: string;
  /** Undefined on an external server. */
  readonly cluster?: Cluster;
  close(): Promise<void>;
}

/** A fresh cluster in a temporary folder, migrated. */
export async function embeddedDatabase(major: PostgresMajor): Promise<TestDatabase> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-control-'));
  await chmod(dir, 0o755); // as root the cluster runs as another user
  const config = { dir: join(dir, 'cluster'), port: await freePort() };
  const embedded = await openEmbeddedControl(config, await findPrograms(major, dir));
  return {
    ...embedded,
    close: async () => {
      await embedded.cluster.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A fresh database and role on the external server, dropped at the end. */
export async function externalDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `headgate_test_${randomBytes(5).toString('hex')}`;
  const asAdmin = async (...statements: string[]): Promise<void> => {
    const client = new pg.Client({ connectionString: serverUrl });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await asAdmin(`create database ${name} template template0 encoding 'UTF8'`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const application = { role: name, password: randomBytes(12).toString('hex') };
  const { databaseUrl } = await migrateControlDatabase({ adminUrl: url.href, application });
  return {
    databaseUrl,
    adminUrl: url.href,
    close: () => asAdmin(`drop database ${name} with (force)`, `drop role ${name}`),
  };
}
